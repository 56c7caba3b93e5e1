"""How long runs and logs are kept."""

from datetime import timedelta

import pytest

from core.retention import Keeping, KeptLog, logs_to_forget, runs_to_forget
from core.states import RunState
from tests.builders import WHEN, a_kept_run

DAY = timedelta(days=1)
KEEPING = Keeping(runs=3, runs_for=30 * DAY, logs_for=10 * DAY, log_bytes=1_000)


def a_run(number, *, days_ago=100, **fields):
    """Return a run of the job that ended well, unless it is told to be something else."""
    ended = (
        None
        if fields.get("state", RunState.COMPLETED) in {RunState.QUEUED, RunState.PAUSED}
        else WHEN - days_ago * DAY
    )
    given = {
        "number": number,
        "state": RunState.COMPLETED,
        "ended_at": ended,
        "created_at": WHEN - days_ago * DAY,
    }
    return a_kept_run(f"run-{number}", "job-1", **given | fields)


def numbers(runs):
    return [run.number for run in runs]


def a_log(name, *, days_ago=0.0, size=100):
    return KeptLog(run_id=name, bytes=size, written_at=WHEN - days_ago * DAY)


def test_only_runs_beyond_the_newest_and_old_enough_go():
    runs = [a_run(1), a_run(2), a_run(3, days_ago=29), a_run(4), a_run(5), a_run(6)]

    assert numbers(runs_to_forget(runs, KEEPING, WHEN)) == [2, 1]


@pytest.mark.parametrize(("days", "gone"), [(30, []), (30.001, [1])])
def test_a_run_goes_only_when_it_is_older_than_the_days_say(days, gone):
    runs = [a_run(1, days_ago=days), a_run(2), a_run(3), a_run(4)]

    assert numbers(runs_to_forget(runs, KEEPING, WHEN)) == gone


def test_the_newest_run_that_proved_its_copy_stays_however_old_it_is():
    verified, fast = {"verified": True}, {"verified": False}
    runs = [
        a_run(1, result=verified),
        a_run(2, result=verified),
        a_run(3, result=fast),
        a_run(4, state=RunState.FAILED, result=verified),
        *(a_run(number, state=RunState.FAILED) for number in range(5, 9)),
    ]

    assert numbers(runs_to_forget(runs, KEEPING, WHEN)) == [5, 4, 3, 1]


@pytest.mark.parametrize("state", [RunState.QUEUED, RunState.PAUSED, RunState.RUNNING, RunState.SCHEDULED])
def test_a_run_that_is_not_over_stays(state):
    runs = [a_run(1, state=state, ended_at=None), *(a_run(number) for number in range(2, 6))]

    assert numbers(runs_to_forget(runs, KEEPING, WHEN)) == [2]


def test_the_latest_run_stays_whatever_the_settings_say():
    none = Keeping(runs=0, runs_for=timedelta(0))

    assert numbers(runs_to_forget([a_run(1), a_run(2)], none, WHEN)) == [1]


def test_the_newest_runs_are_those_with_the_highest_numbers_though_a_clock_was_set_back():
    runs = [a_run(5, days_ago=500), a_run(1, days_ago=100), a_run(4, days_ago=500), a_run(3), a_run(2)]

    assert numbers(runs_to_forget(runs, KEEPING, WHEN)) == [2, 1]


def test_a_job_with_few_runs_loses_none():
    assert runs_to_forget([a_run(1), a_run(2)], KEEPING, WHEN) == ()
    assert runs_to_forget([], KEEPING, WHEN) == ()


def test_logs_go_by_age():
    logs = [a_log("old", days_ago=10.5), a_log("new", days_ago=9.5)]

    assert [kept.run_id for kept in logs_to_forget(logs, set(), KEEPING, WHEN)] == ["old"]


def test_the_oldest_logs_go_until_the_rest_is_small_enough():
    logs = [a_log(f"log-{day}", days_ago=day, size=300) for day in (4, 2, 1, 3, 5)]

    gone = logs_to_forget(logs, set(), KEEPING, WHEN)

    assert [kept.run_id for kept in gone] == ["log-4", "log-5"]


def test_the_log_of_a_run_that_is_not_over_stays_and_counts():
    logs = [
        a_log("running", days_ago=50, size=800),
        a_log("yesterday", days_ago=1, size=150),
        a_log("before", days_ago=2, size=100),
    ]

    gone = logs_to_forget(logs, {"running"}, KEEPING, WHEN)

    assert [kept.run_id for kept in gone] == ["before"]
