"""How fast a copy may be at which time of the week."""

import re
import subprocess
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.copying.paces import as_rclone_writes, pace_in, rate_at, seconds_until_change

BERLIN = ZoneInfo("Europe/Berlin")
MONDAY = datetime(2026, 11, 16, tzinfo=BERLIN)
MB = 1_000_000


def at(day: int, clock: str) -> datetime:
    hours, minutes = map(int, clock.split(":"))
    return MONDAY + timedelta(days=day, hours=hours, minutes=minutes)


def table(*lines):
    return tuple(pace_in(line) for line in lines)


@pytest.mark.parametrize(
    ("line", "moment", "rate"),
    [
        ("08:00-18:00 2 MB/s", at(0, "07:59"), 9 * MB),
        ("08:00-18:00 2 MB/s", at(0, "08:00"), 2 * MB),
        ("08:00-18:00 2 MB/s", at(6, "17:59"), 2 * MB),
        ("08:00-18:00 2 MB/s", at(0, "18:00"), 9 * MB),
        ("mon-fri 08:00-18:00 2 MB/s", at(5, "12:00"), 9 * MB),
        ("Sat, Sun 00:00-24:00 off", at(6, "12:00"), None),
        ("fri-mon 08:00-18:00 2 MB/s", at(0, "12:00"), 2 * MB),
        ("fri-mon 08:00-18:00 2 MB/s", at(1, "12:00"), 9 * MB),
        ("mon 22:00-06:00 1 MB/s", at(1, "05:59"), MB),
        ("mon 22:00-06:00 1 MB/s", at(0, "05:59"), 9 * MB),
        ("sun 22:00-06:00 1 MB/s", at(0, "05:59"), MB),
    ],
)
def test_a_limit_holds_in_its_hours_and_the_general_one_at_all_others(line, moment, rate):
    assert rate_at(table(line), 9 * MB, moment) == rate


def test_of_two_lines_that_hold_the_first_counts():
    paces = table("mon 12:00-13:00 off", "08:00-18:00 2 MB/s")

    assert rate_at(paces, None, at(0, "12:30")) is None
    assert rate_at(paces, None, at(0, "13:30")) == 2 * MB


@pytest.mark.parametrize(
    "line",
    ["", "fast", "08:00-18:00", "8:00-18:00 2 MB/s", "08:00-08:00 2 MB/s", "24:00-08:00 2 MB/s", "25:00-26:00 1 MB/s",
     "08:00-18:00 10 B/s", "08:00-18:00 -2 MB/s", "foo 08:00-18:00 2 MB/s", "08:60-18:00 2 MB/s"],
)  # fmt: skip
def test_a_line_that_is_no_limit_is_refused_in_words(line):
    with pytest.raises(ValueError, match=r"[a-z]{2}"):
        pace_in(line)


def test_the_next_change_is_where_the_limit_changes_and_not_where_a_line_ends():
    paces = table("08:00-12:00 2 MB/s", "12:00-18:00 2 MB/s")

    assert seconds_until_change(paces, None, at(0, "09:00") + timedelta(seconds=30)) == 9 * 3600 - 30
    assert seconds_until_change(table("00:00-24:00 2 MB/s"), None, at(0, "09:00")) is None
    assert seconds_until_change((), MB, at(0, "09:00")) is None


clocks = st.builds("{:02}:{:02}".format, st.integers(0, 23), st.integers(0, 59))
days = st.sampled_from(["", "mon ", "sat,sun ", "fri-tue "])
rates = st.sampled_from(["off", "1 MB/s", "300 kB/s"])


@st.composite
def lines(draw):
    start, end = draw(st.tuples(clocks, clocks).filter(lambda pair: pair[0] != pair[1]))
    return f"{draw(days)}{start}-{end} {draw(rates)}"


@given(st.lists(lines(), min_size=1, max_size=4), st.integers(0, 7 * 24 * 60 - 1))
def test_rclone_is_told_the_same_timetable(texts, minute):
    paces = table(*texts)
    moment = MONDAY + timedelta(minutes=minute)

    slots = re.findall(r"(\w{3})-(\d\d):(\d\d),(\S+)", as_rclone_writes(paces, 5 * MB))

    begun = [
        (
            ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"].index(day) * 1440
            + int(hour) * 60
            + int(minutes),
            rate,
        )
        for day, hour, minutes, rate in slots
    ]
    last = [rate for start, rate in begun if start <= minute][-1]
    expected = rate_at(paces, 5 * MB, moment)
    assert last == ("off" if expected is None else f"{expected}B")


def test_rclone_itself_takes_the_timetable(tmp_path):
    written = as_rclone_writes(table("mon-fri 08:00-18:00 2 MB/s", "22:00-06:00 off"), 5 * MB)

    done = subprocess.run(
        ["rclone", "--config", "", "--bwlimit", written, "lsf", str(tmp_path)],
        capture_output=True,
        check=False,
    )

    assert (done.returncode, done.stderr) == (0, b"")
