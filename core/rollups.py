"""What runs amounted to in an hour or a day: counts and histograms that can be added up.

Pure. A rollup is derived from runs that ended in its span, and from samples of how many waited; the rollup of a day
is the sum of its hours. Spans are in seconds, bytes are bytes, hours and days are UTC.
"""

from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final, Literal

import msgspec

from core.models import LARGEST, Ending, Run, Value
from core.states import RunState
from core.usual import seconds_at_work

Span = Literal["hour", "day"]

HOUR: Final = timedelta(hours=1)
DAY: Final = timedelta(days=1)

WAIT_BOUNDS: Final = (
    0.01,
    0.025,
    0.05,
    0.1,
    0.25,
    0.5,
    1,
    2.5,
    5,
    10,
    30,
    60,
    300,
    900,
    3_600,
    14_400,
    86_400,
)
TOOK_BOUNDS: Final = (
    0.1,
    0.5,
    1,
    2.5,
    5,
    10,
    30,
    60,
    120,
    300,
    600,
    1_800,
    3_600,
    7_200,
    14_400,
    28_800,
    86_400,
)
"""The upper ends of the buckets of a histogram; one more is for whatever is longer."""

MOST_KINDS: Final = 50
"""How many kinds are told apart; there are that many only if something is wrong."""


class Histogram(msgspec.Struct, omit_defaults=True):
    """How many values lie in each bucket, and their sum; the bounds are known to whoever asks."""

    counts: list[int] = []
    sum: float = 0.0

    def add(self, value: float, bounds: Sequence[float]) -> None:
        """Count a value."""
        if not self.counts:
            self.counts = [0] * (len(bounds) + 1)
        self.counts[bisect_left(bounds, value)] += 1
        self.sum += value

    def merge(self, other: "Histogram") -> None:
        """Add what another one counted with the same bounds."""
        if not self.counts:
            self.counts = [0] * len(other.counts)
        for place, count in enumerate(other.counts[: len(self.counts)]):
            self.counts[place] += count
        self.sum += other.sum

    @property
    def total(self) -> int:
        """Return how many values were counted."""
        return sum(self.counts)

    def quantile(self, share: float, bounds: Sequence[float]) -> float | None:
        """Return the value that this share of all lies below, within its bucket by proportion; None without any."""
        wanted, seen = share * self.total, 0
        for place, count in enumerate(self.counts):
            if count and seen + count >= wanted:
                low = bounds[place - 1] if place else 0.0
                high = bounds[place] if place < len(bounds) else low
                return low + (high - low) * (wanted - seen) / count
            seen += count
        return None


class Depth(msgspec.Struct, omit_defaults=True):
    """How many runs waited: of so many looks, their sum and the most."""

    looks: int = 0
    sum: int = 0
    most: int = 0

    def add(self, waiting: int) -> None:
        """Take in one look."""
        self.looks += 1
        self.sum += waiting
        self.most = max(self.most, waiting)

    def merge(self, other: "Depth") -> None:
        """Take in the looks of another one."""
        self.looks += other.looks
        self.sum += other.sum
        self.most = max(self.most, other.most)

    @property
    def average(self) -> float:
        """Return how many waited, of all looks."""
        return self.sum / self.looks if self.looks else 0.0


class Ended(msgspec.Struct, frozen=True, omit_defaults=True):
    """What counts of a run that is over."""

    id: str
    at: datetime
    kind: str
    state: RunState
    wait: float | None = None
    took: float | None = None
    bytes: int = 0
    retries: int = 0


class KindTally(msgspec.Struct, omit_defaults=True):
    """What runs of one kind amounted to."""

    ended: dict[str, int] = {}
    took: Histogram = msgspec.field(default_factory=Histogram)
    bytes: int = 0

    def merge(self, other: "KindTally") -> None:
        """Add another one."""
        for state, count in other.ended.items():
            self.ended[state] = self.ended.get(state, 0) + count
        self.took.merge(other.took)
        self.bytes += other.bytes


