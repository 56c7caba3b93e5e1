"""From the files of a store to its rows, whatever has happened to them."""

import contextlib
import logging
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from core.errors import InvalidYaml, StorageFailed, StoreUnreadable
from core.models import Job, Run
from core.storage import atomic
from core.storage.base import Problem
from core.storage.folder import StoreFolder, check_readable
from core.storage.generations import Found, content_of, find_rows
from core.storage.history import History
from core.storage.journal import segment_path, segments_in
from core.storage.lines import SHORTEST
from core.storage.mending import begin_anew, kept_aside, sweep
from core.storage.old_segments import kept_segments
from core.storage.placed import Placed
from core.storage.reach import told_reach
from core.storage.reading import HINT
from core.storage.replay import Bases, Replay
from core.storage.reviving import revived
from core.storage.rows import Rows
from core.storage.segments import Journaled, Segment, Wound, in_order, read_segment
from core.storage.shards import SHARDS, shard_of
from core.storage.snapshot import Checkpoint, remove_unfinished

log = logging.getLogger(__name__)

TRIES: Final = 3
"""How often a folder is read that others are changing meanwhile."""

MOST_NAMED: Final = 100
"""How many jobs that go on from their definitions are named one by one."""


@dataclass(frozen=True)
class Opened:
    """What a store holds, and how to go on: record `n + 1` follows, in `segment`, at `length`.

    `stale` has the checksums that the definitions of changed jobs had on the way, `gone` where
    those of deleted jobs were: what a crash may have kept from being written and removed. `before`
    has what the changed jobs were on the way, the oldest first: a file may be that of any of them.
    """

    rows: Rows
    placed: dict[str, Placed]
    n: int
    t: int
    segment: int
    length: int
    clean: bool
    """Whether the last segment can simply be appended to; `open_state` sees to it as far as the disk does."""
    unread: bool
    """Whether something is there that could not be read now, may be some day, and stands nowhere else."""
    generations: tuple[Checkpoint, ...]
    stale: Mapping[str, Collection[int]]
    before: Mapping[str, Collection[Job]]
    gone: Mapping[str, Placed | None]
    wounds: tuple[Wound, ...]
    segments: tuple[Segment, ...]

    @property
    def problems(self) -> tuple[Problem, ...]:
        """Return everything that is wrong, in words."""
        return tuple(wound.problem for wound in self.wounds)


def open_state(folder: StoreFolder, *, alone: bool) -> Opened:
    """Return what the folder holds, which must be taken, and see that it can be gone on with.

    What could not be read goes to quarantine. `alone` tells that no other process has the folder
    open; only then anything else is changed. Raises StoreUnreadable, StorageFailed or StorageFull.
    """
    state = read_state(folder)
    for _ in range(TRIES - 1):
        if alone or not state.wounds:
            break
        state = read_state(folder)  # others may just have put away what was looked for
    state = replace(state, wounds=tuple(kept_aside(folder, wound) for wound in state.wounds))
    # Where several came in at once nobody is alone, and the first at the door begins the journal.
    if not alone and state.segment:
        return replace(state, segments=(), clean=True)
    if alone:
        sweep(folder)
    if alone and not state.wounds:
        remove_unfinished(folder.root / "state")
    if not state.clean:
        state = _begun_anew(folder, state)
    return replace(state, segments=())


def _begun_anew(folder: StoreFolder, state: Opened) -> Opened:
    """Return the state with a segment that can be appended to.

    On a disk that refuses it, it is left to the first change, so that what there is can be read.
    """
    number = state.segment + 1
    last = state.segments[-1] if state.segments else None
    try:
        with atomic.storage_errors("The journal could not be begun anew"):
            length = begin_anew(folder, number, state.n, state.t, last)
    except StorageFailed as error:
        if not state.length:
            raise
        log.warning("%s", error)
        return state
    return replace(state, segment=number, length=length, clean=True)


