"""A backup of the store itself, into one file, consistent while changes go on.

Nobody may commit for the moment in which it is looked how far the journal reaches; what is in it up to there
never changes any more. While that and everything written from it is copied, no checkpoint is made
and no definition is written: `Source.still` says so to the store. Logs, which stand for themselves, come last.
"""

import contextlib
import glob
import logging
import os
import re
import shutil
import stat
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

from core.clock import Clock
from core.errors import Refused, StorageFailed
from core.storage import atomic
from core.storage.archive import BadArchive, Facts, Item, Told, make_archive
from core.storage.commit_lock import CommitLock
from core.storage.folder import StoreFolder
from core.storage.journal import segments_in
from core.storage.opening import Opened, read_state
from core.storage.restoring import OPENED, opens_as_it_says
from core.storage.snapshot import OF_A_GENERATION
from core.storage.unpacking import is_safe

log = logging.getLogger(__name__)

KIND: Final = "own-state"
ENDING: Final = ".tar.zst"
NAMED: Final = re.compile(r"holdfast-\d{8}T\d{6}Z(?:-\d+)?\.tar\.zst\Z")
"""What backups are called that are made by themselves, and only those are removed by themselves."""

WHAT_FAILED: Final = "The backup of the store could not be made"
PLACES: Final = ("jobs", "runs", "auth", "secrets", "events", "audit", "receipts")


class Reach(Protocol):
    """How far the journal reaches: record `n`, at `t`, in the first `length` bytes of `segment`."""

    @property
    def n(self) -> int: ...  # noqa: D102
    @property
    def t(self) -> int: ...  # noqa: D102
    @property
    def segment(self) -> int: ...  # noqa: D102
    @property
    def length(self) -> int: ...  # noqa: D102


@dataclass(frozen=True, kw_only=True)
class Source:
    """A store to be backed up, and how to keep it still.

    In `quiet` nobody commits, in any process: it lasts milliseconds. In `still` nothing is written from the
    journal: no checkpoint, no definition, no older run, and none of it goes. `count` answers, in `quiet`, how
    many jobs and runs there are.
    """

    folder: StoreFolder
    quiet: Callable[[], AbstractContextManager[Reach]]
    still: Callable[[], AbstractContextManager[object]]
    count: Callable[[], tuple[int, int]]


def at_rest(folder: StoreFolder) -> Source:
    """Return a store that this process has taken to be at work in, without having opened it."""
    seen: list[Opened] = []

    @contextlib.contextmanager
    def quiet() -> Iterator[Reach]:
        with contextlib.closing(CommitLock(folder.lock_path("commit"))) as lock, lock.held():
            seen[:] = [read_state(folder)]
            yield seen[0]

    def count() -> tuple[int, int]:
        rows = seen[0].rows
        return len(rows.jobs), len(rows.runs) + len(rows.older)

    return Source(folder=folder, quiet=quiet, still=contextlib.nullcontext, count=count)


class OwnBackup(Facts, frozen=True, kw_only=True):
    """A backup that was made and read back, and where it is."""

    path: str
    size: int


def backup_name(clock: Clock, number: int = 1) -> str:
    """Return what to call a backup that is made now, as the first or another in this second."""
    more = f"-{number}" if number > 1 else ""
    return f"holdfast-{clock.now():%Y%m%dT%H%M%SZ}{more}{ENDING}"


def nothing_there_yet(target: Path) -> Path:
    """Return where a backup is to go; raises Refused where something is already."""
    if os.path.lexists(target):
        raise Refused(f"{target} is there already.", hint="Name a new file, or a folder to put it in.")
    return target


