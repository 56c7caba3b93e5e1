"""Spans of time drawn as lanes: where a moment stands, and the paths of what is due and of what ran.

Pure. A lane is `WIDTH` wide and stretched to its panel, so everything in it is told by where it stands and whether it
is filled, never by its colour alone: what is due is hollow, what ended well stands above the line, what failed hangs
below it, what was expected and did not run is a hollow box across it.
"""

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Final
from zoneinfo import ZoneInfo

from core.meetings import Step
from core.models import Run, Value
from core.states import RunState

WIDTH: Final = 1000
HEIGHT: Final = 24
LINE: Final = 14
THINNEST: Final = 5
"""How wide something is drawn at least."""

FINEST: Final = 2
"""What is nearer than that falls together."""

COLUMNS: Final = 8
LOAD_HEIGHT: Final = 40
LOAD_TOP: Final = 3
HOURS_A_COLUMN: Final = timedelta(hours=3)
DAYS: Final = 7
GOOD, FAILED, MISSED, OTHER, RUNNING = "good", "failed", "missed", "other", "running"
KINDS: Final = (GOOD, FAILED, MISSED, OTHER, RUNNING)


class Frame(Value, frozen=True, kw_only=True):
    """A span of time in columns: each begins at one of `bounds`, the last of which is the end; `labels` name them."""

    bounds: tuple[datetime, ...]
    labels: tuple[str, ...]

    @property
    def start(self) -> datetime:
        """Return when it begins."""
        return self.bounds[0]

    @property
    def end(self) -> datetime:
        """Return when it ends."""
        return self.bounds[-1]

    @property
    def lines(self) -> str:
        """Return the lines between the columns."""
        columns = len(self.labels)
        return "".join(f"M{_tenth(WIDTH * number / columns)} 0v{HEIGHT}" for number in range(1, columns))

    def place(self, moment: datetime) -> float:
        """Return where a moment stands; one outside stands at the edge."""
        return self.place_of(moment.timestamp())

    def place_of(self, seconds: float) -> float:
        """Return where a moment in seconds stands. Columns are equally wide, also the day on which clocks change."""
        column = min(
            max(bisect_right(self.bounds, seconds, key=datetime.timestamp) - 1, 0), len(self.labels) - 1
        )
        begins, ends = self.bounds[column].timestamp(), self.bounds[column + 1].timestamp()
        share = min(max((seconds - begins) / (ends - begins), 0.0), 1.0)
        return WIDTH * (column + share) / len(self.labels)


def week_ahead(now: datetime, zone: ZoneInfo) -> Frame:
    """Return today and the six days after it, as the clocks of a zone have them."""
    return days_from(now.astimezone(zone).date().toordinal(), DAYS, zone)


def days_from(ordinal: int, many: int, zone: ZoneInfo) -> Frame:
    """Return so many days of a zone, the first by its ordinal."""
    days = [datetime.fromordinal(ordinal + number) for number in range(many + 1)]
    return Frame(
        bounds=tuple(day.replace(tzinfo=zone).astimezone(UTC_ZONE) for day in days),
        labels=tuple(f"{day:%a %-d}" for day in days[:-1]),
    )


def day_ahead(now: datetime, zone: ZoneInfo) -> Frame:
    """Return the 24 hours from the beginning of this one."""
    return _hours(now.replace(minute=0, second=0, microsecond=0), zone)


def day_behind(now: datetime, zone: ZoneInfo) -> Frame:
    """Return the 24 hours up to the end of this one."""
    hour = now.replace(minute=0, second=0, microsecond=0)
    return _hours(hour - (COLUMNS * HOURS_A_COLUMN - timedelta(hours=1)), zone)


def _hours(start: datetime, zone: ZoneInfo) -> Frame:
    bounds = tuple(start + number * HOURS_A_COLUMN for number in range(COLUMNS + 1))
    return Frame(bounds=bounds, labels=tuple(f"{bound.astimezone(zone):%H:%M}" for bound in bounds[:-1]))


UTC_ZONE: Final = ZoneInfo("UTC")


def due_path(frame: Frame, begins: Iterable[float], length: float | None) -> str:
    """Return a hollow box for each due time, as long as a run usually takes."""
    end = frame.end.timestamp()
    boxes = ((frame.place_of(at), frame.place_of(at + (length or 0.0))) for at in begins if at < end)
    return "".join(_box(first, last, 5, HEIGHT - 5) for first, last in boxes)


def off_path(frame: Frame, spans: Sequence[tuple[datetime, datetime]]) -> str:
    """Return a band for each span in which nothing begins."""
    places = ((frame.place(begins), frame.place(ends)) for begins, ends in spans)
    return "".join(_box(first, last, 0, HEIGHT, 1) for first, last in places)


def kind_of(run: Run) -> str:
    """Return as what a run is drawn."""
    if not run.over:
        return RUNNING
    return {RunState.COMPLETED: GOOD, RunState.FAILED: FAILED}.get(run.state, OTHER)


def run_paths(frame: Frame, runs: Iterable[Run], missed: Iterable[datetime], now: datetime) -> dict[str, str]:
    """Return the paths of what ran and of what did not, by as what it is drawn."""
    paths = dict.fromkeys(KINDS, "")
    for run in runs:
        begins = run.started_at or run.ended_at or run.created_at
        first, last = frame.place(begins), frame.place(run.ended_at or now)
        kind = kind_of(run)
        top, bottom = (
            (LINE, HEIGHT) if kind == FAILED else (LINE - 4, LINE + 4) if kind == OTHER else (3, LINE)
        )
        paths[kind] += _box(first, last, top, bottom)
    for moment in missed:
        at = frame.place(moment)
        paths[MISSED] += _box(at, at, LINE - 7, LINE + 7, 9)
    return paths


def load_paths(frame: Frame, steps: Sequence[Step], slots: int) -> tuple[str, str, str]:
    """Return how many are at work at once, as an area; where they are more than the slots; and the line of the slots."""
    seen = _seen(frame, steps)
    most = max([many for _, many in seen] + [slots, 1])
    area, above, top = f"M0 {LOAD_HEIGHT}", "", _tenth(_height(slots, most))
    for (at, many), (ends, _) in pairwise([*seen, (WIDTH, 0)]):
        height = _tenth(_height(many, most))
        area += f"H{at}V{height}"
        if many > slots:
            above += f"M{at} {height}H{ends}V{top}H{at}z"
    return f"{area}H{WIDTH}V{LOAD_HEIGHT}z", above, f"M0 {top}H{WIDTH}"


def _seen(frame: Frame, steps: Sequence[Step]) -> list[tuple[int, int]]:
    """Return how many are at work at once from where on, as finely as can be seen: of what falls together, the most."""
    columns: dict[int, int] = {}
    after = 0
    for step in steps:
        at = int(frame.place_of(step.at)) // FINEST * FINEST
        columns[at] = max(columns.get(at, after), step.many)
        after = step.many
        columns[at + FINEST] = after
    return sorted(columns.items())


def _height(many: int, most: int) -> float:
    return LOAD_HEIGHT - (LOAD_HEIGHT - LOAD_TOP) * many / most


def _box(first: float, last: float, top: int, bottom: int, thinnest: int = THINNEST) -> str:
    width = max(last - first, thinnest)
    first = min(first, WIDTH - width)
    return f"M{_tenth(first)} {top}h{_tenth(width)}v{bottom - top}h-{_tenth(width)}z"


def _tenth(value: float) -> str:
    """Return the number with one decimal at most."""
    return f"{value:.1f}".removesuffix(".0")
