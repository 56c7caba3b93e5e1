"""Work that a dead disk holds is not waited for for ever."""

import threading

import pytest

from core.processes.patience import TooLong, within
from core.work import RunStopped


def nothing():
    """Nobody asks to stop."""


def test_what_a_disk_answers_in_time_is_returned_and_what_fails_is_raised():
    def fail():
        raise OSError(5, "Input/output error")

    assert within(10, lambda: 7, nothing) == 7
    with pytest.raises(OSError, match="Input/output"):
        within(10, fail, nothing)


def test_a_disk_that_does_not_answer_holds_nobody_up():
    never = threading.Event()

    def stop():
        raise RunStopped("cancel")

    with pytest.raises(TooLong):
        within(0.1, never.wait, nothing)
    with pytest.raises(RunStopped):
        within(60, never.wait, stop)

    assert not never.is_set()
    never.set()
