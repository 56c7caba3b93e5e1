"""How many are at work at once."""

from core.meetings import Step, busiest, course


def many(steps):
    return [(step.at, step.many) for step in steps]


def test_what_overlaps_is_counted_while_it_overlaps():
    steps = course([(0, 10), (5, 15), (5, 7)])

    assert many(steps) == [(0, 1), (5, 3), (7, 2), (10, 1), (15, 0)]
    assert busiest(steps) == Step(at=5, many=3)


def test_one_that_ends_as_another_begins_does_not_meet_it():
    assert busiest(course([(0, 5), (5, 10)])) == Step(at=0, many=1)


def test_what_takes_no_time_meets_nobody():
    assert course([(3, 3), (4, 2)]) == ()
    assert busiest(()) is None


def test_what_is_over_by_then_is_not_the_busiest():
    steps = course([(0, 10), (1, 9), (2, 3), (20, 30)])

    assert busiest(steps, since=5) == Step(at=5, many=2)
    assert busiest(steps, since=15) == Step(at=20, many=1)
