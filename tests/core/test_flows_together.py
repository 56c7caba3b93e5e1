"""Runs that end at the same instant, told by two threads at once."""

import threading

import pytest

from core.drafts import JobPatch
from core.models import AfterWhen, Failure
from core.states import RunState
from core.work import Outcome
from tests.builders import a_job

ROUNDS = 1_000
FAILED = Failure(code="engine-failed", message="The disk is full.")


@pytest.fixture
def family(manager):
    """Two jobs, and one that comes after both."""
    parents = (a_job(manager, name="left"), a_job(manager, name="right"))
    return (*parents, a_job(manager, name="child", after=tuple(parent.id for parent in parents)))


@pytest.fixture
def at_once():
    """Do two things in two threads that wait for each other; fails where one of them does."""
    meet = threading.Barrier(2, timeout=30)
    troubles = []

    def in_turn(things):
        for thing in things:
            meet.wait()
            try:
                thing()
            except Exception as error:  # noqa: BLE001 - told by the test
                troubles.append(error)
            meet.wait()

    def both(first, second):
        other = threading.Thread(target=in_turn, args=([second],))
        other.start()
        in_turn([first])
        other.join()
        assert not troubles

    return both


def claimed(manager, job):
    run = manager.claim(manager.job(job.id).latest_run.id, "slot")
    assert run is not None
    return run


@pytest.mark.parametrize("when", list(AfterWhen))
def test_two_parents_that_end_at_the_same_instant_start_the_child_once(manager, family, at_once, when):
    left, right, child = family
    manager.edit(child.id, JobPatch(after_when=when), version=None)

    for number in range(1, ROUNDS // len(AfterWhen) + 2):
        manager.start_graph(child.id)
        one, other = claimed(manager, left), claimed(manager, right)
        at_once(
            lambda one=one: manager.complete(one.id, one.attempt, Outcome()),
            lambda other=other: manager.complete(other.id, other.attempt, Outcome()),
        )
        run = manager.job(child.id).latest_run
        assert (run.number, run.state) == (number, RunState.QUEUED)
        run = claimed(manager, child)
        manager.complete(run.id, run.attempt, Outcome())

    assert [run.number for run in manager.runs_of(child.id)] == list(range(number, 0, -1))


def test_a_parent_that_fails_at_the_instant_the_other_succeeds_skips_the_child_once(manager, family, at_once):
    left, right, child = family

    for number in range(1, 201):
        manager.start_graph(child.id)
        one, other = claimed(manager, left), claimed(manager, right)
        at_once(
            lambda one=one: manager.complete(one.id, one.attempt, Outcome()),
            lambda other=other: manager.fail(other.id, other.attempt, FAILED),
        )
        run = manager.job(child.id).latest_run
        assert (run.number, run.state) == (number, RunState.SKIPPED)


def test_a_child_that_is_cancelled_as_its_parent_ends_is_never_left_waiting(manager, family, at_once):
    left, right, child = family

    for _ in range(200):
        manager.start_graph(child.id)
        one, other = claimed(manager, left), claimed(manager, right)
        manager.complete(one.id, one.attempt, Outcome())
        waiting = manager.job(child.id).latest_run
        at_once(
            lambda waiting=waiting: manager.cancel(waiting.id),
            lambda other=other: manager.complete(other.id, other.attempt, Outcome()),
        )
        assert manager.run(waiting.id).state == RunState.CANCELLED
        assert manager.unfinished_of(child.id) == ()
