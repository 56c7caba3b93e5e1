"""What is usual for a job, learnt from its own runs, and what of a run is not.

Pure. Runs are compared with runs of the same kind with the same options that completed, the last `LOOKED_BACK` of
them, and nothing is said before there are `FEWEST` of them. A value is unusual when it is far from the middle, as
far as values of this job commonly are apart, and beyond everything seen: so of any number of values that come from
the same source hardly more than the largest and the smallest can ever be called unusual, whatever their pattern.
"""

import json
import math
from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from hashlib import blake2b
from statistics import median, quantiles
from typing import Final

from core.models import Run, Value
from core.packed import thawed
from core.sizes import size
from core.spans import span
from core.states import RunState

FEWEST: Final = 5
LOOKED_BACK: Final = 50
ONE_OUTLIER_IN: Final = 20
"""Of how many earlier runs one at either end does not count as seen: the first copy of all was like no other."""

BEYOND_SEEN: Final = 1.25
SPREADS: Final = 5.0
CAUTION: Final = 5
"""A few runs know little of how far values are apart: with so many runs it takes twice the distance."""

NORMAL: Final = 1.4826
"""Makes the median distance from the middle comparable with a standard deviation."""

TWENTIETHS: Final = 20
LOW_END, HIGH_END = 2, 16
"""Which of the nineteen cuts bound the usual: 15 % to 85 %."""

PERCENT: Final = 100
WHOLE_TIMES: Final = 10


class Measure(StrEnum):
    """What runs of a job are compared by."""

    SECONDS = "seconds"
    SIZE = "size"
    WRITTEN = "written"
    FILES = "files"
    COPIED = "copied"
    LINES = "lines"


class Measured(Value, frozen=True, kw_only=True):
    """What a run took and moved; a measure that it says nothing of is missing.

    `like` is the same for runs of the same kind with the same options.
    """

    run_id: str
    number: int
    like: str
    values: Mapping[Measure, float]

    @property
    def seconds(self) -> float:
        """Return how long engines were at work on it."""
        return self.values.get(Measure.SECONDS, 0.0)


class Usual(Value, frozen=True, kw_only=True):
    """The middle of what was measured, the span that most of it lies in, and of how many runs."""

    low: float
    middle: float
    high: float
    runs: int


class Finding(Value, frozen=True, kw_only=True):
    """Something unusual: "wrote 3 % of its usual size", and "8.1 GB, usually 240 GB to 260 GB"."""

    measure: Measure
    text: str
    detail: str


class Sense(Value, frozen=True, kw_only=True):
    """How a measure is looked at and talked about.

    Amounts below `trifle` are as good as nothing. `more` and `less` are how many times as much, or as little, is
    worth a word at least.
    """

    trifle: float
    more: float
    less: float
    much: str
    little: str
    nothing: str
    told: Callable[[float], str]


def _number(amount: float) -> str:
    return f"{amount:,.0f}"


SENSES: Final[Mapping[Measure, Sense]] = {
    Measure.SIZE: Sense(
        trifle=1e6,
        more=3.0,
        less=2.0,
        much="found {times} times its usual size",
        little="found {share} of its usual size",
        nothing="found nothing; usually about {usual}",
        told=size,
    ),
    Measure.FILES: Sense(
        trifle=20,
        more=3.0,
        less=2.0,
        much="found {times} times as many files as usual",
        little="found {share} of its usual files",
        nothing="no files were found; usually about {usual}",
        told=_number,
    ),
    Measure.WRITTEN: Sense(
        trifle=1e6,
        more=4.0,
        less=4.0,
        much="wrote {times} times its usual size",
        little="wrote {share} of its usual size",
        nothing="wrote nothing; usually about {usual}",
        told=size,
    ),
    Measure.COPIED: Sense(
        trifle=20,
        more=4.0,
        less=4.0,
        much="copied {times} times as many files as usual",
        little="copied {share} of its usual files",
        nothing="no files were copied; usually about {usual}",
        told=_number,
    ),
    Measure.SECONDS: Sense(
        trifle=15,
        more=2.5,
        less=4.0,
        much="took {times} times as long as usual",
        little="took {share} of its usual time",
        nothing="took no time at all; usually about {usual}",
        told=span,
    ),
    Measure.LINES: Sense(
        trifle=50,
        more=4.0,
        less=4.0,
        much="wrote {times} times as many lines to its log as usual",
        little="wrote {share} of its usual lines to its log",
        nothing="wrote nothing to its log; usually about {usual} lines",
        told=_number,
    ),
}
AMOUNTS: Final = (Measure.SIZE, Measure.FILES, Measure.WRITTEN, Measure.COPIED)
FOLLOWS: Final[Mapping[Measure, Sequence[Measure]]] = {
    Measure.FILES: (Measure.SIZE,),
    Measure.COPIED: (Measure.WRITTEN,),
    Measure.SECONDS: AMOUNTS,
    Measure.LINES: AMOUNTS,
}
"""What grows and shrinks with others, and is not worth a word beside them: one cause is told once."""


def likeness(kind: str, options: Mapping[str, object]) -> str:
    """Return what is the same for runs that can be compared."""
    text = json.dumps([kind, thawed(options)], sort_keys=True, default=repr)
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()


