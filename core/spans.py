"""Spans as people say them: told in at most two units, or exactly, and read as they are typed."""

import re
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


_UNITS: Final = ((_DAY, "d"), (_HOUR, "h"), (_MINUTE, "min"), (1, "s"))
_NAMES: Final = {
    **dict.fromkeys(("", "s", "sec", "secs", "second", "seconds"), 1),
    **dict.fromkeys(("m", "min", "mins", "minute", "minutes"), _MINUTE),
    **dict.fromkeys(("h", "hr", "hrs", "hour", "hours"), _HOUR),
    **dict.fromkeys(("d", "day", "days"), _DAY),
    **dict.fromkeys(("w", "week", "weeks"), 7 * _DAY),
}
_PART: Final = re.compile(r"(?:and\b)?,?\s*(\d{1,12}(?:[.,]\d{1,6})?)\s*([a-z]*)\s*", re.ASCII)
_LONGEST_TEXT: Final = 100


def seconds_in(text: str) -> float | None:
    """Return the seconds of a span as somebody types it: "90", "1 h 30 min", "2 days"; None for anything else."""
    rest, total = text.strip().lower(), 0.0
    if not rest or len(rest) > _LONGEST_TEXT:
        return None
    while rest:
        part = _PART.match(rest)
        if part is None or part[2] not in _NAMES:
            return None
        total += float(part[1].replace(",", ".")) * _NAMES[part[2]]
        rest = rest[part.end() :]
    return total


def exact(seconds: float) -> str:
    """Return a span to the millisecond, as `seconds_in` reads it: "1 h 30 min", "0.5 s"; "0 s" is nothing."""
    rest = round(max(seconds, 0.0) * 1_000)
    parts = []
    for size, unit in _UNITS[:-1]:
        many, rest = divmod(rest, size * 1_000)
        if many:
            parts.append(f"{many} {unit}")
    if rest or not parts:
        parts.append(f"{rest / 1_000:g} s" if rest % 1_000 else f"{rest // 1_000} s")
    return " ".join(parts)
