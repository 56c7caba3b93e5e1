"""The store's folder: whose it is, who holds it, and where everything in it lies."""

import contextlib
import fcntl
import hashlib
import logging
import os
import re
import stat
import time
import unicodedata
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Final

import filelock

from core.clock import Clock
from core.errors import InvalidYaml, StorageFailed, StoreInUse, StoreUnreadable
from core.models import Job
from core.storage import atomic, yaml_text
from core.storage.base import Problem
from core.storage.marker import FORMAT, Marker, read_marker, settled, write_marker
from core.storage.users import Users

log = logging.getLogger(__name__)

OURS: Final = (
    "jobs", "runs", "state", "backups", "quarantine", "locks", "logs",
)  # fmt: skip
NOT_TRACKED: Final = (
    "state/\nruns/\nbackups/\nquarantine/\nlocks/\nlogs/\nauth/\nwork/\nmetrics/\nevents/\naudit/\n"
)
LOCKS: Final = ("server.lock", "users.lock", "door.lock", "commit.lock", "next.lock")
MARKERS: Final = ("store.yaml", "backups/store.yaml")
WITHIN_BACKUPS: Final = ("definitions", "own-state", "segments")
NEVER_MIND: Final = frozenset({".gitkeep", ".gitignore", "lost+found", "locks", "auth"})
"""What a folder may hold that is about to become a store."""

A_MOMENT: Final = 0.2
"""Seconds within which whoever only looks whether a folder is held has let go again."""

TRIES: Final = 10


def _lock_within_a_moment(descriptor: int) -> None:
    """Lock what is open; raises BlockingIOError where somebody holds it.

    A program that its last holder began has the lock with it for an instant, until it becomes another program.
    """
    for _ in range(TRIES):
        with contextlib.suppress(BlockingIOError):
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        time.sleep(A_MOMENT / TRIES)
    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)


