"""Tells of each run that waits why, and when it will begin: gathers what is known, and asks `core.waiting`."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from core.clock import Clock
from core.dispatch.base import Dispatcher
from core.errors import NotFound
from core.firing import SCHEDULE, coming
from core.forecasts import expected_seconds, seconds_left
from core.line import Standing
from core.manager import JobManager
from core.models import Job, Run, Value
from core.queueing import Busy, Holdup, Reason, Scope, holds, place_of
from core.states import AT_WORK, RunState
from core.usual import LOOKED_BACK, Measured, likeness, measured
from core.waiting import MOST_FORESEEN, Standpoint, Waiting, waiting

WAITS: Final = frozenset({RunState.SCHEDULED, RunState.BLOCKED, RunState.QUEUED, RunState.PAUSED})


class Guest(Value, frozen=True, kw_only=True):
    """A run that waits, its job, and why."""

    run: Run
    job: Job
    waiting: Waiting


class WaitingRoom:
    """Knows why runs wait."""

    def __init__(self, manager: JobManager, dispatcher: Dispatcher, clock: Clock) -> None:
        self._manager = manager
        self._dispatcher = dispatcher
        self._clock = clock
        self._known = _Memory(manager, clock)

    def why(self, run: Run, *, elsewhere: bool = False) -> Waiting | None:
        """Return why a run is not running; None for one that is at work or over.

        `elsewhere` says that another process carries runs out, whose slots cannot be seen from here.
        """
        if run.state not in WAITS:
            return None
        standings = self._line() if run.state == RunState.QUEUED else ()
        return self._why(run, self._manager.job(run.job_id).job, standings, elsewhere=elsewhere)

    def in_line(self, most: int) -> tuple[Guest, ...]:
        """Return the first of those in line, in their order."""
        standings = self._line()
        return self._guests([self._known.run(one.place.run_id) for one in standings[:most]], standings)

    def others(self, most: int) -> tuple[Guest, ...]:
        """Return the first of those that wait and are not in line: by when they are due, then the others."""
        standings = self._line()
        lined_up = {one.place.run_id for one in standings}
        runs = [run for run in self._manager.waiting_runs() if run.id not in lined_up]
        far = datetime.max.replace(tzinfo=self._clock.now().tzinfo)
        return self._guests(
            sorted(runs, key=lambda run: (run.due_at or far, run.created_at))[:most], standings
        )

    def _guests(self, runs: Sequence[Run | None], standings: Sequence[Standing]) -> tuple[Guest, ...]:
        found = []
        for run in runs:
            job = self._known.job(run.job_id) if run is not None else None
            if run is None or job is None:
                continue
            why = self._why(run, job, standings, elsewhere=False)
            if why is not None:
                found.append(Guest(run=run, job=job, waiting=why))
        return tuple(found)

    def _line(self) -> tuple[Standing, ...]:
        return self._dispatcher.in_line() if self._dispatcher.is_working() else ()

    def _why(self, run: Run, job: Job, standings: Sequence[Standing], *, elsewhere: bool) -> Waiting | None:
        mine = next((one for one in standings if one.place.run_id == run.id), None)
        working = self._dispatcher.is_working()
        at = Standpoint(
            run=run,
            job=job,
            now=self._clock.now(),
            holdup=mine.holdup if mine else (self._held(run) if not working else None),
            before=self._before(mine, standings) if mine else (),
            other=self._other(run),
            carried=working or elsewhere,
        )
        return waiting(at, self._known)

    def _held(self, run: Run) -> Holdup:
        """Return what holds a run back in the line of another process, as far as it can be told from here."""
        at_work = Busy(place_of(one) for one in self._manager.runs_at_hand() if one.state in AT_WORK)
        holdup = holds(self._manager.rules(), place_of(run), at_work, self._clock.now())
        return holdup or Holdup(reason=Reason.SLOTS)

    def _before(self, mine: Standing, standings: Sequence[Standing]) -> tuple[Run, ...]:
        """Return the runs that go first for the same reason, where they are few enough to tell what they mean."""
        if mine.holdup.position > MOST_FORESEEN:
            return ()
        runs = []
        for one in standings:
            if one is mine:
                break
            if _key(one.holdup) == _key(mine.holdup):
                runs.append(self._known.run(one.place.run_id))
        return tuple(run for run in runs if run is not None)

    def _other(self, run: Run) -> Run | None:
        """Return another run of its job that has begun and is not over."""
        if run.state != RunState.QUEUED:
            return None
        return next(
            (one for one in self._manager.unfinished_of(run.job_id) if one.begun and one.id != run.id), None
        )


def _key(holdup: Holdup) -> tuple[Reason, Scope, str]:
    return holdup.reason, holdup.scope, holdup.name


class _Memory:
    """What is known about other jobs and runs; see `core.waiting.Known`."""

    def __init__(self, manager: JobManager, clock: Clock) -> None:
        self._manager = manager
        self._clock = clock

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
        return expected_seconds(self._history(run), _like(run))

    def _history(self, run: Run) -> tuple[Measured, ...]:
        try:
            runs = self._manager.runs_of(run.job_id)[: 2 * LOOKED_BACK]
        except NotFound:
            return ()
        return tuple(one for one in map(measured, runs) if one is not None)


def _like(run: Run) -> str:
    return likeness(run.kind, run.options)
