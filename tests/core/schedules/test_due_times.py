"""When a schedule is due."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.models import Schedule, Window
from core.schedules import due_after, due_between, end_of_blackout
from core.schedules.cron import cron_of

BERLIN = ZoneInfo("Europe/Berlin")
SPRING = datetime(2026, 3, 28, 12, tzinfo=UTC)
AUTUMN = datetime(2026, 10, 24, 12, tzinfo=UTC)
WEEKS = timedelta(days=40)


def local_times(cron, start, many, zone="Europe/Berlin"):
    """Return what the clock on the wall shows at the next due times, with how far it is ahead of UTC."""
    schedule = Schedule(cron=cron, timezone=zone)
    due = due_between(schedule, start, start + WEEKS, anchor=start, most=many)
    return [f"{moment.astimezone(ZoneInfo(zone)):%d %H:%M %z}" for moment in due]


@pytest.mark.parametrize("cron", ["30 2 * * *", "0 30 2 * * *"])
def test_a_local_time_that_does_not_exist_is_due_once_right_after_the_change(cron):
    due = local_times(cron, SPRING, 2)

    assert due == ["29 03:00 +0200", "30 02:30 +0200"]


@pytest.mark.parametrize("cron", ["30 2 * * *", "0 30 2 * * *"])
def test_a_local_time_that_comes_twice_is_due_the_first_time_only(cron):
    due = local_times(cron, AUTUMN, 2)

    assert due == ["25 02:30 +0200", "26 02:30 +0100"]


def test_a_local_time_that_comes_twice_is_not_due_again_for_who_asks_between_the_two():
    between = datetime(2026, 10, 25, 1, 15, tzinfo=UTC)

    due = local_times("30 2 * * *", between, 1)

    assert due == ["26 02:30 +0100"]


def test_several_times_that_do_not_exist_are_due_once_together():
    due = local_times("0,15,45 2,3 * * *", SPRING, 4)

    assert due == ["29 03:00 +0200", "29 03:15 +0200", "29 03:45 +0200", "30 02:00 +0200"]


def test_what_is_due_every_hour_goes_by_real_time_through_both_changes():
    spring = local_times("30 * * * *", datetime(2026, 3, 29, 0, tzinfo=UTC), 2)
    autumn = local_times("30 * * * *", datetime(2026, 10, 25, 0, tzinfo=UTC), 3)

    assert spring == ["29 01:30 +0100", "29 03:30 +0200"]
    assert autumn == ["25 02:30 +0200", "25 02:30 +0100", "25 03:30 +0100"]


def test_a_clock_that_changes_at_midnight_loses_no_day():
    due = local_times("0 0 * * *", datetime(2026, 9, 5, 12, tzinfo=UTC), 2, "America/Santiago")

    assert due == ["06 01:00 -0300", "07 00:00 -0300"]


def test_a_clock_that_changes_by_half_an_hour_is_followed():
    due = local_times("15,45 2 * * *", datetime(2026, 10, 3, 12, tzinfo=UTC), 3, "Australia/Lord_Howe")

    assert due == ["04 02:30 +1100", "04 02:45 +1100", "05 02:15 +1100"]


def test_a_day_that_a_zone_left_out_is_made_up_for_at_once():
    due = local_times("0 8 * * *", datetime(2011, 12, 29, 19, tzinfo=UTC), 2, "Pacific/Apia")

    assert due == ["31 00:00 +1400", "31 08:00 +1400"]


@pytest.mark.parametrize("zone", ["UTC", "Asia/Kolkata"])
def test_a_zone_that_never_changes_its_clocks_has_a_due_time_each_day(zone):
    due = local_times("0 2 * * *", SPRING, 30, zone)

    assert [time[3:8] for time in due] == ["02:00"] * 30


def test_an_interval_counts_real_time_from_the_creation_of_the_job():
    created = datetime(2026, 3, 28, 2, 42, tzinfo=UTC)
    schedule = Schedule(every=86_400, timezone="Europe/Berlin")

    due = due_between(schedule, created, created + WEEKS, anchor=created, most=2)

    assert due == (created + timedelta(days=1), created + timedelta(days=2))
    assert due_after(schedule, created + timedelta(hours=30), anchor=created) == due[1]


def test_an_interval_keeps_its_beat_before_the_creation_of_the_job_too():
    created = datetime(2026, 3, 28, 2, 42, tzinfo=UTC)

    due = due_after(Schedule(every=900), created - timedelta(days=3, seconds=1), anchor=created)

    assert due == created - timedelta(days=3)


def test_a_time_is_due_once():
    at = datetime(2026, 12, 24, 18, tzinfo=UTC)
    schedule = Schedule(at=at)

    assert due_after(schedule, AUTUMN, anchor=AUTUMN) == at
    assert due_after(schedule, at, anchor=AUTUMN) is None


def test_what_is_due_when_holdfast_starts_has_no_time_of_its_own():
    assert due_after(Schedule(on_start=True), AUTUMN, anchor=AUTUMN) is None


@pytest.mark.parametrize(
    "schedule",
    [
        Schedule(cron="0 0 31 2 *"),
        Schedule(cron="x"),
        Schedule(cron="@daily", timezone="Nowhere"),
        Schedule(every=0),
    ],
)
def test_a_schedule_with_problems_is_never_due(schedule):
    assert due_after(schedule, AUTUMN, anchor=AUTUMN) is None


def test_the_end_of_the_calendar_is_no_trouble():
    last = datetime(9_999, 12, 31, 23, 59, 59, tzinfo=UTC)
    late = datetime(9_899, 12, 31, 23, 59, 59, tzinfo=UTC)
    leap_day = Schedule(cron="0 0 29 2 *", timezone="Europe/Berlin")

    assert due_after(leap_day, last, anchor=AUTUMN) is None
    assert due_after(leap_day, late, anchor=AUTUMN) == datetime(9_904, 2, 28, 23, tzinfo=UTC)
    assert due_after(Schedule(every=3_155_760_000), late, anchor=late) is None


def test_a_night_window_lasts_over_midnight_and_belongs_to_the_day_it_begins():
    night = Schedule(every=60, timezone="UTC", blackout=(Window(start="22:00", end="06:00", days=(4,)),))
    friday = datetime(2026, 11, 20, tzinfo=UTC)

    assert end_of_blackout(night, friday.replace(hour=21, minute=59)) is None
    assert end_of_blackout(night, friday.replace(hour=22)) == friday + timedelta(hours=30)
    assert end_of_blackout(night, friday + timedelta(hours=29, minutes=59)) == friday + timedelta(hours=30)
    assert end_of_blackout(night, friday + timedelta(hours=30)) is None
    assert end_of_blackout(night, friday + timedelta(hours=46)) is None


def test_windows_that_follow_one_another_end_together():
    windows = (
        Window(start="22:00", end="06:00"),
        Window(start="05:00", end="07:30"),
        Window(start="20:00", end="24:00"),
    )
    schedule = Schedule(every=60, timezone="UTC", blackout=windows)
    evening = datetime(2026, 11, 20, 21, tzinfo=UTC)

    assert end_of_blackout(schedule, evening) == datetime(2026, 11, 21, 7, 30, tzinfo=UTC)


def test_a_window_lasts_as_long_as_the_clock_shows_a_time_in_it():
    schedule = Schedule(every=60, timezone="Europe/Berlin", blackout=(Window(start="01:00", end="02:30"),))
    second_time = datetime(2026, 10, 25, 1, 15, tzinfo=UTC)

    assert end_of_blackout(schedule, second_time) == datetime(2026, 10, 25, 1, 30, tzinfo=UTC)


CRONS = st.one_of(
    st.builds("{} {} * * *".format, st.integers(0, 59), st.integers(0, 23)),
    st.builds(
        "{},{} {}-{} * * *".format,
        st.integers(0, 29),
        st.integers(30, 59),
        st.integers(0, 3),
        st.integers(3, 9),
    ),
    st.builds("*/{} * * * *".format, st.integers(7, 40)),
    st.builds("*/{} 1-3 * * *".format, st.integers(10, 30)),
    st.builds("{} * * * *".format, st.integers(0, 59)),
)
ZONES = st.sampled_from(
    ["Europe/Berlin", "Australia/Lord_Howe", "America/New_York", "America/Santiago", "UTC"]
)
DAYS = st.sampled_from(
    [datetime(2026, month, day, tzinfo=UTC) for month, day in ((3, 28), (10, 3), (10, 24), (9, 5))]
)


@settings(max_examples=60)
@given(cron=CRONS, zone=ZONES, day=DAYS, hours=st.integers(8, 40))
def test_due_times_are_those_that_the_clock_on_the_wall_shows_and_the_stated_ones_at_its_changes(
    cron, zone, day, hours
):
    """Look at every minute of some hours, and compare."""
    start = day + timedelta(hours=hours)
    end = start + timedelta(hours=8)
    schedule = Schedule(cron=cron, timezone=zone)

    due = due_between(schedule, start, end, anchor=start, most=10_000)

    assert list(due) == sorted(set(_expected(cron, ZoneInfo(zone), start, end)))
    assert all(
        due_after(schedule, moment - timedelta(microseconds=1), anchor=start) == moment for moment in due
    )


def _expected(text, zone, start, end):
    read = cron_of(text)
    before = start
    while before < end:
        moment = before + timedelta(minutes=1)
        local, last = (at.astimezone(zone).replace(tzinfo=None) for at in (moment, before))
        shown = read.wall_after(local - timedelta(seconds=1)) == local
        again = bool(moment.astimezone(zone).fold) and read.names_times
        left_out = local - last > timedelta(minutes=1)
        swallowed = left_out and read.names_hours and read.wall_after(last) < local
        if (shown and not again) or swallowed:
            yield moment
        before = moment
