"""Spans of the day in which nothing begins."""

import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from core.models import Window
from core.schedules.zones import DAY, moment_of

CLOCK: Final = re.compile(r"([01]\d|2[0-3]):([0-5]\d)\Z")
MIDNIGHT_AFTER: Final = "24:00"
MINUTES_A_DAY: Final = 24 * 60
MINUTES_A_WEEK: Final = 7 * MINUTES_A_DAY
MOST: Final = 50


def problem_of(windows: Sequence[Window]) -> str | None:
    """Return what is wrong with the windows, in a sentence; None when nothing is."""
    if len(windows) > MOST:
        return f"At most {MOST} windows, these are {len(windows)}."
    for window in windows:
        if CLOCK.match(window.start) is None:
            return f'A window begins at a time such as "22:00", not at {window.start!r}.'
        if CLOCK.match(window.end) is None and window.end != MIDNIGHT_AFTER:
            return f'A window ends at a time such as "06:00", at the latest "24:00", not at {window.end!r}.'
        if window.start == window.end:
            return (
                f'A window from {window.start} to {window.end} is empty; a whole day is "00:00" to "24:00".'
            )
    if windows and not _something_left(windows):
        return "These windows leave no time of the week at which anything could begin."
    return None


def _something_left(windows: Sequence[Window]) -> bool:
    spans = sorted(span for window in windows for span in _spans_of_the_week(window))
    covered = 0
    for start, end in spans:
        if start > covered:
            return True
        covered = max(covered, end)
    return covered < MINUTES_A_WEEK


def _spans_of_the_week(window: Window) -> Iterator[tuple[int, int]]:
    start, end = _minutes(window.start), _minutes(window.end)
    end += MINUTES_A_DAY if end <= start else 0
    for day in window.days or range(7):
        begins, ends = day * MINUTES_A_DAY + start, day * MINUTES_A_DAY + end
        yield begins, min(ends, MINUTES_A_WEEK)
        if ends > MINUTES_A_WEEK:
            yield 0, ends - MINUTES_A_WEEK


def _minutes(clock: str) -> int:
    hours, minutes = clock.split(":")
    return int(hours) * 60 + int(minutes)


def end_of(windows: Sequence[Window], zone: ZoneInfo, moment: datetime) -> datetime | None:
    """Return when the windows that a moment lies in are over; None when it lies in none."""
    end = None
    at = moment.astimezone(UTC)
    # Windows may follow one another; a week and a day later the same ones come again.
    while at < moment + 8 * DAY:
        ends = [
            ends for window in windows for begins, ends in _spans(window, zone, at) if begins <= at < ends
        ]
        if not ends:
            break
        end = at = max(ends)
    return end


def between(
    windows: Sequence[Window], zone: ZoneInfo, start: datetime, end: datetime
) -> tuple[tuple[datetime, datetime], ...]:
    """Return the spans from `start` to `end` in which nothing begins, in order, cut off at both; none touches another."""
    days = range((end - start).days + 2)
    found = sorted(
        {span for window in windows for day in days for span in _spans(window, zone, start + day * DAY)}
    )
    merged: list[tuple[datetime, datetime]] = []
    for begins, ends in ((max(begins, start), min(ends, end)) for begins, ends in found):
        if begins >= ends:
            continue
        if merged and begins <= merged[-1][1]:
            merged[-1] = merged[-1][0], max(ends, merged[-1][1])
        else:
            merged.append((begins, ends))
    return tuple(merged)


def _spans(window: Window, zone: ZoneInfo, moment: datetime) -> Iterator[tuple[datetime, datetime]]:
    """Give the spans of a window that began on the day of a moment or on the day before."""
    today = moment.astimezone(zone).date()
    for day in (today - DAY, today):
        if window.days and day.weekday() not in window.days:
            continue
        next_day = window.end == MIDNIGHT_AFTER or window.end <= window.start
        begins = moment_of(zone, day, time.fromisoformat(window.start))
        wall = time(0) if window.end == MIDNIGHT_AFTER else time.fromisoformat(window.end)
        # Where the end comes twice, the window lasts until the second: until then the clock shows a time in it.
        ends = moment_of(zone, day + timedelta(days=int(next_day)), wall, last=True)
        yield begins, ends
