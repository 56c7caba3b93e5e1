"""What runs amount to in an hour or a day."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.models import Attempt, Ending
from core.rollups import (
    MOST_KINDS,
    TOOK_BOUNDS,
    WAIT_BOUNDS,
    Ended,
    Histogram,
    Tally,
    by_day,
    ended_of,
    start_of,
    summed,
)
from core.states import RunState
from tests.builders import WHEN, a_kept_run

HOUR = start_of(WHEN, "hour")
SECONDS = st.floats(min_value=0, max_value=1e7)


def ended(state=RunState.COMPLETED, **fields):
    return Ended(**{"id": "run-1", "at": WHEN, "kind": "copy", "state": state} | fields)


def an_attempt(number, began, ended_after, ending):
    return Attempt(
        number=number,
        worker="here",
        started_at=WHEN + timedelta(seconds=began),
        ended_at=WHEN + timedelta(seconds=began + ended_after),
        ending=ending,
    )


def what_counts_of(run):
    return ended_of(run)


def quantile_of(histogram, share, bounds):
    return histogram.quantile(share, bounds)


def test_a_run_that_is_not_over_does_not_count():
    assert what_counts_of(a_kept_run("run-1", "job-1", state=RunState.RUNNING)) is None


def test_a_run_counts_with_its_wait_its_work_and_its_retries():
    run = a_kept_run(
        "run-1",
        "job-1",
        state=RunState.COMPLETED,
        created_at=WHEN - timedelta(seconds=90),
        due_at=WHEN - timedelta(seconds=4),
        started_at=WHEN,
        ended_at=WHEN + timedelta(seconds=100),
        attempts=(
            an_attempt(1, 0, 10, Ending.FAILED),
            an_attempt(2, 40, 5, Ending.INTERRUPTED),
            an_attempt(3, 60, 40, Ending.COMPLETED),
        ),
        attempt=3,
        result={"bytes": 10, "copied_bytes": 4},
    )

    found = what_counts_of(run)

    assert (found.wait, found.took, found.retries, found.bytes) == (4, 55, 1, 4)


def test_a_run_that_was_due_again_after_it_began_waited_since_it_was_asked_for():
    run = a_kept_run(
        "run-1",
        "job-1",
        state=RunState.FAILED,
        created_at=WHEN - timedelta(seconds=7),
        due_at=WHEN + timedelta(seconds=30),
        started_at=WHEN,
        ended_at=WHEN + timedelta(seconds=60),
    )

    assert what_counts_of(run).wait == 7


def test_a_run_that_never_began_neither_waited_nor_worked():
    found = what_counts_of(a_kept_run("run-1", "job-1", state=RunState.CANCELLED, ended_at=WHEN))

    assert (found.wait, found.took) == (None, None)


@pytest.mark.parametrize("said", [True, -1, "9", None, 1.5, 10**400])
def test_what_is_no_number_of_bytes_is_none(said):
    run = a_kept_run("run-1", "job-1", state=RunState.COMPLETED, ended_at=WHEN, result={"bytes": said})

    assert what_counts_of(run).bytes == 0


def test_the_failure_rate_is_of_runs_that_completed_or_failed():
    tally = Tally(at=HOUR)
    for state in (
        RunState.COMPLETED,
        RunState.COMPLETED,
        RunState.FAILED,
        RunState.CANCELLED,
        RunState.SKIPPED,
    ):
        tally.add(ended(state))

    assert tally.failure_rate == pytest.approx(1 / 3)
    assert Tally(at=HOUR).failure_rate is None


def test_a_quantile_lies_in_the_bucket_of_the_values():
    waits = Histogram()
    for seconds in [0.02] * 90 + [7.0] * 10:
        waits.add(seconds, WAIT_BOUNDS)

    assert 0.01 < quantile_of(waits, 0.5, WAIT_BOUNDS) <= 0.025
    assert 5 < quantile_of(waits, 0.95, WAIT_BOUNDS) <= 10
    assert Histogram().quantile(0.5, WAIT_BOUNDS) is None


@given(st.lists(SECONDS, min_size=1, max_size=50), st.floats(min_value=0.01, max_value=1))
def test_a_quantile_is_never_further_off_than_its_bucket(values, share):
    histogram = Histogram()
    for value in values:
        histogram.add(value, TOOK_BOUNDS)

    found = quantile_of(histogram, share, TOOK_BOUNDS)

    exact = sorted(values)[max(0, -int(-share * len(values) // 1) - 1)]
    bounds = (0, *TOOK_BOUNDS)
    below = max(bound for bound in bounds if bound <= min(exact, TOOK_BOUNDS[-1]))
    above = next((bound for bound in TOOK_BOUNDS if bound >= exact), TOOK_BOUNDS[-1])
    assert bounds[max(bounds.index(below) - 1, 0)] <= found <= above


@given(st.lists(st.tuples(st.integers(0, 71), st.sampled_from(["copy", "command"]), SECONDS), max_size=40))
def test_the_sum_of_the_hours_is_the_same_however_it_is_added_up(ends):
    hours = {}
    for hours_later, kind, took in ends:
        at = HOUR + timedelta(hours=hours_later)
        hours.setdefault(at, Tally(at=at)).add(ended(kind=kind, took=took, wait=took, bytes=3))

    days = by_day(hours.values())

    whole = summed(hours.values(), HOUR)
    assert summed(days, HOUR).count() == whole.count() == len(ends)
    assert summed(days, HOUR).bytes == whole.bytes
    assert summed(days, HOUR).wait.counts == whole.wait.counts


def test_adding_up_leaves_what_is_added_as_it_was():
    first, second = Tally(at=HOUR), Tally(at=HOUR)
    first.add(ended(took=1, wait=1))
    second.add(ended(took=1, wait=1))

    whole = summed([first, second], HOUR)
    whole.merge(second)

    assert first.count() == second.count() == 1
    assert first.wait.total == 1


def test_kinds_beyond_all_reason_count_as_other():
    tally = Tally(at=HOUR)
    for number in range(MOST_KINDS + 10):
        tally.add(ended(kind=f"kind-{number}"))

    assert len(tally.kinds) == MOST_KINDS + 1
    assert tally.kinds["other"].ended == {"completed": 10}
