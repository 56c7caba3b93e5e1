"""Spans of the day as people write them: "22:00-06:00", "08:00-18:00 mon-fri", "00:00-24:00 sat, sun"."""

import re
from typing import Final

from core.models import Window

WRITTEN: Final = re.compile(r"\s*(\d{1,2}:\d\d)\s*(?:-|–|to)\s*(\d{1,2}:\d\d)\s*(.*?)\s*\Z")
DAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
LONGEST: Final = 200


def window_in(line: str) -> Window | None:
    """Return the window that a line says; None when it says none."""
    written = WRITTEN.match(line[:LONGEST])
    days = _days_in(written[3]) if written else None
    if written is None or days is None:
        return None
    return Window(start=written[1].zfill(5), end=written[2].zfill(5), days=days)


def _days_in(text: str) -> tuple[int, ...] | None:
    """Return the days that are named, one by one or as "mon-fri"; nothing is every day, None is no days at all."""
    days: set[int] = set()
    for part in re.split(r"[\s,]+", text.lower()):
        if not part:
            continue
        ends = [_day(end) for end in part.split("-")]
        if len(ends) > 2 or None in ends:  # noqa: PLR2004 - from one day to another
            return None
        first, last = (end for end in (ends[0], ends[-1]) if end is not None)
        days.update((first + step) % 7 for step in range((last - first) % 7 + 1))
    return tuple(sorted(days))


def _day(text: str) -> int | None:
    return DAYS.index(text[:3]) if text[:3] in DAYS and text.isalpha() else None


def line_of(window: Window) -> str:
    """Return the window as it is written."""
    days = ",".join(DAYS[day] for day in window.days)
    return f"{window.start}-{window.end} {days}".strip()
