"""Letting go of what was kept long enough."""

import os
from datetime import timedelta

import pytest

from core.events import RunsForgotten
from core.keeping import Keeper
from core.retention import Keeping
from core.work import Outcome
from tests.builders import a_job, a_running_run

DAY = timedelta(days=1)


@pytest.fixture
def keeper(manager, logs, clock, tmp_path):
    keeping = Keeping(runs=2, runs_for=10 * DAY, logs_for=20 * DAY, log_bytes=1_000_000)
    return Keeper(manager, logs, tmp_path, clock, keeping)


@pytest.fixture
def run_a_day(manager, logs, clock):
    """Let the job run once a day; return the runs, the newest last."""

    def run(job, days, **result):
        runs = []
        for _ in range(days):
            clock.pass_by(DAY)
            run = manager.claim(manager.start(job.id).id, "test-worker")
            logs.write(run.id, "info", "at work")
            logs.close(run.id)
            os.utime(logs.path(run.id), (clock.now().timestamp(),) * 2)
            runs.append(manager.complete(run.id, run.attempt, Outcome(result={"verified": False} | result)))
        return runs

    return run


def numbers(runs):
    return [run.number for run in runs]


def test_runs_kept_long_enough_go_and_the_proof_stays(manager, keeper, run_a_day, clock):
    job = a_job(manager)
    run_a_day(job, 1, verified=True)
    run_a_day(job, 13)
    clock.pass_by(timedelta(seconds=1))

    keeper.tidy_runs()

    assert numbers(manager.runs_of(job.id)) == [14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 1]


def test_whoever_hears_of_it_learns_which_runs_went(manager, keeper, run_a_day, clock, events, heard):
    runs = run_a_day(a_job(manager), 4)
    clock.pass_by(30 * DAY)

    keeper.tidy_runs()
    events.close()

    assert [event.run_ids for event in heard if isinstance(event, RunsForgotten)] == [
        (runs[1].id, runs[0].id)
    ]


def test_a_run_that_waits_for_a_year_stays(manager, keeper, logs, clock):
    paused = a_running_run(manager)
    logs.write(paused.id, "info", "at work")
    logs.close(paused.id)
    os.utime(logs.path(paused.id), (clock.now().timestamp(),) * 2)
    manager.pause(paused.id)
    manager.stopped(paused.id, paused.attempt)
    clock.pass_by(365 * DAY)

    keeper.tidy()

    assert manager.run(paused.id).id == paused.id
    assert logs.path(paused.id).exists()


def test_logs_go_when_they_are_old_and_their_runs_stay(manager, keeper, logs, run_a_day, clock):
    job = a_job(manager)
    runs = run_a_day(job, 3)
    clock.pass_by(18.5 * DAY)

    keeper.tidy_logs()

    assert [logs.path(run.id).exists() for run in runs] == [False, True, True]
    assert numbers(manager.runs_of(job.id)) == [3, 2, 1]


def test_the_outlook_says_what_would_go(manager, keeper, run_a_day, clock):
    job = a_job(manager)
    run_a_day(job, 5)
    before = keeper.outlook()
    clock.pass_by(30 * DAY)

    outlook = keeper.outlook()

    assert (before.runs, before.logs) == (0, 0)
    assert (outlook.runs, outlook.logs, outlook.whole) == (3, 5, True)
    assert outlook.log_bytes > 0
    assert len(manager.runs_of(job.id)) == 5


def test_a_folder_without_logs_has_none_to_let_go(keeper):
    keeper.tidy()

    assert keeper.outlook().logs == 0
