"""A thousand days of two hundred schedules, through every change of the clocks, on a clock that is set.

The real manager decides and keeps each due time, on a store in memory; the real ticker says when. What it made is
then compared with what the schedules say.
"""

import time
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar, Final

from core.bench.rows import Row, at_most
from core.dispatch.local import LocalDispatcher
from core.drafts import JobDraft
from core.engines.base import Engine
from core.events import Event, PromptBus, RunMoved
from core.manager import JobManager
from core.models import Job, Schedule
from core.scheduler import Scheduler
from core.schedules import due_between
from core.states import RunState
from core.storage.memory import MemoryStore
from core.work import Outcome, RunContext, Surroundings

DAYS: Final = 1_000
SCHEDULES: Final = 200
BUDGET: Final = 60.0
"""Seconds for all of it."""

BEGIN: Final = datetime(2026, 1, 1, 0, 0, 30, tzinfo=UTC)
FORGET_EVERY: Final = timedelta(days=10)
ZONES: Final = (
    *("Europe/Berlin", "America/New_York", "America/Santiago", "Australia/Lord_Howe"),
    *("Africa/Casablanca", "Asia/Kolkata", "Pacific/Auckland", "UTC"),
)
CRONS: Final = (
    *("0 2 * * *", "30 2 * * *", "0 0 * * *", "15 3 * * 1-5", "45 1 * * *", "30 7,19 * * *"),
    *("0 4 1 * *", "0 2 * * SUN", "30 2 L * *", "20 */12 * * *"),
)


class Idle(Engine):
    """Is done at once."""

    kind: ClassVar[str] = "idle"
    label: ClassVar[str] = "Do nothing"

    def check(self, surroundings: Surroundings) -> None:
        """Find nothing wrong."""

    def run(self, context: RunContext) -> Outcome:  # noqa: ARG002 - there is nothing to ask it
        """Do nothing."""
        return Outcome()


class PassingClock:
    """Goes to the next moment at which there is something to do."""

    def __init__(self, at: datetime) -> None:
        self._begin = self.at = at

    def now(self) -> datetime:
        """Return the time of day."""
        return self.at

    def monotonic(self) -> float:
        """Return the seconds that passed."""
        return (self.at - self._begin).total_seconds()


class Days:
    """A Holdfast whose days pass as quickly as it can decide about them."""

    def __init__(self, schedules: Sequence[Schedule]) -> None:
        self.clock = PassingClock(BEGIN)
        self.made: dict[str, list[datetime]] = {}
        bus = PromptBus()
        surroundings = Surroundings(own_data=Path("/nowhere"))
        self._store = MemoryStore(self.clock)
        self._manager = JobManager(self._store, bus, self.clock, LocalDispatcher(1), _make_idle, surroundings)
        self._manager.open()
        self._ticker = Scheduler(self._manager, bus, self.clock)
        self._queued: list[str] = []
        bus.listen(self._ticker.hear)
        bus.listen(self._note)
        self.jobs = [
            self._manager.create(JobDraft(name=f"job {number}", kind="idle", schedule=schedule))
            for number, schedule in enumerate(schedules)
        ]
        self._ticker.begin()

    def _note(self, event: Event) -> None:
        if (
            isinstance(event, RunMoved)
            and event.run.state == RunState.QUEUED
            and event.run.slot_at is not None
        ):
            self.made.setdefault(event.run.job_id, []).append(event.run.slot_at)
            self._queued.append(event.run.id)

    def pass_by(self, days: int) -> None:
        """Let the days pass; every run is carried out as soon as it is due."""
        end = BEGIN + timedelta(days=days)
        forget_at = BEGIN + FORGET_EVERY
        while (at := self._ticker.next_at()) is not None and at <= end:
            self.clock.at = max(at, self.clock.at)
            self._ticker.tick()
            self._carry_out()
            if self.clock.at >= forget_at:
                self._forget()
                forget_at += FORGET_EVERY

    def _carry_out(self) -> None:
        for run_id in self._queued:
            run = self._manager.claim(run_id, "bench")
            if run is not None:
                self._manager.complete(run_id, run.attempt, Outcome())
        self._queued.clear()

    def _forget(self) -> None:
        """Forget old runs, as a Holdfast does that keeps its house."""
        self._manager.forget_runs([run.id for run in self._manager.runs_at_hand() if run.over])

    def wrong(self, days: int) -> list[Job]:
        """Return the jobs that were not due exactly when their schedules say."""
        end = BEGIN + timedelta(days=days)
        return [job for job in self.jobs if self.made.get(job.id, []) != list(_expected(job, end))]


def _expected(job: Job, end: datetime) -> tuple[datetime, ...]:
    if job.schedule is None:
        return ()
    return due_between(job.schedule, BEGIN, end, anchor=job.created_at, most=1_000_000)


def some_schedules(many: int) -> Iterator[Schedule]:
    """Give schedules as people have them, in zones whose clocks are changed in every way there is."""
    for number in range(many):
        zone = ZONES[number % len(ZONES)]
        if number % 10 == 9:  # noqa: PLR2004 - one in ten is an interval
            yield Schedule(every=86_400 + 3_600 * (number % 7), timezone=zone)
        else:
            yield Schedule(cron=CRONS[number // len(ZONES) % len(CRONS)], timezone=zone)


def measure(folder: Path) -> tuple[Row, ...]:  # noqa: ARG001 - every bench is given one
    """Measure how long the days take, and whether each due time came once."""
    days = Days(tuple(some_schedules(SCHEDULES)))
    began = time.perf_counter()
    days.pass_by(DAYS)
    took = time.perf_counter() - began
    runs = sum(len(made) for made in days.made.values())
    return (
        at_most(f"{DAYS:,} days of {SCHEDULES} schedules, {runs:,} runs", took, "s", BUDGET),
        at_most("schedules that were not due exactly when they say", len(days.wrong(DAYS)), "schedules", 0),
    )


def _make_idle(_kind: str, _options: Mapping[str, Any]) -> Engine:
    return Idle()
