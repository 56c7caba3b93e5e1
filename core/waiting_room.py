"""Tells of each run that waits why, and when it will begin: gathers what is known, and asks `core.waiting`."""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Final

from core.breakers import Breaker
from core.clock import Clock
from core.dispatch.base import Dispatcher, Load
from core.errors import NotFound
from core.firing import SCHEDULE, coming
from core.forecasts import expected_seconds, seconds_left
from core.line import Standing
from core.manager import JobManager
from core.models import Job, Run, Value
from core.queueing import Busy, Holdup, Pause, Reason, Rules, Scope, holds, place_of
from core.states import AT_WORK, RunState
from core.usual import LOOKED_BACK, Measured, likeness, measured
from core.waiting import MOST_FORESEEN, Standpoint, Waiting, waiting

WAITS: Final = frozenset({RunState.SCHEDULED, RunState.BLOCKED, RunState.QUEUED, RunState.PAUSED})


class Guest(Value, frozen=True, kw_only=True):
    """A run that waits, its job, and why."""

    run: Run
    job: Job
    waiting: Waiting


class AtWork(Value, frozen=True, kw_only=True):
    """A run that an engine works at, and how many seconds it usually still needs."""

    run: Run
    job: Job
    left: float | None


class Shared(Value, frozen=True, kw_only=True):
    """A kind or a group: how many of its runs are at work, how many are queued, and what was said about it."""

    scope: Scope
    name: str
    busy: int
    queued: int
    most: int | None
    pause: Pause | None


class PausedJob(Value, frozen=True, kw_only=True):
    """A job of which nothing new begins."""

    job: Job
    pause: Pause


class Queue(Value, frozen=True, kw_only=True):
    """Everything about the queue at one moment; of long lists the first, with how many there are in all."""

    at: datetime
    load: Load
    working: bool
    most: int | None
    pause: Pause | None
    at_work: tuple[AtWork, ...]
    line: tuple[Guest, ...]
    in_line: int
    others: tuple[Guest, ...]
    in_others: int
    shared: tuple[Shared, ...]
    paused_jobs: tuple[PausedJob, ...]
    breakers: Mapping[str, Breaker]


class _Memory:
    """What is known about other jobs and runs, for one answer; see `core.waiting.Known`."""

    def __init__(self, manager: JobManager, clock: Clock) -> None:
        self._manager = manager
        self._clock = clock
        self._histories: dict[str, tuple[Measured, ...]] = {}
        self._usual: dict[tuple[str, str], float | None] = {}
        self._likes: dict[str, str] = {}

    def job(self, job_id: str) -> Job | None:
        """Return a job; None for one that is gone."""
        try:
            return self._manager.job(job_id).job
        except NotFound:
            return None

    def run(self, run_id: str) -> Run | None:
        """Return a run; None for one that is gone."""
        try:
            return self._manager.run(run_id) if run_id else None
        except NotFound:
            return None

    def due(self, job_id: str) -> datetime | None:
        """Return when a schedule makes the next run of a job; None where none does."""
        job = self.job(job_id)
        if job is None:
            return None
        kept = self._manager.register(SCHEDULE + job_id)
        return next(iter(coming(job, kept, self._clock.now(), 1)), None)

    def left(self, run: Run) -> float | None:
        """Return how many seconds a run at work usually still needs."""
        if run.state not in AT_WORK or not run.attempts:
            return None
        if run.progress.eta_seconds is not None:
            return run.progress.eta_seconds
        at_work = max(0.0, (self._clock.now() - run.attempts[-1].started_at).total_seconds())
        return seconds_left(self._history(run), _like(run), at_work, percent=run.progress.percent)

    def usual(self, run: Run) -> float | None:
        """Return how many seconds such a run usually takes."""
        if run.id not in self._likes:
            self._likes[run.id] = _like(run)
        key = run.job_id, self._likes[run.id]
        if key not in self._usual:
            self._usual[key] = expected_seconds(self._history(run), key[1])
        return self._usual[key]

    def _history(self, run: Run) -> tuple[Measured, ...]:
        if run.job_id not in self._histories:
            try:
                runs = self._manager.runs_of(run.job_id)[: 2 * LOOKED_BACK]
            except NotFound:
                runs = ()
            found = tuple(one for one in map(measured, runs) if one is not None)
            self._histories[run.job_id] = found
        return self._histories[run.job_id]


