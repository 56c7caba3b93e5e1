"""Whole graphs: started, cancelled, and retried from what failed."""

import pytest

from core.errors import AlreadyRunning, WrongState
from core.models import Failure
from core.states import RunState
from core.work import Outcome
from tests.builders import a_job

FAILED = Failure(code="engine-failed", message="The disk is full.")


@pytest.fixture
def diamond(manager):
    """Four jobs: b and c come after a, d after both."""
    jobs = {"a": a_job(manager, name="a")}
    jobs["b"] = a_job(manager, name="b", after=(jobs["a"].id,))
    jobs["c"] = a_job(manager, name="c", after=(jobs["a"].id,))
    jobs["d"] = a_job(manager, name="d", after=(jobs["b"].id, jobs["c"].id))
    return jobs


@pytest.fixture
def states(manager, diamond):
    def present():
        return {name: manager.job(job.id).latest_run.state for name, job in diamond.items()}

    return present


@pytest.fixture
def carry_out(manager, diamond):
    """Begin with the run of a job, and end it well or not."""

    def end(name, *, well=True):
        run = manager.claim(manager.job(diamond[name].id).latest_run.id, "slot-1")
        return (
            manager.complete(run.id, run.attempt, Outcome())
            if well
            else manager.fail(run.id, run.attempt, FAILED)
        )

    return end


WAITING = {"a": "queued", "b": "blocked", "c": "blocked", "d": "blocked"}


@pytest.mark.parametrize("asked", ["a", "b", "d"])
def test_whichever_job_is_asked_the_graph_begins_where_it_begins(manager, diamond, states, asked):
    manager.start_graph(diamond[asked].id, asked_by="ada")

    assert states() == WAITING


def test_every_run_of_a_graph_bears_the_same_flow(manager, diamond):
    (first,) = manager.start_graph(diamond["d"].id)

    assert {manager.job(job.id).latest_run.flow for job in diamond.values()} == {first.id}


@pytest.mark.parametrize("asked", ["a", "b", "d"])
def test_a_retried_graph_begins_with_what_comes_first(manager, diamond, states, asked):
    manager.start_graph(diamond["d"].id)
    manager.cancel_graph(diamond["d"].id)
    gone = states()

    manager.retry_graph(diamond[asked].id, asked_by="ada")

    assert set(gone.values()) <= {RunState.CANCELLED, RunState.SKIPPED}
    assert states() == WAITING


def test_what_had_succeeded_is_not_done_again(manager, diamond, states, carry_out):
    manager.start_graph(diamond["d"].id)
    carry_out("a")
    carry_out("b", well=False)
    carry_out("c")
    skipped = states()

    made = manager.retry_graph(diamond["d"].id, asked_by="ada")

    assert skipped == {"a": "completed", "b": "failed", "c": "completed", "d": "skipped"}
    assert [run.job_id for run in made] == [diamond["b"].id]
    assert states() == {"a": "completed", "b": "queued", "c": "completed", "d": "blocked"}
    carry_out("b")
    carry_out("d")
    assert set(states().values()) == {RunState.COMPLETED}


def test_a_graph_that_is_under_way_is_not_started_twice(manager, diamond):
    manager.start_graph(diamond["a"].id)

    with pytest.raises(AlreadyRunning):
        manager.start_graph(diamond["a"].id)


def test_a_graph_that_is_well_has_nothing_to_retry(manager, diamond, carry_out):
    manager.start_graph(diamond["a"].id)
    for name in "abcd":
        carry_out(name)

    with pytest.raises(WrongState):
        manager.retry_graph(diamond["a"].id)


def test_what_succeeded_in_a_flow_of_its_own_counts_when_the_other_is_retried(manager, diamond, carry_out):
    diamond["x"] = a_job(manager, name="x")
    diamond["y"] = a_job(manager, name="y", after=(diamond["x"].id, diamond["d"].id))
    manager.start(diamond["a"].id)
    manager.start(diamond["x"].id)
    carry_out("x")
    carry_out("a", well=False)

    manager.retry_graph(diamond["x"].id)
    for name in "abcd":
        carry_out(name)

    assert carry_out("y").state is RunState.COMPLETED


def test_a_graph_that_is_being_cancelled_is_not_retried_before_it_has_stopped(manager, diamond, states):
    run = manager.claim(manager.start(diamond["a"].id).id, "slot-1")
    manager.cancel_graph(diamond["a"].id)

    with pytest.raises(WrongState, match="'a' is being cancelled"):
        manager.retry_graph(diamond["a"].id)
    manager.stopped(run.id, run.attempt)
    manager.retry_graph(diamond["a"].id)

    assert states() == WAITING


def test_what_is_retried_waits_for_what_is_at_work_before_it(manager, diamond, states, carry_out):
    manager.start(diamond["a"].id)
    manager.cancel(manager.job(diamond["b"].id).latest_run.id)
    cancelled = states()

    manager.retry_graph(diamond["a"].id)

    assert (cancelled["b"], cancelled["d"]) == ("cancelled", "skipped")
    assert states() == WAITING
    carry_out("a")
    assert states()["b"] == "queued"
