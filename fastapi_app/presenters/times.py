"""Times and spans in words. The page ticks on from what is written here."""

from datetime import UTC, datetime
from typing import Final

_MINUTE: Final = 60
_HOUR: Final = 3600
_DAY: Final = 86400
_LONG_SPAN_DAYS: Final = 7


def span(seconds: float) -> str:
    """Return a span in at most two units: "under 1 s", "34 min", "1 h 48 min", "3 d 4 h"."""
    left = round(max(seconds, 0))
    if left < 1:
        return "under 1 s"
    if left < _MINUTE:
        return f"{left} s"
    if left < _HOUR:
        minutes, rest = divmod(left, _MINUTE)
        return f"{minutes} min {rest} s" if minutes < 10 and rest else f"{minutes} min"  # noqa: PLR2004
    if left < _DAY:
        return _two(left // _HOUR, "h", left % _HOUR // _MINUTE, "min")
    days, rest = divmod(left, _DAY)
    return _two(days, "d", 0 if days >= _LONG_SPAN_DAYS else rest // _HOUR, "h")


def _two(first: int, unit: str, second: int, smaller: str) -> str:
    return f"{first:,} {unit} {second} {smaller}" if second else f"{first:,} {unit}"


def age(seconds: float) -> str:
    """Return a span in whole minutes, as ages are told: "42 min", "under a minute"."""
    return "under a minute" if seconds < _MINUTE else span(seconds // _MINUTE * _MINUTE)


def ago(then: datetime, now: datetime) -> str:
    """Return how long ago that was: "3 min ago"; "just now" for less than a minute."""
    seconds = (now - then).total_seconds()
    return "just now" if seconds < _MINUTE else f"{age(seconds)} ago"


def left(seconds: float | None) -> str:
    """Return the time that is left: "12 min left"; nothing where it is unknown."""
    return "" if seconds is None else f"{span(seconds)} left"


def machine(moment: datetime) -> str:
    """Return the moment as `<time datetime>` wants it."""
    return moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def stamp(moment: datetime) -> str:
    """Return the moment for those whose browser cannot tell it in their own zone."""
    return f"{moment.astimezone(UTC):%-d %b %Y %H:%M} UTC"


def clock(moment: datetime) -> str:
    """Return the time of day to the second, in UTC."""
    return f"{moment.astimezone(UTC):%H:%M:%S}"
