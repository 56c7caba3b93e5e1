"""Times and spans in words. The page ticks on from what is written here."""

import math
from datetime import UTC, datetime, timedelta
from typing import Final

from core.spans import span

__all__ = ["age", "ago", "clock", "due", "hour", "left", "machine", "span", "stamp", "until", "weekday"]

_MINUTE: Final = 60
_A_WEEK_ALMOST: Final = timedelta(days=6)
"""For how long a day of the week can be no other one."""
_STEPS: Final = (
    (15, 1),
    (_MINUTE, 5),
    (5 * _MINUTE, 15),
    (10 * _MINUTE, 30),
    (60 * _MINUTE, _MINUTE),
    (360 * _MINUTE, 300),
)
"""Below how many seconds a time left is told in which steps."""


def age(seconds: float) -> str:
    """Return a span in whole minutes, as ages are told: "42 min", "under a minute"."""
    return "under a minute" if seconds < _MINUTE else span(seconds // _MINUTE * _MINUTE)


def ago(then: datetime, now: datetime) -> str:
    """Return how long ago that was: "3 min ago"; "just now" for less than a minute."""
    seconds = (now - then).total_seconds()
    return "just now" if seconds < _MINUTE else f"{age(seconds)} ago"


def until(then: datetime, now: datetime) -> str:
    """Return how long it is until then: "in 18 min"; "now" for less than a minute, and for what should have been."""
    seconds = (then - now).total_seconds()
    return "now" if seconds < _MINUTE else f"in {age(seconds)}"


def left(seconds: float | None) -> str:
    """Return the time that is left: "12 min left"; nothing where it is unknown.

    It is told in the steps that people read, and rounded up: nobody waits for what was promised too early.
    """
    if seconds is None:
        return ""
    step = next((step for below, step in _STEPS if seconds < below), _MINUTE * 30)
    return f"{span(math.ceil(seconds / step) * step if seconds >= 1 else seconds)} left"


def machine(moment: datetime) -> str:
    """Return the moment as `<time datetime>` wants it."""
    return moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def stamp(moment: datetime) -> str:
    """Return the moment for those whose browser cannot tell it in their own zone."""
    return f"{moment.astimezone(UTC):%-d %b %Y %H:%M} UTC"


def clock(moment: datetime) -> str:
    """Return the time of day to the second, in UTC."""
    return f"{moment.astimezone(UTC):%H:%M:%S}"


def hour(moment: datetime) -> str:
    """Return the time of day to the minute, in UTC."""
    return f"{moment.astimezone(UTC):%H:%M} UTC"


def due(moment: datetime, now: datetime) -> str:
    """Return when something is due, in UTC: the time of today, the day of the week with it, or the date of what is far."""
    at, today = moment.astimezone(UTC), now.astimezone(UTC)
    if at.date() == today.date():
        return hour(moment)
    return f"{at:%a %H:%M} UTC" if at - today < _A_WEEK_ALMOST else stamp(moment)


def weekday(moment: datetime) -> str:
    """Return the day of the week, in UTC."""
    return f"{moment.astimezone(UTC):%a}"
