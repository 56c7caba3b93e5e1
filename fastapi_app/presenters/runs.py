"""A run as its page, its job's page and lists of runs show it."""

from collections.abc import Mapping
from datetime import datetime
from typing import Final

from msgspec.structs import replace

from core.engines import ENGINES
from core.errors import InvalidOptions
from core.models import Attempt, Ending, Failure, Job, Run, Trigger, Value
from core.spans import exact
from core.states import AT_WORK, RunState
from fastapi_app.presenters import sizes, times
from fastapi_app.presenters.jobs import live_of, took
from fastapi_app.presenters.progress import progress_fields
from fastapi_app.presenters.proofs import proof_of
from fastapi_app.presenters.states import Mark, asks, mark_of
from fastapi_app.presenters.texts import plural

ENDING_WORDS: Final[Mapping[Ending, str]] = {
    Ending.COMPLETED: "good",
    Ending.FAILED: "failed",
    Ending.PAUSED: "paused",
    Ending.CANCELLED: "cancelled",
    Ending.INTERRUPTED: "interrupted",
}

STANDING: Final[Mapping[RunState, str]] = {
    RunState.SCHEDULED: "It begins when it is due.",
    RunState.BLOCKED: "It waits for the jobs it comes after.",
    RunState.QUEUED: "It begins as soon as a slot is free.",
    RunState.PAUSED: "It is set down half-way and goes on from there when you resume it.",
    RunState.CANCELLED: "It was stopped because someone asked. What was done until then stays.",
    RunState.SKIPPED: "It never ran and never will.",
}

ASKS: Final = "It asks something, and goes on as soon as somebody answers."
BEGINS_ANEW: Final = "It was stopped half-way, and begins anew when you resume it."


class Step(Value, frozen=True, kw_only=True):
    """One stage of a run: "done", "now" or "" when it is still to come."""

    name: str
    word: str
    look: str


class Figure(Value, frozen=True, kw_only=True):
    """A number worth a look."""

    name: str
    number: str
    unit: str = ""
    aside: str = ""


class AttemptView(Value, frozen=True, kw_only=True):
    """One try within a run."""

    number: int
    word: str
    worker: str
    started_at: datetime
    took: str
    waited: str
    aside: str
    note: str
    hint: str


class RunView(Value, frozen=True, kw_only=True):
    """A run with everything that can be said about it."""

    id: str
    job_id: str
    number: int
    mark: Mark
    over: bool
    live: Mapping[str, str | int] | None
    steps: tuple[Step, ...]
    standing: str
    sentence: str
    by: str
    attempt: int
    created_at: datetime
    started_at: datetime | None
    ended_at: datetime | None
    took: str
    moved: str
    note: str
    error: Failure | None
    warnings: tuple[str, ...]
    warnings_count: str
    figures: tuple[Figure, ...]
    attempts: tuple[AttemptView, ...]
    again_at: datetime | None
    reason: str
    of: str
    set_down_at: datetime | None


def run_view(run: Run, job: Job) -> RunView:
    """Return the run as the pages show it."""
    proof = proof_of(run)
    return RunView(
        id=run.id,
        job_id=run.job_id,
        number=run.number,
        mark=mark_of(run),
        over=run.over,
        live=live_of(run) or so_far(run),
        steps=steps_of(run, job),
        standing=standing_of(run) if run.state in STANDING else proof.sentence,
        sentence=sentence_of(run),
        by=by_words(run),
        attempt=run.attempt,
        created_at=run.created_at,
        started_at=run.started_at,
        ended_at=run.ended_at,
        took=took(run),
        moved=sizes.size(proof.copied_bytes) if proof.copied_bytes is not None else "–",
        note=run.error.message if run.error else "",
        error=failure_of(run),
        warnings=run.warnings,
        warnings_count=plural(len(run.warnings), "thing to know", "things to know"),
        figures=figures_of(run),
        attempts=tuple(attempt_view(attempt) for attempt in run.attempts),
        again_at=run.due_at if run.state == RunState.SCHEDULED and run.attempt else None,
        reason=run.reason,
        of=run.of,
        set_down_at=set_down_at(run),
    )


