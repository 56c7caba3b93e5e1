"""Reading everything a repository holds, a part a day."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as some

from core.repositories.rereading import Round

DAY = date(2026, 11, 21)


def test_each_day_another_part_is_read_until_all_were():
    round_, read = Round(of=3), []

    for number in range(4):
        today = DAY + timedelta(days=number)
        parts = round_.due(today)
        read += parts
        round_ = round_.after(parts, today)

    assert read == ["1/3", "2/3", "3/3", "1/3"]
    assert round_.finished == "2026-11-23"


def test_a_second_run_of_a_day_reads_nothing():
    round_ = Round(of=30).after(("1/30",), DAY)

    assert round_.due(DAY) == ()
    assert round_.due(DAY + timedelta(days=1)) == ("2/30",)


def test_days_without_a_run_are_made_up_for():
    round_ = Round(of=30).after(("1/30",), DAY)

    assert round_.due(DAY + timedelta(days=3)) == ("2/30", "3/30", "4/30")
    assert round_.due(DAY + timedelta(days=40)) == ("all",)


def test_another_number_of_days_begins_another_round():
    noted = Round(of=30).after(("1/30",), DAY).as_note

    assert Round.noted(noted, 30).done == 1
    assert Round.noted(noted, 7).done == 0


@pytest.mark.parametrize("note", [{}, {"of": "x"}, {"of": 30, "done": "many"}, {"of": 30, "done": 99}])
def test_a_note_that_makes_no_sense_begins_anew(note):
    assert Round.noted(note, 30).done == 0


def test_how_far_it_is_can_be_read():
    round_ = Round(of=30).after(("1/30",), DAY)

    assert round_.sentence == (
        "Everything the repository holds is read every 30 days: 1 of 30 parts are read since 2026-11-21 and good, "
        "the rest by 2026-12-20; no round is complete yet."
    )


@given(some.integers(2, 256), some.lists(some.integers(1, 12), min_size=1, max_size=300))
def test_everything_is_read_once_in_each_round_whenever_runs_come(of, gaps):
    round_, today, read = Round(of=of), DAY, []

    for gap in gaps:
        today += timedelta(days=gap)
        parts = round_.due(today)
        assert parts
        read += parts
        before, round_ = round_, round_.after(parts, today)
        if round_.done == 0:
            assert read[-1] == "all" or set(read) == {f"{part + 1}/{of}" for part in range(of)}
            assert before.finished <= round_.finished == today.isoformat()
            read = []
