"""What people say about the queue, kept by the manager and followed by the dispatcher."""

from datetime import timedelta

import pytest

from core.dispatch.local import LocalDispatcher
from core.errors import InvalidOptions, NotFound
from core.models import Overlap, Priority, Schedule
from core.queueing import Reason, Scope
from core.states import RunState
from tests.builders import a_draft, a_job, a_paused_run, a_queued_run

HOUR = timedelta(hours=1)


@pytest.fixture
def dispatcher(clock):
    return LocalDispatcher(1, clock)


def in_line(dispatcher):
    return [one.place.run_id for one in dispatcher.in_line()]


def a_second_run(manager, clock, job_id):
    """Have the schedule of a job make a run while another one is not over."""
    schedule = Schedule(every=3600, overlap=Overlap.QUEUE)
    manager.define(job_id, a_draft(name="twice", schedule=schedule))
    clock.pass_by(HOUR)
    manager.fire(job_id, clock.now())
    return next(run for run in manager.waiting_runs() if run.job_id == job_id)


def test_a_run_is_not_in_line_while_another_one_of_its_job_is_paused(manager, dispatcher, clock):
    paused_run = a_paused_run(manager)

    second = a_second_run(manager, clock, paused_run.job_id)

    assert second.state == RunState.QUEUED
    assert in_line(dispatcher) == []
    assert manager.claim(second.id, "worker") is None
    assert in_line(dispatcher) == []


def test_a_run_comes_into_line_when_the_one_before_it_is_over(manager, dispatcher, clock):
    paused_run = a_paused_run(manager)
    second = a_second_run(manager, clock, paused_run.job_id)

    manager.cancel(paused_run.id)

    assert in_line(dispatcher) == [second.id]


def test_a_run_waits_for_the_one_before_it_after_a_restart_too(manager, a_manager, store, clock):
    paused_run = a_paused_run(manager)
    second = a_second_run(manager, clock, paused_run.job_id)
    manager.close()
    dispatcher = LocalDispatcher(1, clock)

    again = a_manager(store, dispatcher)
    again.recover()

    assert in_line(dispatcher) == []
    again.cancel(paused_run.id)
    assert in_line(dispatcher) == [second.id]


def test_a_paused_queue_holds_what_is_queued_and_a_restart_does_not_end_it(manager, a_manager, store, clock):
    run = a_queued_run(manager)
    manager.pause_line(Scope.QUEUE, by="ada", reason="moving house")
    manager.close()
    dispatcher = LocalDispatcher(1, clock)

    again = a_manager(store, dispatcher)
    again.recover()

    holdup = again.holdup(run.id)
    assert holdup is not None
    assert (holdup.reason, holdup.pause.by, holdup.pause.reason) == (Reason.PAUSED, "ada", "moving house")
    assert again.claim(run.id, "worker") is None
    again.resume_line(Scope.QUEUE)
    assert again.claim(run.id, "worker") is not None


def test_a_pause_of_an_unknown_job_is_refused(manager):
    with pytest.raises(NotFound):
        manager.pause_line(Scope.JOB, "nobody")


def test_a_pause_or_limit_of_a_kind_that_does_not_exist_is_refused(manager):
    with pytest.raises(NotFound):
        manager.pause_line(Scope.KIND, "comand")
    with pytest.raises(NotFound):
        manager.limit(Scope.KIND, "comand", 1)

    assert not manager.rules().pauses
    manager.limit(Scope.KIND, "comand", None)
    manager.resume_line(Scope.KIND, "comand")


def test_a_pause_until_a_moment_that_is_over_is_refused(manager, clock):
    with pytest.raises(InvalidOptions):
        manager.pause_line(Scope.QUEUE, until=clock.now())


def test_a_changed_priority_changes_the_place_in_line(manager, dispatcher):
    first, second = a_queued_run(manager), a_queued_run(manager)

    moved = manager.prioritise(second.id, Priority.HIGH)

    assert moved.priority == Priority.HIGH
    assert in_line(dispatcher) == [second.id, first.id]


def test_the_limit_of_a_group_is_kept(manager):
    a_job(manager, groups=("nas-02",))

    manager.limit(Scope.GROUP, "nas-02", 3)

    assert manager.rules().limit(Scope.GROUP, "nas-02") == 3
    with pytest.raises(InvalidOptions):
        manager.limit(Scope.GROUP, "nas-02", 0)
