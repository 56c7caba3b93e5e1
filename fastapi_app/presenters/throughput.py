"""What all runs of the last day amounted to, as the dashboard shows it."""

from typing import Final

from core.dispatch.base import Load
from core.models import Value
from core.rollups import TOOK_BOUNDS, WAIT_BOUNDS, Histogram, KindTally, Tally
from core.states import RunState
from core.usual import PERCENT
from fastapi_app.presenters import sizes, times
from fastapi_app.presenters.jobs import label_of
from fastapi_app.presenters.runs import Figure
from fastapi_app.presenters.texts import plural

FEWEST_JUDGED: Final = 5
HOURS: Final = 24
NOTHING: Final = "–"
MOST_KINDS: Final = 8


class KindRow(Value, frozen=True, kw_only=True):
    """What runs of one kind amounted to."""

    name: str
    ended: str
    failed: str
    took: str
    longest: str
    moved: str


class Throughput(Value, frozen=True, kw_only=True):
    """The last 24 hours; `alert` says in words that too many failed, empty where not."""

    figures: tuple[Figure, ...]
    kinds: tuple[KindRow, ...]
    alert: str


def throughput_of(day: Tally, load: Load, alert_at: int) -> Throughput:
    """Return what the day amounted to; `alert_at` is at how many percent of failed runs to say so, 0 is never."""
    rate = day.failure_rate
    percent = "" if rate is None else f"{rate * PERCENT:.0f}"
    high = rate is not None and alert_at and day.judged >= FEWEST_JUDGED and rate * PERCENT >= alert_at
    deepest = max(day.depth.most, load.waiting)  # the day's is looked at now and then, this is now
    kinds = sorted(day.kinds.items(), key=lambda kind: -sum(kind[1].ended.values()))
    return Throughput(
        figures=(
            Figure(name="Waiting now", number=f"{load.waiting:,}", aside=f"at most {deepest:,} in a day"),
            _wait(day.wait),
            _rate(day.count()),
            Figure(
                name="Failed",
                number=percent or NOTHING,
                unit="%" if percent else "",
                aside=f"{day.count(RunState.FAILED):,} of {plural(day.judged, 'run')}",
            ),
        ),
        kinds=tuple(_kind(name, kind) for name, kind in kinds[:MOST_KINDS]),
        alert=f"{percent} % of the runs of the last 24 hours failed; {alert_at} % is worth a look."
        if high
        else "",
    )


def _wait(wait: Histogram) -> Figure:
    middle, most = wait.quantile(0.5, WAIT_BOUNDS), wait.quantile(0.95, WAIT_BOUNDS)
    if middle is None or most is None:
        return Figure(name="Wait before start, p95", number=NOTHING)
    return Figure(name="Wait before start, p95", number=_short(most), aside=f"half of them {_short(middle)}")


def _short(seconds: float) -> str:
    return f"{seconds * 1000:.0f} ms" if seconds < 1 else times.span(seconds)


def _rate(ended: int) -> Figure:
    per_hour = ended / HOURS
    number = f"{per_hour:,.0f}" if per_hour >= 10 else f"{per_hour:.1f}"  # noqa: PLR2004 - two digits are enough
    return Figure(name="Runs an hour", number=number, aside=f"{plural(ended, 'run')} in a day")


def _kind(name: str, kind: KindTally) -> KindRow:
    middle, most = kind.took.quantile(0.5, TOOK_BOUNDS), kind.took.quantile(0.95, TOOK_BOUNDS)
    failed = kind.ended.get(RunState.FAILED, 0)
    return KindRow(
        name=label_of(name),
        ended=f"{sum(kind.ended.values()):,}",
        failed=f"{failed:,}" if failed else NOTHING,
        took=NOTHING if middle is None else _short(middle),
        longest=NOTHING if most is None else _short(most),
        moved=sizes.size(kind.bytes) if kind.bytes else NOTHING,
    )