class Tally(msgspec.Struct, omit_defaults=True):
    """What an hour or a day amounted to; `at` is when it began."""

    at: datetime
    kinds: dict[str, KindTally] = {}
    wait: Histogram = msgspec.field(default_factory=Histogram)
    retries: int = 0
    depth: Depth = msgspec.field(default_factory=Depth)

    def add(self, ended: Ended) -> None:
        """Count a run that ended."""
        kind = self._kind(ended.kind)
        kind.ended[ended.state] = kind.ended.get(ended.state, 0) + 1
        kind.bytes += ended.bytes
        if ended.took is not None:
            kind.took.add(ended.took, TOOK_BOUNDS)
        if ended.wait is not None:
            self.wait.add(ended.wait, WAIT_BOUNDS)
        self.retries += ended.retries

    def merge(self, other: "Tally") -> None:
        """Add another span to this one."""
        for name, kind in other.kinds.items():
            self._kind(name).merge(kind)
        self.wait.merge(other.wait)
        self.retries += other.retries
        self.depth.merge(other.depth)

    def _kind(self, name: str) -> KindTally:
        if name not in self.kinds and len(self.kinds) >= MOST_KINDS:
            name = "other"
        return self.kinds.setdefault(name, KindTally())

    def count(self, *states: RunState) -> int:
        """Return how many runs ended in these states, of all kinds; without any, in whatever state."""
        wanted = states or tuple(RunState)
        return sum(kind.ended.get(state, 0) for kind in self.kinds.values() for state in wanted)

    @property
    def bytes(self) -> int:
        """Return how many bytes were moved."""
        return sum(kind.bytes for kind in self.kinds.values())

    @property
    def failure_rate(self) -> float | None:
        """Return which share of the runs that completed or failed, failed; None without any."""
        failed, completed = self.count(RunState.FAILED), self.count(RunState.COMPLETED)
        return failed / (failed + completed) if failed + completed else None

    @property
    def judged(self) -> int:
        """Return of how many runs the failure rate is."""
        return self.count(RunState.FAILED, RunState.COMPLETED)


def ended_of(run: Run) -> Ended | None:
    """Return what counts of a run; None while it is not over."""
    if not run.over or run.ended_at is None:
        return None
    began = run.started_at is not None
    return Ended(
        id=run.id,
        at=run.ended_at,
        kind=run.kind,
        state=run.state,
        wait=_waited(run),
        took=seconds_at_work(run) if began else None,
        bytes=bytes_moved(run.result or {}),
        retries=sum(attempt.ending == Ending.FAILED for attempt in run.attempts[:-1]),
    )


def _waited(run: Run) -> float | None:
    """Return how long the run was due before it began for the first time."""
    if run.started_at is None:
        return None
    due = run.due_at if run.due_at is not None and run.due_at <= run.started_at else run.created_at
    return max((run.started_at - due).total_seconds(), 0.0)


def bytes_moved(result: Mapping[str, object]) -> int:
    """Return how many bytes a run says it wrote; what is no such number is none."""
    said = result.get("copied_bytes", result.get("bytes"))
    good = isinstance(said, int) and not isinstance(said, bool) and 0 <= said <= LARGEST
    return said if good and isinstance(said, int) else 0


def start_of(moment: datetime, by: Span) -> datetime:
    """Return when the hour or the day of a moment began."""
    moment = moment.astimezone(UTC)
    hour = moment.replace(minute=0, second=0, microsecond=0)
    return hour if by == "hour" else hour.replace(hour=0)


def summed(tallies: Iterable[Tally], at: datetime) -> Tally:
    """Return all of them as one that began at a moment."""
    whole = Tally(at=at)
    for tally in tallies:
        whole.merge(tally)
    return whole


def by_day(hours: Iterable[Tally]) -> list[Tally]:
    """Return hours added up to days, the oldest first."""
    days: dict[datetime, Tally] = {}
    for hour in hours:
        day = start_of(hour.at, "day")
        days.setdefault(day, Tally(at=day)).merge(hour)
    return [days[day] for day in sorted(days)]


class Hour(Value, frozen=True, kw_only=True):
    """What an hour amounted to, as it is handed out: it never changes. `waits` are the counts of its histogram."""

    at: datetime
    bytes: int = 0
    ended: int = 0
    completed: int = 0
    failed: int = 0
    waits: tuple[int, ...] = ()

    @property
    def wait(self) -> float | None:
        """Return how long 95 % of what began waited at most; None where nothing did."""
        return wait_of((self,))


def hour_of(tally: Tally) -> Hour:
    """Return a tally as it is now."""
    return Hour(
        at=tally.at,
        bytes=tally.bytes,
        ended=tally.count(),
        completed=tally.count(RunState.COMPLETED),
        failed=tally.count(RunState.FAILED),
        waits=tuple(tally.wait.counts),
    )


def wait_of(hours: Iterable[Hour]) -> float | None:
    """Return how long 95 % of what began in these hours waited at most; None where nothing did."""
    counted = [hour.waits for hour in hours if hour.waits]
    together = Histogram(counts=[sum(column) for column in zip(*counted, strict=True)])
    return together.quantile(0.95, WAIT_BOUNDS)
