"""How runs come to be, and what people say about the queue."""

import threading
from datetime import timedelta

import pytest

from core.errors import AlreadyRunning, InvalidOptions, NotFound, WrongState
from core.models import Priority
from core.queueing import Scope
from core.states import RunState
from tests.builders import a_draft, a_job, a_queued_run, a_running_run


def test_the_same_key_makes_one_job_however_often_it_is_sent(manager):
    made = {manager.create(a_draft(name="photos"), key="k1").id for _ in range(3)}

    assert len(made) == 1
    assert manager.create(a_draft(name="photos"), key="k2").id not in made


def test_the_same_key_makes_one_run_from_many_threads(manager):
    job = a_job(manager)
    made = []
    gate = threading.Barrier(8)

    def ask():
        gate.wait()
        made.append(manager.start(job.id, key="tonight").id)

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(set(made)) == 1
    assert len(manager.runs_of(job.id)) == 1


def test_a_key_outlives_its_run_until_it_is_forgotten(manager, clock):
    job = a_job(manager)
    run = manager.start(job.id, key="tonight")
    manager.cancel(run.id)
    assert manager.start(job.id, key="tonight").id == run.id
    clock.pass_by(timedelta(days=8))

    forgotten = manager.forget_keys(clock.now() - timedelta(days=7))

    assert forgotten == 1
    assert manager.start(job.id, key="tonight").id != run.id


def test_a_run_asked_for_a_time_to_come_waits_for_it(manager, clock):
    job = a_job(manager)
    at = clock.now() + timedelta(hours=2)

    run = manager.start(job.id, at=at)
    assert (run.state, run.due_at) == (RunState.SCHEDULED, at)
    clock.set(at)

    assert manager.ripen(run.id).state is RunState.QUEUED


def test_one_that_is_in_line_is_not_asked_for_twice(manager):
    run = a_queued_run(manager)

    with pytest.raises(AlreadyRunning):
        manager.start(run.job_id)


def test_a_run_that_waits_is_given_another_priority(manager):
    run = a_queued_run(manager)

    run = manager.prioritise(run.id, Priority.CRITICAL)

    assert run.priority is Priority.CRITICAL
    with pytest.raises(WrongState):
        manager.prioritise(manager.claim(run.id, "w").id, Priority.LOW)


@pytest.mark.parametrize("scope", list(Scope))
def test_what_is_paused_is_not_claimed_until_it_is_resumed(manager, scope):
    run = a_queued_run(manager, groups=("nas-02",))
    name = {Scope.QUEUE: "", Scope.KIND: run.kind, Scope.JOB: run.job_id, Scope.GROUP: "nas-02"}[scope]
    manager.pause_line(scope, name, by="ana", reason="moving house")

    assert manager.claim(run.id, "w") is None
    manager.resume_line(scope, name)

    assert manager.claim(run.id, "w") is not None


def test_a_pause_ends_by_itself_when_it_said_when(manager, clock):
    run = a_queued_run(manager)
    manager.pause_line(Scope.QUEUE, by="ana", until=clock.now() + timedelta(hours=1))
    assert manager.claim(run.id, "w") is None

    clock.pass_by(timedelta(hours=1))

    assert manager.claim(run.id, "w") is not None


def test_what_makes_no_sense_about_the_queue_is_refused(manager, clock):
    with pytest.raises(NotFound):
        manager.pause_line(Scope.JOB, "nobody")
    with pytest.raises(InvalidOptions):
        manager.pause_line(Scope.QUEUE, until=clock.now())
    with pytest.raises(InvalidOptions):
        manager.limit(Scope.GROUP, "nas-02", 0)


def test_pauses_and_limits_outlive_the_process(a_manager, manager, store, dispatcher):
    manager.pause_line(Scope.KIND, "scripted", by="ana", reason="new disk")
    manager.limit(Scope.GROUP, "nas-02", 3)
    manager.close()

    rules = a_manager(store, dispatcher).rules()

    assert rules.pause(Scope.KIND, "scripted").reason == "new disk"
    assert rules.limit(Scope.GROUP, "nas-02") == 3


def test_what_a_job_does_at_present_is_what_is_at_work_before_what_waits(manager):
    parent = a_job(manager)
    child = a_job(manager, after=(parent.id,))
    at_work = manager.claim(manager.start(child.id).id, "w")
    manager.start(parent.id)
    assert manager.job(child.id).latest_run.state == "blocked"

    with manager.present_run(child.id, "cancelled") as present:
        assert present.id == at_work.id


def test_a_run_that_was_given_up_is_cancelled(manager):
    run = a_running_run(manager, kind="once")
    manager.stopped(run.id, run.attempt)

    assert manager.give_up(run.id).state is RunState.CANCELLED
