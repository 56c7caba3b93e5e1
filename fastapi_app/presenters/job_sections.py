"""The sections of a job's page, each with an address of its own, and the one sentence above them."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from core.models import Job, Run, Value
from core.schedules import in_words
from core.states import RunState
from fastapi_app.presenters.proofs import can_prove, newest_verified

SECTIONS: Final = (
    ("now", "Now"),
    ("runs", "Runs"),
    ("settings", "Settings"),
    ("versions", "Versions"),
    ("graph", "Graph"),
    ("safety", "Safety"),
)

Said = tuple[str | datetime, ...]
"""A sentence with moments in it, each to be told in the reader's zone."""


class Tab(Value, frozen=True, kw_only=True):
    """A section in the row of them; `count` is empty where there is nothing to count."""

    name: str
    word: str
    address: str
    count: str = ""


def tabs_of(job: Job, runs: int) -> tuple[Tab, ...]:
    """Return the sections of a job that has so many runs."""
    counts = {"runs": f"{runs:,}" if runs else "", "versions": f"{job.version:,}"}
    return tuple(
        Tab(
            name=name,
            word=word,
            address=f"/jobs/{job.id}" if name == "now" else f"/jobs/{job.id}/{name}",
            count=counts.get(name, ""),
        )
        for name, word in SECTIONS
    )


def rhythm_of(job: Job) -> str:
    """Return when the job is due, as the end of a sentence: "every day at 02:00"; nothing where nobody said."""
    if job.schedule is None:
        return ""
    words = in_words(job.schedule).rstrip(".")
    return f"{words[:1].lower()}{words[1:]}"


def trust_of(job: Job, history: Sequence[Run], next_at: datetime | None) -> Said:
    """Return in one sentence whether there is a good copy, from when, and when the next is due."""
    return (*_known(job, history), *_next(job, next_at))


def _known(job: Job, history: Sequence[Run]) -> Said:
    latest = next((run for run in history if run.over and run.state != RunState.SKIPPED), None)
    if latest is None:
        return ("It has not run to an end yet",) if history else ("It has never run",)
    if not can_prove(job.kind):
        return _ended(latest, next((run for run in history if run.state == RunState.COMPLETED), None))
    good = newest_verified(job, history)
    if good is None:
        return ("There is no verified copy yet",)
    copied = ("Copied ", good.started_at) if good.started_at else ("Copied",)
    proved = (*copied, ", verified ", good.ended_at or good.created_at)
    if latest.id == good.id:
        return proved
    word = "failed" if latest.state == RunState.FAILED else "proved nothing newer"
    return (
        (*proved, f"; the run after that {word}")
        if _follows(latest, good)
        else (*proved, f"; the last run {word}")
    )


def _follows(latest: Run, good: Run) -> bool:
    return latest.number == good.number + 1


def _ended(latest: Run, good: Run | None) -> Said:
    if good is None:
        return ("It has not ended well yet",)
    told: Said = ("Last ended well ", good.ended_at or good.created_at)
    return told if latest.id == good.id else (*told, "; the last run did not")


def _next(job: Job, next_at: datetime | None) -> Said:
    if not job.enabled:
        return (". It is switched off.",)
    return (", next ", next_at, ".") if next_at else (".",)
