"""The ticker, on a clock that is set and with its ear close to the manager."""

import threading
from datetime import UTC, datetime, timedelta

import pytest

from core.clock import SystemClock
from core.drafts import JobPatch
from core.errors import StorageFailed
from core.events import EventBus, EventsMissed, PromptBus, RunMoved
from core.manager import JobManager
from core.models import AfterWhen, Failure, Missed, Retry, Schedule
from core.scheduler import Agenda, Scheduler
from core.states import RunState
from core.storage.memory import MemoryStore
from core.work import Outcome
from tests.builders import a_draft, a_job
from tests.doubles import SettableClock, make_scripted_engine

MIDNIGHT = datetime(2026, 11, 21, tzinfo=UTC)
HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)
HOURLY = Schedule(cron="0 * * * *", timezone="UTC")
LOST = Failure(code="lost", message="The connection was lost.", transient=True)
STUBBORN = Retry(max_attempts=3, wait=600)


@pytest.fixture
def clock():
    return SettableClock(MIDNIGHT)


@pytest.fixture
def events():
    return PromptBus()


@pytest.fixture
def a_scheduler(events, clock):
    """Make the ticker of a Holdfast that starts on this manager."""

    def make(manager):
        scheduler = Scheduler(manager, events, clock)
        events.listen(scheduler.hear)
        scheduler.begin()
        scheduler.tick()
        return scheduler

    return make


@pytest.fixture
def scheduler(a_scheduler, manager):
    return a_scheduler(manager)


@pytest.fixture
def passes(scheduler, clock):
    """Let time pass, and the ticker look."""

    def go(span):
        clock.pass_by(span)
        scheduler.tick()

    return go


def end(manager, run):
    """Carry a queued run out, in no time."""
    claimed = manager.claim(run.id, "test-worker")
    return manager.fail(run.id, claimed.attempt, LOST)


def states(manager, job):
    return [run.state for run in manager.runs_of(job.id)]


def test_what_is_due_is_queued_at_its_time_and_not_before(manager, passes):
    job = a_job(manager, schedule=HOURLY)

    passes(59 * MINUTE)
    before = manager.runs_of(job.id)
    passes(MINUTE)

    (run,) = manager.runs_of(job.id)
    assert before == ()
    assert (run.state, run.slot_at, run.trigger) == (RunState.QUEUED, MIDNIGHT + HOUR, "schedule")


def test_a_job_that_is_edited_goes_by_its_new_schedule(manager, passes, edited):
    job = a_job(manager, schedule=HOURLY)

    edited(job, schedule=Schedule(cron="30 * * * *", timezone="UTC"))
    passes(35 * MINUTE)

    assert [run.slot_at for run in manager.runs_of(job.id)] == [MIDNIGHT + 30 * MINUTE]


@pytest.fixture
def edited(manager):
    def edit(job, **fields):
        return manager.edit(job.id, JobPatch(**fields), version=None)

    return edit


def test_a_job_that_is_switched_off_or_deleted_is_due_no_more(manager, passes, edited):
    off, gone = a_job(manager, schedule=HOURLY), a_job(manager, schedule=HOURLY)

    edited(off, enabled=False)
    manager.delete(gone.id)
    passes(3 * HOUR)

    assert manager.runs_of(off.id) == ()


def test_a_job_that_is_switched_on_again_makes_up_for_nothing(manager, passes, edited):
    job = a_job(manager, schedule=HOURLY)
    edited(job, enabled=False)
    passes(3 * HOUR + MINUTE)

    edited(job, enabled=True)
    passes(30 * MINUTE)
    before = manager.runs_of(job.id)
    passes(30 * MINUTE)

    assert before == ()
    assert len(manager.runs_of(job.id)) == 1


