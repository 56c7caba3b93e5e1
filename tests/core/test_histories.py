"""The histories of jobs, and the word about a run that was unusual."""

from datetime import timedelta

import pytest

from core.events import EventsMissed, RunUnusual
from core.histories import COUNTED_WHOLE, Histories, lines_in
from core.logs import RunLogs
from core.states import RunState
from core.usual import Measure
from core.work import Outcome
from tests.builders import a_job


@pytest.fixture
def logs(tmp_path, events, clock):
    logs = RunLogs(tmp_path / "logs", events, clock)
    yield logs
    logs.close_all()


@pytest.fixture
def histories(manager, logs, events):
    return Histories(manager, logs, events)


@pytest.fixture
def listening(histories, events):
    return events.subscribe("histories", histories.heard)


@pytest.fixture
def told(listening, events, heard):
    """What people were told, once everybody has heard everything."""

    def told():
        listening.close()
        events.close()
        return [(event.run.number, event.findings) for event in heard if isinstance(event, RunUnusual)]

    return told


@pytest.fixture
def finish(manager, clock, logs):
    """Let a run of the job take so long, write so much and say so many lines."""

    def finish(job, *, seconds=60, written=250_000_000_000, lines=3):
        run = manager.claim(manager.start(job.id).id, "test-worker")
        for number in range(lines):
            logs.write(run.id, "info", f"line {number}")
        clock.pass_by(timedelta(seconds=seconds))
        return manager.complete(run.id, run.attempt, Outcome(result={"bytes": written}))

    return finish


def test_people_are_told_of_a_run_that_wrote_far_less_than_usual(manager, finish, told):
    job = a_job(manager)
    for _ in range(8):
        finish(job)
    finish(job, written=7_500_000_000)

    assert told() == [(9, ("wrote 3 % of its usual size",))]


def test_nobody_is_told_anything_while_there_are_few_runs(manager, finish, told):
    job = a_job(manager)
    for _ in range(4):
        finish(job)
    finish(job, written=1, seconds=10_000)

    assert told() == []


def test_nobody_is_told_of_runs_like_all_others(manager, finish, told):
    job = a_job(manager)
    for number in range(20):
        finish(job, written=250_000_000_000 + number * 1_000_000_000, seconds=60 + number % 7)

    assert told() == []


def test_lines_that_are_not_on_the_disk_yet_count(manager, finish, told):
    job = a_job(manager)
    for _ in range(8):
        finish(job)
    finish(job, lines=2_000)

    assert told() == [(9, ("wrote 667 times as many lines to its log as usual",))]


def test_what_was_unusual_about_a_run_is_known_later_and_after_a_restart(
    manager, histories, finish, logs, events
):
    job = a_job(manager)
    for _ in range(8):
        finish(job)
    odd = finish(job, seconds=600)
    for _ in range(3):
        finish(job)

    again = Histories(manager, logs, events)

    assert again.words(odd) == histories.words(odd) == ("took 10 times as long as usual",)
    assert again.words(manager.runs_of(job.id)[0]) == ()


def test_a_run_that_failed_is_not_compared(manager, histories, finish):
    job = a_job(manager)
    for _ in range(8):
        finish(job)
    run = manager.start(job.id)
    manager.cancel(run.id)

    assert histories.findings(manager.run(run.id)) == ()
    assert manager.run(run.id).state == RunState.CANCELLED


def test_the_history_of_a_job_that_is_gone_is_gone(manager, histories, listening, finish):
    job = a_job(manager)
    finish(job)
    assert len(histories.of(job.id)) == 1

    manager.delete(job.id)
    listening.close()

    assert histories.of(job.id) == ()


def test_a_listener_that_missed_something_looks_again(manager, logs, events, finish):
    histories = Histories(manager, logs, events)
    job = a_job(manager)
    assert histories.of(job.id) == ()
    finish(job)

    histories.heard(EventsMissed(count=1))

    assert [one.values[Measure.SECONDS] for one in histories.of(job.id)] == [60]


def test_a_run_without_a_log_is_compared_by_the_rest(manager, histories, finish, logs):
    job = a_job(manager)
    for _ in range(7):
        finish(job)
    run = finish(job)
    logs.close(run.id)
    logs.remove(run.id)
    odd = finish(job, lines=0)

    assert histories.findings(odd) == ()


def test_the_lines_of_a_long_log_are_reckoned(tmp_path):
    path = tmp_path / "long.log"
    path.write_bytes(b"a line of 20 bytes.\n" * (COUNTED_WHOLE // 5))

    assert lines_in(path) == COUNTED_WHOLE // 5
