"""How fast a copy may be at which time of the week: "08:00-18:00 2 MB/s", "mon-fri 22:00-06:00 off"."""

import re
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

from core.copying.rates import rate_from
from core.schedules.zones import own_zone_name

DAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
MINUTES_A_DAY: Final = 24 * 60
WEEK: Final = 7 * MINUTES_A_DAY
LEAST: Final = 1024
FREE: Final = frozenset({"off", "free", "unlimited"})
LINE: Final = re.compile(
    r"\s*(?:(?P<days>[a-z,\- ]+?)\s+)?(?P<start>\d\d:\d\d)\s*-\s*(?P<end>\d\d:\d\d)\s+(?P<rate>\S.*?)\s*",
    re.IGNORECASE,
)
CLOCK: Final = re.compile(r"(?:([01]\d|2[0-3]):([0-5]\d)|24:00)\Z")


class Pace(NamedTuple):
    """A span of some days of the week, in minutes of the day it begins, and its rate; None is as fast as it can."""

    days: frozenset[int]
    start: int
    end: int
    rate: int | None

    def holds(self, minute: int) -> bool:
        """Tell whether a minute of the week is in it; over midnight it belongs to the day on which it begins."""
        day, at = divmod(minute, MINUTES_A_DAY)
        if self.start < self.end:
            return day in self.days and self.start <= at < self.end
        return (day in self.days and at >= self.start) or ((day - 1) % 7 in self.days and at < self.end)


def pace_in(text: str) -> Pace:
    """Return what a line says; raises ValueError in words for people."""
    match = LINE.fullmatch(text)
    if match is None:
        message = (
            'write a line such as "08:00-18:00 2 MB/s" or "mon-fri 08:00-18:00 2 MB/s", or "off" for no limit'
        )
        raise ValueError(message)
    start, end = _minutes(match["start"]), _minutes(match["end"])
    if start in {end, MINUTES_A_DAY}:
        message = f"{match['start']} to {match['end']} is no span of time; a whole day is 00:00-24:00"
        raise ValueError(message)
    return Pace(_days(match["days"] or ""), start, end, _rate(match["rate"]))


def _minutes(clock: str) -> int:
    if CLOCK.match(clock) is None:
        message = f"{clock} is no time of the day, which goes from 00:00 to 24:00"
        raise ValueError(message)
    hours, minutes = clock.split(":")
    return int(hours) * 60 + int(minutes)


def _rate(words: str) -> int | None:
    if words.lower() in FREE:
        return None
    rate: int | None = rate_from(words)
    if rate is None or rate < LEAST:
        message = f"{words} is too slow; 1 KiB/s is the least, and off is no limit"
        raise ValueError(message)
    return rate


def _days(words: str) -> frozenset[int]:
    if not words.strip():
        return frozenset(range(7))
    found: set[int] = set()
    for part in filter(None, re.split(r"[,\s]+", words.lower())):
        first, _, last = part.partition("-")
        begin, end = _day(first), _day(last or first)
        found |= {(begin + step) % 7 for step in range((end - begin) % 7 + 1)}
    return frozenset(found)


def _day(word: str) -> int:
    short = word[:3]
    if short not in DAYS:
        message = f"{word!r} is no day: they are {', '.join(DAYS)}"
        raise ValueError(message)
    return DAYS.index(short)


def rate_at(paces: Sequence[Pace], otherwise: int | None, moment: datetime) -> int | None:
    """Return the limit at a moment, which has the zone of the timetable; of two lines that hold the first counts."""
    return _rate_in(paces, otherwise, _minute_of(moment))


def seconds_until_change(paces: Sequence[Pace], otherwise: int | None, moment: datetime) -> float | None:
    """Return for how long the limit stays as it is; None where it always does."""
    minute = _minute_of(moment)
    now = _rate_in(paces, otherwise, minute)
    boundaries = (
        minute + step
        for step in range(1, WEEK + 1)
        if _rate_in(paces, otherwise, (minute + step) % WEEK) != now
    )
    change = next(boundaries, None)
    if change is None:
        return None
    begun = timedelta(seconds=moment.second, microseconds=moment.microsecond)
    return (timedelta(minutes=change - minute) - begun).total_seconds()


def _minute_of(moment: datetime) -> int:
    return moment.weekday() * MINUTES_A_DAY + moment.hour * 60 + moment.minute


def _rate_in(paces: Sequence[Pace], otherwise: int | None, minute: int) -> int | None:
    return next((pace.rate for pace in paces if pace.holds(minute)), otherwise)


def as_rclone_writes(paces: Sequence[Pace], otherwise: int | None) -> str:
    """Return the timetable for rclone's `--bwlimit`; empty where there is no limit at all."""
    if not paces:
        return _written(otherwise) if otherwise else ""
    edges = {
        0,
        *(day * MINUTES_A_DAY + at for day in range(7) for pace in paces for at in (pace.start, pace.end)),
    }
    slots, before = [], object()
    for minute in sorted(edge for edge in edges if edge < WEEK):
        rate = _rate_in(paces, otherwise, minute)
        if rate != before or minute == 0:
            day, at = divmod(minute, MINUTES_A_DAY)
            slots.append(f"{DAYS[day].title()}-{at // 60:02}:{at % 60:02},{_written(rate)}")
        before = rate
    return " ".join(slots)


def _written(rate: int | None) -> str:
    return "off" if rate is None else f"{rate}B"


def here(moment: datetime) -> datetime:
    """Return a moment by the clock on this machine's wall, which timetables go by."""
    return moment.astimezone(ZoneInfo(own_zone_name()))
