"""What is usual for a job, and what of a run is not."""

import random
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.models import Attempt, Ending
from core.states import RunState
from core.usual import (
    FEWEST,
    ONE_OUTLIER_IN,
    SENSES,
    Measure,
    Measured,
    in_words,
    likeness,
    long_at_work,
    measured,
    side,
    unusual,
    usual,
    usual_of,
)
from tests.builders import WHEN, a_kept_run

AMOUNTS = st.floats(min_value=0, max_value=1e15)


def a_measured(number, *, like="photos", **values):
    return Measured(
        run_id=f"run-{number}",
        number=number,
        like=like,
        values={Measure(name): float(value) for name, value in values.items()},
    )


def a_history(many, **values):
    """Return so many runs that hardly differ."""
    return [
        a_measured(number, **{name: value * (1 + number % 5 / 100) for name, value in values.items()})
        for number in range(1, many + 1)
    ]


def texts(run, history):
    return [finding.text for finding in unusual(run, history)]


def a_run_that_took(seconds, **fields):
    at_work = Attempt(
        number=1,
        worker="here",
        started_at=WHEN,
        ended_at=WHEN + timedelta(seconds=seconds),
        ending=Ending.COMPLETED,
    )
    given = {
        "state": RunState.COMPLETED,
        "started_at": WHEN,
        "ended_at": WHEN + timedelta(seconds=seconds),
        "attempts": (at_work,),
    }
    return a_kept_run("run-1", "job-1", **given | fields)


def what_is_usual(values):
    return usual(values)


def what_is_usual_of(measure, history):
    return usual_of(measure, history)


def what_is_long(seconds, history):
    return long_at_work(seconds, history)


def what_is_measured(run, lines=None):
    return measured(run, lines)


def test_a_run_that_wrote_far_less_than_usual_is_told_so():
    history = a_history(10, written=250e9)

    found = unusual(a_measured(11, written=7.5e9), history)

    assert [finding.text for finding in found] == ["wrote 3 % of its usual size"]
    assert found[0].detail == "7.5 GB, usually 251 GB to 259 GB"


def test_a_run_that_took_far_longer_than_usual_is_told_so():
    history = a_history(10, seconds=3_600)

    assert texts(a_measured(11, seconds=4 * 3_600 * 1.02), history) == ["took 4 times as long as usual"]


def test_a_run_that_copied_nothing_where_others_did_is_told_so():
    history = a_history(8, copied=1_176.5)

    assert texts(a_measured(9, copied=0), history) == ["no files were copied; usually about 1,200"]


def test_a_log_far_longer_than_usual_is_told():
    history = a_history(8, lines=980)

    assert texts(a_measured(9, lines=50_000), history) == ["wrote 50 times as many lines to its log as usual"]


@pytest.mark.parametrize("measure", list(Measure))
def test_nothing_is_unusual_until_there_are_enough_runs(measure):
    odd = a_measured(99, **{measure: 1e12})

    assert not unusual(odd, a_history(FEWEST - 1, **{measure: 1_000}))
    assert unusual(odd, a_history(FEWEST, **{measure: 1_000}))


def test_runs_with_other_options_are_not_compared():
    history = a_history(20, written=250e9)

    assert not unusual(a_measured(21, like="music", written=1), history)


def test_later_runs_are_not_compared():
    history = a_history(20, written=250e9)

    assert not unusual(a_measured(4, written=1), history)


@pytest.mark.parametrize("measure", list(Measure))
@pytest.mark.parametrize("value", [0, 1, 1_000, 1e12])
def test_a_run_like_all_others_is_never_unusual(measure, value):
    history = [a_measured(number, **{measure: value}) for number in range(1, 31)]

    assert not unusual(a_measured(31, **{measure: value}), history)


@pytest.mark.parametrize("measure", list(Measure))
def test_trifles_are_not_worth_a_word(measure):
    history = [a_measured(number, **{measure: 2}) for number in range(1, 31)]

    assert not unusual(a_measured(31, **{measure: 0}), history)
    assert not unusual(a_measured(31, **{measure: 9}), history)


def test_a_large_run_every_seventh_time_is_no_news():
    history = [
        a_measured(
            number, written=250e9 if number % 7 == 0 else 2e9, seconds=3_600 if number % 7 == 0 else 60
        )
        for number in range(1, 49)
    ]

    assert not unusual(a_measured(49, written=250e9, seconds=3_600), history)


def test_a_source_that_grows_a_little_every_day_is_no_news():
    sizes = [100e9 * 1.02**day for day in range(60)]

    found = [
        unusual(
            a_measured(place, size=sizes[place]),
            [a_measured(day, size=sizes[day]) for day in range(place)],
        )
        for place in range(60)
    ]

    assert not any(found)


def test_the_first_copy_of_all_does_not_hide_what_comes_later():
    history = [a_measured(1, written=900e9), *[a_measured(number, written=2e9) for number in range(2, 31)]]

    assert texts(a_measured(31, written=300e9), history) == ["wrote 150 times its usual size"]


def test_a_run_that_took_longer_because_it_wrote_more_is_told_once():
    history = a_history(10, written=2e9, seconds=60)

    assert texts(a_measured(11, written=40.8e9, seconds=1_200), history) == ["wrote 20 times its usual size"]


