"""The store's folder: whose it is, who holds it, and where everything in it lies."""

import contextlib
import fcntl
import hashlib
import logging
import os
import re
import stat
import unicodedata
import uuid
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Final, Literal

import filelock
import msgspec

from core.clock import Clock
from core.errors import InvalidYaml, StorageFailed, StoreInUse, StoreUnreadable
from core.models import Job, Value
from core.storage import atomic, yaml_text
from core.storage.base import Problem
from core.storage.lines import BEFORE_SUM, BEGINNING, LENGTH_OF_SUM, is_blank, opened, seed_of
from core.storage.records import Head, head_of

log = logging.getLogger(__name__)

FORMAT: Final = 2
"""What this program writes. It reads every one before it, and brings it up."""

OURS: Final = (
    "jobs", "runs", "state", "backups", "quarantine", "locks", "logs",
)  # fmt: skip
NOT_TRACKED: Final = "state/\nruns/\nbackups/\nquarantine/\nlocks/\nlogs/\nauth/\nwork/\n"
NEVER_MIND: Final = frozenset({".gitkeep", ".gitignore", "lost+found", "locks", "auth"})
"""What a folder may hold that is about to become a store."""

GENERATIONS: Final = {"jobs": 3, "runs": 1}
"""How many previous generations of each file are kept."""

Kind = Literal["jobs", "runs"]


