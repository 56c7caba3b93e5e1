"""What a live frame says about a job: small fields ready to show, and pieces to draw again."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from core.dispatch.base import Load
from core.holdings import Problem
from core.models import Job, JobOverview
from core.states import AT_WORK, RunState
from fastapi_app.presenters.mistakes import flaw
from fastapi_app.presenters.progress import progress_fields
from fastapi_app.presenters.states import asks, counts_of_chips, edition, is_unproved, is_verified, mark_of
from fastapi_app.presenters.texts import visible

LONGEST_NOTICE: Final = 200

Render = Callable[..., str]
"""Renders a template by its name, with what it is to show as keywords."""


def job_patch(overview: JobOverview, mistake: Problem | None = None) -> dict[str, str | int]:
    """Return the changing fields of a job, each ready to be put in its place.

    `v` is another word whenever more than these fields changed; `p` the percentage, a number, `s` what is done in
    words, `d` how much of how much, `r` rate, `e` time left, `g` the name of the stage.
    """
    run = overview.latest_run
    fields: dict[str, str | int] = {"v": edition(overview) + flaw(mistake)}
    if run is not None and run.state in AT_WORK:
        fields |= progress_fields(run.progress)
    return fields


def job_numbers(overview: JobOverview) -> dict[str, float]:
    """Return the numbers behind the rate and the time left, where there are such."""
    run = overview.latest_run
    if run is None or run.state not in AT_WORK:
        return {}
    numbers = {"r": run.progress.rate, "e": run.progress.eta_seconds}
    return {name: number for name, number in numbers.items() if number is not None}


def edited_notice(job: Job, changes: Sequence[str]) -> dict[str, Any]:
    """Return what to tell everybody about a job that was changed in its file."""
    return _notice(job, "ok", f"{job.name} was changed in its file: {'; '.join(changes)}")


def unusual_notice(job: Job, findings: Sequence[str]) -> dict[str, Any]:
    """Return what to tell everybody about a run of the job that was unlike the ones before it."""
    return _notice(job, "late", f"{job.name} was unusual: {', '.join(findings)}")


def _notice(job: Job, status: str, text: str) -> dict[str, Any]:
    said = visible(text)
    short = said if len(said) <= LONGEST_NOTICE else f"{said[:LONGEST_NOTICE]}…"
    return {"st": status, "id": job.id, "text": short}


def count_patch(
    counts: Mapping[str, int],
    load: Load,
    *,
    problems: int = 0,
    letters: int = 0,
    warned: int = 0,
    late: int = 0,
    held: int = 0,
    trouble: str = "",
) -> dict[str, str | int]:
    """Return the counts of chips and navigation, the slots and the disk's trouble in words.

    Each has the name that pages use. No problem is no text: a zero would call for a look.
    """
    groups = counts_of_chips(counts, warned=warned, late=late, held=held)
    groups["jobs"] = sum(counts.values())
    return {
        **groups,
        "slots": slots_sentence(load),
        "in_line": load.waiting or "",
        "problems": problems or "",
        "letters": letters or "",
        "trouble": visible(trouble),
    }


def slots_sentence(load: Load) -> str:
    """Return how busy the slots are: "1 of 2 slots busy"."""
    return f"{load.busy} of {load.slots} slots busy"


def notice(overview: JobOverview) -> dict[str, Any] | None:
    """Return what to tell everybody after a change of state: `st`, `id`, `text`; None is nothing."""
    run, name = overview.latest_run, visible(overview.job.name)
    if run is None:
        return None
    match run.state:
        case RunState.FAILED:
            said = f"{name} failed" + (f": {visible(run.error.message)}" if run.error else "")
            return {"st": "failed", "id": overview.job.id, "text": said}
        case RunState.COMPLETED:
            how = "finished, verified" if is_verified(run) else "finished"
            how = "copied, not verified" if is_unproved(run) else how
            return {"st": mark_of(run).st, "id": overview.job.id, "text": f"{name} {how}"}
        case RunState.PAUSED:
            said = f"{name} needs you: {visible(run.reason)}" if asks(run) else f"{name} is paused"
            return {"st": mark_of(run).st, "id": overview.job.id, "text": said}
        case RunState.CANCELLED:
            return {"st": "cancelled", "id": overview.job.id, "text": f"{name} was cancelled"}
        case _:
            return None
