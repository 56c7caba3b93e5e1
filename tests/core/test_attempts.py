"""What follows from how an attempt ended: another one, a letter, a breaker that opens."""

from datetime import timedelta

import pytest

from core.attempts import MOST_INTERRUPTED, TOO_OFTEN
from core.errors import WrongState
from core.models import Backoff, Failure, OnInterrupt, Retry
from core.states import RunState
from core.work import Outcome
from tests.builders import a_job, a_queued_run, a_running_run

CONNECTION_LOST = Failure(code="engine-failed", message="The connection was lost.", transient=True)
UNREACHABLE = Failure(code="unreachable", message="No answer from nas-02.", transient=True)
WRONG = Failure(code="engine-failed", message="The password is wrong.")
NAS = {"kind": "remote", "options": {"remote": "nas-02"}}


def next_attempt(manager, run, failure, clock):
    """Let the wait of a run be over, and fail its next attempt."""
    clock.set(run.due_at)
    manager.ripen(run.id)
    claimed = manager.claim(run.id, "w")
    return manager.fail(run.id, claimed.attempt, failure)


def test_a_transient_failure_is_tried_again_after_a_wait(manager, clock):
    run = a_running_run(manager, retry=Retry(max_attempts=3))

    run = manager.fail(run.id, run.attempt, CONNECTION_LOST)

    assert run.state is RunState.SCHEDULED
    assert run.due_at == clock.now() + timedelta(seconds=30)
    assert run.error == CONNECTION_LOST


def test_a_failure_that_waiting_does_not_help_is_final_at_once(manager):
    run = a_running_run(manager, retry=Retry(max_attempts=3))

    run = manager.fail(run.id, run.attempt, WRONG)

    assert run.state is RunState.FAILED
    assert [letter.message for letter in manager.letters()] == ["The password is wrong."]


def test_one_that_always_fails_is_given_up_after_exactly_so_many_attempts(manager, clock):
    run = a_running_run(manager, retry=Retry(max_attempts=3, backoff=Backoff.EXPONENTIAL, wait=10))
    run = manager.fail(run.id, run.attempt, CONNECTION_LOST)

    run = next_attempt(manager, run, CONNECTION_LOST, clock)
    run = next_attempt(manager, run, CONNECTION_LOST, clock)

    assert (run.state, run.attempt) == (RunState.FAILED, 3)
    assert [attempt.waited for attempt in run.attempts] == [0, 10, 20]
    assert [letter.attempts for letter in manager.letters()] == [3]


def test_one_that_fails_twice_then_works_shows_three_attempts_across_a_restart(
    a_manager, manager, store, dispatcher, clock
):
    run = a_running_run(manager, retry=Retry(max_attempts=5, backoff=Backoff.LINEAR, wait=60))
    run = manager.fail(run.id, run.attempt, CONNECTION_LOST)
    manager.close()
    manager = a_manager(store, dispatcher)

    run = next_attempt(manager, run, CONNECTION_LOST, clock)
    clock.set(run.due_at)
    manager.ripen(run.id)
    run = manager.complete(run.id, manager.claim(run.id, "w").attempt, Outcome())

    assert run.state is RunState.COMPLETED
    assert [attempt.ending for attempt in run.attempts] == ["failed", "failed", "completed"]
    assert [attempt.waited for attempt in run.attempts] == [0, 60, 120]
    assert manager.letters() == ()


def test_cancelling_during_the_wait_is_instant(manager):
    run = a_running_run(manager, retry=Retry(max_attempts=3))
    run = manager.fail(run.id, run.attempt, CONNECTION_LOST)

    assert manager.cancel(run.id).state is RunState.CANCELLED


def test_a_person_may_try_again_without_waiting(manager):
    run = a_running_run(manager, retry=Retry(max_attempts=3))
    run = manager.fail(run.id, run.attempt, CONNECTION_LOST)

    started = manager.start(run.job_id)

    assert (started.id, started.state) == (run.id, RunState.QUEUED)


def test_a_run_out_of_time_is_not_tried_again(manager, clock):
    run = a_running_run(manager, retry=Retry(max_attempts=9, wait=100), run_timeout=60.0)

    run = manager.fail(run.id, run.attempt, CONNECTION_LOST)

    assert run.state is RunState.FAILED


def test_a_failure_while_asked_to_pause_is_kept_for_when_it_goes_on(manager):
    run = a_running_run(manager, retry=Retry(max_attempts=3))
    manager.pause(run.id)

    run = manager.fail(run.id, run.attempt, CONNECTION_LOST)

    assert (run.state, run.error) == (RunState.PAUSED, CONNECTION_LOST)


def test_a_requeued_run_leaves_the_dead_letters_and_names_where_it_came_from(manager):
    run = a_running_run(manager)
    manager.fail(run.id, run.attempt, WRONG)

    again = manager.requeue(run.id, asked_by="ana")

    assert (again.of, again.number, again.state) == (run.id, 2, RunState.QUEUED)
    assert manager.letters() == ()


