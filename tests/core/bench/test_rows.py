import pytest

from core.bench.rows import Beside, at_least, at_most

SQLITE = Beside(figure=10.0, name="SQLite", times=2)


@pytest.mark.parametrize(
    ("row", "budget", "met"),
    [
        (at_most("a", 5, "ms", 5), "at most 5 ms", True),
        (at_most("a", 5.1, "ms", 5), "at most 5 ms", False),
        (at_most("a", 20, "ms", None, SQLITE), "at most 2 times", True),
        (at_most("a", 20.1, "ms", None, SQLITE), "at most 2 times", False),
        (at_most("a", 15, "ms", 12, SQLITE), "at most 12 ms, at most 2 times", False),
        (at_most("a", 25, "ms", 30, SQLITE), "at most 30 ms, at most 2 times", False),
        (at_least("a", 40_000, "/s", 40_000), "at least 40,000 /s", True),
        (at_least("a", 39_999, "/s", 40_000), "at least 40,000 /s", False),
        (at_least("a", 20, "/s", 20, SQLITE), "at least 20 /s, at least 2 times", True),
        (at_least("a", 19, "/s", 15, SQLITE), "at least 15 /s, at least 2 times", False),
    ],
)
def test_a_budget_is_met_when_every_part_of_it_is(row, budget, met):
    assert (row.budget, row.met) == (budget, met)


def test_a_figure_stands_beside_its_yardstick():
    beside = at_most("a", 5, "ms", 3, Beside(figure=10.0, name="SQLite"))
    alone = at_most("a", 5, "ms", 3)

    assert (beside.yardstick, beside.yardstick_name, beside.ratio) == (10.0, "SQLite", 0.5)
    assert (alone.yardstick, alone.yardstick_name, alone.ratio) == (None, "", None)
