"""The course of the last hours: figures with their lines, and the chart of what was moved and of runs."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final, Literal

from core.facts import Copy, Fact, Picture
from core.models import Value
from core.rollups import Hour, wait_of
from fastapi_app.presenters import sizes, times
from fastapi_app.presenters.charts import Bar, Chart, Spark, chart, spark
from fastapi_app.presenters.dashboard import MODES, target_words
from fastapi_app.presenters.texts import plural

Range = Literal["6h", "24h", "7d"]

HOURS: Final[dict[Range, int]] = {"6h": 6, "24h": 24, "7d": 168}
RANGES: Final[dict[Range, str]] = {"6h": "6 h", "24h": "24 h", "7d": "7 d"}
USUAL: Final[Range] = "24h"

GROUPED: Final = 6
"""How many hours one bar of a week is."""

LABELS: Final[dict[Range, int]] = {"6h": 6, "24h": 6, "7d": 7}
"""How many moments are written below a chart, beside now."""

UNITS: Final = ("B", "kB", "MB", "GB", "TB", "PB", "EB")


class Figure(Value, frozen=True, kw_only=True):
    """A number worth a look, its unit in each part: (("3", "d"), ("4", "h")); its course, or what it is about."""

    name: str
    parts: tuple[tuple[str, str], ...]
    spark: Spark | None = None
    aside: str = ""
    at: datetime | None = None
    st: str = ""
    address: str = ""


class RangeChip(Value, frozen=True, kw_only=True):
    """A span of time that the chart can show."""

    word: str
    address: str
    current: bool


class Flow(Value, frozen=True, kw_only=True):
    """The chart, and the spans of time one can choose."""

    chip: Range
    chips: tuple[RangeChip, ...]
    chart: Chart | None
    aside: str


def figures_of(picture: Picture, day: Sequence[Hour]) -> tuple[Figure, ...]:
    """Return the four figures: of copies where any are made, of runs where none are."""
    if picture.count("copying"):
        return (_moved(day), _wait(day), _oldest(picture.oldest), _verified(picture.newest))
    return (_ended(day), _wait(day), _failed(day), _moved(day))


def _moved(day: Sequence[Hour]) -> Figure:
    moved = [hour.bytes for hour in day]
    most = max(moved, default=0)
    label = (
        f"Data moved in each of the last 24 hours: {sizes.size(most)} at most"
        if most
        else "No data was moved"
    )
    return Figure(name="Data moved, 24 h", parts=(sizes.size_parts(sum(moved)),), spark=spark(moved, label))


def _wait(day: Sequence[Hour]) -> Figure:
    name = "Wait before start, p95"
    waited = wait_of(day)
    waits = [hour.wait or 0.0 for hour in day]
    if waited is None:
        return Figure(name=name, parts=(("–", ""),), spark=spark((), "Nothing began in the last 24 hours"))
    label = f"Wait before start in each of the last 24 hours: {_short(max(waits))} at most"
    return Figure(name=name, parts=_parts_of(_short(waited)), spark=spark(waits, label))


def _ended(day: Sequence[Hour]) -> Figure:
    ended = [hour.ended for hour in day]
    label = f"Runs that ended in each of the last 24 hours: {max(ended, default=0):,} at most"
    return Figure(name="Runs, 24 h", parts=((f"{sum(ended):,}", ""),), spark=spark(ended, label))


def _failed(day: Sequence[Hour]) -> Figure:
    failed = [hour.failed for hour in day]
    judged = sum(failed) + sum(hour.completed for hour in day)
    label = f"Runs that failed in each of the last 24 hours: {max(failed, default=0):,} at most"
    return Figure(
        name="Failed, 24 h", parts=((f"{sum(failed):,}", f"of {judged:,}"),), spark=spark(failed, label)
    )


def _oldest(fact: Fact | None) -> Figure:
    name = "Oldest good copy"
    if fact is None or fact.copy is None:
        return Figure(name=name, parts=(("–", ""),), aside="No copy has been verified yet")
    target = target_words(fact)
    return Figure(
        name=name,
        parts=(),
        at=fact.copy.at,
        st="late" if fact.is_old else "",
        aside=f"{fact.job.name}, target {target}" if target else fact.job.name,
        address=f"/jobs/{fact.job.id}",
    )


def _verified(fact: Fact | None) -> Figure:
    name = "Last proof"
    if fact is None or fact.copy is None:
        return Figure(name=name, parts=(("–", ""),), aside="Nothing was read back yet")
    files = fact.job.name
    if fact.copy.files is not None:
        files = f"{plural(fact.copy.files, 'file')}, {_how_proved(fact.copy)}"
    return Figure(name=name, parts=(), at=fact.copy.at, aside=files, address=f"/runs/{fact.copy.run}")


def _how_proved(copy: Copy) -> str:
    """Return what was compared: only what was read back whole has all matched."""
    mode = MODES.get(copy.mode, "")
    return f"{mode} matched" if copy.mode != "full" and mode else "all matched"


def _short(seconds: float) -> str:
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    return f"{seconds:.1f} s" if seconds < 10 else times.span(seconds)  # noqa: PLR2004 - two digits are enough


def _parts_of(words: str) -> tuple[tuple[str, str], ...]:
    """Return "3 d 4 h" as its numbers and units."""
    said = words.split()
    return tuple(zip(said[::2], said[1::2], strict=False))


# The chart


def flow_of(hours: Sequence[Hour], chip: Range) -> Flow:
    """Return the chart of these hours, the last of which is not over."""
    chips = tuple(
        RangeChip(word=word, address="/" if one == USUAL else f"/?range={one}", current=one == chip)
        for one, word in RANGES.items()
    )
    if not any(hour.ended for hour in hours):
        return Flow(chip=chip, chips=chips, chart=None, aside="")
    return Flow(chip=chip, chips=chips, chart=_chart(hours, chip), aside=_aside(hours))


def _chart(hours: Sequence[Hour], chip: Range) -> Chart:
    bars = [_bar(hours[start : start + _grouped(chip)]) for start in range(0, len(hours), _grouped(chip))]
    scale, unit = _scale(max(bar.amount for bar in bars))
    span = "an hour" if _grouped(chip) == 1 else f"in {GROUPED} hours"
    return chart(
        bars,
        unit=f"{unit} {span}",
        scale=scale,
        label=_label(bars, chip),
        begins=_begins(bars, chip),
        days=chip == "7d",
    )


def _grouped(chip: Range) -> int:
    return GROUPED if chip == "7d" else 1


def _bar(hours: Sequence[Hour]) -> Bar:
    return Bar(
        at=hours[0].at,
        amount=float(sum(hour.bytes for hour in hours)),
        good=sum(hour.ended - hour.failed for hour in hours),
        bad=sum(hour.failed for hour in hours),
    )


def _begins(bars: Sequence[Bar], chip: Range) -> tuple[datetime, ...]:
    """Return the moments below the chart, evenly spaced; now follows them."""
    every = max(len(bars) // LABELS[chip], 1)
    return tuple(bar.at for bar in bars[::every][: LABELS[chip]])


def _scale(most: float) -> tuple[float, str]:
    _, unit = sizes.size_parts(most)
    return 1000.0 ** UNITS.index(unit), unit


def _label(bars: Sequence[Bar], chip: Range) -> str:
    most = max(bars, key=lambda bar: bar.amount)
    good, bad = sum(bar.good for bar in bars), sum(bar.bad for bar in bars)
    moved = f"at most {sizes.size(most.amount)} moved {'an hour' if _grouped(chip) == 1 else f'in {GROUPED} hours'}"
    return (
        f"Last {RANGES[chip]}: {moved}; {plural(good, 'run')} ended well or were called off, {bad:,} failed"
    )


def _aside(hours: Sequence[Hour]) -> str:
    ended, failed = sum(hour.ended for hour in hours), sum(hour.failed for hour in hours)
    return f"{sizes.size(sum(hour.bytes for hour in hours))}, {plural(ended, 'run')}, {failed:,} failed"


def range_of(text: str) -> Range:
    """Return the span that an address asks for; the usual one where it asks for none that there is."""
    return next((one for one in HOURS if one == text), USUAL)