def read_state(folder: StoreFolder) -> Opened:
    """Return what a folder holds, changing nothing in it; it need not be taken. Raises StoreUnreadable."""
    reading = _Reading(folder)
    try:
        check_readable(folder.root / "state")
        return reading.opened()
    except OSError as error:
        what = f"The folder {folder.root / 'state'} cannot be read"
        raise StoreUnreadable(str(atomic.storage_error(what, error)), hint=HINT) from error


class _Reading:
    """One look at a folder."""

    def __init__(self, folder: StoreFolder) -> None:
        self._folder = folder
        self._state = folder.root / "state"
        self._wounds: list[Wound] = []
        self._unread = 0
        self._revived: list[tuple[Job, Placed]] = []

    def opened(self) -> Opened:
        found = find_rows(self._folder.root, self._folder.store_id)
        self._wounds += found.wounds
        # Others may go on meanwhile: how far they went is asked before, and what they begin later is left to them.
        found.reach = max(found.reach, told_reach(self._state, self._folder.store_id))
        kept, numbers = self._last_known_segment(found), segments_in(self._state)
        segments = tuple(self._segments(number for number in numbers if number >= found.segment))
        if segments and segments[0].first == 1:
            found.forget_lost()
        journaled = in_order(segments, found.after, found.reach)
        if found.segment == 0 and not _is_from_the_start(journaled, segments):
            found.lost.update(SHARDS)
        replay = self._replayed(found, journaled)
        self._wounds += journaled.wounds
        if not self._unread:
            self._name_lost_end(found, segments)
        self._wounds += replay.wounds
        last = segments[-1] if segments else None
        highest = max([kept, *numbers])
        going_on = last is not None and last.number == highest
        clean = last is not None and going_on and last.closed and not last.bad and last.head is not None
        entries = journaled.entries
        return Opened(
            rows=replay.rows,
            placed=replay.placed,
            # With jobs that are in no journal, none that begins here may say that it has all there is.
            n=max(journaled.reach, found.reach, found.after, min(len(self._revived), 1)) + self._unread,
            t=max(found.t, entries[-1][1].record.t if entries else 0),
            segment=highest,
            length=last.length if last and going_on else 0,
            clean=clean,
            unread=self._unread > 0 or (found.closed and (bool(found.lost) or found.registers_lost)),
            generations=tuple(found.good[-2:]),
            stale=replay.stale,
            before=replay.before,
            gone=replay.gone,
            wounds=tuple(self._wounds),
            segments=segments,
        )

    def _segments(self, numbers: Iterable[int]) -> Iterator[Segment]:
        for number in numbers:
            path = segment_path(self._state, number)
            try:
                yield read_segment(content_of(path), self._folder.store_id, number)
            except FileNotFoundError:  # put away by another process since we looked
                continue
            except InvalidYaml as error:
                # Its numbers stay free: once it can be read again, what it says comes before what is new.
                self._unread += path.lstat().st_size // SHORTEST
                message = f"{error} What it says is not applied; it stays where it is."
                self._wounds.append(Wound(Problem(path=f"state/{path.name}", message=message)))

    def _replayed(self, found: Found, journaled: Journaled) -> Replay:
        replay = _replay_of(found, self._file_of)
        if found.lost:
            self._revive(replay, lambda job_id: shard_of(job_id) in found.lost)
        replay.apply(journaled.entries)
        if replay.missing:
            missing = frozenset(replay.missing)
            self._revive(replay, missing.__contains__)
            replay.apply_again()
        self._name_revived(replay.rows)
        if found.lost:
            self._name_runs_without_a_job(replay.rows)
        return replay

    def _revive(self, replay: Replay, is_wanted: Callable[[str], bool]) -> None:
        """Take the jobs whose rows are lost from their definitions."""
        history = History(self._folder, lambda problem: self._wounds.append(Wound(problem)))
        known = {placed.file for placed in replay.placed.values()}
        for job, placed, problem in revived(self._folder.root, known, is_wanted):
            if problem is not None:
                self._wounds.append(Wound(problem))
            if job is not None and job.id not in replay.rows.jobs and job.id not in replay.gone:
                replay.take_in(job, placed)
                _remember(replay.rows, history.read(job.id))
                self._revived.append((job, placed))

    def _name_revived(self, rows: Rows) -> None:
        """Name the jobs of which nothing but the definition was left."""
        message = "Its row is lost: the job goes on from its definition, as version 1."
        named = [
            Problem(path=f"jobs/{placed.file}", message=message, job_id=job.id)
            for job, placed in self._revived
            if rows.jobs.get(job.id) is job
        ]
        if len(named) > MOST_NAMED:
            message = (
                f"The rows of {len(named)} jobs are lost: they go on from their definitions, as version 1."
            )
            named = [Problem(path="state", message=message)]
        self._wounds += map(Wound, named)

    def _name_runs_without_a_job(self, rows: Rows) -> None:
        """Name the older runs whose job is nowhere; they stay where they are, and outlive compacting in quarantine."""
        found = sorted((self._folder.root / "runs").glob("??/*.yaml"))
        strays = [path for path in found if path.stem not in rows.jobs]
        for path in strays[:MOST_NAMED]:
            message = (
                f"The job {path.stem} of these runs is not there. They stay where they are; put its definition "
                "back to see them."
            )
            if len(strays) > MOST_NAMED:
                message = f"{message} So do the runs of {len(strays) - MOST_NAMED} others."
            name = self._folder.relative(path)
            problem = Problem(path=name, message=message, job_id=path.stem)
            self._wounds.append(Wound(problem, _bytes_of(path)))

    def _file_of(self, job: Job) -> str:
        return self._folder.job_path(job).relative_to(self._folder.root / "jobs").as_posix()

    def _name_lost_end(self, found: Found, segments: tuple[Segment, ...]) -> None:
        """Name a journal that ends before what its checkpoint knows of, where nothing is lost by it."""
        end = max((segment.last for segment in segments), default=0)
        if end < found.reach <= found.after:
            message = (
                f"The journal ends at record {end}, though there were {found.reach}. "
                "Nothing is lost: the snapshot has it all."
            )
            path = segments[-1].name if segments else "state"
            self._wounds.append(Wound(Problem(path=path, message=message)))

    def _last_known_segment(self, found: Found) -> int:
        known = [checkpoint.segment for checkpoint in found.good]
        return max([*known, *kept_segments(self._folder.root / "backups" / "segments")], default=0)


