"""The two views of what there is, and who waits for what."""

import pytest

from core.errors import StorageFull
from core.states import RunState
from tests.builders import a_job, a_queued_run, a_running_run


@pytest.fixture
def unwaited(manager):
    """Decide without waiting; returns the commitments that would have been waited for."""

    def decide(command):
        with manager._ledger.unwaited() as commitments:
            command()
        return commitments

    return decide


@pytest.mark.parametrize("verb", ["cancel", "pause"])
def test_whoever_finds_done_what_they_ask_for_waits_until_it_is_durable(manager, store, unwaited, verb):
    run = a_running_run(manager)
    act = getattr(manager, verb)
    store.fail_next(StorageFull("No room."))

    first = unwaited(lambda: act(run.id))
    second = unwaited(lambda: act(run.id))

    assert second == first
    with pytest.raises(StorageFull):
        second[0].wait()
    assert manager.run(run.id).state == RunState.RUNNING


def test_the_present_run_is_answered_once_it_is_durable(manager, unwaited):
    job = a_job(manager)
    first = unwaited(lambda: manager.start(job.id))

    def look():
        with manager.present_run(job.id, "paused"):
            pass

    assert unwaited(look) == first


def test_what_is_durable_is_waited_for_no_more(manager, unwaited):
    run = a_queued_run(manager)

    def look():
        with manager.present_run(run.job_id, "paused"):
            pass

    assert unwaited(look) == []
