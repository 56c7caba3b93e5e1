"""How long a run will take, and how good such forecasts were."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.forecasts import expected_seconds, forecast_quality, seconds_left
from core.usual import Measure, Measured


def a_measured(number, seconds, *, size=None, like="photos"):
    values = {Measure.SECONDS: float(seconds)} | ({} if size is None else {Measure.SIZE: float(size)})
    return Measured(run_id=f"run-{number}", number=number, like=like, values=values)


def runs_of(*seconds):
    return [a_measured(number, each) for number, each in enumerate(seconds, start=1)]


def quality_of(history):
    return forecast_quality(history, "photos")


def test_a_run_is_expected_to_take_what_most_did():
    assert expected_seconds(runs_of(60, 62, 58, 61, 3_600), "photos") == 61


def test_runs_of_long_ago_do_not_count_against_the_latest():
    assert expected_seconds(runs_of(*[3_600] * 40, *[60] * 20), "photos") == 60


def test_nothing_is_expected_without_a_run_like_it():
    assert expected_seconds([], "photos") is None
    assert expected_seconds(runs_of(60), "music") is None


def test_twice_the_size_is_expected_to_take_twice_as_long():
    history = [a_measured(number, 600, size=100e9) for number in range(1, 6)]

    assert expected_seconds(history, "photos", 200e9) == pytest.approx(1_200, rel=0.01)


def test_runs_near_in_size_count_before_the_others():
    large = [a_measured(number, 6_000, size=1e12) for number in range(1, 11)]
    small = [a_measured(number, 30, size=1e9) for number in range(11, 18)]

    assert expected_seconds([*large, *small], "photos", 1e9) == 30


def test_a_run_at_work_needs_what_those_needed_that_were_not_done_by_then():
    history = runs_of(60, 60, 60, 600, 660, 720)

    assert seconds_left(history, "photos", 120) == 540
    assert seconds_left(history, "photos", 0) == 330


def test_nobody_guesses_at_a_run_that_took_longer_than_every_other():
    assert seconds_left(runs_of(60, 70), "photos", 90) is None
    assert seconds_left([], "photos", 90) is None


def test_how_far_a_run_is_counts_the_more_the_further_it_is():
    history = runs_of(*[100] * 5)

    assert seconds_left(history, "photos", 50, percent=50.0) == 50
    assert seconds_left(history, "photos", 50, percent=25.0) == pytest.approx(0.25 * 150 + 0.75 * 50)
    assert seconds_left([], "photos", 50, percent=25.0) == 150
    assert seconds_left(history, "photos", 50, percent=0.0) == 50


def test_a_known_size_stretches_what_is_left():
    history = [a_measured(number, 600, size=100e9) for number in range(1, 6)]

    assert seconds_left(history, "photos", 300, total=200e9) == pytest.approx(900, rel=0.01)


def test_forecasts_of_a_steady_job_were_good():
    quality = quality_of(runs_of(*[100, 110, 90] * 10))

    assert quality.forecasts == 29
    assert quality.off <= 0.12


def test_forecasts_of_a_restless_job_were_bad():
    quality = quality_of(runs_of(*[10, 1_000] * 12))

    assert quality.off > 0.4


def test_the_quality_of_a_few_forecasts_is_not_told():
    assert quality_of(runs_of(1, 2, 3, 4, 5)) is None


def test_runs_of_no_time_at_all_divide_by_nothing():
    assert quality_of(runs_of(*[0] * 10)).off == 0


@given(
    st.lists(st.floats(min_value=0, max_value=1e9), max_size=60),
    st.floats(min_value=0, max_value=1e9),
    st.none() | st.floats(min_value=-5, max_value=200),
    st.none() | st.floats(min_value=0, max_value=1e18),
)
def test_whatever_the_history_nothing_less_than_no_time_is_left(seconds, at_work, percent, total):
    left = seconds_left(runs_of(*seconds), "photos", at_work, percent=percent, total=total)

    assert left is None or left >= 0
