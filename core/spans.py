"""Spans as people say them, in at most two units."""

from typing import Final

_MINUTE: Final = 60
_HOUR: Final = 3600
_DAY: Final = 86400
_SECONDS_TOLD_BELOW: Final = 10 * _MINUTE
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
        return f"{minutes} min {rest} s" if left < _SECONDS_TOLD_BELOW and rest else f"{minutes} min"
    if left < _DAY:
        return _two(left // _HOUR, "h", left % _HOUR // _MINUTE, "min")
    days, rest = divmod(left, _DAY)
    return _two(days, "d", 0 if days >= _LONG_SPAN_DAYS else rest // _HOUR, "h")


def _two(first: int, unit: str, second: int, smaller: str) -> str:
    return f"{first:,} {unit} {second} {smaller}" if second else f"{first:,} {unit}"
