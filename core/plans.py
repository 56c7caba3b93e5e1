"""What is due in a span of days, how long each usually takes, and who meets whom: worked out once for all who look."""

import threading
from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Callable, Hashable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any, Final, TypeVar

from core.clock import Clock
from core.errors import NotFound
from core.forecasts import expected_seconds
from core.manager import JobManager
from core.meetings import Step, busiest, course
from core.models import Job, Run, Value
from core.outlook import Outlook
from core.schedules import due_between, end_of_blackout
from core.states import RunState
from core.timetable import Appointment
from core.usual import likeness, measured, seconds_at_work

MOST_OF_ONE: Final = 400
"""A job that is due more often than that in a span is told of as due all the time."""

MOST_OF_ALL: Final = 40_000
"""Due times that are worked out at most, those of the jobs that are due next."""

LOOKED_BACK: Final = 20
SHORTEST: Final = 60.0
"""Seconds that a run counts for at least: what ends at once meets nobody."""

LENGTHS_KEPT: Final = 20_000
PLANS_KEPT: Final = 16
FRESH_FOR: Final = 60

T = TypeVar("T")


class Planned(Value, frozen=True, kw_only=True):
    """When a job begins in a span, in seconds; `length` is how many it usually takes, None where nobody knows.

    `dense` tells that it is due more often than is shown.
    """

    job_id: str
    begins: tuple[float, ...]
    length: float | None
    dense: bool = False


class Plan(Value, frozen=True, kw_only=True):
    """What is due in a span: of each job, and how many are at work at once; `left_out` jobs were too many."""

    jobs: Mapping[str, Planned]
    steps: tuple[Step, ...]
    busiest: Step | None
    left_out: int


class Plans:
    """Works plans out and keeps them for a minute. Safe to use from several threads."""

    def __init__(self, manager: JobManager, outlook: Outlook, clock: Clock) -> None:
        self._manager = manager
        self._outlook = outlook
        self._clock = clock
        self._lock = threading.Lock()
        self._kept: OrderedDict[Hashable, Any] = OrderedDict()
        self._lengths: OrderedDict[str, tuple[str, float | None]] = OrderedDict()

    def over(self, start: datetime, end: datetime) -> Plan:
        """Return what is due from now on in a span."""
        return self._worked_out(("span", start, end), lambda found: self._plan(found, start, end))

    def by_day(self, midnights: Sequence[datetime]) -> tuple[tuple[int, ...], int]:
        """Return how many are due from now on between one midnight and the next, and how many jobs were left out."""
        return self._worked_out(("days", *midnights), lambda found: self._counted(found, midnights))

    def usual_seconds(self, job: Job, latest: Run | None) -> float | None:
        """Return how long a run of the job usually takes; None where nobody knows."""
        if latest is None:
            return None
        known = self._lengths.get(job.id)
        if known is None or known[0] != latest.id or (known[1] is None and latest.over):
            known = latest.id, self._from_history(job)
            with self._lock:
                self._lengths[job.id] = known
                while len(self._lengths) > LENGTHS_KEPT:
                    self._lengths.popitem(last=False)
        return known[1]

    def _from_history(self, job: Job) -> float | None:
        try:
            runs = self._manager.runs_of(job.id)
        except NotFound:
            return None
        completed = [run for run in runs[: 2 * LOOKED_BACK] if run.state == RunState.COMPLETED]
        history = [one for run in completed[:LOOKED_BACK] if (one := measured(run)) is not None]
        expected = expected_seconds(history, likeness(job.kind, job.options))
        return expected if expected is not None else _of_the_last(runs)

    def _worked_out(self, key: tuple[Hashable, ...], work: Callable[[Sequence[Appointment]], T]) -> T:
        found = self._outlook.appointments()
        minute = int(self._clock.now().timestamp()) // FRESH_FOR
        whole = key, self._outlook.edition, minute
        with self._lock:
            if whole in self._kept:
                kept: T = self._kept[whole]
                return kept
            made = work(found)
            self._kept[whole] = made
            while len(self._kept) > PLANS_KEPT:
                self._kept.popitem(last=False)
            return made

    def _plan(self, found: Sequence[Appointment], start: datetime, end: datetime) -> Plan:
        jobs: dict[str, Planned] = {}
        stays: list[tuple[float, float]] = []
        left, left_out = MOST_OF_ALL, 0
        for one in found:
            if one.next_at is None or one.next_at >= end:
                continue
            if left <= 0:
                left_out += 1
                continue
            planned = self._planned(one, end)
            jobs[one.job.id] = planned
            left -= len(planned.begins)
            stays += _stays(planned, end.timestamp())
        steps = course(stays)
        return Plan(jobs=jobs, steps=steps, busiest=busiest(steps, start.timestamp()), left_out=left_out)

    def _planned(self, one: Appointment, end: datetime) -> Planned:
        times = times_of(one, end, MOST_OF_ONE)
        known = self._lengths.get(one.job.id)
        length = known[1] if known else _of_the_last((one.latest_run,) if one.latest_run else ())
        return Planned(
            job_id=one.job.id,
            begins=tuple(time.timestamp() for time in times),
            length=length,
            dense=len(times) == MOST_OF_ONE,
        )

    def _counted(
        self, found: Sequence[Appointment], midnights: Sequence[datetime]
    ) -> tuple[tuple[int, ...], int]:
        counts, left, left_out = [0] * (len(midnights) - 1), 2 * MOST_OF_ALL, 0
        for one in found:
            if one.next_at is None or one.next_at >= midnights[-1]:
                continue
            if left <= 0:
                left_out += 1
                continue
            left -= _count_days(one, midnights, counts)
        return tuple(counts), left_out