def test_missed_due_times_follow_one_another_as_runs_end(manager, passes):
    job = a_job(manager, schedule=Schedule(cron="0 * * * *", timezone="UTC", missed=Missed.ALL))
    passes(3 * HOUR + 5 * MINUTE)

    made = [manager.runs_of(job.id)[0].slot_at]
    while len(made) < 3:
        end(manager, manager.runs_of(job.id)[0])
        passes(timedelta())
        made.append(manager.runs_of(job.id)[0].slot_at)

    assert made == [MIDNIGHT + HOUR, MIDNIGHT + 2 * HOUR, MIDNIGHT + 3 * HOUR]


def test_the_wait_before_another_attempt_ends_by_the_clock(manager, passes):
    run = manager.start(a_job(manager, retry=STUBBORN).id)
    end(manager, run)

    passes(9 * MINUTE)
    before = manager.run(run.id).state
    passes(MINUTE)

    assert before == RunState.SCHEDULED
    assert manager.run(run.id).state == RunState.QUEUED


def test_a_clock_that_is_set_back_makes_no_wait_longer(manager, passes, clock):
    run = manager.start(a_job(manager, retry=STUBBORN).id)
    end(manager, run)

    clock.set(MIDNIGHT - 5 * HOUR)
    passes(10 * MINUTE)

    assert manager.run(run.id).state == RunState.QUEUED


def test_a_clock_that_was_set_back_while_holdfast_was_off_makes_no_wait_longer(manager, clock, a_scheduler):
    run = manager.start(a_job(manager, retry=STUBBORN).id)
    end(manager, run)
    clock.set(MIDNIGHT - 5 * HOUR)

    scheduler = a_scheduler(manager)
    clock.pass_by(10 * MINUTE)
    scheduler.tick()

    assert manager.run(run.id).state == RunState.QUEUED


def test_the_wait_before_another_attempt_goes_on_after_a_restart(
    a_manager, manager, store, dispatcher, clock, a_scheduler
):
    run = manager.start(a_job(manager, retry=STUBBORN).id)
    end(manager, run)
    clock.pass_by(4 * MINUTE)
    manager.close()

    again = a_manager(store, dispatcher)
    scheduler = a_scheduler(again)
    clock.pass_by(5 * MINUTE)
    scheduler.tick()
    before = again.run(run.id).state
    clock.pass_by(MINUTE)
    scheduler.tick()

    assert before == RunState.SCHEDULED
    assert again.run(run.id).state == RunState.QUEUED


def test_a_cancelled_wait_is_not_ended(manager, passes, scheduler):
    run = manager.start(a_job(manager, retry=STUBBORN).id)
    end(manager, run)

    manager.cancel(run.id)
    passes(HOUR)

    assert manager.run(run.id).state == RunState.CANCELLED
    assert not scheduler.plans(run.id)


def test_a_clock_that_jumps_ahead_wakes_what_is_due_by_then(manager, scheduler, clock):
    job = a_job(manager, schedule=HOURLY)

    clock.set(MIDNIGHT + timedelta(days=2, minutes=1))
    scheduler.tick()

    assert [run.slot_at for run in manager.runs_of(job.id)] == [MIDNIGHT + timedelta(days=2)]


def test_a_clock_set_back_by_days_leaves_no_job_waiting_for_days(manager, passes, clock):
    job = a_job(manager, schedule=HOURLY)
    passes(HOUR)
    end(manager, manager.runs_of(job.id)[0])

    clock.set(MIDNIGHT - timedelta(days=3))
    passes(timedelta())
    passes(HOUR)

    assert manager.runs_of(job.id)[0].slot_at == MIDNIGHT - timedelta(days=3) + HOUR


def test_a_due_time_that_the_store_refused_is_kept_later(manager, store, passes):
    job, other = a_job(manager, schedule=HOURLY), a_job(manager, schedule=HOURLY)
    store.fail_next(StorageFailed("The disk is full."))

    passes(HOUR)
    made = [len(manager.runs_of(one.id)) for one in (job, other)]
    passes(timedelta(seconds=10))

    assert sorted(made) == [0, 1]
    assert [len(manager.runs_of(one.id)) for one in (job, other)] == [1, 1]


