from datetime import timedelta

import pytest

from core.deadlines import Deadlines
from core.models import Retry
from core.states import RunState
from core.work import Outcome
from core.worker import Worker
from tests.builders import a_queued_run, a_running_run
from tests.doubles import ScriptedEngine

AN_HOUR = 3600.0


@pytest.fixture
def carry(manager, logs, tmp_path, surroundings, clock, monkeypatch):
    """Carry out a run of a job with these fields, whose engine does this; returns the run and what was asked."""

    def carry(action, **fields):
        asked = []

        def work(context):
            action()
            asked.append(context.asked)
            context.raise_if_asked()
            return Outcome()

        monkeypatch.setitem(ScriptedEngine.scripts, "late", work)
        run = a_queued_run(manager, options={"script": "late"}, **fields)
        Worker("nas", manager, logs, tmp_path / "work", surroundings, clock).carry_out(run.id)
        return manager.run(run.id), asked

    return carry


def test_an_attempt_that_takes_too_long_is_ended_and_may_be_tried_again(carry, clock):
    run, asked = carry(
        lambda: clock.pass_by(timedelta(hours=2)), timeout=AN_HOUR, retry=Retry(max_attempts=2, wait=60)
    )

    assert (run.state, asked) == (RunState.SCHEDULED, ["timeout"])
    assert (run.error.code, run.error.transient) == ("timeout", True)
    assert "longer than 1 h" in run.error.message


def test_a_run_that_takes_too_long_fails_for_good(carry, clock):
    run, _ = carry(
        lambda: clock.pass_by(timedelta(hours=2)), run_timeout=AN_HOUR, retry=Retry(max_attempts=2, wait=60)
    )

    assert (run.state, run.error.code, run.error.transient) == (RunState.FAILED, "timeout", False)
    assert "with all its attempts and waits" in run.error.message


@pytest.mark.parametrize("days", [365, 400, -30])
def test_a_clock_that_is_set_does_not_end_an_attempt(carry, clock, days):
    run, asked = carry(
        lambda: clock.set(clock.now() + timedelta(days=days)), timeout=AN_HOUR, run_timeout=AN_HOUR
    )

    assert (run.state, asked) == (RunState.COMPLETED, [None])


def test_a_person_s_wish_comes_before_the_time(carry, clock, manager):
    def be_late_and_cancelled():
        clock.pass_by(timedelta(hours=2))
        (run,) = [run for run in manager.runs_at_hand() if run.state == RunState.RUNNING]
        manager.cancel(run.id)

    run, asked = carry(be_late_and_cancelled, timeout=AN_HOUR)

    assert (run.state, asked) == (RunState.CANCELLED, ["cancel"])


def test_an_attempt_that_is_taken_up_after_the_clock_was_set_is_not_late(manager, clock):
    run = a_running_run(manager, timeout=AN_HOUR, run_timeout=2 * AN_HOUR)
    job = manager.job(run.job_id).job
    clock.set(clock.now() + timedelta(days=1))

    by_the_clock, by_its_program = Deadlines(job, run, clock), Deadlines(job, run, clock, at_work_for=60)

    assert by_the_clock.passed
    assert by_its_program.left == AN_HOUR - 60
