"""The life of runs as a whole: whatever is asked for, whatever fails, and however the clock goes.

Manager, ticker and line are real; no thread runs, and time passes by hand. A machine makes up what people, workers,
clocks and crashes do, and looks after every step whether all of it still holds together.
"""

from datetime import UTC, datetime, timedelta
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, initialize, invariant, multiple, rule

from core.dispatch.local import LocalDispatcher
from core.drafts import JobPatch
from core.errors import HoldfastError, LateReport, StorageFailed
from core.events import PromptBus, RunMoved
from core.firing import SCHEDULE, next_due
from core.manager import JobManager
from core.models import (
    AfterFailed,
    AfterWhen,
    Failure,
    Missed,
    OnInterrupt,
    Overlap,
    Priority,
    Retry,
    Schedule,
    Trigger,
    Window,
)
from core.scheduler import Scheduler
from core.states import AT_WORK, MOVES, RunState
from core.storage.memory import MemoryStore
from core.work import Outcome, Surroundings
from tests.builders import a_draft
from tests.doubles import SettableClock, make_scripted_engine

BEGIN = datetime(2026, 10, 24, 22, tzinfo=UTC)
"""A few hours before the clocks go back in Berlin."""
MINUTE = timedelta(minutes=1)
FULL = StorageFailed("The disk is full.")
SLOTS = 3

SCHEDULES = (
    st.none()
    | st.builds(
        Schedule,
        cron=st.sampled_from(["30 2 * * *", "0 * * * *", "*/20 * * * *", "0,30 2-3 * * *"]),
        timezone=st.sampled_from(["Europe/Berlin", "UTC"]),
        missed=st.sampled_from(Missed),
        overlap=st.sampled_from(Overlap),
        jitter=st.sampled_from([0.0, 300.0]),
        blackout=st.sampled_from([(), (Window(start="01:00", end="04:00"),)]),
        on_start=st.booleans(),
    )
    | st.builds(Schedule, every=st.sampled_from([600.0, 3600.0]), overlap=st.sampled_from(Overlap))
)
RETRIES = st.builds(Retry, max_attempts=st.integers(1, 3), wait=st.sampled_from([1.0, 60.0, 600.0]))
FAILURES = st.builds(
    Failure,
    code=st.sampled_from(["lost", "unreachable"]),
    message=st.just("It broke."),
    transient=st.booleans(),
)


class HandDispatcher(LocalDispatcher):
    """The real line; whoever holds it takes a place in a slot, and frees it."""

    def take(self):
        with self._changed:
            place = self._line.take(self._clock.now())
            return None if place is None else place.run_id

    def free(self, run_id):
        with self._changed:
            self._line.freed(run_id)

    def has(self, run_id):
        with self._changed:
            return run_id in self._line._waiting or run_id in self._line._again