class WaitingRoom:
    """Knows why runs wait."""

    def __init__(self, manager: JobManager, dispatcher: Dispatcher, clock: Clock) -> None:
        self._manager = manager
        self._dispatcher = dispatcher
        self._clock = clock

    def why(self, run: Run, *, elsewhere: bool = False) -> Waiting | None:
        """Return why a run is not running; None for one that is at work or over.

        `elsewhere` says that another process carries runs out, whose slots cannot be seen from here.
        """
        if run.state not in WAITS:
            return None
        standings = self._line() if run.state == RunState.QUEUED else ()
        job = self._manager.job(run.job_id).job
        return self._why(run, job, standings, _Memory(self._manager, self._clock), elsewhere=elsewhere)

    def is_paused(self) -> bool:
        """Tell whether nothing new begins, because somebody paused the whole queue."""
        pause = self._manager.rules().pause(Scope.QUEUE)
        return pause is not None and pause.binds(self._clock.now())

    def queue(self, most: int) -> Queue:
        """Return how the queue is; of those in line, and of those that wait for something else, the first `most`."""
        now, rules, load = self._clock.now(), self._manager.rules(), self._dispatcher.load()
        known = _Memory(self._manager, self._clock)
        standings = self._line(most)
        unfinished = self._manager.unfinished()
        begun = {run.job_id for run in unfinished if run.begun and run.state != RunState.QUEUED}
        others = sorted((run for run in unfinished if _waits_beside(run, begun)), key=_when_due)
        first = [known.run(one.place.run_id) for one in standings]
        pause = rules.pause(Scope.QUEUE)
        return Queue(
            at=now,
            load=load,
            working=self._dispatcher.is_working(),
            most=rules.limit(Scope.QUEUE),
            pause=pause if pause is not None and pause.binds(now) else None,
            at_work=tuple(self._at_work(unfinished, known)),
            line=self._guests(first, standings, known),
            in_line=load.waiting if self._dispatcher.is_working() else 0,
            others=self._guests(others[:most], standings, known),
            in_others=len(others),
            shared=_shared(unfinished, rules, now),
            paused_jobs=tuple(self._paused_jobs(rules, now, known)),
            breakers={name: breaker for name, breaker in rules.breakers.items() if breaker.until is not None},
        )

    def _at_work(self, unfinished: Sequence[Run], known: _Memory) -> Iterator[AtWork]:
        busy = (run for run in unfinished if run.state in AT_WORK)
        for run in sorted(busy, key=lambda run: run.started_at or run.created_at):
            if (job := known.job(run.job_id)) is not None:
                yield AtWork(run=run, job=job, left=known.left(run))

    def _paused_jobs(self, rules: Rules, now: datetime, known: _Memory) -> Iterator[PausedJob]:
        beginning = Scope.JOB.key("")
        for key, pause in rules.pauses.items():
            job = known.job(key.removeprefix(beginning)) if key.startswith(beginning) else None
            if job is not None and pause.binds(now):
                yield PausedJob(job=job, pause=pause)

    def _guests(
        self, runs: Sequence[Run | None], standings: Sequence[Standing], known: _Memory
    ) -> tuple[Guest, ...]:
        found = []
        for run in runs:
            job = known.job(run.job_id) if run is not None else None
            if run is None or job is None:
                continue
            why = self._why(run, job, standings, known, elsewhere=False)
            if why is not None:
                found.append(Guest(run=run, job=job, waiting=why))
        return tuple(found)

    def _line(self, most: int | None = None) -> tuple[Standing, ...]:
        return self._dispatcher.in_line(most) if self._dispatcher.is_working() else ()

    def _why(
        self, run: Run, job: Job, standings: Sequence[Standing], known: _Memory, *, elsewhere: bool
    ) -> Waiting | None:
        queued = run.state == RunState.QUEUED
        mine = next((one for one in standings if one.place.run_id == run.id), None) if queued else None
        working = self._dispatcher.is_working()
        at = Standpoint(
            run=run,
            job=job,
            now=self._clock.now(),
            holdup=mine.holdup if mine else (self._held(run) if queued and not working else None),
            before=self._before(mine, standings, known) if mine else (),
            other=self._other(run),
            carried=working or elsewhere,
        )
        return waiting(at, known)

    def _held(self, run: Run) -> Holdup:
        """Return what holds a run back in the line of another process, as far as it can be told from here."""
        at_work = Busy(place_of(one) for one in self._manager.runs_at_hand() if one.state in AT_WORK)
        holdup = holds(self._manager.rules(), place_of(run), at_work, self._clock.now())
        return holdup or Holdup(reason=Reason.SLOTS)

    def _before(self, mine: Standing, standings: Sequence[Standing], known: _Memory) -> tuple[Run, ...]:
        """Return the runs that go first for the same reason, where they are few enough to tell what they mean."""
        if mine.holdup.position > MOST_FORESEEN:
            return ()
        runs = []
        for one in standings:
            if one is mine:
                break
            if _key(one.holdup) == _key(mine.holdup):
                runs.append(known.run(one.place.run_id))
        return tuple(run for run in runs if run is not None)

    def _other(self, run: Run) -> Run | None:
        """Return another run of its job that has begun and is not over."""
        if run.state != RunState.QUEUED:
            return None
        return next(
            (one for one in self._manager.unfinished_of(run.job_id) if one.begun and one.id != run.id), None
        )


