"""The runs that were interrupted and wait for a person: what to say of them, and what can be done."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Final

from core.models import JobOverview, Run, Value
from fastapi_app.presenters.states import Mark, mark_of
from fastapi_app.presenters.texts import plural

MOST_SHOWN: Final = 20
REASON: Final = "Holdfast stopped while it was at work."


class InterruptedRun(Value, frozen=True, kw_only=True):
    """One of them, with where to send what a person decides."""

    id: str
    name: str
    mark: Mark
    reason: str
    at: datetime | None
    resume: str
    cancel: str


class Interrupted(Value, frozen=True, kw_only=True):
    """All of them, the oldest first."""

    title: str
    aside: str
    runs: tuple[InterruptedRun, ...]


def interrupted_of(runs: Sequence[Run], job_of: Callable[[str], JobOverview]) -> Interrupted:
    """Return what to show of runs that wait for a person."""
    shown = tuple(_one(run, job_of(run.job_id).job.name) for run in runs[:MOST_SHOWN])
    more = f", the oldest {MOST_SHOWN} are here" if len(runs) > MOST_SHOWN else ""
    return Interrupted(
        title=f"{plural(len(runs), 'run was', 'runs were')} interrupted",
        aside=f"{'They' if len(runs) > 1 else 'It'} must not begin again without your word{more}.",
        runs=shown,
    )


def _one(run: Run, name: str) -> InterruptedRun:
    return InterruptedRun(
        id=run.id,
        name=name,
        mark=mark_of(run),
        reason=run.reason or REASON,
        at=run.attempts[-1].ended_at if run.attempts else None,
        resume=f"/jobs/{run.job_id}/resume",
        cancel=f"/jobs/{run.job_id}/cancel",
    )