def times_of(one: Appointment, end: datetime, most: int) -> tuple[datetime, ...]:
    """Return when a job begins from its next due time to before a moment, blackouts waited for."""
    if one.next_at is None or one.next_at >= end:
        return ()
    last = end - timedelta(microseconds=1)
    rest = due_between(one.schedule, one.next_at, last, anchor=one.job.created_at, most=most - 1)
    times = (one.next_at, *rest)
    if not one.schedule.blackout:
        return times
    begins = dict.fromkeys(end_of_blackout(one.schedule, time) or time for time in times)
    return tuple(time for time in begins if time < end)


def _count_days(one: Appointment, midnights: Sequence[datetime], counts: list[int]) -> int:
    """Count the due times of a job, day by day; those of one that is due very often are reckoned from the first."""
    times = times_of(one, midnights[-1], MOST_OF_ONE)
    if len(times) < MOST_OF_ONE:
        for time in times:
            counts[bisect_right(midnights, time) - 1] += 1
        return len(times)
    seconds = (times[-1] - times[0]).total_seconds()
    for place, (begins, ends) in enumerate(pairwise(midnights)):
        share = max((ends - max(begins, times[0])).total_seconds(), 0.0) / seconds
        counts[place] += round(share * (MOST_OF_ONE - 1))
    return len(times)


def _stays(planned: Planned, end: float) -> list[tuple[float, float]]:
    """Return when a job is at work: never twice at once. One that is due very often is so all the time, or hardly ever."""
    length = max(planned.length or 0.0, SHORTEST)
    begins = planned.begins
    if planned.dense:
        period = (begins[-1] - begins[0]) / (len(begins) - 1)
        return [(begins[0], end)] if 2 * length >= period else []
    stays: list[tuple[float, float]] = []
    for at in begins:
        if not stays or at >= stays[-1][1]:
            stays.append((at, min(at + length, end)))
    return stays


def _of_the_last(runs: Sequence[Run]) -> float | None:
    """Return how long the last run took that is over."""
    return next((seconds_at_work(run) for run in runs if run.over and run.started_at), None)


def moment_of(seconds: float) -> datetime:
    """Return the moment of so many seconds, in UTC."""
    return datetime.fromtimestamp(seconds, UTC)