def _when_due(run: Run) -> tuple[bool, datetime]:
    return run.due_at is None, run.due_at or run.created_at


def _waits_beside(run: Run, begun: Collection[str]) -> bool:
    """Tell whether a run waits for something else than its turn: its time, others, a word, or one of its own job."""
    return run.state in WAITS and (run.state != RunState.QUEUED or (not run.attempt and run.job_id in begun))


def _shared(unfinished: Sequence[Run], rules: Rules, now: datetime) -> tuple[Shared, ...]:
    """Return every kind and group that has runs, or that somebody said something about."""
    busy: Counter[tuple[Scope, str]] = Counter()
    queued: Counter[tuple[Scope, str]] = Counter()
    names = {named for key in (*rules.pauses, *rules.most) if (named := _scope_of(key)) is not None}
    for run in unfinished:
        groups = [(Scope.GROUP, group) for group in run.groups]
        names.update(groups)
        if run.state in AT_WORK:
            busy.update([(Scope.KIND, run.kind), *groups])
        elif run.state == RunState.QUEUED:
            queued.update([(Scope.KIND, run.kind), *groups])
    return tuple(
        Shared(
            scope=scope,
            name=name,
            busy=busy[scope, name],
            queued=queued[scope, name],
            most=rules.limit(scope, name),
            pause=pause if (pause := rules.pause(scope, name)) is not None and pause.binds(now) else None,
        )
        for scope, name in sorted({*names, *busy, *queued})
    )


def _scope_of(key: str) -> tuple[Scope, str] | None:
    scope, _, name = key.partition("/")
    return (Scope(scope), name) if scope in {Scope.KIND, Scope.GROUP} else None


def _key(holdup: Holdup) -> tuple[Reason, Scope, str]:
    return holdup.reason, holdup.scope, holdup.name


def _like(run: Run) -> str:
    return likeness(run.kind, run.options)
