"""What is usual for a job, beside what a run of it took."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from msgspec.structs import replace

from core.engines import ENGINES
from core.forecasts import Quality, expected_seconds, forecast_quality, seconds_left
from core.models import JobOverview, Run, Value
from core.states import AT_WORK
from core.usual import (
    FEWEST,
    PERCENT,
    Finding,
    Measure,
    Measured,
    comparable,
    in_words,
    likeness,
    long_at_work,
    usual_of,
)
from fastapi_app.presenters import times

History = Sequence[Measured]


class UsualView(Value, frozen=True, kw_only=True):
    """How long runs like this take, in words that are empty where there were too few; and what is unusual.

    `span` is "3 min 40 s to 4 min 20 s", `about` "about 4 min".
    """

    span: str = ""
    about: str = ""
    forecasts: str = ""
    findings: tuple[tuple[str, str], ...] = ()


def usual_of_job(kind: str, options: Mapping[str, Any], history: History) -> UsualView:
    """Return what the next run of a job will usually take, and how good such forecasts were."""
    like = likeness(kind, options)
    expected = expected_seconds(history, like)
    enough = len(comparable(history, like)) >= FEWEST
    return UsualView(
        span=_span(history, like),
        about=f"about {times.span(expected)}" if expected is not None and enough else "",
        forecasts=_quality(forecast_quality(history, like)),
    )


def usual_of_run(run: Run, history: History, findings: Sequence[Finding], now: datetime) -> UsualView:
    """Return what is usual beside a run, and what is unusual about it, also while it is at work."""
    like = likeness(run.kind, run.options)
    found = [*findings]
    if run.state in AT_WORK and (late := long_at_work(_at_work(run, now), comparable(history, like))):
        found.append(late)
    view = usual_of_job(run.kind, run.options, history)
    told = tuple((f"{one.text[:1].upper()}{one.text[1:]}", one.detail) for one in found)
    return replace(view, span=_span(history, like, before=run.number), findings=told)


def _span(history: History, like: str, before: int | None = None) -> str:
    about = usual_of(Measure.SECONDS, comparable(history, like, before))
    return in_words(Measure.SECONDS, about) if about else ""


def _quality(quality: Quality | None) -> str:
    if quality is None:
        return ""
    off = f"{quality.off * PERCENT:.0f} %"
    return f"forecasts were off by {off} (median of {quality.forecasts})"


def _at_work(run: Run, now: datetime) -> float:
    """Return how long engines have been at work on a run by now."""
    spans = ((attempt.ended_at or now) - attempt.started_at for attempt in run.attempts)
    return sum(max(span.total_seconds(), 0.0) for span in spans)


def foreseen(run: Run, history: History, now: datetime) -> Run:
    """Return the run with the time that is left, from history, while its engine does not know better.

    A run whose engine says nothing of how far it is gets none: nobody would correct it while time passes.
    """
    progress = run.progress
    says = progress.stage or progress.percent is not None
    if run.state not in AT_WORK or progress.eta_seconds is not None or not says:
        return run
    engine = ENGINES.get(run.kind)
    of_all = engine is None or len(engine.stages) <= 1  # else the percentage is of one of several stages
    left = seconds_left(
        history,
        likeness(run.kind, run.options),
        _at_work(run, now),
        percent=progress.percent if of_all else None,
    )
    return run if left is None else replace(run, progress=replace(progress, eta_seconds=left))


def overview_foreseen(overview: JobOverview, history: History, now: datetime) -> JobOverview:
    """Return the job with the time that its run at work still needs."""
    run = overview.latest_run
    return overview if run is None else replace(overview, latest_run=foreseen(run, history, now))
