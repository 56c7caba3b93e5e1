"""Where moments stand in lanes, and what is drawn there."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from core.meetings import Step
from fastapi_app.presenters.lanes import (
    WIDTH,
    day_ahead,
    day_behind,
    due_path,
    load_paths,
    off_path,
    week_ahead,
)

BERLIN = ZoneInfo("Europe/Berlin")
NOW = datetime(2026, 11, 21, 7, 42, tzinfo=UTC)


def midnight(year, month, day, zone=BERLIN):
    return datetime(year, month, day, tzinfo=zone)


def test_a_week_begins_with_today_in_the_zone_of_the_reader():
    frame = week_ahead(datetime(2026, 11, 21, 23, 30, tzinfo=UTC), BERLIN)

    assert frame.labels[0] == "Sun 22"
    assert frame.start == midnight(2026, 11, 22)


def test_the_day_on_which_clocks_change_is_as_wide_as_any_other():
    frame = week_ahead(datetime(2026, 10, 24, 12, tzinfo=UTC), BERLIN)

    places = [frame.place(midnight(2026, 10, 24 + day)) for day in range(7)]

    assert frame.bounds[2] - frame.bounds[1] == timedelta(hours=25)
    assert places == pytest.approx([WIDTH * day / 7 for day in range(7)])
    assert frame.place(datetime(2026, 10, 25, 12, 30, tzinfo=BERLIN)) == pytest.approx(WIDTH * 1.54 / 7)


def test_what_lies_outside_stands_at_the_edge():
    frame = day_ahead(NOW, BERLIN)

    assert frame.place(NOW - timedelta(days=9)) == 0
    assert frame.place(NOW + timedelta(days=9)) == WIDTH


def test_the_day_behind_ends_with_this_hour_and_has_all_of_the_last_24():
    frame = day_behind(NOW, BERLIN)

    assert frame.end == NOW.replace(minute=0) + timedelta(hours=1)
    assert frame.labels[0] == "09:00"
    assert frame.start > NOW - timedelta(hours=24)


def test_a_due_time_is_as_long_as_usual_and_a_short_one_can_be_seen():
    frame = day_ahead(NOW, BERLIN)
    at = frame.start.timestamp() + 3 * 3600

    assert due_path(frame, [at], 6 * 3600) == "M125 5h250v14h-250z"
    assert due_path(frame, [at], None) == "M125 5h5v14h-5z"
    assert due_path(frame, [frame.end.timestamp()], 60) == ""


def test_a_blackout_is_a_band_over_the_whole_height():
    frame = day_ahead(NOW, BERLIN)

    assert off_path(frame, [(frame.start, frame.start + timedelta(hours=12))]) == "M0 0h500v24h-500z"


def test_more_at_once_than_slots_stands_above_their_line():
    frame = day_ahead(NOW, BERLIN)
    at = frame.start.timestamp()
    steps = (Step(at=at + 3 * 3600, many=4), Step(at=at + 6 * 3600, many=1), Step(at=at + 9 * 3600, many=0))

    area, above, line = load_paths(frame, steps, 2)

    assert line == "M0 21.5H1000"
    assert above.startswith("M124 3H")
    assert area.endswith("H1000V40z")


def test_a_peak_too_short_to_be_seen_is_drawn_all_the_same():
    frame = week_ahead(NOW, BERLIN)
    at = frame.start.timestamp() + 3600
    steps = (Step(at=at, many=7), Step(at=at + 1, many=0))

    _, above, _ = load_paths(frame, steps, 4)

    assert above