def take_backup(
    source: Source,
    target: Path,
    clock: Clock,
    *,
    with_logs: bool = False,
    told: Told | None = None,
    check: Callable[[Path], object] = opens_as_it_says,
) -> OwnBackup:
    """Make a backup, read it back, and open it (or `check` it otherwise); returns what it holds.

    It takes its place when it was found good; on failure nothing is left. Raises StorageFull or StorageFailed.
    """
    with atomic.storage_errors(WHAT_FAILED):
        sweep_backups(target.parent, target.name)
        try:
            facts = _take(source, target, clock, with_logs=with_logs, told=told, check=check)
        except BadArchive as error:
            raise StorageFailed(f"{WHAT_FAILED}: {error}") from error
        known = {name: getattr(facts, name) for name in Facts.__struct_fields__}
        return OwnBackup(**known, path=str(target), size=target.stat().st_size)


def _take(
    source: Source,
    target: Path,
    clock: Clock,
    *,
    with_logs: bool,
    told: Told | None,
    check: Callable[[Path], object],
) -> Facts:
    taking = _Taking(source, clock, with_logs=with_logs)
    with contextlib.ExitStack() as still:
        items = taking.items(still)
        return make_archive(target, items, taking.facts, told=told, check=check)


class _Taking:
    """One backup: what goes into it, and what it is at the end."""

    def __init__(self, source: Source, clock: Clock, *, with_logs: bool) -> None:
        self._source = source
        self._clock = clock
        self._with_logs = with_logs
        self._reached: list[tuple[Reach, tuple[int, int]]] = []

    def items(self, still: contextlib.ExitStack) -> Iterator[Item]:
        """Give everything in order; `still` is held by whoever takes it, until all but logs were given."""
        root = self._source.folder.root
        still.enter_context(self._source.still())
        with self._source.quiet() as reach:
            self._reached.append((reach, self._source.count()))
            state = list(_state(root / "state", reach))
        yield Item(name="store.yaml", path=root / "store.yaml")
        yield from state
        for place in PLACES:
            yield from _files(root, place)
        still.close()
        if self._with_logs:
            yield from _files(root, "logs")

    def facts(self) -> Facts:
        """Return what the backup is."""
        ((reach, (jobs, runs)),) = self._reached
        now = int(self._clock.now().timestamp() * 1000)
        return Facts(
            kind=KIND,
            format=self._source.folder.format,
            store=self._source.folder.store_id,
            number=reach.n,
            t=reach.t or now,
            taken=now,
            segment=reach.segment,
            jobs=jobs,
            runs=runs,
        )


def _state(state: Path, reach: Reach) -> Iterator[Item]:
    """Give what the state is made of, up to where the journal reaches now."""
    for path in sorted(state.glob("*.yaml")):
        if path.name.startswith(OF_A_GENERATION):
            yield Item(name=f"state/{path.name}", path=path)
    for segment in segments_in(state):
        if segment <= reach.segment:
            path = state / f"journal-{segment}.yaml"
            size = reach.length if segment == reach.segment else None
            yield Item(name=f"state/{path.name}", path=path, size=size)


def _files(root: Path, place: str) -> Iterator[Item]:
    """Give every plain file below a place, in order."""
    for path in plain_files(root / place):
        told = f"{place}/{path.relative_to(root / place).as_posix()}"
        if is_safe(told):
            yield Item(name=told, path=path, may_go=True)
        else:
            log.warning("%a has a name that no archive takes, and is left out", told)


def plain_files(top: Path) -> Iterator[Path]:
    """Give every plain file below a folder, in order; links, and what is on its way, is left out."""
    for folder, folders, names in os.walk(top):
        folders.sort()
        for name in sorted(names):
            path = Path(folder, name)
            if not atomic.LEFTOVER.match(name) and _is_plain(path):
                yield path


def _is_plain(path: Path) -> bool:
    try:
        return stat.S_ISREG(path.lstat().st_mode)
    except FileNotFoundError:
        return False


def sweep_backups(place: Path, name: str = "*") -> None:
    """Remove what backups that were cut short left in a folder."""
    for left in place.glob(f".{glob.escape(name) if name != '*' else name}.*"):
        if left.name.endswith(OPENED) and left.is_dir():
            shutil.rmtree(left)
        elif atomic.LEFTOVER.match(left.name):
            left.unlink(missing_ok=True)
