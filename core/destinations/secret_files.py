"""The secrets of destinations, each a file of its own below `secrets/<destination>/`, for this user alone.

A new secret is first laid beside the one in use, durable; it takes its place once the register that names its stamp is
durable too. A process that was killed in between leaves either the old secret or the new one in use, as the
register says, and never half of one. No link is followed, neither to a folder nor to a file.
"""

import contextlib
import fcntl
import os
import re
import secrets
import shutil
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import BinaryIO, Final

from core.destinations.known import GOOD_DESTINATION_ID
from core.errors import StorageFailed
from core.storage import atomic

FOLDER: Final = "secrets"
GOOD_SECRET_NAME: Final = re.compile(r"[a-z][a-z0-9_-]{0,60}(?:\.conf)?\Z")
WAITING: Final = re.compile(r"(?P<name>[a-z][a-z0-9_-]{0,60}(?:\.conf)?)~(?P<stamp>[0-9a-f]{16})\Z")
LARGEST: Final = 65_536
WHAT_FAILED: Final = "The secrets of the destination could not be kept"
OTHERS: Final = 0o077

OPEN_FOLDER: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
OPEN_NEW: Final = os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_NOFOLLOW | os.O_CLOEXEC
OPEN_FILE: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC

Stamps = Mapping[str, str]
"""Which file of each secret is in use, by its name."""


class SecretFiles:
    """Keeps them below a data folder. Whoever changes something sees to it that nobody else does."""

    def __init__(self, data: Path) -> None:
        self.root = data / FOLDER

    @contextlib.contextmanager
    def alone(self) -> Iterator[None]:
        """Keep every other process from changing secrets; raises StorageFailed."""
        with atomic.storage_errors(WHAT_FAILED):
            atomic.make_folder(self.root)
        with _held(self.root) as root:
            fcntl.flock(root, fcntl.LOCK_EX)
            yield

    def path(self, destination_id: str, name: str, stamp: str) -> Path:
        """Return where a secret is; raises FileNotFoundError where there is none that is a plain file of ours."""
        if not GOOD_SECRET_NAME.match(name):
            raise FileNotFoundError(destination_id)
        with self._folder(destination_id) as folder:
            with contextlib.suppress(FileNotFoundError):  # its register was durable, and then we were killed
                os.replace(f"{name}~{stamp}", name, src_dir_fd=folder, dst_dir_fd=folder)
            status = os.stat(name, dir_fd=folder, follow_symlinks=False)
            if not stat.S_ISREG(status.st_mode):
                raise FileNotFoundError(destination_id)
        return self.root / destination_id / name

    def text(self, destination_id: str, name: str, stamp: str) -> str:
        """Return what a secret is; raises FileNotFoundError as `path` does, StorageFailed where it cannot be read."""
        self.path(destination_id, name, stamp)
        failed = atomic.storage_errors("A secret of the destination could not be read")
        with failed, self._folder(destination_id) as folder, _reading(name, folder) as file:
            return file.read(LARGEST + 1).decode(errors="replace")

    def lay(self, destination_id: str, values: Mapping[str, str]) -> Stamps:
        """Lay new secrets beside those in use, durable; returns the stamp of each. Raises StorageFailed."""
        laid: dict[str, str] = {}
        if not values:
            return laid
        with atomic.storage_errors(WHAT_FAILED):
            self._make(destination_id)
            with self._folder(destination_id) as folder:
                try:
                    for name, value in values.items():
                        laid[name] = secrets.token_hex(8)
                        _write(f"{name}~{laid[name]}", value.encode(), folder)
                    os.fsync(folder)
                except BaseException:
                    _remove(folder, [f"{name}~{stamp}" for name, stamp in laid.items()])
                    raise
        return laid

    def settle(self, destination_id: str, stamps: Stamps) -> None:
        """Have in use what the register names, and nothing else there; raises StorageFailed."""
        if not stamps and not os.path.lexists(self.root / destination_id):
            return
        with atomic.storage_errors(WHAT_FAILED), self._folder(destination_id) as folder:
            for entry in sorted(_names_in(folder)):
                waiting = WAITING.match(entry)
                if waiting is not None and stamps.get(waiting["name"]) == waiting["stamp"]:
                    os.replace(entry, waiting["name"], src_dir_fd=folder, dst_dir_fd=folder)
                elif waiting is not None or (GOOD_SECRET_NAME.match(entry) and entry not in stamps):
                    _remove(folder, [entry])  # what a program of theirs has on its way there stays
            os.fsync(folder)

    def remove(self, destination_id: str) -> None:
        """Remove every secret of a destination; raises StorageFailed."""
        if not os.path.lexists(self.root / destination_id):
            return
        failed = atomic.storage_errors("The secrets of the destination could not be removed")
        with failed, _opened(self.root) as root:
            shutil.rmtree(destination_id, dir_fd=root)  # by handles, and into no link
            os.fsync(root)

    def owners(self) -> tuple[str, ...]:
        """Return the ids of the destinations that have a folder here."""
        with contextlib.suppress(OSError):
            return tuple(
                sorted(path.name for path in self.root.iterdir() if GOOD_DESTINATION_ID.match(path.name))
            )
        return ()

    def _make(self, destination_id: str) -> None:
        atomic.make_folder(self.root)
        with _opened(self.root) as root, contextlib.suppress(FileExistsError):
            os.mkdir(destination_id, 0o700, dir_fd=root)
            os.fsync(root)

    @contextlib.contextmanager
    def _folder(self, destination_id: str) -> Iterator[int]:
        """Hold the folder of a destination; raises StorageFailed where something else is in its place."""
        if not GOOD_DESTINATION_ID.match(destination_id):
            raise FileNotFoundError(destination_id)
        with _opened(self.root) as root, _opened(Path(destination_id), root) as folder:
            yield folder


@contextlib.contextmanager
def _held(root: Path) -> Iterator[int]:
    with atomic.storage_errors(WHAT_FAILED):
        descriptor = os.open(root, OPEN_FOLDER)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def _opened(path: Path, below: int | None = None) -> Iterator[int]:
    """Hold a folder of ours that is no link, and see to it that it is for us alone."""
    descriptor = os.open(path, OPEN_FOLDER, dir_fd=below)
    try:
        status = os.fstat(descriptor)
        if status.st_uid != os.geteuid():
            message = f"The folder {FOLDER} in Holdfast's data belongs to another user."
            raise StorageFailed(message, hint="Give it to the user that Holdfast runs as, with mode 0700.")
        if stat.S_IMODE(status.st_mode) & OTHERS:
            os.fchmod(descriptor, 0o700)
        yield descriptor
    finally:
        os.close(descriptor)


def _names_in(folder: int) -> list[str]:
    with os.scandir(folder) as entries:
        return [entry.name for entry in entries]


def _reading(name: str, folder: int) -> BinaryIO:
    return os.fdopen(os.open(name, OPEN_FILE, dir_fd=folder), "rb")


def _write(name: str, content: bytes, folder: int) -> None:
    descriptor = os.open(name, OPEN_NEW, 0o600, dir_fd=folder)
    try:
        os.fchmod(descriptor, 0o600)  # whatever the umask took away
        atomic.write_all(descriptor, content)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _remove(folder: int, names: list[str]) -> None:
    for name in names:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(name, dir_fd=folder)
