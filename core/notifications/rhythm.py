"""Whether jobs keep the rhythm that is expected of them: an alarm for what did not happen.

A job is expected to succeed as often as its `expect` says. Without one, a job with a schedule is expected to succeed
at least once in two of its due times: one that was missed may have been the machine that was off, two in a row need
somebody. Nothing is expected of a job that is switched off.
"""

import contextlib
import heapq
import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

import msgspec

from core import schedules
from core.clock import Clock
from core.errors import HoldfastError, NotFound
from core.models import Expectation, Job, Moment, Run, Value
from core.notifications.noticing import Jobs
from core.notifications.registers import Registers
from core.notifications.texts import stamp
from core.spans import span
from core.states import RunState

log = logging.getLogger(__name__)

RHYTHM: Final = "rhythm/"

GRACE: Final = timedelta(hours=1)
"""How long after its due time a scheduled run may take to succeed, at least."""

LOOKED_EVERY: Final = 1.0
"""Seconds for which what is late is told again."""

TIMES_AS_LONG: Final = 3
"""How many times as long as the last success took it may take."""


class Expected(Value, frozen=True, kw_only=True):
    """What is expected of a job: when it is late without another success, and that in words."""

    job_id: str
    deadline: datetime
    last_success: datetime | None
    words: str

    def is_late(self, now: datetime) -> bool:
        """Tell whether the job should have succeeded by now."""
        return self.deadline <= now


class Rhythm:
    """Knows when each job is late. Safe to use from several threads."""

    def __init__(self, jobs: Jobs, registers: Registers, clock: Clock) -> None:
        self._jobs = jobs
        self._registers = registers
        self._clock = clock
        self._lock = threading.Lock()
        self._heap: list[tuple[datetime, str]] = []
        self._expected: dict[str, Expected] = {}
        self._successes: dict[str, Run] = {}
        self._counted_from: dict[str, tuple[object, datetime]] = {}
        self._looked_at = float("-inf")
        self._late: frozenset[str] = frozenset()
        self.on_change: Callable[[str], object] = lambda _job_id: None
        """Is told, by whoever changes it, of a job of which something else is expected now."""

    def know(self, job: Job, *, edited: bool = False) -> Expected | None:
        """Take note of a job as it now is, and return what is expected of it; None is nothing.

        Nothing is remembered of a job of which nothing ever was, as most of a great many are; so say where it was `edited`.
        """
        if job.id not in self._counted_from and job.expect is None and job.schedule is None:
            return None
        since = self._counted_since(job, edited=edited)
        if not expects(job):
            self._forget_expectation(job.id)
            return None
        success = self._successes.get(job.id) or self._last_success(job.id)
        expected = expected_of(job, success, since)
        with self._lock:
            if success is not None:
                self._successes[job.id] = success
            if expected is None:
                self._expected.pop(job.id, None)
            else:
                self._expected[job.id] = expected
                heapq.heappush(self._heap, (expected.deadline, job.id))
        self.on_change(job.id)
        return expected

    def _counted_since(self, job: Job, *, edited: bool) -> datetime:
        """Return since when this is expected of the job: it counts anew when somebody changes what is expected."""
        wanted = (job.expect, job.schedule, job.enabled)
        known = self._counted_from.get(job.id)
        if known is None and not edited:
            since = _moment(self._registers.register(RHYTHM + job.id)) or job.created_at
            known = self._counted_from[job.id] = wanted, since
        elif known is None or known[0] != wanted:
            known = self._counted_from[job.id] = wanted, job.updated_at
            self._remember(job.id, {"since": job.updated_at.isoformat()})
        return known[1]

    def _remember(self, job_id: str, value: Mapping[str, str] | None) -> None:
        try:
            self._registers.set_register(RHYTHM + job_id, value, why="another rhythm is expected")
        except HoldfastError as error:  # it is known until the next start
            log.warning("since when a rhythm is expected could not be kept: %s", error)

    def _last_success(self, job_id: str) -> Run | None:
        try:
            latest = self._jobs.job(job_id).latest_run
            if latest is None or latest.state == RunState.COMPLETED:
                return latest
            runs = self._jobs.runs_of(job_id)
        except NotFound:
            return None
        return next((run for run in runs if run.state == RunState.COMPLETED), None)

    def succeeded(self, run: Run) -> None:
        """Take note of a success."""
        with self._lock:
            known = self._successes.get(run.job_id)
            if known is None or known.number < run.number:
                self._successes[run.job_id] = run
        if run.job_id not in self._counted_from:  # nothing is expected, or word of that is still to come
            return
        with contextlib.suppress(NotFound):
            self.know(self._jobs.job(run.job_id).job)

    def forget(self, job_id: str) -> None:
        """Forget a job that is gone."""
        self._forget_expectation(job_id)
        self._counted_from.pop(job_id, None)
        with self._lock:
            self._successes.pop(job_id, None)
        if self._registers.register(RHYTHM + job_id) is not None:
            self._remember(job_id, None)

    def _forget_expectation(self, job_id: str) -> None:
        """Expect nothing of a job any more."""
        with self._lock:
            self._expected.pop(job_id, None)
        self.on_change(job_id)

    def of(self, job_id: str) -> Expected | None:
        """Return what is expected of a job; None is nothing."""
        return self._expected.get(job_id)

    def late(self) -> Sequence[Expected]:
        """Return the jobs that are late, the longest late first."""
        now = self._clock.now()
        with self._lock:
            found = [each for each in self._expected.values() if each.is_late(now)]
        return sorted(found, key=lambda each: each.deadline)

    def late_jobs(self) -> frozenset[str]:
        """Return the ids of the jobs that are late; at most a second old, and the same object while they are the same."""
        now = self._clock.monotonic()
        if now - self._looked_at >= LOOKED_EVERY:
            self._looked_at = now
            found = frozenset(each.job_id for each in self.late())
            self._late = self._late if found == self._late else found
        return self._late

    def tick(self, now: datetime) -> Sequence[Expected]:
        """Return what became late since the last tick."""
        found = []
        with self._lock:
            while self._heap and self._heap[0][0] <= now:
                deadline, job_id = heapq.heappop(self._heap)
                expected = self._expected.get(job_id)
                if expected is not None and expected.deadline == deadline:
                    found.append(expected)
            if len(self._heap) > 10 * len(self._expected) + 1_000:
                self._heap = [
                    (each.deadline, each.job_id) for each in self._expected.values() if not each.is_late(now)
                ]
                heapq.heapify(self._heap)
        return found