def test_a_run_that_was_discarded_is_no_dead_letter_and_cannot_be_discarded_twice(manager):
    run = a_running_run(manager)
    manager.fail(run.id, run.attempt, WRONG)

    manager.discard(run.id, by="ana", reason="known")

    assert manager.letters() == ()
    with pytest.raises(WrongState, match="not among the dead letters"):
        manager.discard(run.id, by="ana")


def test_a_failed_run_is_forgotten_with_its_letter(manager):
    run = a_running_run(manager)
    manager.fail(run.id, run.attempt, WRONG)
    manager.cancel(manager.start(run.job_id).id)

    manager.forget_runs([run.id])

    assert manager.letters() == ()


def test_one_that_ends_its_worker_again_and_again_waits_for_a_person(a_manager, manager, store, dispatcher):
    run = a_queued_run(manager)
    for _ in range(MOST_INTERRUPTED):
        assert manager.run(run.id).state is RunState.QUEUED
        manager.claim(run.id, "w")
        manager.close()
        manager = a_manager(store, dispatcher)
        manager.recover()

    assert (manager.run(run.id).state, manager.run(run.id).reason) == (RunState.PAUSED, TOO_OFTEN)


def test_interruptions_use_up_no_attempts(a_manager, manager, store, dispatcher):
    run = a_running_run(manager, retry=Retry(max_attempts=2), on_interrupt=OnInterrupt.RESUME)
    manager.close()
    manager = a_manager(store, dispatcher)
    manager.recover()

    run = manager.fail(run.id, manager.claim(run.id, "w").attempt, CONNECTION_LOST)

    assert run.state is RunState.SCHEDULED


def unreachable(manager, job):
    """Let one run of a job find its remote gone."""
    run = manager.claim(manager.start(job.id).id, "w")
    return manager.fail(run.id, run.attempt, UNREACHABLE)


def test_three_times_in_a_row_unreachable_opens_and_whoever_shares_it_waits(manager):
    jobs = [a_job(manager, **NAS) for _ in range(4)]
    for job in jobs[:3]:
        unreachable(manager, job)

    held = manager.start(jobs[3].id)

    assert manager.claim(held.id, "w") is None
    assert manager.run(held.id).attempt == 0
    assert list(manager.breakers()) == ["nas-02"]


def test_exactly_one_tries_when_its_time_is_up_and_its_success_lets_all_go(manager, clock):
    jobs = [a_job(manager, **NAS) for _ in range(5)]
    for job in jobs[:3]:
        unreachable(manager, job)
    held = [manager.start(job.id) for job in jobs[3:]]
    clock.pass_by(timedelta(seconds=61))

    probe = manager.claim(held[0].id, "w")
    assert manager.claim(held[1].id, "w") is None
    manager.complete(probe.id, probe.attempt, Outcome())

    assert manager.breakers() == {}
    assert manager.claim(held[1].id, "w") is not None


def test_a_probe_that_fails_burns_no_attempt_and_waits_as_long_as_the_breaker(manager, clock):
    jobs = [a_job(manager, **NAS, retry=Retry(max_attempts=2)) for _ in range(4)]
    for job in jobs[:3]:
        unreachable(manager, job)
    held = manager.start(jobs[3].id)
    clock.pass_by(timedelta(seconds=61))
    for _ in range(5):
        probe = manager.claim(held.id, "w")
        failed = manager.fail(probe.id, probe.attempt, UNREACHABLE)
        assert failed.state is RunState.SCHEDULED
        assert failed.due_at == manager.breakers()["nas-02"].until
        clock.set(failed.due_at)
        manager.ripen(held.id)

    assert [attempt.counted for attempt in manager.run(held.id).attempts] == [False] * 5


def test_a_probe_that_is_cancelled_lets_another_one_try(manager, clock):
    jobs = [a_job(manager, **NAS) for _ in range(5)]
    for job in jobs[:3]:
        unreachable(manager, job)
    held = [manager.start(job.id) for job in jobs[3:]]
    clock.pass_by(timedelta(seconds=61))
    probe = manager.claim(held[0].id, "w")

    manager.cancel(probe.id)
    manager.stopped(probe.id, probe.attempt)

    assert manager.claim(held[1].id, "w") is not None


def test_a_breaker_that_a_person_resets_lets_all_go(manager):
    jobs = [a_job(manager, **NAS) for _ in range(4)]
    for job in jobs[:3]:
        unreachable(manager, job)
    held = manager.start(jobs[3].id)

    manager.reset_breaker("nas-02")

    assert manager.claim(held.id, "w") is not None


@pytest.mark.parametrize("code", ["timeout", "internal", "invalid-options", "cancelled"])
def test_an_attempt_that_was_cut_off_does_not_count_as_having_reached_anything(manager, clock, code):
    jobs = [a_job(manager, **NAS) for _ in range(6)]
    for job in jobs[:3]:
        unreachable(manager, job)
    held = [manager.start(job.id) for job in jobs[3:]]
    clock.pass_by(timedelta(seconds=61))
    probe = manager.claim(held[0].id, "w")
    if code == "cancelled":
        manager.cancel(probe.id)

    manager.fail(probe.id, probe.attempt, Failure(code=code, message="It was ended."))
    claimed = [manager.claim(run.id, "w") for run in held[1:]]

    assert [run is not None for run in claimed] == [True, False]