def set_down_at(run: Run) -> datetime | None:
    """Return since when the run is paused; None for one that is not."""
    return run.attempts[-1].ended_at if run.state == RunState.PAUSED and run.attempts else None


def so_far(run: Run) -> Mapping[str, str | int] | None:
    """Return how far a run is that was set down; None for one that never said so, or is over."""
    if run.over or not run.progress.stage:
        return None
    return progress_fields(replace(run.progress, rate=None, eta_seconds=None))


def failure_of(run: Run) -> Failure | None:
    """Return why the run failed, with what to do about it now."""
    if run.error is not None and run.error.code == InvalidOptions.code:
        return replace(run.error, hint="Bring back what is missing or edit the job, then start it again.")
    return run.error


def standing_of(run: Run) -> str:
    """Return in one sentence what becomes of a run that is neither at work nor ended by itself."""
    if asks(run):
        return ASKS
    engine = ENGINES.get(run.kind)
    if run.state == RunState.PAUSED and engine is not None and not engine.can_pause:
        return BEGINS_ANEW
    return STANDING.get(run.state, "")


def sentence_of(run: Run) -> str:
    """Return in one sentence how the run ended."""
    if run.state == RunState.COMPLETED:
        return proof_of(run).sentence or "It did what was asked."
    if run.state == RunState.FAILED:
        return proof_of(run).sentence or "It could not do what was asked."
    return standing_of(run)


def by_words(run: Run) -> str:
    """Return why the run exists: "by ada", "again, by ada", "by its schedule"."""
    match run.trigger:
        case Trigger.SCHEDULE:
            return "by its schedule"
        case Trigger.UPSTREAM:
            return "after the job before it"
        case Trigger.REQUEUE:
            return f"again, by {run.asked_by}" if run.asked_by else "again"
        case Trigger.API:
            return f"by {run.asked_by}, through the API" if run.asked_by else "through the API"
        case Trigger.MANUAL:
            return f"by {run.asked_by}" if run.asked_by else "by hand"


def steps_of(run: Run, job: Job) -> tuple[Step, ...]:
    """Return the stages of the run's kind, and where the run is among them."""
    engine = ENGINES.get(job.kind)
    names = [*engine.stages] if engine else []
    present = names.index(run.progress.stage) if run.progress.stage in names else -1
    working = run.state in AT_WORK or not run.over
    return tuple(
        Step(name=name, word=name.capitalize(), look=_look(place, present, working=working))
        for place, name in enumerate(names)
    )


def _look(place: int, present: int, *, working: bool) -> str:
    if place < present:
        return "done"
    return "now" if place == present and working else ""


def figures_of(run: Run) -> tuple[Figure, ...]:
    """Return up to four figures about a run that is over."""
    proof = proof_of(run)
    figures = []
    if proof.files is not None:
        figures.append(Figure(name="Files", number=f"{proof.files:,}", aside=proof.files_aside))
    if proof.bytes is not None:
        figures.append(_size_figure("Size", proof.bytes))
    if proof.copied_bytes is not None:
        aside = plural(proof.copied_files, "file") if proof.copied_files is not None else ""
        figures.append(_size_figure("New data", proof.copied_bytes, aside))
    if run.started_at and run.ended_at:
        aside = f"{plural(run.attempt, 'attempt')}" if run.attempt > 1 else ""
        figures.append(Figure(name="Took", number=took(run), aside=aside))
    return tuple(figures)


def _size_figure(name: str, amount: int, aside: str = "") -> Figure:
    number, unit = sizes.size_parts(amount)
    return Figure(name=name, number=number, unit=unit, aside=aside)


def attempt_view(attempt: Attempt) -> AttemptView:
    """Return one try as the run's page shows it."""
    ended = attempt.ended_at
    return AttemptView(
        number=attempt.number,
        word=ENDING_WORDS[attempt.ending] if attempt.ending else "at work",
        worker=attempt.worker,
        started_at=attempt.started_at,
        took=times.span((ended - attempt.started_at).total_seconds()) if ended else "",
        waited=exact(round(attempt.waited, 1)) if attempt.waited else "",
        aside="" if attempt.counted else "It tried for others too and does not count.",
        note=attempt.error.message if attempt.error else "",
        hint=attempt.error.hint if attempt.error else "",
    )
