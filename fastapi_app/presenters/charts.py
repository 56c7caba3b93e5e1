"""Charts as paths that the server draws: small enough for any page, each with its text alternative.

Pure. Geometry is in whole numbers and tenths of a view box; what is drawn and in which colour is the style sheet's.
"""

import math
from collections.abc import Sequence
from datetime import datetime
from typing import Final

from core.models import Value

SPARK_WIDTH: Final = 100
SPARK_TOP: Final = 4.0
SPARK_FLOOR: Final = 26.0
SPARK_BOTTOM: Final = 28

LEFT: Final = 60
RIGHT: Final = 712
TOP: Final = 28
FLOOR: Final = 106
LINE: Final = 158
TALLEST_BAR: Final = 34
SHORTEST_BAR: Final = 2
DEEPEST_BAR: Final = 20
WIDEST_BAR: Final = 14.0
BAR_SHARE: Final = 0.5

MARK_AT: Final = 72
"""Where on an age bar the target is, in hundredths, as long as the copy is not much older than that."""

MOST_PIPS: Final = 12


class Spark(Value, frozen=True, kw_only=True):
    """A line without axes: `p` is the line, `a` the area below it; both are empty where there is nothing to draw."""

    a: str
    p: str
    label: str


class Chart(Value, frozen=True, kw_only=True):
    """An area over bars: what was moved, and how many runs ended well above a line and failed below it."""

    a: str
    p: str
    grid: tuple[tuple[int, str], ...]
    """Heights of lines and what is written beside each, from the floor up."""
    unit: str
    good: str
    bad: str
    thick: str
    begins: tuple[datetime, ...]
    """Moments to write below, evenly spaced; after them comes now."""
    days: bool
    label: str


class Age(Value, frozen=True, kw_only=True):
    """How old something is beside its target: both in hundredths of the bar; `mark` None is no target."""

    st: str
    width: int
    mark: int | None
    label: str


class Bar(Value, frozen=True, kw_only=True):
    """What one hour or day amounted to."""

    at: datetime
    amount: float
    good: int = 0
    bad: int = 0


def spark(values: Sequence[float], label: str) -> Spark:
    """Return the line through the values, from nothing to the highest of them."""
    top = max(values, default=0.0)
    if len(values) < 2 or top <= 0:  # noqa: PLR2004 - a line has two ends
        return Spark(a="", p="", label=label)
    points = [
        (
            SPARK_WIDTH * place / (len(values) - 1),
            SPARK_FLOOR - (SPARK_FLOOR - SPARK_TOP) * max(value, 0) / top,
        )
        for place, value in enumerate(values)
    ]
    line = _line(points)
    return Spark(a=f"{line}V{SPARK_BOTTOM}H0z", p=line, label=label)


def chart(
    bars: Sequence[Bar],
    *,
    unit: str,
    scale: float,
    label: str,
    begins: Sequence[datetime] = (),
    days: bool = False,
) -> Chart:
    """Return the chart of consecutive spans; amounts are shown in `unit`, of which one is `scale`."""
    highest = round_up(max((bar.amount / scale for bar in bars), default=0.0))
    step = (RIGHT - LEFT) / max(len(bars) - 1, 1)
    points = [
        (LEFT + step * place, FLOOR - (FLOOR - TOP) * bar.amount / scale / highest)
        for place, bar in enumerate(bars)
    ]
    line = _line(points) if len(points) > 1 else ""
    good, bad, thick = _bars(bars)
    return Chart(
        a=f"{line}V{FLOOR}H{LEFT}z" if line else "",
        p=line,
        grid=tuple((round(FLOOR - (FLOOR - TOP) * share), _number(highest * share)) for share in (0, 0.5, 1)),
        unit=unit,
        good=good,
        bad=bad,
        thick=thick,
        begins=tuple(begins),
        days=days,
        label=label,
    )


def _bars(bars: Sequence[Bar]) -> tuple[str, str, str]:
    """Return the bars above and below the line, and how thick they are."""
    slot = (RIGHT - LEFT) / max(len(bars), 1)
    most = max((max(bar.good, bar.bad) for bar in bars), default=0) or 1
    good, bad = "", ""
    for place, bar in enumerate(bars):
        across = _tenth(LEFT + slot * (place + 0.5))
        if bar.good:
            good += f"M{across} {LINE - 1}v-{SHORTEST_BAR + round(TALLEST_BAR * bar.good / most)}"
        if bar.bad:
            bad += f"M{across} {LINE + 1}v{SHORTEST_BAR + round(DEEPEST_BAR * bar.bad / most)}"
    return good, bad, _tenth(min(WIDEST_BAR, slot * BAR_SHARE))


def round_up(value: float) -> float:
    """Return the next number that reads well at the top of an axis and halves well: 1, 2, 4, 6, 10 times a power of ten."""
    if value <= 0:
        return 1.0
    power = 10.0 ** math.floor(math.log10(value))
    return next(step * power for step in (1, 2, 4, 6, 10) if value <= step * power * (1 + 1e-9))


def age_bar(age: float | None, target: float | None, label: str, *, unsure: bool = False) -> Age:
    """Return the bar of an age in seconds against its target; without a target it is grey, for nobody said how old is too old.

    The bar is drawn in steps of two hundredths, so that it is the same for a good while.
    """
    if age is None:
        return Age(st="late" if target else "unknown", width=0, mark=MARK_AT if target else None, label=label)
    if not target:
        return Age(st="unknown", width=0, mark=None, label=label)
    mark = min(MARK_AT, max(2, int(100 * target / age))) if age > target else MARK_AT
    width = min(100, int(mark * age / target) // 2 * 2)
    st = "late" if age > target else "unknown" if unsure else "ok"
    return Age(st=st, width=max(2, width), mark=mark, label=label)


def pips(taken: int, slots: int) -> tuple[bool, ...]:
    """Return a mark for each slot, those that are taken first; none where there are too many to be counted at a glance."""
    return tuple(place < taken for place in range(slots)) if slots <= MOST_PIPS else ()


def _line(points: Sequence[tuple[float, float]]) -> str:
    return "M" + "L".join(f"{_tenth(across)} {_tenth(down)}" for across, down in points)


def _tenth(value: float) -> str:
    """Return the number with one decimal at most."""
    return f"{value:.1f}".removesuffix(".0")


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 10 or value == int(value) else f"{value:g}"  # noqa: PLR2004 - two digits are enough