def _is_from_the_start(journaled: Journaled, segments: tuple[Segment, ...]) -> bool:
    """Tell whether the journal goes back to the first record, so that it has all there is."""
    if journaled.entries:
        return journaled.entries[0][1].record.n == 1
    return any(segment.head and segment.head.first == 1 and not segment.bad for segment in segments)


def _replay_of(found: Found, file_of: Callable[[Job], str]) -> Replay:
    rows = Rows()
    placed: dict[str, Placed] = {}
    for row in found.rows:
        job = row.job
        rows.keep_job(job)
        for run in row.runs:
            rows.keep_run(run)
        if row.older:
            rows.keep_older(row.older, job.id)
        if row.placed is not None:
            placed[job.id] = row.placed
    rows.registers.update(found.registers)
    bases = Bases(found.of_shards, found.of_jobs, found.of_registers, found.of_register)
    return Replay(rows, placed, file_of, bases)


def _bytes_of(path: Path) -> bytes:
    with contextlib.suppress(OSError, InvalidYaml):
        return content_of(path)
    return b""


def _remember(rows: Rows, runs: tuple[Run, ...]) -> None:
    """Take in the older runs of a job whose row is lost; the latest is at hand."""
    latest = max(runs, key=lambda run: run.number, default=None)
    if latest is not None:
        rows.keep_run(latest)
        rows.keep_older((run.id for run in runs), latest.job_id)
