"""A due time becomes a run, and its settling is part of the same change."""

from datetime import timedelta

import pytest

from core.models import Overlap, Schedule
from core.states import RunState
from core.work import Outcome
from tests.builders import a_job

HOURLY = Schedule(every=3600)


def test_a_due_time_makes_one_run_however_often_it_is_looked_at(manager, clock):
    job = a_job(manager, schedule=HOURLY)
    clock.pass_by(timedelta(hours=1))

    fired = [manager.fire(job.id, clock.now()) for _ in range(3)]

    assert [one.run is not None for one in fired] == [True, False, False]
    run = manager.job(job.id).latest_run
    assert (run.state, run.trigger, run.slot_at) == ("queued", "schedule", clock.now())


def test_a_restart_neither_doubles_nor_loses_a_due_time(a_manager, manager, store, dispatcher, clock):
    job = a_job(manager, schedule=HOURLY)
    clock.pass_by(timedelta(hours=1))
    manager.fire(job.id, clock.now())
    manager.close()

    manager = a_manager(store, dispatcher)
    manager.fire(job.id, clock.now())

    assert len(manager.runs_of(job.id)) == 1


def test_the_older_one_gives_way_where_the_schedule_says_so(manager, clock):
    job = a_job(manager, schedule=Schedule(every=3600, overlap=Overlap.CANCEL))
    older = manager.claim(manager.start(job.id).id, "w")
    clock.pass_by(timedelta(hours=1))

    manager.fire(job.id, clock.now())

    assert manager.run(older.id).state is RunState.CANCELLING
    newer = manager.job(job.id).latest_run
    assert (newer.number, newer.state) == (2, RunState.QUEUED)
    assert manager.claim(newer.id, "w") is None
    manager.stopped(older.id, older.attempt)
    assert manager.claim(newer.id, "w") is not None


@pytest.mark.parametrize("succeeds", [True, False])
def test_a_late_start_depends_on_an_early_success(manager, clock, succeeds):
    dump = a_job(manager)
    late = a_job(manager, after=(dump.id,), schedule=HOURLY)
    early = manager.claim(manager.start(dump.id).id, "w")
    if succeeds:
        manager.complete(early.id, early.attempt, Outcome())
    else:
        manager.cancel(early.id)
        manager.stopped(early.id, early.attempt)
    clock.pass_by(timedelta(hours=1))

    manager.fire(late.id, clock.now())

    assert manager.job(late.id).latest_run.state == ("queued" if succeeds else "skipped")


def test_a_late_start_waits_for_a_parent_that_has_not_run_since(manager, clock):
    dump = a_job(manager)
    late = a_job(manager, after=(dump.id,), schedule=HOURLY)
    for _ in range(2):
        clock.pass_by(timedelta(hours=1))
        manager.fire(late.id, clock.now())
        assert manager.job(late.id).latest_run.state == "blocked"
        early = manager.claim(manager.start(dump.id).id, "w")
        manager.complete(early.id, early.attempt, Outcome())
        run = manager.claim(manager.job(late.id).latest_run.id, "w")
        manager.complete(run.id, run.attempt, Outcome())


def test_a_job_that_is_deleted_leaves_nothing_of_its_schedule(manager, clock):
    job = a_job(manager, schedule=HOURLY)
    clock.pass_by(timedelta(hours=1))
    manager.fire(job.id, clock.now())
    manager.cancel(manager.job(job.id).latest_run.id)

    manager.delete(job.id)

    assert manager.registers("schedule/") == {}


def test_one_that_is_skipped_as_soon_as_it_is_due_is_told_to_what_waits_for_it(manager, clock):
    dump = a_job(manager)
    late = a_job(manager, after=(dump.id,), schedule=HOURLY)
    report = a_job(manager, after=(late.id,))
    manager.cancel(manager.start(dump.id).id)
    clock.pass_by(timedelta(hours=1))

    manager.fire(late.id, clock.now())

    assert [manager.job(job.id).latest_run.state for job in (late, report)] == ["skipped", "skipped"]
