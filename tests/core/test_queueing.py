"""The rules of the queue, kept and read back, and the first of them that holds a run back."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.breakers import Breaker
from core.models import Priority
from core.packed import frozen
from core.queueing import (
    UNREADABLE,
    Busy,
    Pause,
    Reason,
    Rules,
    Scope,
    holds,
    level,
    limited,
    paused,
    place_of,
    register_of,
    resumed,
    rules_of,
)
from tests.builders import WHEN, a_kept_run, a_place

HOUR = timedelta(hours=1)
EPOCH = datetime.fromtimestamp(0, UTC)
PLACE = a_place("mine", groups=("nas-02",), reaches=("nas-02",))

TEXTS = st.text(max_size=20)
MOMENTS = st.datetimes(timezones=st.just(WHEN.tzinfo))
KEYS = st.builds(Scope.key, st.sampled_from(Scope), st.text(min_size=1, max_size=20))
PAUSES = st.builds(Pause, by=TEXTS, at=MOMENTS, reason=TEXTS, until=st.none() | MOMENTS)
RULES = st.builds(
    Rules,
    pauses=st.dictionaries(KEYS, PAUSES, max_size=4),
    most=st.dictionaries(KEYS, st.integers(1, 99), max_size=4),
)


def held(rules, busy=None):
    """Return what holds the run back that this page is about."""
    holdup = holds(rules, PLACE, busy or Busy(), WHEN)
    assert holdup is not None
    return holdup


@given(rules=RULES)
def test_rules_are_read_back_as_they_were_kept(rules):
    kept = register_of(rules)

    again = rules_of(None if kept is None else frozen(kept))

    assert (dict(again.pauses), dict(again.most)) == (rules.pauses, rules.most)


def test_rules_that_nobody_made_need_no_register():
    rules = resumed(paused(Rules(), Scope.QUEUE, "", Pause(at=WHEN)), Scope.QUEUE, "")

    assert register_of(rules) is None
    assert rules_of(None) == Rules()


@pytest.mark.parametrize(
    "kept", [{"pauses": 7}, {"most": {"kind/copy": "many"}}, {"unknown": {}}, {"pauses": {"queue": {}}}]
)
def test_a_register_that_cannot_be_read_pauses_the_queue(kept):
    holdup = held(rules_of(kept))

    assert (holdup.reason, holdup.scope) == (Reason.PAUSED, Scope.QUEUE)
    assert holdup.pause == Pause(at=EPOCH, reason=UNREADABLE)


def test_a_pause_that_is_over_goes_with_the_next_one():
    first = paused(Rules(), Scope.KIND, "copy", Pause(at=WHEN, until=WHEN + HOUR))

    second = paused(first, Scope.JOB, "mine", Pause(at=WHEN + HOUR))

    assert set(second.pauses) == {"job/mine"}


def test_a_limit_that_is_taken_away_is_what_it_was_before():
    rules = limited(Rules(), Scope.GROUP, "nas-02", 3)

    again = limited(rules, Scope.GROUP, "nas-02", None)

    assert rules.limit(Scope.GROUP, "nas-02") == 3
    assert again.limit(Scope.GROUP, "nas-02") == 1
    assert again.limit(Scope.KIND, "copy") is None


def test_the_first_thing_that_holds_a_run_back_is_told_and_then_the_next():
    pause = Pause(at=WHEN)
    breaker = Breaker(failures=3, opened=1, opened_at=WHEN, until=WHEN + HOUR)
    rules = Rules(most={"queue": 1, "kind/copy": 1}, breakers={"nas-02": breaker})
    scopes = [(Scope.QUEUE, ""), (Scope.KIND, "copy"), (Scope.JOB, PLACE.job_id), (Scope.GROUP, "nas-02")]
    for scope, name in scopes:
        rules = paused(rules, scope, name, pause)
    busy = Busy([a_place("other", job_id=PLACE.job_id, groups=("nas-02",))])
    told = []

    for scope, name in scopes:
        told.append(held(rules, busy))
        rules = resumed(rules, scope, name)
    told.append(held(rules, busy))
    busy = Busy([a_place("other", groups=("nas-02",))])
    told.append(held(rules, busy))
    rules = Rules(most=rules.most)
    for scope in (Scope.QUEUE, Scope.KIND):
        told.append(held(rules, busy))
        rules = limited(rules, scope, "copy", None)
    told.append(held(rules, busy))

    assert [(one.reason, one.scope) for one in told] == [
        *((Reason.PAUSED, scope) for scope, _ in scopes),
        (Reason.JOB_AT_WORK, Scope.JOB),
        (Reason.BREAKER, Scope.QUEUE),
        (Reason.LIMIT, Scope.QUEUE),
        (Reason.LIMIT, Scope.KIND),
        (Reason.LIMIT, Scope.GROUP),
    ]
    assert holds(rules, PLACE, Busy(), WHEN) is None


def test_a_run_does_not_hold_itself_back():
    assert holds(Rules(), PLACE, Busy([a_place("other", job_id=PLACE.job_id)]), WHEN) is not None
    assert holds(Rules(), a_place("mine"), Busy([a_place("mine")]), WHEN) is None


@pytest.mark.parametrize(
    ("priority", "waited", "expected"),
    [
        (Priority.LOW, timedelta(), 0),
        (Priority.LOW, HOUR - timedelta(seconds=1), 0),
        (Priority.LOW, HOUR, 1),
        (Priority.LOW, 3 * HOUR, 3),
        (Priority.LOW, 300 * HOUR, 3),
        (Priority.CRITICAL, timedelta(), 3),
        (Priority.NORMAL, -HOUR, 1),
    ],
)
def test_a_run_stands_one_level_higher_for_each_hour_it_waits(priority, waited, expected):
    assert level(a_place("mine", priority=priority), WHEN + waited) == expected


def test_a_run_waits_since_it_was_due():
    run = a_kept_run("run", "job", due_at=WHEN + HOUR, groups=("nas-02",), reaches=("nas",))

    place = place_of(run)

    assert (place.since, place.groups, place.reaches) == (WHEN + HOUR, ("nas-02",), ("nas",))


def test_runs_at_work_are_counted_by_what_they_share():
    busy = Busy([a_place("one", groups=("nas-02",)), a_place("two", kind="rsync", groups=("nas-02",))])

    busy.remove("one")
    busy.remove("unknown")

    assert busy.of(Scope.GROUP, "nas-02") == ("two",)
    assert (busy.count(Scope.KIND, "copy"), busy.count(Scope.KIND, "rsync"), len(busy)) == (0, 1, 1)
    assert "one" not in busy
    assert "two" in busy
