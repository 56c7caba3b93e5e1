"""What a state looks like: its colour's name, its shape and its word."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from core.asking import asks
from core.engines import ENGINES
from core.facts import is_about
from core.facts import proves as is_verified
from core.models import JobOverview, Run, Value
from core.searching import HELD, LATE, NEVER_RUN, WARNED
from core.states import RunState
from fastapi_app.presenters.texts import plural

__all__ = [
    "CHIPS",
    "MARKS",
    "NEEDS_YOU",
    "OUTDATED",
    "UNPROVED",
    "VERIFIED",
    "Mark",
    "asks",
    "edition",
    "is_about",
    "is_unproved",
    "is_verified",
    "mark_of",
    "mark_of_job",
    "with_warnings",
]


class Mark(Value, frozen=True, kw_only=True):
    """A status as the pages show it: `st` sets the colour, `icon` the shape, `word` says it.

    `counts` tells that a percentage may stand for the word.
    """

    st: str
    icon: str
    word: str
    counts: bool = False


MARKS: Final[Mapping[str, Mark]] = MappingProxyType(
    {
        NEVER_RUN: Mark(st="scheduled", icon="i-clock", word="Never run"),
        RunState.SCHEDULED: Mark(st="scheduled", icon="i-clock", word="Scheduled"),
        RunState.BLOCKED: Mark(st="waiting", icon="st-waiting", word="Waiting"),
        RunState.QUEUED: Mark(st="waiting", icon="st-waiting", word="Waiting"),
        RunState.RUNNING: Mark(st="running", icon="st-running", word="Running", counts=True),
        RunState.PAUSING: Mark(st="running", icon="st-running", word="Pausing"),
        RunState.PAUSED: Mark(st="paused", icon="st-pause", word="Paused"),
        RunState.CANCELLING: Mark(st="running", icon="st-running", word="Cancelling"),
        RunState.COMPLETED: Mark(st="ok", icon="st-ok", word="Good"),
        RunState.FAILED: Mark(st="failed", icon="st-failed", word="Failed"),
        RunState.CANCELLED: Mark(st="cancelled", icon="st-cancelled", word="Cancelled"),
        RunState.SKIPPED: Mark(st="cancelled", icon="st-cancelled", word="Skipped"),
    },
)

VERIFIED: Final = Mark(st="ok", icon="st-ok", word="Verified")
UNPROVED: Final = Mark(st="unproved", icon="st-hollow", word="Copied, not verified")
NEEDS_YOU: Final = Mark(st="late", icon="st-late", word="Needs you")

OUTDATED: Final = Mark(st="scheduled", icon="i-clock", word="Changed since")

CHIPS: Final[tuple[tuple[str, str, tuple[str, ...]], ...]] = (
    ("running", "Running", (RunState.RUNNING, RunState.PAUSING, RunState.CANCELLING)),
    ("waiting", "Waiting", (RunState.QUEUED, RunState.BLOCKED, RunState.SCHEDULED)),
    ("failed", "Failing", (RunState.FAILED,)),
    (LATE, "Late", (LATE,)),
    ("paused", "Paused", (RunState.PAUSED, HELD)),
    ("never", "Never run", (NEVER_RUN,)),
    ("good", "Good", (RunState.COMPLETED,)),
    (WARNED, "With warnings", (WARNED,)),
    ("cancelled", "Cancelled", (RunState.CANCELLED, RunState.SKIPPED)),
)
"""The groups of states that people filter by: name in the address, word, states."""


def counts_of_chips(counts: Mapping[str, int], *, warned: int, late: int, held: int) -> dict[str, int]:
    """Return how many jobs each chip stands for; `held` are those that somebody paused and that are not paused runs."""
    apart = {WARNED: warned, "late": late, "held": held}
    return {
        name: sum(apart[state] if state in apart else counts.get(state, 0) for state in states)
        for name, _, states in CHIPS
    }


def mark_of(run: Run | None) -> Mark:
    """Return how the run's state is shown; None has never run."""
    if run is None:
        return MARKS[NEVER_RUN]
    if asks(run):
        return NEEDS_YOU
    if run.state != RunState.COMPLETED:
        return MARKS[run.state]
    mark = UNPROVED if is_unproved(run) else VERIFIED if is_verified(run) else MARKS[run.state]
    return with_warnings(mark, len(run.warnings)) if run.warnings else mark


def with_warnings(mark: Mark, count: int) -> Mark:
    """Return the mark of a run that has something to say all the same: "Verified, with 3 warnings"."""
    return Mark(st="late", icon="st-late", word=f"{mark.word}, with {plural(count, 'warning')}")


def mark_of_job(overview: JobOverview) -> Mark:
    """Return how the job's state is shown: its latest run's, unless that was about other places."""
    run = overview.latest_run
    if run is not None and run.state == RunState.COMPLETED and not is_about(run, overview.job):
        return OUTDATED
    return mark_of(run)


def is_unproved(run: Run) -> bool:
    """Tell whether the run ended well and its copy was not proved: no evidence is not good."""
    if run.state != RunState.COMPLETED or is_verified(run):
        return False
    result = run.result or {}
    return "verified" in result or (run.kind in ENGINES and ENGINES[run.kind].proves)


def edition(overview: JobOverview) -> str:
    """Return a word that is another one whenever the structure of the job's page is another."""
    run, going = overview.latest_run, "g" if overview.going else ""
    return (
        f"{overview.job.version}.{run.number}.{run.version}{going}"
        if run
        else f"{overview.job.version}{going}"
    )
