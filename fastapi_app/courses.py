"""How runs went: when each stage began, and how fast it was in the last minutes. A restart forgets it."""

import threading
from collections import OrderedDict, deque
from datetime import datetime, timedelta
from typing import Final

from core.clock import Clock
from core.events import Event, RunMoved, RunProgressed
from core.models import Run, Value

KEPT: Final = 500
"""Of how many runs, those that told something last, the course is known."""

MOST_STAGES: Final = 40
EARLIER: Final = "earlier stages"
"""What stands for the first stages of an attempt that had more than are kept, or began before a restart."""

EVERY: Final = timedelta(seconds=10)
SAMPLES: Final = 60
"""Together the last ten minutes."""


class Course(Value, frozen=True, kw_only=True):
    """What is known of a run's course: stages with the moment each began, attempts apart; rates, the oldest first.

    `unit` is what the rates count each second.
    """

    stages: tuple[tuple[int, str, datetime], ...] = ()
    rates: tuple[float, ...] = ()
    unit: str = ""


NOTHING_KNOWN: Final = Course()


class _Growing:
    """The course of one run."""

    def __init__(self) -> None:
        self.stages: list[tuple[int, str, datetime]] = []
        self.rates: deque[float] = deque(maxlen=SAMPLES)
        self.unit = ""
        self._sampled_at: datetime | None = None

    def take(self, run: Run, now: datetime, since: datetime) -> None:
        """Take in how far the run is; what it did before `since` nobody was told."""
        progress = run.progress
        last = self.stages[-1][:2] if self.stages else None
        if progress.stage and last != (run.attempt, progress.stage):
            if (last is None or last[0] != run.attempt) and _began_before(run, since):
                self.stages.append((run.attempt, EARLIER, run.attempts[-1].started_at))
            self.stages.append((run.attempt, progress.stage, now))
            while len(self.stages) > MOST_STAGES:
                self._let_go_of_the_first()
        if progress.rate is None:
            return
        if self.unit != progress.unit:
            self.rates.clear()
            self.unit = progress.unit
        if self._sampled_at is None or now - self._sampled_at >= EVERY:
            self._sampled_at = now
            self.rates.append(progress.rate)

    def _let_go_of_the_first(self) -> None:
        (attempt, _, began), (following, _, _) = self.stages[:2]
        self.stages[:2] = [(attempt, EARLIER, began)] if following == attempt else [self.stages[1]]

    def course(self) -> Course:
        """Return it as it is now."""
        return Course(stages=tuple(self.stages), rates=tuple(self.rates), unit=self.unit)


def _began_before(run: Run, moment: datetime) -> bool:
    return bool(run.attempts) and run.attempts[-1].started_at < moment


class Courses:
    """The courses of the runs that told something lately. Safe to use from several threads."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._since = clock.now()
        self._lock = threading.Lock()
        self._kept: OrderedDict[str, _Growing] = OrderedDict()

    def take(self, event: Event) -> None:
        """Take in what happened; called by whoever publishes."""
        match event:
            case RunProgressed(run=run):
                self._take(run)
            case RunMoved(run=run) if not run.over and run.progress.stage:
                self._take(run)

    def _take(self, run: Run) -> None:
        now = self._clock.now()
        with self._lock:
            growing = self._kept.get(run.id)
            if growing is None:
                growing = self._kept[run.id] = _Growing()
                while len(self._kept) > KEPT:
                    self._kept.popitem(last=False)
            else:
                self._kept.move_to_end(run.id)
            growing.take(run, now, self._since)

    def of(self, run_id: str) -> Course:
        """Return what is known of a run's course."""
        with self._lock:
            growing = self._kept.get(run_id)
            return growing.course() if growing is not None else NOTHING_KNOWN
