"""Days that pass on a clock that is set."""

from core.bench.days import Days, some_schedules


def test_days_of_schedules_through_daylight_saving_make_each_due_time_once():
    days = Days(tuple(some_schedules(40)))

    days.pass_by(100)

    assert sum(map(len, days.made.values())) > 1_000
    assert days.wrong(100) == []