def expects(job: Job) -> bool:
    """Tell whether anything is expected of the job."""
    return job.enabled and (job.expect is not None or job.schedule is not None)


def expected_of(job: Job, success: Run | None, since: datetime) -> Expected | None:
    """Return what is expected, counted from the last success, or from when it began to be expected."""
    last = success.ended_at if success else None
    start = max(last, since) if last else since
    if job.expect is not None:
        deadline = start + timedelta(seconds=job.expect.every + job.expect.grace)
        return Expected(job_id=job.id, deadline=deadline, last_success=last, words=in_words(job.expect))
    due = _second_due(job, start)
    if due is None:
        return None
    grace = max(GRACE, TIMES_AS_LONG * _took(success))
    words = f"a success at least once in two due times, the second was {stamp(due)}"
    return Expected(job_id=job.id, deadline=due + grace, last_success=last, words=words)


def in_words(expect: Expectation) -> str:
    """Return the rhythm in words."""
    grace = f", and {span(expect.grace)} of grace" if expect.grace else ""
    return f"a success at least every {span(expect.every)}{grace}"


def _second_due(job: Job, after: datetime) -> datetime | None:
    """Return the second due time after a moment; of one that is due only once, that."""
    if job.schedule is None:
        return None
    first = schedules.due_after(job.schedule, after, anchor=job.created_at)
    if first is None:
        return None
    return schedules.due_after(job.schedule, first, anchor=job.created_at) or first


def _took(run: Run | None) -> timedelta:
    if run is None or run.started_at is None or run.ended_at is None:
        return timedelta(0)
    return max(timedelta(0), run.ended_at - run.started_at)


def _moment(kept: Mapping[str, Any] | None) -> datetime | None:
    try:
        return msgspec.convert(kept["since"], Moment, strict=False) if kept else None
    except (KeyError, msgspec.ValidationError):
        return None
