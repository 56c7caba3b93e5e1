from datetime import timedelta

import pytest

from core.dispatch.local import LocalDispatcher
from core.errors import AlreadyRunning, StorageFull
from core.models import Ending, OnInterrupt
from core.states import RunState
from core.work import Outcome
from tests.builders import a_queued_run, a_running_run, some_progress


@pytest.fixture
def after_a_kill(a_manager, store):
    """Start again on what the store holds, as after kill -9."""

    def start_again():
        dispatcher = LocalDispatcher(1)
        store.close()
        manager = a_manager(store, dispatcher)
        manager.recover()
        return manager, dispatcher

    return start_again


def test_a_repeatable_run_that_lost_its_worker_is_queued_again(manager, after_a_kill):
    run = a_running_run(manager)
    manager.report(run.id, 1, some_progress(), {"copied": 5})

    again, dispatcher = after_a_kill()

    found = again.run(run.id)
    assert (found.state, found.worker, found.checkpoint) == (RunState.QUEUED, None, {"copied": 5})
    assert found.attempts[0].ending == Ending.INTERRUPTED
    assert dispatcher.load().waiting == 1


def test_a_run_that_must_not_be_repeated_is_paused_when_its_worker_is_lost(manager, after_a_kill):
    run = a_running_run(manager, kind="once")

    again, dispatcher = after_a_kill()

    assert again.run(run.id).state == RunState.PAUSED
    assert dispatcher.load().waiting == 0


def test_a_job_can_ask_to_fail_or_pause_on_interruption(manager, after_a_kill):
    failing = a_running_run(manager, on_interrupt=OnInterrupt.FAIL)
    pausing = a_running_run(manager, on_interrupt=OnInterrupt.PAUSE)

    again, _ = after_a_kill()

    assert again.run(failing.id).state == RunState.FAILED
    assert again.run(failing.id).error.code == "interrupted"
    assert again.run(pausing.id).state == RunState.PAUSED


def test_a_run_that_was_being_cancelled_is_cancelled_after_a_restart(manager, after_a_kill):
    run = a_running_run(manager)
    manager.cancel(run.id)

    again, _ = after_a_kill()

    assert again.run(run.id).state == RunState.CANCELLED


def test_a_run_that_was_pausing_is_paused_after_a_restart(manager, after_a_kill):
    run = a_running_run(manager)
    manager.pause(run.id)

    again, _ = after_a_kill()

    assert again.run(run.id).state == RunState.PAUSED


def test_a_clock_that_was_set_back_hides_no_run(manager, after_a_kill, clock):
    done = a_running_run(manager)
    manager.complete(done.id, 1, Outcome())
    clock.set(clock.now() - timedelta(hours=1))
    waiting = manager.start(done.job_id)

    again, _ = after_a_kill()

    assert again.job(done.job_id).latest_run.id == waiting.id
    assert [run.number for run in again.runs_of(done.job_id)] == [2, 1]
    with pytest.raises(AlreadyRunning):
        again.start(done.job_id)


def test_what_the_disk_refuses_at_the_start_is_decided_later(manager, a_manager, store):
    run = a_running_run(manager)
    store.close()
    dispatcher = LocalDispatcher(1)
    again = a_manager(store, dispatcher)

    store.fail_next(StorageFull("The disk is full."))
    at_first, lost_then = again.recover(), again.still_lost
    later = again.recover()

    assert (at_first, lost_then) == ((), True)
    assert [one.state for one in later] == [RunState.QUEUED]
    assert not again.still_lost
    assert again.run(run.id).attempts[0].ending == Ending.INTERRUPTED


def test_a_run_that_began_after_the_start_is_not_taken_for_lost(manager):
    run = a_running_run(manager)

    manager.recover()

    assert manager.run(run.id) == run


def test_what_was_queued_is_queued_after_a_restart_oldest_first(manager, after_a_kill, clock):
    runs = [a_queued_run(manager) for _ in range(3)]

    again, dispatcher = after_a_kill()

    assert [again.run(run.id).state for run in runs] == [RunState.QUEUED] * 3
    assert dispatcher.load().waiting == 3
