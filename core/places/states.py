"""What was last seen of a destination, and what follows from a row of looks at it."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from itertools import pairwise
from typing import Any, Final, Literal

import msgspec
from msgspec.structs import replace

from core.models import Count, Moment, Value
from core.packed import json_of

STATE: Final = "destination-state/"
"""How the names of the registers begin that have it."""

FRESH_FOR: Final = timedelta(hours=26)
"""How long what was seen counts: after that nobody knows, and that is not the same as good."""

MOST_SAMPLES: Final = 120
LEAST_SAMPLES: Final = 5
LEAST_SPAN: Final = timedelta(days=7)
LEAST_FIT: Final = 0.3
FARTHEST: Final = timedelta(days=3_650)
NEARLY_FULL_SHARE: Final = 0.10
NEARLY_FULL_WITHIN: Final = timedelta(days=14)
"""From when on the pace says anything, how far ahead it is believed, and what counts as nearly full."""

Standing = Literal["unknown", "good", "warned", "bad"]
"""How a destination stands: grey, green, amber, red."""


class Sample(Value, frozen=True, kw_only=True):
    """What was used and free on a day, in bytes; None is not known."""

    day: date
    used: Count | None = None
    free: Count | None = None


class Lock(Value, frozen=True, kw_only=True):
    """A lock that a program holds there; `stale` is that whoever made it is gone for certain."""

    id: str
    host: str = ""
    user: str = ""
    pid: int = 0
    since: Moment | None = None
    exclusive: bool = False
    stale: bool = False
    words: str = ""


class Room(Value, frozen=True, kw_only=True):
    """How much there is, in bytes; None where that cannot be told."""

    free: Count | None = None
    total: Count | None = None
    used: Count | None = None


class Seen(Value, frozen=True, kw_only=True):
    """What one look found. `code` is a word for what is wrong, empty where nothing is.

    `facts` are other things worth knowing, each a sentence;
    `warnings` those that somebody should see to. `prepared` is False where there is nothing yet that copies could go into, and
    preparing would help. `fingerprints` are those of the keys that a host shows while none is pinned, for a person to
    compare, and `host_key` what to pin then.
    """

    reachable: bool
    sentence: str
    hint: str = ""
    code: str = ""
    room: Room = Room()
    facts: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    locks: tuple[Lock, ...] = ()
    snapshots: Count | None = None
    newest_at: Moment | None = None
    program: str = ""
    prepared: bool = True
    fingerprints: tuple[str, ...] = ()
    host_key: str = ""

    @property
    def free(self) -> int | None:
        """Return how many bytes are free."""
        return self.room.free

    @property
    def total(self) -> int | None:
        """Return how many bytes there are."""
        return self.room.total

    @property
    def used(self) -> int | None:
        """Return how many bytes are used."""
        return self.room.used


Trend = Literal["no-history", "steady", "unsteady", "growing"]


class Outlook(Value, frozen=True, kw_only=True):
    """Where it goes at this pace: bytes a day, and when it is full; None where that cannot be told."""

    trend: Trend
    growth_per_day: int | None = None
    full_on: date | None = None
    words: str = "not enough history"


NO_HISTORY: Final = Outlook(trend="no-history")


class DestinationState(Value, frozen=True, kw_only=True):
    """What was last seen, when, since when it is so, the days before, and where it goes at their pace.

    `lost_at` is when it was last lost, having been reachable; `filling_since` since when it is nearly full.
    """

    at: Moment
    since: Moment
    seen: Seen
    lost_at: Moment | None = None
    filling_since: Moment | None = None
    samples: tuple[Sample, ...] = ()
    outlook: Outlook = NO_HISTORY


state_of: Final = msgspec.json.Decoder(DestinationState).decode


def state_in(value: Mapping[str, Any] | None) -> DestinationState | None:
    """Return what a register says was seen; None where nothing, or nothing that can be read."""
    try:
        return None if value is None else state_of(json_of(value))
    except msgspec.MsgspecError:
        return None


def followed_by(before: DestinationState | None, seen: Seen, now: datetime) -> DestinationState:
    """Return the state after another look."""
    samples = before.samples if before is not None else ()
    if seen.reachable and (seen.free is not None or seen.used is not None):
        sample = Sample(day=now.date(), used=seen.used, free=seen.free)
        samples = (*(each for each in samples if each.day < sample.day), sample)[-MOST_SAMPLES:]
    state = DestinationState(at=now, since=now, seen=seen, samples=samples, outlook=outlook_of(samples))
    if before is None:
        return replace(state, filling_since=now if is_nearly_full(state) else None)
    same = before.seen.reachable == seen.reachable
    return replace(
        state,
        since=before.since if same else now,
        lost_at=now if before.seen.reachable and not seen.reachable else before.lost_at,
        filling_since=(before.filling_since or now) if is_nearly_full(state) else None,
    )


def standing_of(state: DestinationState | None, now: datetime) -> Standing:
    """Return how a destination stands; what nobody has seen of late is unknown, never good."""
    if state is None or not timedelta() <= now - state.at <= FRESH_FOR:
        return "unknown"
    if not state.seen.reachable:
        return "bad"
    if state.seen.code or state.seen.warnings or state.seen.locks or is_nearly_full(state):
        return "warned"
    return "good"


def is_nearly_full(state: DestinationState) -> bool:
    """Tell whether less than a tenth is free, or it is full within two weeks at this pace."""
    seen = state.seen
    if seen.free is not None and seen.total and seen.free < seen.total * NEARLY_FULL_SHARE:
        return True
    full_on = state.outlook.full_on
    return full_on is not None and full_on - state.at.date() <= NEARLY_FULL_WITHIN


def outlook_of(samples: Sequence[Sample]) -> Outlook:
    """Return where it goes: the line that fits the days best, where there are enough and they lie on one."""
    known = [each for each in samples if _filled(each) is not None]
    if len(known) < LEAST_SAMPLES or known[-1].day - known[0].day < LEAST_SPAN:
        return NO_HISTORY
    days = [float((each.day - known[0].day).days) for each in known]
    filled = [float(_filled(each) or 0) for each in known]
    slope, fit = _line(days, filled)
    pace = round(slope)
    if pace <= 0 or _is_level(filled):
        return Outlook(trend="steady", growth_per_day=pace, words="not growing")
    if fit < LEAST_FIT:
        return Outlook(trend="unsteady", growth_per_day=pace, words="grows unsteadily: no date can be told")
    return _growing(known[-1], pace)


def _growing(last: Sample, pace: int) -> Outlook:
    if last.free is None:
        return Outlook(trend="growing", growth_per_day=pace, words="grows; how much fits is not known")
    days_left = last.free / pace
    if days_left > FARTHEST.days:
        return Outlook(trend="growing", growth_per_day=pace, words="not full within ten years at this pace")
    full_on = last.day + timedelta(days=int(days_left))
    return Outlook(
        trend="growing",
        growth_per_day=pace,
        full_on=full_on,
        words=f"full around {full_on:%b %Y} at this pace",
    )


def _filled(sample: Sample) -> int | None:
    """Return how full it was: by what is free where that is known, as others fill the same disk; from any zero on."""
    return -sample.free if sample.free is not None else sample.used


def _line(xs: Sequence[float], ys: Sequence[float]) -> tuple[float, float]:
    """Return the slope of the least squares line, and which share of what changes it explains."""
    mean_x, mean_y = sum(xs) / len(xs), sum(ys) / len(ys)
    spread = sum((x - mean_x) ** 2 for x in xs)
    together = sum((x - mean_x) * (y - mean_y) for x, y in zip(xs, ys, strict=True))
    variance = sum((y - mean_y) ** 2 for y in ys)
    if not spread or not variance:
        return 0.0, 1.0
    return together / spread, together**2 / (spread * variance)


def _is_level(values: Sequence[float]) -> bool:
    return all(one == other for one, other in pairwise(values))
