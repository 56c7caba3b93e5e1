"""What the last day amounted to, in words."""

import pytest

from core.dispatch.base import Load
from core.rollups import Ended, Tally
from core.states import RunState
from fastapi_app.presenters.throughput import throughput_of
from tests.builders import WHEN

LOAD = Load(slots=2, busy=1, waiting=3)


def a_day(*, good=0, bad=0, took=30.0, wait=0.02, moved=1_000_000):
    day = Tally(at=WHEN)
    for state, many in ((RunState.COMPLETED, good), (RunState.FAILED, bad)):
        for number in range(many):
            ended = Ended(
                id=f"{state}-{number}", at=WHEN, kind="copy", state=state, wait=wait, took=took, bytes=moved
            )
            day.add(ended)
    for waiting in (1, 7):
        day.depth.add(waiting)
    return day


def figures(day, alert_at=50):
    return {figure.name: figure for figure in throughput_of(day, LOAD, alert_at).figures}


def test_a_day_is_told_by_queue_wait_rate_and_failures():
    told = figures(a_day(good=47, bad=1))

    assert (told["Waiting now"].number, told["Waiting now"].aside) == ("3", "at most 7 in a day")
    assert told["Wait before start, p95"].number == "24 ms"
    assert (told["Runs an hour"].number, told["Runs an hour"].aside) == ("2.0", "48 runs in a day")
    assert (told["Failed"].number, told["Failed"].aside) == ("2", "1 of 48 runs")


def test_what_waits_now_is_never_more_than_at_most():
    told = figures(Tally(at=WHEN))

    assert (told["Waiting now"].number, told["Waiting now"].aside) == ("3", "at most 3 in a day")


def test_each_kind_is_told_with_what_it_took_and_moved():
    [kind] = throughput_of(a_day(good=4, bad=1), LOAD, 50).kinds

    assert (kind.name, kind.ended, kind.failed, kind.moved) == ("Copy a folder", "5", "1", "5.0 MB")
    assert (kind.took, kind.longest) == ("20 s", "29 s")


@pytest.mark.parametrize(
    ("good", "bad", "alert_at", "alarmed"),
    [
        (1, 4, 50, True),
        (3, 3, 50, True),
        (4, 3, 50, False),
        (0, 4, 50, False),
        (1, 9, 0, False),
        (9, 1, 10, True),
    ],
)
def test_too_many_failures_are_an_alarm_from_five_runs_on(good, bad, alert_at, alarmed):
    assert bool(throughput_of(a_day(good=good, bad=bad), LOAD, alert_at).alert) == alarmed


def test_a_day_without_runs_divides_by_nothing():
    told = throughput_of(Tally(at=WHEN), LOAD, 50)

    assert told.kinds == ()
    assert {figure.number for figure in told.figures} == {"3", "–", "0.0"}
