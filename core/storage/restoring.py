"""A backup, unpacked into a folder that becomes a store when all of it was found good."""

import contextlib
import fcntl
import os
import secrets
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from core.clock import SystemClock
from core.errors import Refused, StorageFull, StoreUnreadable
from core.storage import atomic, exchanging
from core.storage.archive import BadArchive, Facts, Told
from core.storage.folder import StoreFolder
from core.storage.marker import FORMAT, WITH_A_JOURNAL, read_marker
from core.storage.opening import read_state
from core.storage.unpacking import facts_of, read_archive

WHAT_FAILED: Final = "The backup could not be restored"
WHAT_ELSE_FAILED: Final = "The backup could not be opened to see that it is whole"
MARKER: Final = "store.yaml"
PLACES: Final = frozenset(
    {MARKER, "jobs", "runs", "state", "auth", "secrets", "logs", "backups", "events", "audit", "receipts"}
)
NEVER_MIND: Final = frozenset({".gitkeep", ".gitignore", "lost+found"})
RESTORE: Final = ".restore."
BEGUN: Final = (RESTORE, f".{MARKER}.")
"""How what is on its way begins; it ends like every temporary file of ours."""

OPENED: Final = ".opened"
"""How the folder's name ends into which an archive is unpacked to see that it opens."""

RESERVE: Final = 64_000_000
"""Bytes that stay free on the disk."""


def restore(archive: Path, folder: Path, told: Told | None = None) -> Facts:
    """Make a folder that is not there, or empty, the store that an archive holds.

    Raises Refused for a folder with anything in it, BadArchive, StorageFull or StorageFailed; then
    it is as it was.
    """
    facts = facts_of(archive)
    if facts.format > FORMAT:
        raise StoreUnreadable(
            f"{archive} was made by a newer Holdfast (format {facts.format}; this one knows {FORMAT}).",
            hint="Install the newer Holdfast, then restore it.",
        )

    def fill(scratch: Path) -> None:
        unpack(archive, scratch, told)
        _check(scratch, facts)

    fill_new(folder, fill)
    return facts


def fill_new(folder: Path, fill: Callable[[Path], None]) -> None:
    """Let a folder be filled aside, and put everything in its place at the end, the marker last.

    Raises Refused for a folder that is not empty.
    """
    folder = folder.absolute()
    with atomic.storage_errors(WHAT_FAILED):
        folder.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        new = not os.path.lexists(folder)
        if not new and not folder.is_dir():
            raise Refused(f"{folder} is no folder.", hint="Name a folder that is empty or not there yet.")
        folder.mkdir(mode=0o700, exist_ok=True)
        with _alone(folder):
            _refuse_taken(folder)
            scratch = folder / f"{RESTORE}{secrets.token_hex(8)}.tmp"
            scratch.mkdir(mode=0o700)
            try:
                fill(scratch)
                marker = _move_in(scratch, folder)
                scratch.rmdir()
                marker.rename(folder / MARKER)
            except BaseException:
                _take_back(folder)
                if new:
                    with contextlib.suppress(OSError):
                        folder.rmdir()
                raise
            atomic.sync_folder(folder)


def unpack(archive: Path, folder: Path, told: Told | None = None, only: frozenset[str] = PLACES) -> None:
    """Unpack the places named into a folder, durable, for this user alone; raises BadArchive or StorageFull."""
    facts = facts_of(archive)
    if only == PLACES:
        _see_room(folder, facts.bytes, WHAT_FAILED)
    made: list[Path] = []

    def receive(name: str, size: int, content: Iterator[bytes]) -> None:
        place = name.split("/", 1)[0]
        if place not in PLACES or (place == MARKER) != (name == MARKER):
            raise BadArchive(f"{archive} is no backup of a store: it holds {name!r:.80}.")
        if place in only:
            if only != PLACES:
                _see_room(folder, size, WHAT_ELSE_FAILED)
            try:
                made.append(_write(folder / name, content))
            except (FileExistsError, NotADirectoryError):
                raise BadArchive(f"{archive} holds {name!r:.80} twice.") from None

    read_archive(archive, receive, told)
    if made:
        exchanging.flush(made)
        exchanging.flush({path.parent for path in made} | {folder})


