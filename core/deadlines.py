"""How long an attempt may take: what its job allows for one attempt, and for a whole run with its waits."""

from datetime import timedelta
from typing import NamedTuple

from core.clock import Clock
from core.models import Failure, Job, Run
from core.spans import span


class _Limit(NamedTuple):
    """A moment on the clock that only ever grows, and what has failed by then."""

    at: float
    failure: Failure


class Deadlines:
    """The time that one attempt has; a clock that is set while it works changes nothing.

    `at_work_for` is for how many seconds it has been at work where something but the clock tells.
    """

    def __init__(self, job: Job, run: Run, clock: Clock, at_work_for: float | None = None) -> None:
        self._clock = clock
        self._limits: list[_Limit] = []
        since = clock.monotonic()
        began_at = run.attempts[-1].started_at if run.attempts else clock.now()
        passed = _seconds(clock.now() - began_at) if at_work_for is None else at_work_for
        before = _seconds(began_at - run.started_at) if run.started_at else 0.0
        if job.timeout is not None:
            self._add(since + job.timeout - passed, _attempt_failed(job.timeout))
        if job.run_timeout is not None:
            self._add(since + job.run_timeout - before - passed, _run_failed(job.run_timeout))

    @property
    def left(self) -> float | None:
        """Return how many seconds are left, never less than none; None is no limit."""
        nearest = min((limit.at for limit in self._limits), default=None)
        return None if nearest is None else max(0.0, nearest - self._clock.monotonic())

    @property
    def passed(self) -> bool:
        """Tell whether the time is over."""
        return self.left == 0.0

    @property
    def failure(self) -> Failure:
        """Return what to say of an attempt that was out of time; the whole run's time comes first."""
        now = self._clock.monotonic()
        passed = [limit.failure for limit in self._limits if limit.at <= now]
        return min(passed, key=lambda failure: failure.transient, default=OUT_OF_ITS_OWN_TIME)

    def _add(self, at: float, failure: Failure) -> None:
        self._limits.append(_Limit(at, failure))


HINT = "Look in the log how far it came; give the job more time if it needs that."
OUT_OF_ITS_OWN_TIME = Failure(
    code="timeout",
    message="The program took longer than it may, and was ended.",
    hint=HINT,
    transient=True,
)


def _seconds(span: timedelta) -> float:
    return max(span.total_seconds(), 0.0)


def _attempt_failed(seconds: float) -> Failure:
    message = f"The attempt took longer than {span(seconds)}, and was ended."
    return Failure(code="timeout", message=message, hint=HINT, transient=True)


def _run_failed(seconds: float) -> Failure:
    message = f"The run took longer than {span(seconds)} with all its attempts and waits, and was ended."
    return Failure(code="timeout", message=message, hint=HINT)