def test_a_source_that_is_all_but_gone_is_told_once():
    history = a_history(10, size=250e9, files=212_000, written=2e9, copied=1_200)

    assert texts(a_measured(11, size=8e9, files=300, written=0, copied=0), history) == [
        "found 3 % of its usual size",
        "wrote nothing; usually about 2.0 GB",
    ]


@given(st.lists(AMOUNTS, min_size=FEWEST + 1, max_size=60), st.sampled_from(list(Measure)))
def test_of_many_values_hardly_more_than_the_largest_and_the_smallest_are_unusual(values, measure):
    sides = [
        side([*values[:place], *values[place + 1 :]], value, SENSES[measure])
        for place, value in enumerate(values)
    ]

    most = 1 + (len(values) - 1) // ONE_OUTLIER_IN
    assert sides.count(1) <= most
    assert sides.count(-1) <= most


@pytest.mark.parametrize("measure", list(Measure))
@pytest.mark.parametrize("many", [5, 8, 15, 50])
@pytest.mark.parametrize(
    "draw",
    [
        lambda chance: chance.lognormvariate(12, 0.4),
        lambda chance: chance.lognormvariate(20, 1.0),
        lambda chance: max(chance.gauss(5_000, 1_500), 0),
        lambda chance: chance.uniform(0, 1e9),
        lambda chance: float(chance.randrange(2) * 1e6),
    ],
    ids=["steady", "wild", "bell", "even", "on and off"],
)
def test_a_run_from_the_same_source_as_the_others_is_rarely_unusual(measure, many, draw):
    chance = random.Random(1)
    tries = 400

    found = sum(
        side([draw(chance) for _ in range(many)], draw(chance), SENSES[measure]) != 0 for _ in range(tries)
    )

    assert found <= tries * (0.05 if many == FEWEST else 0.03)


@given(st.lists(AMOUNTS, max_size=60), AMOUNTS, st.sampled_from(list(Measure)))
def test_any_history_can_be_told_of(values, value, measure):
    history = [a_measured(number, **{measure: each}) for number, each in enumerate(values, start=1)]

    for finding in unusual(a_measured(len(values) + 1, **{measure: value}), history):
        assert finding.text
        assert "usually" in finding.detail


def test_the_usual_is_where_most_of_it_lies():
    seconds = [220, 225, 230, 238, 240, 244, 250, 255, 260, 2_000]

    about = what_is_usual([float(each) for each in seconds])

    assert in_words(Measure.SECONDS, about) == "3 min 47 s to 4 min 18 s"
    assert about.runs == 10
    assert about.middle == 242


def test_a_usual_without_any_difference_is_one_figure():
    about = what_is_usual_of(Measure.SECONDS, [a_measured(number, seconds=240) for number in range(1, 9)])

    assert in_words(Measure.SECONDS, about) == "4 min"


def test_nothing_is_usual_among_a_few():
    assert what_is_usual([1.0] * (FEWEST - 1)) is None


def test_a_run_at_work_for_too_long_is_told_of():
    history = a_history(10, seconds=3_600)

    found = what_is_long(3 * 3_672, history)

    assert found.text == "has been at work 3 times as long as usual"
    assert what_is_long(3_700, history) is None
    assert what_is_long(1, history) is None


def test_a_copys_result_is_measured():
    run = a_run_that_took(90, result={"bytes": 10, "copied_bytes": 4, "files": 3, "copied": 2})

    assert what_is_measured(run, 7).values == {
        Measure.SECONDS: 90,
        Measure.SIZE: 10,
        Measure.WRITTEN: 4,
        Measure.FILES: 3,
        Measure.COPIED: 2,
        Measure.LINES: 7,
    }


@pytest.mark.parametrize(
    "hostile",
    [True, "9", None, -1, float("nan"), float("inf"), 10**400, [1], {"a": 1}],
)
def test_what_is_no_amount_is_not_measured(hostile):
    run = a_run_that_took(90, result={"bytes": hostile, "files": hostile})

    assert what_is_measured(run).values == {Measure.SECONDS: 90}


def test_a_result_of_a_program_with_bytes_only_tells_what_was_written():
    assert what_is_measured(a_run_that_took(1, result={"bytes": 10})).values[Measure.WRITTEN] == 10


@pytest.mark.parametrize("state", [state for state in RunState if state != RunState.COMPLETED])
def test_only_runs_that_completed_are_measured(state):
    assert what_is_measured(a_run_that_took(90, state=state)) is None


def test_a_pause_does_not_count_as_work():
    first = Attempt(number=1, worker="here", started_at=WHEN, ended_at=WHEN + timedelta(minutes=1))
    second = Attempt(
        number=2,
        worker="here",
        started_at=WHEN + timedelta(hours=9),
        ended_at=WHEN + timedelta(hours=9, minutes=2),
    )

    assert what_is_measured(a_run_that_took(1, attempts=(first, second))).seconds == 180


def test_a_clock_that_was_set_back_makes_no_run_shorter_than_nothing():
    assert what_is_measured(a_run_that_took(-90)).seconds == 0


def test_the_same_options_in_another_order_are_alike():
    assert likeness("copy", {"a": 1, "b": {"c": 2, "d": 3}}) == likeness(
        "copy", {"b": {"d": 3, "c": 2}, "a": 1}
    )
    assert likeness("copy", {"a": 1}) != likeness("copy", {"a": 2})
    assert likeness("copy", {}) != likeness("command", {})
