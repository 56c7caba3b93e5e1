"""The waits that a run shows are those that were promised, whatever came between."""

from datetime import timedelta

from core.models import Backoff, Failure, Retry
from core.work import Outcome
from tests.builders import a_running_run

LOST = Failure(code="engine-failed", message="The connection was lost.", transient=True)


def test_a_wait_that_was_over_while_holdfast_was_off_is_shown_as_it_was_promised(
    a_manager, manager, store, dispatcher, clock
):
    run = a_running_run(manager, retry=Retry(max_attempts=4, backoff=Backoff.LINEAR, wait=60))
    manager.fail(run.id, run.attempt, LOST)
    manager.close()
    clock.pass_by(timedelta(hours=9))
    manager = a_manager(store, dispatcher)

    manager.ripen(run.id)
    run = manager.fail(run.id, manager.claim(run.id, "w").attempt, LOST)
    clock.pass_by(timedelta(seconds=121))
    manager.ripen(run.id)
    run = manager.complete(run.id, manager.claim(run.id, "w").attempt, Outcome())

    assert [attempt.waited for attempt in run.attempts] == [0, 60, 120]


def test_a_wait_that_ended_by_a_clock_that_was_set_back_is_not_longer_than_it_was(manager, clock):
    run = a_running_run(manager, retry=Retry(max_attempts=4, wait=600))
    manager.fail(run.id, run.attempt, LOST)
    clock.pass_by(timedelta(seconds=60))

    ripe = manager.ripen(run.id)

    assert ripe.due_at == clock.now()
