"""How long a run will take, from the history of its job, and how good such forecasts were.

Pure; runs are compared as in `core.usual`.
"""

import math
from collections.abc import Sequence
from statistics import median
from typing import Final

from core.models import Value
from core.usual import FEWEST, PERCENT, Measure, Measured, comparable

LATEST: Final = 20
"""Of how many earlier runs a forecast is the middle."""

NEAREST: Final = 7
"""Of how many of them, those nearest in size, where the size is known."""

TRIFLE: Final = 1e6
"""Bytes that are as good as none beside what a run takes anyway."""

FORECASTS_JUDGED: Final = 30
SHORTEST: Final = 1.0
"""Seconds below which nobody minds how far off a forecast was."""

FIRST_PERCENT: Final = 1.0


class Quality(Value, frozen=True, kw_only=True):
    """By how much forecasts were off, the median of so many of them, as a share of what it took."""

    off: float
    forecasts: int


def expected_seconds(history: Sequence[Measured], like: str, total: float | None = None) -> float | None:
    """Return how long a run like these takes; None without any.

    `total` is how many bytes it will go over, where that is known: then it is the middle of the runs nearest in
    size, each stretched to this one's.
    """
    return _expected(comparable(history, like), total)


def _expected(earlier: Sequence[Measured], total: float | None) -> float | None:
    if not earlier:
        return None
    if total is not None and (sized := [run for run in earlier if _size(run) is not None]):
        return _by_size(sized, total)
    return median(run.seconds for run in earlier[-LATEST:])


def _by_size(sized: Sequence[Measured], total: float) -> float:
    ratios = [(total + TRIFLE) / ((_size(run) or 0.0) + TRIFLE) for run in sized]
    nearest = sorted(range(len(sized)), key=lambda place: (abs(math.log(ratios[place])), -place))[:NEAREST]
    return median(sized[place].seconds * ratios[place] for place in nearest)


def _size(run: Measured) -> float | None:
    return run.values.get(Measure.SIZE, run.values.get(Measure.WRITTEN))


def seconds_left(
    history: Sequence[Measured],
    like: str,
    at_work: float,
    *,
    percent: float | None = None,
    total: float | None = None,
) -> float | None:
    """Return how long a run that has been at work so long still needs; None when nothing is known of it.

    That is the middle of what those still needed that were not done by then. How far it says it is counts the
    more, the further it is. A run that took longer than every one before it, and says nothing, is anybody's guess.
    """
    expected = _left_by_history(comparable(history, like), at_work, total)
    if percent is None or not FIRST_PERCENT <= percent <= PERCENT:
        return expected
    by_progress = at_work * (PERCENT - percent) / percent
    if expected is None:
        return by_progress
    trust = percent / PERCENT
    return trust * by_progress + (1 - trust) * expected


def _left_by_history(earlier: Sequence[Measured], at_work: float, total: float | None) -> float | None:
    if total is not None and (whole := _expected(earlier, total)) is not None and whole > at_work:
        return whole - at_work
    longer = [run.seconds for run in earlier[-LATEST:] if run.seconds > at_work]
    return median(longer) - at_work if longer else None


def forecast_quality(history: Sequence[Measured], like: str) -> Quality | None:
    """Return how far off the forecasts of these runs were, each made of what was known before it.

    None while there were too few of them.
    """
    alike = comparable(history, like)
    first = max(1, len(alike) - FORECASTS_JUDGED)
    off = [
        abs(expected - alike[place].seconds) / max(alike[place].seconds, SHORTEST)
        for place in range(first, len(alike))
        if (expected := _expected(alike[:place], None)) is not None
    ]
    return Quality(off=median(off), forecasts=len(off)) if len(off) >= FEWEST else None
