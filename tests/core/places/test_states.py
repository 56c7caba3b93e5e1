"""What follows from a row of looks at a destination."""

from datetime import UTC, date, datetime, timedelta

import pytest

from core.places.states import (
    MOST_SAMPLES,
    Room,
    Sample,
    Seen,
    followed_by,
    outlook_of,
    standing_of,
)

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
GB = 10**9
GOOD = Seen(
    reachable=True, sentence="It is there.", room=Room(free=500 * GB, total=1_000 * GB, used=500 * GB)
)
LOST = Seen(reachable=False, sentence="It is gone.", code="unreachable")


def days(free, start=date(2026, 10, 1)):
    return tuple(Sample(day=start + timedelta(days=at), free=each) for at, each in enumerate(free))


def looked(*looks, every=timedelta(hours=1)):
    """Return the state after looks, one each hour up to noon."""
    state = None
    for at, seen in enumerate(looks):
        state = followed_by(state, seen, NOON - every * (len(looks) - 1 - at))
    return state


@pytest.mark.parametrize(
    ("state", "later", "standing"),
    [
        (None, timedelta(), "unknown"),
        (looked(GOOD), timedelta(), "good"),
        (looked(GOOD), timedelta(hours=26), "good"),
        (looked(GOOD), timedelta(hours=26, seconds=1), "unknown"),
        (looked(GOOD), -timedelta(seconds=1), "unknown"),
        (looked(GOOD, LOST), timedelta(), "bad"),
        (looked(GOOD, LOST), timedelta(hours=27), "unknown"),
        (
            looked(Seen(reachable=True, sentence="", warnings=("Its marker is another's.",))),
            timedelta(),
            "warned",
        ),
        (looked(Seen(reachable=True, sentence="", room=Room(free=9, total=100))), timedelta(), "warned"),
        (looked(Seen(reachable=True, sentence="", room=Room(free=10, total=100))), timedelta(), "good"),
    ],
)
def test_no_evidence_is_never_good(state, later, standing):
    assert standing_of(state, NOON + later) == standing


@pytest.mark.parametrize(
    ("samples", "trend", "growth", "full_on", "words"),
    [
        ((), "no-history", None, None, "not enough history"),
        (days([900 * GB] * 4), "no-history", None, None, "not enough history"),
        (
            days([900 * GB, 890 * GB, 880 * GB, 870 * GB, 860 * GB]),
            "no-history",
            None,
            None,
            "not enough history",
        ),
        (
            days([900 * GB - at * 10 * GB for at in range(11)]),
            "growing",
            10 * GB,
            date(2026, 12, 30),
            "full around Dec 2026 at this pace",
        ),
        (days([900 * GB] * 30), "steady", 0, None, "not growing"),
        (days([900 * GB + at * GB for at in range(30)]), "steady", -GB, None, "not growing"),
        (
            days([9_000_000 * GB - at * GB for at in range(30)]),
            "growing",
            GB,
            None,
            "not full within ten years at this pace",
        ),
        (
            days([900 * GB - (at % 2) * 400 * GB - at * GB for at in range(31)]),
            "unsteady",
            GB,
            None,
            "grows unsteadily: no date can be told",
        ),
    ],
    ids=["none", "too few", "too short", "growing", "level", "shrinking", "far away", "up and down"],
)
def test_a_date_is_told_only_where_the_days_lie_on_a_line(samples, trend, growth, full_on, words):
    outlook = outlook_of(samples)

    assert (outlook.trend, outlook.full_on, outlook.words) == (trend, full_on, words)
    assert (outlook.growth_per_day is None) == (growth is None)
    assert round((outlook.growth_per_day or 0) / GB) == (growth or 0) // GB


def test_a_repository_grows_though_nobody_knows_how_much_fits():
    used = tuple(Sample(day=date(2026, 10, 1) + timedelta(days=at), used=at * GB) for at in range(20))

    outlook = outlook_of(used)

    assert (outlook.trend, outlook.growth_per_day, outlook.full_on) == ("growing", GB, None)


def test_a_day_has_one_sample_and_the_newest_120_days_stay():
    start = NOON - timedelta(days=200)
    state = followed_by(None, GOOD, start)
    for hour in range(6, 200 * 24, 6):
        state = followed_by(state, GOOD, start + timedelta(hours=hour))

    assert len(state.samples) == MOST_SAMPLES
    assert len({each.day for each in state.samples}) == MOST_SAMPLES
    assert state.samples[-1].day == (start + timedelta(hours=200 * 24 - 6)).date()


def test_a_look_that_found_nothing_adds_no_sample():
    state = looked(GOOD, LOST)

    assert len(state.samples) == 1
    assert (state.since, state.lost_at) == (NOON, NOON)


def test_what_never_was_reachable_was_not_lost():
    state = looked(LOST, LOST)

    assert state.lost_at is None
    assert state.since == NOON - timedelta(hours=1)


def test_a_destination_full_within_two_weeks_is_nearly_full():
    state, states = None, []
    for at in range(20):
        room = Room(free=(900 - 40 * at) * GB, total=1_000 * GB)
        state = followed_by(state, Seen(reachable=True, sentence="", room=room), NOON + timedelta(days=at))
        states.append(state)

    first = next(each for each in states if each.filling_since is not None)
    assert first.filling_since == first.at == states[-1].filling_since
    assert (first.seen.free or 0) > 100 * GB
    assert standing_of(first, first.at) == "warned"