def test_a_job_runs_at_each_start_of_holdfast(manager, a_scheduler, clock):
    job = a_job(manager, schedule=Schedule(on_start=True))

    first = a_scheduler(manager)
    clock.pass_by(HOUR)
    first.tick()
    once = states(manager, job)
    end(manager, manager.runs_of(job.id)[0])
    a_scheduler(manager)

    assert once == [RunState.QUEUED]
    assert states(manager, job) == [RunState.QUEUED, RunState.FAILED]


def test_a_job_that_ran_at_the_start_is_due_by_its_cron_too(manager, a_scheduler, clock):
    job = a_job(manager, schedule=Schedule(cron="0 * * * *", timezone="UTC", on_start=True))
    scheduler = a_scheduler(manager)
    end(manager, manager.runs_of(job.id)[0])

    clock.pass_by(HOUR)
    scheduler.tick()

    assert manager.runs_of(job.id)[0].slot_at == MIDNIGHT + HOUR


def test_a_start_that_the_store_refuses_is_told_again(manager, store, a_scheduler, clock):
    job = a_job(manager, schedule=Schedule(on_start=True))
    store.fail_next(StorageFailed("The disk is full."))

    scheduler = a_scheduler(manager)
    before = states(manager, job)
    clock.pass_by(timedelta(seconds=10))
    scheduler.tick()

    assert before == []
    assert states(manager, job) == [RunState.QUEUED]


def test_a_ticker_that_was_too_slow_to_hear_looks_at_everything(manager, events, clock):
    scheduler = Scheduler(manager, events, clock)
    scheduler.begin()
    job = a_job(manager, schedule=HOURLY)
    clock.pass_by(HOUR)
    scheduler.tick()
    before = states(manager, job)

    scheduler.hear(EventsMissed(count=1))
    scheduler.tick()

    assert before == []
    assert states(manager, job) == [RunState.QUEUED]


def test_a_schedule_that_also_comes_after_a_job_waits_for_both(manager, passes):
    first = a_job(manager)
    job = a_job(manager, schedule=HOURLY, after=(first.id,), after_when=AfterWhen.ALL_SUCCEEDED)
    run = manager.start(first.id)

    passes(HOUR)
    before = states(manager, job)
    claimed = manager.claim(run.id, "test-worker")
    manager.complete(run.id, claimed.attempt, Outcome())

    assert before == [RunState.BLOCKED]
    assert states(manager, job) == [RunState.QUEUED]


def test_what_is_planned_anew_is_not_taken_at_its_old_time():
    agenda = Agenda()
    agenda.put("one", 5.0)
    agenda.put("two", 3.0)
    agenda.put("one", 9.0)
    agenda.put("two", None)

    assert agenda.take(8.0) == []
    assert (agenda.next_at(), len(agenda), "one" in agenda) == (9.0, 1, True)
    assert agenda.take(9.0) == ["one"]


def test_a_ticker_at_work_wakes_by_itself_and_hears_of_new_jobs(dispatcher, surroundings):
    bus, clock, came = EventBus(), SystemClock(), threading.Event()
    manager = JobManager(MemoryStore(), bus, clock, dispatcher, make_scripted_engine, surroundings)
    manager.open()
    bus.subscribe("test", lambda event: came.set() if isinstance(event, RunMoved) else None)
    scheduler = Scheduler(manager, bus, clock)
    scheduler.start()

    job = manager.create(a_draft(schedule=Schedule(at=clock.now() + timedelta(seconds=0.2))))

    assert came.wait(60)
    assert states(manager, job) == [RunState.QUEUED]
    assert scheduler.is_working()
    scheduler.stop()
    assert not scheduler.is_working()
    bus.close()
    manager.close()