class Life(RuleBasedStateMachine):
    """A Holdfast, what is done to it, and what has to be true at all times."""

    jobs = Bundle("jobs")

    @initialize(target=jobs)
    def begin(self):
        self.clock = SettableClock(BEGIN)
        self.latest = BEGIN
        self.store = MemoryStore(self.clock)
        self.wrong = []
        self.slots = {}
        self.doubled = []
        self.at_work = {}
        self.ghosts = {}
        self.once_more = {}
        self.open()
        first = self.manager.create(a_draft(kind="once"))
        second = self.manager.create(a_draft(retry=Retry(max_attempts=2, wait=60)))
        after = self.manager.create(a_draft(kind="once", after=(first.id, second.id)))
        hourly = self.manager.create(a_draft(schedule=Schedule(cron="0 * * * *", overlap=Overlap.QUEUE)))
        return multiple(first.id, second.id, after.id, hourly.id)

    def teardown(self):
        if hasattr(self, "manager"):
            self.manager.close()

    def open(self):
        """Start a Holdfast on the store, as after a crash."""
        bus = PromptBus()
        self.dispatcher = HandDispatcher(SLOTS, self.clock)
        self.manager = JobManager(
            self.store,
            bus,
            self.clock,
            self.dispatcher,
            make_scripted_engine,
            Surroundings(own_data=Path("/data")),
        )
        bus.listen(self.look)
        self.manager.open()
        self.ticker = Scheduler(self.manager, bus, self.clock)
        bus.listen(self.ticker.hear)
        self.manager.recover()
        self.ticker.begin()
        self.ticker.tick()

    def look(self, event):
        """Note every move that is not in the table, and every due time that comes twice."""
        if not isinstance(event, RunMoved):
            return
        run, was = event.run, event.was
        if was is not None and was != run.state and run.state not in MOVES[was]:
            self.wrong.append((was, run.state))
        if was is None and run.slot_at is not None and run.trigger == Trigger.SCHEDULE:
            job = self.manager.job(run.job_id).job
            if job.schedule is not None and not job.schedule.on_start:
                slot = (run.job_id, run.slot_at, job.schedule)
                if slot in self.slots and self.slots[slot] != run.id:
                    self.doubled.append(slot)
                self.slots[slot] = run.id

    def attempt(self, command):
        """Do what people do; a refusal in words is an answer like any other."""
        try:
            return command()
        except HoldfastError:
            return None

    def unfinished(self):
        return [
            run for job in self.manager.list_jobs().items for run in self.manager.unfinished_of(job.job.id)
        ]

    def some(self, run_index, *states):
        runs = sorted(
            (run for run in self.unfinished() if not states or run.state in states),
            key=lambda run: run.created_at,
        )
        return runs[run_index % len(runs)] if runs else None

    # What people do

    @rule(target=jobs, kind=st.sampled_from(["scripted", "once"]), schedule=SCHEDULES, retry=RETRIES,
          parents=st.sets(jobs, max_size=2), when=st.sampled_from(AfterWhen), failed=st.sampled_from(AfterFailed),
          interrupted=st.sampled_from(OnInterrupt))  # fmt: skip
    def create(self, kind, schedule, retry, parents, when, failed, interrupted):
        there = [parent for parent in parents if self.attempt(lambda parent=parent: self.manager.job(parent))]
        draft = a_draft(
            kind=kind,
            schedule=schedule,
            retry=retry if kind == "scripted" else Retry(),
            after=tuple(there),
            after_when=when,
            after_failed=failed,
            on_interrupt=interrupted,
        )
        return self.manager.create(draft).id

    @rule(job=jobs, schedule=SCHEDULES)
    def reschedule(self, job, schedule):
        self.attempt(lambda: self.manager.edit(job, JobPatch(schedule=schedule), version=None))

    @rule(job=jobs, enabled=st.booleans())
    def switch(self, job, enabled):
        self.attempt(lambda: self.manager.edit(job, JobPatch(enabled=enabled), version=None))

    @rule(job=jobs, parents=st.sets(jobs, max_size=2))
    def reorder(self, job, parents):
        self.attempt(lambda: self.manager.edit(job, JobPatch(after=tuple(parents)), version=None))

    @rule(job=consumes(jobs))
    def delete(self, job):
        self.attempt(lambda: self.manager.delete(job))

    @rule(job=jobs, hours=st.none() | st.integers(-1, 5))
    def start(self, job, hours):
        at = None if hours is None else self.clock.now() + timedelta(hours=hours)
        self.attempt(lambda: self.manager.start(job, at=at))

    @rule(job=jobs, verb=st.sampled_from(["start_graph", "cancel_graph", "retry_graph"]))
    def ask_of_a_graph(self, job, verb):
        self.attempt(lambda: getattr(self.manager, verb)(job))

    @rule(job=jobs)
    def skip_next(self, job):
        overview = self.attempt(lambda: self.manager.job(job))
        if overview is not None:
            due = next_due(overview.job, self.manager.register(SCHEDULE + job))
            self.attempt(lambda: self.manager.skip_next(job, due))

    @rule(which=st.integers(0, 99), verb=st.sampled_from(["cancel", "pause", "resume", "ripen", "give_up"]))
    def ask_of_a_run(self, which, verb):
        run = self.some(which)
        if run is None:
            return
        if verb == "resume" and run.state == RunState.PAUSED:
            self.once_more[run.id] = self.once_more.get(run.id, 0) + 1
        self.attempt(lambda: getattr(self.manager, verb)(run.id))

    @rule(job=jobs)
    def requeue(self, job):
        overview = self.attempt(lambda: self.manager.job(job))
        if overview is not None and overview.latest_run is not None:
            self.attempt(lambda: self.manager.requeue(overview.latest_run.id))

    @rule(which=st.integers(0, 99), priority=st.sampled_from(Priority))
    def prioritise(self, which, priority):
        run = self.some(which)
        if run is not None:
            self.attempt(lambda: self.manager.prioritise(run.id, priority))

    # What workers do

    @rule()
    def take(self):
        """Let every free slot take what is first in line."""
        while (run_id := self.dispatcher.take()) is not None:
            run = self.attempt(lambda run_id=run_id: self.manager.claim(run_id, "worker"))
            if run is None:
                self.dispatcher.free(run_id)
                return
            self.at_work[run_id] = run.attempt

    @rule(job=jobs)
    def start_and_take(self, job):
        self.attempt(lambda: self.manager.start(job))
        self.take()

    def ended(self, which, tell):
        """Let a worker tell how the attempt at one of its runs ended."""
        if not self.at_work:
            return
        run_id = sorted(self.at_work)[which % len(self.at_work)]
        try:
            tell(run_id, self.at_work[run_id])
        except StorageFailed:
            return
        del self.at_work[run_id]
        self.dispatcher.free(run_id)

    @rule(which=st.integers(0, 99))
    def complete(self, which):
        self.ended(which, lambda run_id, attempt: self.manager.complete(run_id, attempt, Outcome()))

    @rule(which=st.integers(0, 99), failure=FAILURES)
    def fail(self, which, failure):
        self.ended(which, lambda run_id, attempt: self.manager.fail(run_id, attempt, failure))

    @rule(which=st.integers(0, 99), lost=st.booleans())
    def let_go(self, which, lost):
        self.ended(which, lambda run_id, attempt: self.manager.stopped(run_id, attempt, lost=lost))

    @rule(which=st.integers(0, 99))
    def report_late(self, which):
        """Let a worker that was thought dead tell that it is done: nobody believes it."""
        if not self.ghosts:
            return
        run_id = sorted(self.ghosts)[which % len(self.ghosts)]
        try:
            self.manager.complete(run_id, self.ghosts.pop(run_id), Outcome())
        except LateReport:
            return
        except HoldfastError:
            return
        raise AssertionError(f"{run_id} was ended by an attempt that was taken away")

    # What time, machines and disks do

    @rule(minutes=st.sampled_from([1, 5, 20, 61, 200, 1500, 4000]))
    def pass_by(self, minutes):
        self.clock.pass_by(minutes * MINUTE)
        self.latest = max(self.latest, self.clock.now())
        self.ticker.tick()

    @rule(minutes=st.integers(-50, 3000))
    def jump(self, minutes):
        """Set the clock; back by less than an hour, or due times would come again, as is said."""
        self.clock.set(max(self.clock.now() + minutes * MINUTE, self.latest - 59 * MINUTE))
        self.latest = max(self.latest, self.clock.now())
        self.ticker.tick()

    @rule()
    def crash(self):
        self.manager.close()
        self.ghosts |= self.at_work
        self.at_work = {}
        self.open()
        self.take()

    @rule(job=jobs, refusals=st.integers(1, 3))
    def run_out_of_room(self, job, refusals):
        """Let the disk refuse what is asked next, and what comes due meanwhile."""
        self.store.fail_next(FULL, times=refusals)
        for _ in range(refusals):
            self.attempt(lambda: self.manager.start(job))
            self.clock.pass_by(MINUTE)
            self.ticker.tick()
        self.store._tape.failures.clear()
        self.latest = max(self.latest, self.clock.now())
        self.clock.pass_by(MINUTE)
        self.ticker.tick()

    # What has to be true at all times

    @invariant()
    def every_move_is_in_the_table(self):
        assert not getattr(self, "wrong", ())

    @invariant()
    def no_due_time_is_doubled(self):
        assert not getattr(self, "doubled", ())

    @invariant()
    def one_run_of_a_job_has_begun_and_one_waits_at_most(self):
        for run in self.unfinished() if hasattr(self, "manager") else ():
            of_job = self.manager.unfinished_of(run.job_id)
            assert sum(one.begun for one in of_job) <= 1, of_job
            assert sum(not one.begun for one in of_job) <= 1, of_job

    @invariant()
    def a_run_that_may_happen_once_never_starts_again_by_itself(self):
        for run in self.unfinished() if hasattr(self, "manager") else ():
            if run.kind == "once":
                assert run.attempt <= 1 + self.once_more.get(run.id, 0), run

    @invariant()
    def no_run_is_forgotten(self):
        for run in self.unfinished() if hasattr(self, "manager") else ():
            if run.state in AT_WORK:
                assert run.id in self.at_work, run
            elif run.state == RunState.QUEUED:
                assert self.dispatcher.has(run.id) or self.waits_for_its_own_job(run), run
            elif run.state == RunState.SCHEDULED:
                assert self.ticker.plans(run.id), run
            elif run.state == RunState.BLOCKED:
                assert self.ticker.plans(run.id) or self.waits_for_somebody(run), run

    def waits_for_its_own_job(self, run):
        """Tell whether another run of the job has begun: this one is put into the line when that is over."""
        return any(one.begun and one.id != run.id for one in self.manager.unfinished_of(run.job_id))

    def waits_for_somebody(self, run):
        """Tell whether one of the runs it waits for is not over, or one of the jobs has yet to begin."""
        for job_id, run_id in run.upstream.items():
            if not run_id and self.attempt(lambda job_id=job_id: self.manager.job(job_id)):
                return True
            parent = self.attempt(lambda run_id=run_id: self.manager.run(run_id)) if run_id else None
            if parent is not None and not parent.over:
                return True
        return False

    @invariant()
    def what_is_due_is_planned(self):
        for job in self.manager.scheduled_jobs() if hasattr(self, "manager") else ():
            due = next_due(job, self.manager.register(SCHEDULE + job.id))
            assert due is None or self.ticker.plans_job(job.id), job


TestLife = Life.TestCase
TestLife.settings = settings(max_examples=100, stateful_step_count=50)
