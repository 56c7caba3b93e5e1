"""Charts: paths that stay inside their box, and words that say the same."""

import re
from datetime import timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fastapi_app.presenters.charts import Bar, age_bar, chart, pips, round_up, spark
from tests.builders import WHEN

A_DAY = 86_400.0


def numbers_in(path):
    return [float(number) for number in re.findall(r"-?\d+\.?\d*", path)]


def a_chart(*bars, unit="GB an hour", scale=1e9):
    at = (Bar(at=WHEN + timedelta(hours=n), amount=a, good=g, bad=b) for n, (a, g, b) in enumerate(bars))
    return chart(tuple(at), unit=unit, scale=scale, label="Said in words")


@given(st.lists(st.floats(min_value=0, max_value=1e15), min_size=2, max_size=60))
def test_a_sparkline_stays_inside_its_box(values):
    line = spark(values, "moved")

    assert all(0 <= number <= 100 for number in numbers_in(line.p))
    assert line.label == "moved"


def test_the_highest_value_is_the_highest_point_of_a_sparkline():
    line = spark([0, 10, 5], "moved")

    assert line.p == "M0 26L50 4L100 15"
    assert line.a == "M0 26L50 4L100 15V28H0z"


@pytest.mark.parametrize("values", [(), (3,), (0, 0, 0)])
def test_nothing_to_draw_is_no_line(values):
    line = spark(values, "nothing moved")

    assert (line.p, line.a, line.label) == ("", "", "nothing moved")


def test_an_axis_ends_at_a_number_that_reads_well():
    tops = [round_up(value) for value in (0, 0.7, 1, 1.2, 3, 5, 9, 212, 61_000)]

    assert tops == [1, 1, 1, 2, 4, 6, 10, 400, 100_000]


def test_good_runs_stand_above_the_line_and_failed_ones_below_it():
    drawn = a_chart((2e9, 4, 0), (0, 0, 2))

    assert drawn.good == "M223 157v-36"
    assert drawn.bad == "M549 159v12"
    assert drawn.grid == ((106, "0"), (67, "1"), (28, "2"))


def test_an_hour_without_runs_has_no_bar():
    drawn = a_chart((0, 0, 0), (0, 0, 0))

    assert (drawn.good, drawn.bad) == ("", "")
    assert drawn.p == "M60 106L712 106"


def test_a_copy_within_its_target_is_short_of_the_mark():
    bar = age_bar(A_DAY / 2, A_DAY, "photos: within its target")

    assert (bar.st, bar.width, bar.mark) == ("ok", 36, 72)


def test_a_copy_past_its_target_is_beyond_the_mark_which_moves_back():
    little, much = age_bar(1.2 * A_DAY, A_DAY, ""), age_bar(10 * A_DAY, A_DAY, "")

    assert (little.st, little.mark, little.width) == ("late", 72, 86)
    assert (much.st, much.mark, much.width) == ("late", 10, 100)


@given(st.floats(min_value=0, max_value=1e10), st.floats(min_value=1, max_value=1e9))
def test_a_bar_is_past_its_mark_exactly_when_the_copy_is_past_its_target(age, target):
    bar = age_bar(age, target, "")

    assert bar.width <= 100
    assert bar.mark is not None
    assert bar.width <= bar.mark if age <= target else bar.st == "late"


def test_an_age_without_a_target_has_no_mark_and_no_colour():
    bar = age_bar(A_DAY, None, "photos: no target")

    assert (bar.st, bar.mark, bar.width) == ("unknown", None, 0)


def test_a_bar_stays_the_same_for_a_good_while():
    widths = [age_bar(60.0 * minute, A_DAY, "").width for minute in range(24 * 60)]

    assert sum(one != other for one, other in pairwise(widths)) <= 36


def test_slots_are_marks_as_long_as_they_can_be_counted():
    assert pips(1, 3) == (True, False, False)
    assert pips(40, 64) == ()
