"""Sizes as people say them, with at most three digits and a space before the unit."""

from typing import Final

_UNITS: Final = ("B", "kB", "MB", "GB", "TB", "PB", "EB")
_STEP: Final = 1000
_THREE_DIGITS: Final = 999.5
_TWO_DIGITS: Final = 99.95


def size(amount: float) -> str:
    """Return bytes as people say them: "38.2 MB"."""
    number, unit = size_parts(amount)
    return f"{number} {unit}"


def size_parts(amount: float) -> tuple[str, str]:
    """Return the number and the unit of a size apart."""
    value, place = float(max(amount, 0)), 0
    while value >= _THREE_DIGITS and place < len(_UNITS) - 1:
        value, place = value / _STEP, place + 1
    if place == 0 or value >= _TWO_DIGITS:
        return f"{value:.0f}", _UNITS[place]
    return f"{value:.1f}", _UNITS[place]
