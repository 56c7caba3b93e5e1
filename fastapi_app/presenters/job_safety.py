"""How safe a job's data is: how old the newest good copy is, what was proved when, and where that leads."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from statistics import linear_regression
from typing import Final

from core.models import Job, Run, Value
from core.notifications.rhythm import Expected
from core.states import RunState
from core.usual import seconds_at_work
from fastapi_app.presenters import sizes, times
from fastapi_app.presenters.charts import Age, Bar, Chart, age_bar, chart, round_up
from fastapi_app.presenters.proofs import can_prove, newest_verified, proof_of
from fastapi_app.presenters.states import VERIFIED, Mark, is_verified
from fastapi_app.presenters.texts import plural

MOST_DRAWN: Final = 60
MOST_PROOFS: Final = 8
FEWEST: Final = 5
"""Runs from which something may be foretold."""
AHEAD: Final = timedelta(days=90)
MINUTE: Final = 60.0
HOUR: Final = 3_600.0
DAY: Final = timedelta(days=1)
WEEK: Final = timedelta(days=7)
SCALES: Final = {"kB": 1e3, "MB": 1e6, "GB": 1e9, "TB": 1e12, "PB": 1e15}
WIDTH, TOP, FLOOR, LEFT = 712, 28, 106, 60

HOLE: Final = Mark(st="unproved", icon="st-hollow", word="None yet")


class ProofRow(Value, frozen=True, kw_only=True):
    """A proof of the copy: when, by which run, and what it says."""

    at: datetime
    run: str
    number: int
    mark: Mark
    sentence: str


class Growth(Value, frozen=True, kw_only=True):
    """How large the copy was and where that leads: `p` what was, `q` what is foretold, `mark` where now is."""

    a: str
    p: str
    q: str
    mark: float
    grid: tuple[tuple[int, str], ...]
    unit: str
    first: datetime
    last: datetime
    until: datetime
    sentence: str
    label: str


class SafetyPage(Value, frozen=True, kw_only=True):
    """The section; what a kind that proves nothing has no answer to is missing."""

    copies: bool
    age: Age | None
    at: datetime | None
    target: str
    proofs: tuple[ProofRow, ...]
    older: int
    restore: Mark
    durations: Chart | None
    growth: Growth | None


def safety_page(job: Job, history: Sequence[Run], expected: Expected | None, now: datetime) -> SafetyPage:
    """Return what is known; `history` has the newest first, `expected` when another success is due."""
    good = newest_verified(job, history) if can_prove(job.kind) else None
    at = good.ended_at if good else None
    verified = [run for run in history if is_verified(run)]
    return SafetyPage(
        copies=can_prove(job.kind),
        age=_age(at, expected, now) if can_prove(job.kind) else None,
        at=at,
        target=_target(at, expected),
        proofs=tuple(_proof(run) for run in verified[:MOST_PROOFS]),
        older=max(len(verified) - MOST_PROOFS, 0),
        restore=HOLE,
        durations=durations_of(history, now),
        growth=growth_of(verified[:MOST_DRAWN]),
    )


def _age(at: datetime | None, expected: Expected | None, now: datetime) -> Age:
    age = (now - at).total_seconds() if at else None
    target = (expected.deadline - at).total_seconds() if at and expected and expected.deadline > at else None
    told = f"{times.age(age)} old" if age is not None else "no verified copy yet"
    aim = (
        f", late when older than {times.age(target)}" if target else ", and nobody said how old it may become"
    )
    return age_bar(age, target, f"Newest good copy: {told}{aim}")


def _target(at: datetime | None, expected: Expected | None) -> str:
    if expected is None:
        return (
            "Nobody said how old a copy may become. Say so in the settings, and you are told when it is late."
        )
    if at is None or expected.deadline <= at:
        return ""
    return f"It may become {times.age((expected.deadline - at).total_seconds())} old."


def _proof(run: Run) -> ProofRow:
    return ProofRow(
        at=run.ended_at or run.created_at,
        run=run.id,
        number=run.number,
        mark=VERIFIED,
        sentence=proof_of(run).sentence or "It was compared and found good.",
    )


def durations_of(history: Sequence[Run], now: datetime) -> Chart | None:
    """Return how long the last runs took, one beside the other; None where there are too few to compare."""
    ended = [run for run in history[: 3 * MOST_DRAWN] if run.ended_at and run.started_at][:MOST_DRAWN]
    if len(ended) < FEWEST:
        return None
    seconds = [seconds_at_work(run) for run in ended]
    unit, scale = _unit_of(max(seconds))
    bars = [
        Bar(
            at=run.ended_at or now,
            amount=took,
            good=int(run.state == RunState.COMPLETED),
            bad=int(run.state == RunState.FAILED),
        )
        for run, took in zip(reversed(ended), reversed(seconds), strict=True)
    ]
    label = (
        f"How long the last {len(ended)} runs took: {times.span(min(seconds))} to {times.span(max(seconds))}"
    )
    return chart(bars, unit=unit, scale=scale, label=label, begins=(bars[0].at,))


def _unit_of(seconds: float) -> tuple[str, float]:
    if seconds < 2 * MINUTE:
        return "s", 1.0
    return ("min", MINUTE) if seconds < 2 * HOUR else ("h", HOUR)


def growth_of(verified: Sequence[Run]) -> Growth | None:
    """Return how the copy grew by what runs proved, the newest first; None where that is not known well enough."""
    known = [
        (run.ended_at, size) for run in reversed(verified) if run.ended_at and (size := proof_of(run).bytes)
    ]
    if len(known) < FEWEST or known[-1][0] - known[0][0] < DAY:
        return None
    first, last = known[0][0], known[-1][0]
    spans = [(at - first) / DAY for at, _ in known]
    amounts = [float(size) for _, size in known]
    slope, _ = linear_regression(spans, amounts)
    until = last + min(AHEAD, last - first)
    then = max(amounts[-1] + slope * ((until - last) / DAY), 0.0)
    return _drawn(first, last, until, spans, [*amounts, then], slope)


def _drawn(
    first: datetime,
    last: datetime,
    until: datetime,
    spans: Sequence[float],
    amounts: Sequence[float],
    slope: float,
) -> Growth:
    unit = sizes.size_parts(round(max(amounts)))[1]
    scale = SCALES.get(unit, 1.0)
    top = round_up(max(amounts) / scale)
    highest = top * scale
    days = (until - first) / DAY
    points = [
        (LEFT + (WIDTH - LEFT) * across / days, FLOOR - (FLOOR - TOP) * amount / highest)
        for across, amount in zip([*spans, days], amounts, strict=True)
    ]
    past = "M" + "L".join(f"{across:.1f} {down:.1f}" for across, down in points[:-1])
    now, then = points[-2:]
    told = _told(slope, amounts[-1], until - last)
    return Growth(
        a=f"{past}V{FLOOR}H{LEFT}z",
        p=past,
        q=f"M{now[0]:.1f} {now[1]:.1f}L{then[0]:.1f} {then[1]:.1f}",
        mark=round(now[0], 1),
        grid=tuple((round(FLOOR - (FLOOR - TOP) * share), f"{top * share:,.3g}") for share in (0, 0.5, 1)),
        unit=unit,
        first=first,
        last=last,
        until=until,
        sentence=told,
        label=f"Size of the copy from {sizes.size(round(amounts[0]))} to {sizes.size(round(amounts[-2]))}. {told}",
    )


def _told(slope: float, then: float, ahead: timedelta) -> str:
    weekly = slope * (WEEK / DAY)
    if abs(weekly) < then / 1_000:
        return "It stays about as large as it is."
    verb = "Grows" if weekly > 0 else "Shrinks"
    span = plural(round(ahead / DAY), "day")
    return f"{verb} by about {sizes.size(round(abs(weekly)))} a week; at that pace about {sizes.size(round(then))} in {span}."