class StoreFolder:
    """A store's folder, with its marker and its places."""

    def __init__(self, root: Path, clock: Clock) -> None:
        self.root = root.absolute()
        self._clock = clock
        self._users: Users | None = None
        self._marker: Marker | None = None
        self._root_lock = -1
        self._lock = filelock.FileLock(
            self.root / "locks" / "server.lock",
            mode=0o600,
            thread_local=False,
            blocking=False,
            fallback_to_soft=False,
        )

    @property
    def held(self) -> bool:
        """Tell whether this process has the folder, at work or as a visitor."""
        return self._users is not None

    @property
    def at_work(self) -> bool:
        """Tell whether this process is the one at work."""
        return self._lock.is_locked

    @property
    def marker(self) -> Marker:
        """Return what the folder says of itself, also where it is not held.

        Where the marker cannot be read, it is what `take` would write anew.
        """
        if self._marker is None:
            marker, copy = (self.root / name for name in MARKERS)
            self._marker = settled(self.root, read_marker(marker), read_marker(copy))
        return self._marker

    @property
    def store_id(self) -> str:
        """Return the id of the store, which its checksums depend on."""
        return self.marker.store

    @property
    def format(self) -> int:
        """Return the format that the folder is in; an older one wants to be migrated."""
        return self.marker.format

    def take(self, *, at_work: bool = True) -> tuple[Problem, ...]:
        """Have the folder, as the store it is or a new one; returns what had to be mended.

        One process is at work; any number may visit, but not where a folder is still to be migrated.
        Raises StoreInUse or StoreUnreadable, and then nothing in it was touched.
        """
        if self.held:
            raise StoreInUse(f"The data folder {self.root} is in use by this very process.")
        with self._unreadable():
            self.root.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._refuse_strangers_unless_they_make_it()
            atomic.make_folder(self.root / "locks")
            try:
                return self._come_in(at_work=at_work)
            except BaseException:
                self.release()
                raise

    def alone(self) -> contextlib.AbstractContextManager[bool]:
        """Tell, inside, whether nobody else has the folder; while that is so nobody can come in."""
        if self._users is None:
            raise StorageFailed("The store is closed.")
        return self._users.alone()

    def migrated(self) -> None:
        """Write down that the folder now is of our format; the copy first, which is never the older one."""
        marker = Marker(format=FORMAT, store=self.store_id)
        for name in reversed(MARKERS):
            write_marker(self.root / name, marker)
        self._marker = marker

    def check(self) -> None:
        """Raise StoreUnreadable for what `take` would refuse or could not use; changes nothing."""
        with self._unreadable():
            self._refuse_strangers()
        for name in (*OURS, *(f"locks/{lock}" for lock in LOCKS)):
            if os.path.lexists(self.root / name):
                _check_ours(self.root / name)

    @property
    def holder(self) -> str:
        """Return who holds the folder (" by process 12, ..."), empty when nobody does."""
        held = _is_locked(self.root / "locks" / "server.lock") or _is_locked(self.root)
        return self._holder() if held else ""

    def release(self) -> None:
        """Let go of the folder."""
        if self._users is not None:
            self._users.leave()
        self._users = self._marker = None
        if self._root_lock >= 0:
            os.close(self._root_lock)
            self._root_lock = -1
        self._lock.release()

    def tell_address(self, address: str) -> None:
        """Write down where this process can be called, for whoever finds the folder held."""
        holder = {
            "pid": os.getpid(),
            "started_at": self._clock.now().isoformat(timespec="seconds"),
            "address": address,
        }
        with atomic.storage_errors("The address of this process could not be written down"):
            atomic.write_whole(self.root / "locks" / "server.yaml", yaml_text.write(holder))

    def job_path(self, job: Job) -> Path:
        """Return where the definition of this job belongs."""
        return self.root.joinpath("jobs", job.id[:2], f"{slug(job.name)}-{job.id[:8]}.yaml")

    def lock_path(self, name: str) -> Path:
        """Return where a lock ("commit") lies."""
        return self.root / "locks" / f"{name}.lock"

    def segment_path(self, number: int) -> Path:
        """Return where a segment of the journal lies."""
        return self.root / "state" / f"journal-{number}.yaml"

    def rows_path(self, shard: str, generation: int) -> Path:
        """Return where a shard ("3f") of a snapshot lies."""
        return self.root / "state" / f"rows-{shard}-{generation}.yaml"

    def checkpoint_path(self, generation: int) -> Path:
        """Return where the checkpoint of a snapshot lies."""
        return self.root / "state" / f"checkpoint-{generation}.yaml"

    def history_path(self, job_id: str) -> Path:
        """Return where the older runs of a job lie."""
        return self.root.joinpath("runs", job_id[:2], f"{job_id}.yaml")

    def previous_definition(self, job_id: str, generation: int) -> Path:
        """Return where an older text of a definition is kept; 1 is the youngest."""
        return self.root / "backups" / "definitions" / job_id[:2] / f"{job_id}.{generation}.yaml"

    def relative(self, path: Path) -> str:
        """Return a path as people are told it."""
        return path.relative_to(self.root).as_posix()

    def keep_aside(self, path: Path) -> str | None:
        """Keep what is in a file in quarantine; returns under which name, None if that failed.

        The same content of the same file is kept once. What is too big to copy is linked.
        """
        try:
            if not is_regular(path):
                return None
            if path.stat().st_size <= yaml_text.LONGEST_TEXT:
                return self.keep_bytes(self.relative(path), path.read_bytes())
            kept = self._place_aside(self.relative(path), b"")
            if not kept.exists():
                atomic.link(path, kept)
        except OSError as error:
            log.warning("%s could not be kept aside: %s", path, error)
            return None
        return f"quarantine/{kept.name}"

    def keep_bytes(self, name: str, content: bytes) -> str | None:
        """Keep a piece of what stood in the file `name` in quarantine, as `keep_aside` does."""
        try:
            kept = self._place_aside(name, content)
            if not kept.exists():
                atomic.write_whole(kept, content)
        except OSError as error:
            log.warning("A piece of %s could not be kept aside: %s", name, error)
            return None
        return f"quarantine/{kept.name}"

    def _place_aside(self, name: str, content: bytes) -> Path:
        """Return where a piece lies in quarantine, or would."""
        tail = f"-{hashlib.sha256(content).hexdigest()[:8]}-{name.replace('/', '-')}"
        quarantine = self.root / "quarantine"
        known = (path for path in quarantine.iterdir() if path.name.endswith(tail))
        return next(known, quarantine / f"{_stamp(self._clock.now())}{tail}")

    @contextlib.contextmanager
    def _unreadable(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            what = f"The data folder {self.root} cannot be used"
            reason = str(atomic.storage_error(what, error))
            raise StoreUnreadable(reason, hint=StorageFailed.hint) from error

    def _refuse_strangers_unless_they_make_it(self) -> None:
        """Look again when whoever makes the folder a store at this moment has come to the end of it."""
        try:
            self._refuse_strangers()
        except StoreUnreadable:
            try:
                door = os.open(self.root / "locks" / "door.lock", os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
            except OSError:
                door = -1
            if door < 0:
                raise
            try:
                fcntl.flock(door, fcntl.LOCK_EX)
            finally:
                os.close(door)
            self._refuse_strangers()

    def _refuse_strangers(self) -> None:
        """Raise StoreUnreadable for a folder with files in it that lost or never had its marker."""
        if (self.root / "store.yaml").exists():
            self._marker = None
            self._refuse_newer()
            return
        for entry in sorted(os.scandir(self.root), key=lambda entry: entry.name):
            if entry.name in NEVER_MIND or atomic.LEFTOVER.match(entry.name):
                continue
            if entry.is_dir(follow_symlinks=False) and not any(_files(Path(entry.path))):
                continue
            raise StoreUnreadable(
                f"The folder {self.root} holds files ({entry.name}) but no store.yaml, "
                "so it is not known to be a store.",
                hint="If it was one, its disk may not be mounted, or store.yaml was removed: put "
                "it back (backups/store.yaml is a copy). Otherwise name an empty folder with --data. "
                "Nothing was changed.",
            )

    def _refuse_newer(self) -> None:
        marker = self.marker
        if marker.format > FORMAT:
            raise StoreUnreadable(
                f"The store in {self.root} was written by a newer Holdfast "
                f"(format {marker.format}; this one knows {FORMAT}).",
                hint="Install the newer Holdfast again. Nothing was changed.",
            )

    def _come_in(self, *, at_work: bool) -> tuple[Problem, ...]:
        if at_work or self.format < FORMAT:  # the Holdfast before this one knows of no other lock
            self._lock_it()
        self._users = Users(self.root / "locks")
        with self._users.at_the_door():
            self._marker = None
            self._refuse_newer()  # it may have been brought up while we waited
            return self._furnish()

    def _lock_it(self) -> None:
        try:  # somebody may be looking for a moment whether it is held
            self._lock.acquire(timeout=A_MOMENT, poll_interval=A_MOMENT / 10, blocking=True)
        except filelock.Timeout:
            raise StoreInUse(f"The data folder {self.root} is in use{self._holder()}.") from None
        # Whoever removes `locks/` lets another one in; the folder itself cannot be removed from under us.
        self._root_lock = os.open(self.root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            _lock_within_a_moment(self._root_lock)
        except BlockingIOError:
            raise StoreInUse(f"The data folder {self.root} is in use{self._holder()}.") from None
        except OSError as error:  # a file system that has no locks on folders
            log.info("%s cannot be locked: %s", self.root, error)

    def _holder(self) -> str:
        """Return who holds the folder, as far as it can be told."""
        try:
            told = yaml_text.read((self.root / "locks" / "server.yaml").read_bytes())
            words = f" by process {told['pid']}, started {told['started_at']}"
            return f"{words}, at {told['address']}" if told["address"] else words
        except (OSError, InvalidYaml, KeyError, TypeError):
            return " by another process"

    def _furnish(self) -> tuple[Problem, ...]:
        """Make what a store needs and is not there."""
        for name in OURS:
            atomic.make_folder(self.root / name)
        atomic.sweep(self.root)
        if not (self.root / ".gitignore").exists():
            atomic.write_whole(self.root / ".gitignore", NOT_TRACKED.encode())
        problems = self._mend_marker()
        check_readable(self.root / "state")
        for name in WITHIN_BACKUPS:
            atomic.make_folder(self.root / "backups" / name)
        if self.at_work:
            atomic.sweep(self.root / "locks")
            try:
                self.tell_address("")
            except StorageFailed as error:  # a full disk can still be read
                log.warning("%s", error)
        return problems

    def _mend_marker(self) -> tuple[Problem, ...]:
        """See that the marker and its copy are there."""
        path, copy = (self.root / name for name in MARKERS)
        self._marker = None  # another process may have made this a store a moment ago
        if (told := read_marker(path)) == self.marker:
            if read_marker(copy) != self.marker:
                write_marker(copy, self.marker)
            return ()
        problems: tuple[Problem, ...] = ()
        # One of the format before is what an upgrade leaves that was killed with only the copy written.
        if path.exists() and (told is None or told.store != self.store_id):
            kept = self.keep_aside(path)
            where = f" What was there is kept in {kept}." if kept else ""
            what = "could not be read" if told is None else "said something else than its copy and the state"
            message = f"It {what} and was written anew.{where}"
            problems = (Problem(path="store.yaml", message=message, kept=kept),)
        self._write_marker(self.marker)
        return problems

    def _write_marker(self, marker: Marker) -> None:
        for name in MARKERS:
            write_marker(self.root / name, marker)
        self._marker = marker


def slug(name: str) -> str:
    """Return what of a name can stand in a file's name anywhere."""
    letters = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", letters)[:40].strip("-") or "job"


def _is_locked(path: Path) -> bool:
    """Tell whether somebody has a lock on a file or folder, as far as its file system has locks."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    finally:
        os.close(descriptor)
    return False


def _check_ours(path: Path) -> None:
    """Raise StoreUnreadable for what this user cannot use, or another user's Holdfast made."""
    folder = path.suffix != ".lock"
    needed = os.R_OK | os.W_OK | (os.X_OK if folder else 0)
    if folder and not path.is_dir():
        problem, hint = "is no folder", "Move what is there out of the way."
    elif not os.access(path, needed):
        problem, hint = "cannot be read and written by this user", "Give it back to the user of Holdfast."
    elif (owner := path.stat().st_uid) != os.geteuid():
        problem = f"belongs to the user {owner}, not to this one ({os.geteuid()})"
        hint = "Run Holdfast and its commands as one user, or what one writes the other cannot read."
    else:
        return
    raise StoreUnreadable(f"{path} {problem}.", hint=hint)


def check_readable(folder: Path) -> None:
    """Raise StoreUnreadable for a folder whose files cannot be seen: they must not count as gone."""
    try:
        os.stat(f"{folder}/.")  # noqa: PTH116 - a Path drops the dot, which asks for the right to enter
        os.scandir(folder).close()
    except OSError as error:
        reason = str(atomic.storage_error(f"The folder {folder} cannot be read", error))
        hint = "Give it back to the user that Holdfast runs as, or mend the disk. Nothing in it was changed."
        raise StoreUnreadable(reason, hint=hint) from error


def is_regular(path: Path) -> bool:
    """Tell whether reading the path ends; a pipe or a device may never do."""
    return stat.S_ISREG(path.stat().st_mode)


def _files(folder: Path) -> Iterator[str]:
    for _, _, names in os.walk(folder):
        yield from names


def _stamp(at: datetime) -> str:
    return at.strftime("%Y%m%dT%H%M%SZ")
