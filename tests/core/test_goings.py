from datetime import timedelta

import pytest

from core.acting import Actor, acting_as
from core.dispatch.local import LocalDispatcher
from core.drafts import JobPatch
from core.errors import NotFound, VersionConflict, WrongState
from core.events import JobDeleted
from core.models import Schedule
from core.shown import GOING
from core.states import RunState
from core.storage.yaml_files import YamlFilesStore
from core.work import Outcome
from tests.builders import a_job, a_queued_run, a_running_run


def after(seconds, manager, clock):
    clock.pass_by(timedelta(seconds=seconds))
    manager.delete_due(clock.now())


def is_there(manager, job):
    try:
        manager.job(job.id)
    except NotFound:
        return False
    return True


def a_good_run(manager, **fields):
    run = a_running_run(manager, **fields)
    return manager.complete(run.id, run.attempt, Outcome())


def test_a_job_that_is_let_go_is_there_until_its_time_is_over(manager, clock, events, heard):
    run = a_good_run(manager)
    job = manager.job(run.job_id).job

    with acting_as(Actor(name="ana")):
        manager.let_go(job.id, "ana")
    after(29, manager, clock)
    kept = manager.job(job.id)
    after(1, manager, clock)

    assert (kept.job, kept.going.by) == (job, "ana")
    assert not is_there(manager, job)
    assert not manager.knows_run(run.id)
    assert manager.registers(GOING) == {}
    events.close()
    assert [event.by for event in heard if isinstance(event, JobDeleted)] == ["ana"]


def test_a_job_that_is_kept_after_all_is_as_it_was(manager, clock):
    run = a_good_run(manager)
    job = manager.job(run.job_id).job

    manager.let_go(job.id, "ana")
    manager.keep_after_all(job.id)
    after(31, manager, clock)

    shown = manager.job(job.id)
    assert (shown.job, shown.latest_run, shown.going) == (job, run, None)
    assert manager.start(job.id).state == RunState.QUEUED


def test_a_job_that_is_let_go_twice_keeps_its_first_moment(manager, clock):
    job = a_job(manager)

    first = manager.let_go(job.id, "ana")
    clock.pass_by(timedelta(seconds=20))
    second = manager.let_go(job.id, "ben")
    after(10, manager, clock)

    assert second == first
    assert first.until - first.since == timedelta(seconds=30)
    assert not is_there(manager, job)


def test_a_job_with_a_run_that_is_not_over_is_not_let_go(manager):
    run = a_queued_run(manager)

    with pytest.raises(WrongState) as refused:
        manager.let_go(run.job_id, "ana")

    assert "Cancel the run first" in refused.value.hint
    assert manager.going(run.job_id) is None


def test_a_job_is_let_go_only_at_the_version_that_was_seen(manager):
    job = a_job(manager)
    manager.edit(job.id, JobPatch(name="renamed"), version=1)

    with pytest.raises(VersionConflict):
        manager.let_go(job.id, "ana", version=1)

    assert manager.going(job.id) is None


def test_a_job_that_goes_is_not_started_by_anybody(manager):
    parent = a_job(manager)
    last = a_good_run(manager, after=(parent.id,))
    manager.let_go(last.job_id, "ana")

    for ask in (lambda: manager.start(last.job_id), lambda: manager.requeue(last.id)):
        with pytest.raises(WrongState) as refused:
            ask()
        assert "Take that back first" in refused.value.hint
    run = manager.claim(manager.start(parent.id).id, "test-worker")
    manager.complete(run.id, run.attempt, Outcome())

    assert manager.job(last.job_id).latest_run == last


def test_a_due_time_waits_for_what_becomes_of_the_job(manager, clock):
    job = a_job(manager, schedule=Schedule(every=10.0))
    manager.let_go(job.id, "ana")

    clock.pass_by(timedelta(seconds=12))
    during = manager.fire(job.id, clock.now())
    manager.keep_after_all(job.id)
    afterwards = manager.fire(job.id, clock.now())

    assert (during.run, afterwards.run is not None) == (None, True)
    assert manager.job(job.id).latest_run.state == RunState.QUEUED


def test_a_job_that_goes_is_not_edited(manager):
    job = a_job(manager)
    manager.let_go(job.id, "ana")

    with pytest.raises(WrongState):
        manager.edit(job.id, JobPatch(name="renamed"), version=None)

    assert manager.job(job.id).job == job


def test_a_job_that_goes_still_goes_after_a_restart(a_manager, tmp_path, clock):
    first = a_manager(YamlFilesStore(tmp_path / "data", clock=clock), LocalDispatcher(1))
    job = a_job(first)
    first.let_go(job.id, "ana")
    first.close()
    clock.pass_by(timedelta(seconds=10))

    second = a_manager(YamlFilesStore(tmp_path / "data", clock=clock), LocalDispatcher(1))
    second.delete_due(clock.now())
    going = second.list_jobs().items[0].going
    second.close()
    clock.pass_by(timedelta(seconds=20))
    third = a_manager(YamlFilesStore(tmp_path / "data", clock=clock), LocalDispatcher(1))
    third.delete_due(clock.now())

    assert going.by == "ana"
    assert not is_there(third, job)
    third.close()


def test_a_program_deletes_a_job_that_goes_at_once(manager):
    job = a_job(manager)
    manager.let_go(job.id, "ana")

    manager.delete(job.id)

    assert not is_there(manager, job)
    assert manager.registers(GOING) == {}


def test_what_comes_after_a_job_that_went_is_free_of_it(manager, clock):
    first = a_job(manager)
    second = a_job(manager, after=(first.id,))
    manager.let_go(first.id, "ana")
    clock.pass_by(timedelta(seconds=5))
    manager.let_go(second.id, "ana")

    after(25, manager, clock)

    shown = manager.job(second.id)
    assert not is_there(manager, first)
    assert (shown.job.after, shown.going.by) == ((), "ana")


def test_many_jobs_that_go_are_gone_at_one_look_also_those_after_others(manager, clock):
    first = a_job(manager, name="first")
    after_it = [a_job(manager, name=f"after {number}", after=(first.id,)) for number in range(150)]
    for job in (first, *after_it):
        manager.let_go(job.id, "ana")
    manager.keep_after_all(after_it[-1].id)
    clock.pass_by(timedelta(seconds=30))

    assert manager.delete_due(clock.now()) == 150
    assert [item.job.name for item in manager.list_jobs().items] == ["after 149"]
    assert manager.registers(GOING) == {}