def measured(run: Run, lines: int | None = None) -> Measured | None:
    """Return what a run that completed shows; `lines` is how many its log has. None for any other run."""
    if run.state != RunState.COMPLETED or run.started_at is None or run.ended_at is None:
        return None
    result = run.result or {}
    copied_bytes, whole = _amount(result.get("copied_bytes")), _amount(result.get("bytes"))
    found = {
        Measure.SECONDS: seconds_at_work(run),
        Measure.SIZE: None if copied_bytes is None else whole,
        Measure.WRITTEN: whole if copied_bytes is None else copied_bytes,
        Measure.FILES: _amount(result.get("files")),
        Measure.COPIED: _amount(result.get("copied")),
        Measure.LINES: None if lines is None else float(lines),
    }
    values = {measure: value for measure, value in found.items() if value is not None}
    return Measured(run_id=run.id, number=run.number, like=likeness(run.kind, run.options), values=values)


def seconds_at_work(run: Run) -> float:
    """Return how long engines were at work on the run: pauses and waits for another attempt do not count."""
    spans = [
        (attempt.ended_at - attempt.started_at).total_seconds()
        for attempt in run.attempts
        if attempt.ended_at
    ]
    if not spans and run.started_at and run.ended_at:
        spans = [(run.ended_at - run.started_at).total_seconds()]
    return sum(max(seconds, 0.0) for seconds in spans)


def _amount(value: object) -> float | None:
    """Return a number out of a run's result, which anybody may have written, if it is one that can be compared."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        amount = float(value)
    except OverflowError:
        return None
    return amount if math.isfinite(amount) and amount >= 0 else None


def comparable(history: Sequence[Measured], like: str, before: int | None = None) -> tuple[Measured, ...]:
    """Return the runs to compare with, the oldest first; `before` is the number of the run that is compared."""
    alike = [run for run in history if run.like == like and (before is None or run.number < before)]
    return tuple(sorted(alike, key=lambda run: run.number)[-LOOKED_BACK:])


def usual(values: Sequence[float]) -> Usual | None:
    """Return what is usual among the values; None while there are too few of them."""
    if len(values) < FEWEST:
        return None
    cuts = quantiles(values, n=TWENTIETHS, method="inclusive")
    return Usual(low=cuts[LOW_END], middle=median(values), high=cuts[HIGH_END], runs=len(values))


def usual_of(measure: Measure, earlier: Sequence[Measured]) -> Usual | None:
    """Return what is usual of a measure among runs that can be compared."""
    return usual([run.values[measure] for run in earlier if measure in run.values])


def in_words(measure: Measure, about: Usual) -> str:
    """Return the usual in words: "3 min 40 s to 4 min 20 s", or "4 min" where both are the same."""
    low, high = SENSES[measure].told(about.low), SENSES[measure].told(about.high)
    return low if low == high else f"{low} to {high}"


def unusual(run: Measured, history: Sequence[Measured]) -> tuple[Finding, ...]:
    """Return what is unusual about a run, the weightiest first."""
    earlier = comparable(history, run.like, before=run.number)
    sides = {measure: _side(measure, value, earlier) for measure, value in run.values.items()}
    told = (measure for measure in SENSES if sides.get(measure))
    return tuple(
        _finding(measure, run.values[measure], earlier)
        for measure in told
        if all(sides.get(other) != sides[measure] for other in FOLLOWS.get(measure, ()))
    )


def long_at_work(seconds: float, earlier: Sequence[Measured]) -> Finding | None:
    """Return what to say of a run that has been at work so long, if that is unusual already."""
    if _side(Measure.SECONDS, seconds, earlier) <= 0:
        return None
    found = _finding(Measure.SECONDS, seconds, earlier)
    return Finding(
        measure=found.measure, text=found.text.replace("took", "has been at work"), detail=found.detail
    )


def _side(measure: Measure, value: float, earlier: Sequence[Measured]) -> int:
    """Return 1 for unusually much, -1 for unusually little, 0 for nothing to speak of."""
    return side([run.values[measure] for run in earlier if measure in run.values], value, SENSES[measure])


def side(values: Sequence[float], value: float, sense: Sense) -> int:
    """Return on which side a value is unusual beside the earlier ones: 1 much, -1 little, 0 neither."""
    if len(values) < FEWEST:
        return 0
    ordered = sorted(values)
    left_out = len(ordered) // ONE_OUTLIER_IN
    logs = [math.log(each + sense.trifle) for each in ordered]
    middle = median(logs)
    caution = CAUTION / len(values)
    spread = SPREADS * (1 + caution) * NORMAL * median(abs(each - middle) for each in logs)
    beyond = BEYOND_SEEN + caution
    distance = math.log(value + sense.trifle) - middle
    if distance > max(math.log(sense.more), spread) and value > ordered[-1 - left_out] * beyond:
        return 1
    if -distance > max(math.log(sense.less), spread) and value < ordered[left_out] / beyond:
        return -1
    return 0


def _finding(measure: Measure, value: float, earlier: Sequence[Measured]) -> Finding:
    sense = SENSES[measure]
    about = usual_of(measure, earlier)
    middle = about.middle if about else 0.0
    form = sense.much if value > middle else sense.little if value > 0 else sense.nothing
    text = form.format(times=_times(value, middle), share=_share(value, middle), usual=sense.told(middle))
    detail = f"{sense.told(value)}, usually {in_words(measure, about)}" if about else sense.told(value)
    return Finding(measure=measure, text=text, detail=detail)


def _times(value: float, middle: float) -> str:
    """Return how many times as much: "4", "2.5"; beside nothing every trifle is very many times as much."""
    ratio = value / middle if middle else math.inf
    if ratio > 1e6:  # noqa: PLR2004 - nobody reads more
        return "more than a million"
    return f"{ratio:,.0f}" if ratio >= WHOLE_TIMES else f"{ratio:.1f}".removesuffix(".0")


def _share(value: float, middle: float) -> str:
    percent = value * PERCENT / middle if middle else 0.0
    return f"{percent:.0f} %" if percent >= 1 else "less than 1 %"