class StoreFolder:
    """A folder that one process holds, with its marker and its places."""

    def __init__(self, root: Path, clock: Clock) -> None:
        self.root = root.absolute()
        self._clock = clock
        self._lock = filelock.FileLock(
            self.root / "locks" / "server.lock",
            mode=0o600,
            thread_local=False,
            blocking=False,
            fallback_to_soft=False,
        )

    @property
    def held(self) -> bool:
        """Tell whether this process holds the folder."""
        return self._lock.is_locked

    def take(self) -> tuple[Problem, ...]:
        """Hold the folder, as the store it is or a new one; returns what had to be mended.

        Raises StoreInUse or StoreUnreadable, and then nothing in it was touched.
        """
        if self.held:
            raise StoreInUse(f"The data folder {self.root} is in use by this very process.")
        with self._unreadable():
            self.root.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._refuse_strangers()
            atomic.make_folder(self.root / "locks")
            self._lock_it()
            try:
                return self._furnish()
            except BaseException:
                self.release()
                raise

    def check(self) -> None:
        """Raise StoreUnreadable for what `take` would refuse or could not use; changes nothing."""
        with self._unreadable():
            self._refuse_strangers()
        for name in (*OURS, "locks/server.lock"):
            if os.path.lexists(self.root / name):
                _check_ours(self.root / name)

    @property
    def holder(self) -> str:
        """Return who holds the folder (" by process 12, ..."), empty when nobody does."""
        try:
            descriptor = os.open(
                self.root / "locks" / "server.lock", os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK
            )
        except OSError:
            return ""
        try:
            fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return self._holder()
        except OSError:  # a file system that has no locks
            return ""
        finally:
            os.close(descriptor)
        return ""

    def release(self) -> None:
        """Let go of the folder."""
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
        return self.root / "jobs" / job.id[:2] / f"{slug(job.name)}-{job.id[:8]}.yaml"

    def run_path(self, run_id: str) -> Path:
        """Return where the run of this id belongs."""
        return self.root / "runs" / run_id[:2] / f"{run_id}.yaml"

    def previous(self, kind: Kind, object_id: str, generation: int = 1) -> Path:
        """Return where an older generation of an object is kept; 1 is the youngest."""
        folder = self.root / "backups" / kind / object_id[:2]
        return folder / f"{object_id}.{generation}.yaml"

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
            big = path.stat().st_size > yaml_text.LONGEST_TEXT
            content = b"" if big else path.read_bytes()
            tail = f"-{hashlib.sha256(content).hexdigest()[:8]}-{self.relative(path).replace('/', '-')}"
            quarantine = self.root / "quarantine"
            for known in quarantine.iterdir():
                if known.name.endswith(tail):
                    return f"quarantine/{known.name}"
            kept = quarantine / f"{_stamp(self._clock.now())}{tail}"
            if big:
                atomic.link(path, kept)
            else:
                atomic.write_whole(kept, content)
        except OSError as error:
            log.warning("%s could not be kept aside: %s", path, error)
            return None
        return f"quarantine/{kept.name}"

    @contextlib.contextmanager
    def _unreadable(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            what = f"The data folder {self.root} cannot be used"
            reason = str(atomic.storage_error(what, error))
            raise StoreUnreadable(reason, hint=StorageFailed.hint) from error

    def _refuse_strangers(self) -> None:
        """Raise StoreUnreadable for a folder with files in it that lost or never had its marker."""
        if (self.root / "store.yaml").exists():
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
        marker = read_marker(self.root / "store.yaml") or read_marker(self.root / "backups" / "store.yaml")
        if marker is not None and marker.format > FORMAT:
            raise StoreUnreadable(
                f"The store in {self.root} was written by a newer Holdfast "
                f"(format {marker.format}; this one knows {FORMAT}).",
                hint="Install the newer Holdfast again. Nothing was changed.",
            )

    def _lock_it(self) -> None:
        try:
            self._lock.acquire()
        except filelock.Timeout:
            raise StoreInUse(f"The data folder {self.root} is in use{self._holder()}.") from None

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
        atomic.sweep(self.root / "locks")
        if not (self.root / ".gitignore").exists():
            atomic.write_whole(self.root / ".gitignore", NOT_TRACKED.encode())
        problems = self._mend_marker()
        try:
            self.tell_address("")
        except StorageFailed as error:  # a full disk can still be read
            log.warning("%s", error)
        return problems

    def _mend_marker(self) -> tuple[Problem, ...]:
        """See that the marker and its copy are there."""
        path, copy = self.root / "store.yaml", self.root / "backups" / "store.yaml"
        known = read_marker(path)
        if known is not None:
            if read_marker(copy) != known:
                write_marker(copy, known)
            return ()
        problems: tuple[Problem, ...] = ()
        if path.exists():
            kept = self.keep_aside(path)
            message = f"It could not be read and was written anew; what was there is in {kept}."
            problems = (Problem(path="store.yaml", message=message),)
            known = read_marker(copy) or self._told_by_journal()
        known = known or Marker(format=self._laid_out_as(), store=str(uuid.uuid4()))
        write_marker(path, known)
        write_marker(copy, known)
        return problems

    def _told_by_journal(self) -> "Marker | None":
        """Return the marker that the journal bears out; None where it does not tell."""
        for path in sorted((self.root / "state").glob("journal-*.yaml")):
            head = first_document(path)
            if head is not None:
                return Marker(format=head.format, store=head.store)
        return None

    def _laid_out_as(self) -> int:
        """Return the format of a folder whose marker is lost: the one before had definitions and no state."""
        older = any(_files(self.root / "jobs")) and not any(_files(self.root / "state"))
        return FORMAT - 1 if older else FORMAT


class Marker(Value, frozen=True, kw_only=True):
    """What `store.yaml` says: how the folder is laid out, and which store it is."""

    format: int
    store: str


def read_marker(path: Path) -> Marker | None:
    """Return what a marker says; None if it cannot be read as one."""
    try:
        plain = yaml_text.read(path.read_bytes())
    except (InvalidYaml, FileNotFoundError):
        return None
    if not isinstance(plain, dict) or not isinstance(plain.get("store"), str):
        return None
    number = plain.get("format")
    return Marker(format=number, store=plain["store"]) if type(number) is int and number > 0 else None


def write_marker(path: Path, marker: Marker) -> None:
    """Put a marker, or its copy, in place."""
    atomic.write_whole(path, yaml_text.write({"format": marker.format, "store": marker.store}))


def first_document(segment: Path) -> Head | None:
    """Return what a segment of the journal says of itself; None if it cannot be believed."""
    try:
        with segment.open("rb") as file:
            line = next((line for line in file if not is_blank(line)), b"")
        said = head_of(line[len(BEGINNING) : -len(BEFORE_SUM) - LENGTH_OF_SUM - 1])
        opened(line, seed_of(said.store, segment.stem))
    except (OSError, InvalidYaml, msgspec.MsgspecError, UnicodeDecodeError):
        return None
    return said


def slug(name: str) -> str:
    """Return what of a name can stand in a file's name anywhere."""
    letters = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", letters)[:40].strip("-") or "job"


def _check_ours(path: Path) -> None:
    """Raise StoreUnreadable for what this user cannot use, or another user's Holdfast made."""
    folder = path.name != "server.lock"
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


def is_regular(path: Path) -> bool:
    """Tell whether reading the path ends; a pipe or a device may never do."""
    return stat.S_ISREG(path.stat().st_mode)


def _files(folder: Path) -> Iterator[str]:
    for _, _, names in os.walk(folder):
        yield from names


def _stamp(at: datetime) -> str:
    return at.strftime("%Y%m%dT%H%M%SZ")