def _see_room(folder: Path, size: int, what: str) -> None:
    """Raise StorageFull unless so much can be written and the reserve stays free."""
    free = shutil.disk_usage(folder).free
    if size > free - RESERVE:
        message = (
            f"{what}: it takes {size:,} bytes; of the {free:,} that are free, {RESERVE:,} are left alone."
        )
        raise StorageFull(message)


def opens_as_it_says(archive: Path) -> None:
    """Raise BadArchive unless the archive opens as a store, and is what it says it is."""
    facts = facts_of(archive)
    scratch = archive.with_name(f"{archive.name}{OPENED}")
    scratch.mkdir(mode=0o700)
    try:
        unpack(archive, scratch, only=frozenset({MARKER, "state"}))
        _check(scratch, facts)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _check(folder: Path, facts: Facts) -> None:
    marker = read_marker(folder / MARKER)
    if marker is None or (marker.store, marker.format) != (facts.store, facts.format):
        raise BadArchive("It does not hold the store that it says it is of.")
    if facts.format < WITH_A_JOURNAL:
        return
    found = read_state(StoreFolder(folder, SystemClock()))
    counted = found.n, len(found.rows.jobs), len(found.rows.runs) + len(found.rows.older)
    if counted != (facts.number, facts.jobs, facts.runs):
        said = f"to change {facts.number}, with {facts.jobs} jobs and {facts.runs} runs"
        raise BadArchive(
            f"It says that it reaches {said}; it reaches to change {counted[0]}, with {counted[1:]}."
        )


def _write(path: Path, content: Iterator[bytes]) -> Path:
    make_folders(path.parent)
    flags = os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_NOFOLLOW | os.O_CLOEXEC
    descriptor = os.open(path, flags, 0o600)
    try:
        for piece in content:
            atomic.write_all(descriptor, piece)
    finally:
        os.close(descriptor)
    return path


def make_folders(folder: Path) -> None:
    """Make a folder and those above it that are missing, each for this user alone."""
    if not folder.is_dir():
        make_folders(folder.parent)
        folder.mkdir(mode=0o700, exist_ok=True)


@contextlib.contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Keep every other process from restoring there; raises Refused where one does."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            message = f"Somebody else is restoring into {folder} at this moment."
            raise Refused(message, hint="Wait for it, or name another folder.") from None
        yield
    finally:
        os.close(descriptor)


def _refuse_taken(folder: Path) -> None:
    """Raise Refused for a folder that is not empty; what a restore left that was cut short goes."""
    names = {entry.name for entry in folder.iterdir()}
    left = {name for name in names if name.startswith(BEGUN) and atomic.LEFTOVER.match(name)}
    if left and MARKER not in names:
        _take_back(folder)
        names = {entry.name for entry in folder.iterdir()}
    if taken := sorted(names - NEVER_MIND):
        raise Refused(
            f"{folder} is not empty ({taken[0]}), and nothing is restored over anything.",
            hint="Name a folder that is empty or not there yet; start Holdfast on it with --data.",
        )


def _move_in(scratch: Path, folder: Path) -> Path:
    """Put everything in its place but the marker, without which it is no store yet; return where that waits."""
    waiting = folder / scratch.name.replace(RESTORE, f".{MARKER}.")
    for entry in sorted(scratch.iterdir(), key=lambda entry: entry.name == MARKER):
        entry.rename(waiting if entry.name == MARKER else folder / entry.name)
    atomic.sync_folder(folder)
    return waiting


def _take_back(folder: Path) -> None:
    """Remove what was put in place before the marker was, and what waited for it."""
    for name in PLACES - {MARKER}:
        shutil.rmtree(folder / name, ignore_errors=True)
    for left in folder.glob(".*.tmp"):
        if left.name.startswith(BEGUN) and atomic.LEFTOVER.match(left.name):
            shutil.rmtree(left) if left.is_dir() else left.unlink()
