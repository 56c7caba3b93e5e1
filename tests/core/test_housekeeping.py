"""What is done every so often."""

import errno
import threading
from datetime import timedelta

import pytest

from core.errors import StorageFull
from core.housekeeping import Housekeeping


@pytest.fixture
def housekeeping(clock):
    return Housekeeping(clock)


def test_a_chore_is_done_every_so_often(housekeeping, clock):
    done = []
    housekeeping.add("sweeping", lambda: done.append(clock.now()), every=60, first_after=10)

    for _ in range(13):
        housekeeping.tend()
        clock.pass_by(timedelta(seconds=10))

    assert [(at - done[0]).total_seconds() for at in done] == [0, 60]
    assert housekeeping.state("sweeping").done_at == done[-1]


def test_a_chore_that_fails_keeps_no_other_from_its_turn(housekeeping):
    done = []

    def fails():
        raise ZeroDivisionError

    housekeeping.add("sweeping", fails, every=60)
    housekeeping.add("dusting", lambda: done.append("dusted"), every=60)
    housekeeping.tend()

    assert done == ["dusted"]
    assert "its log has the details" in housekeeping.state("sweeping").trouble


@pytest.mark.parametrize(
    ("refusal", "words"),
    [
        (StorageFull("There is no room left."), "There is no room left."),
        (OSError(errno.EROFS, "read-only"), "Sweeping was not done: the disk is mounted read-only."),
    ],
)
def test_a_chore_that_was_refused_says_why_until_it_is_done(housekeeping, clock, refusal, words):
    refusals = [refusal]

    def sweeps():
        if refusals:
            raise refusals.pop()

    housekeeping.add("sweeping", sweeps, every=3600, again_after=60)
    housekeeping.tend()
    told, failed_at = housekeeping.state("sweeping").trouble, clock.now()
    clock.pass_by(timedelta(seconds=60))
    housekeeping.tend()

    assert told == words
    assert housekeeping.state("sweeping").trouble == ""
    assert housekeeping.state("sweeping").done_at == failed_at + timedelta(seconds=60)


def test_stopping_waits_for_the_chore_at_hand(clock):
    housekeeping = Housekeeping(clock, look_every=0.001)
    begun, go_on, done = threading.Event(), threading.Event(), []

    def sweeps():
        begun.set()
        go_on.wait()
        done.append("swept")

    housekeeping.add("sweeping", sweeps, every=60)
    housekeeping.start()
    begun.wait()
    threading.Timer(0.01, go_on.set).start()
    housekeeping.stop()

    assert done == ["swept"]


def test_a_chore_that_nobody_took_on_was_never_done(housekeeping):
    assert housekeeping.state("sweeping").done_at is None
    assert [state.name for state in housekeeping.states()] == []
