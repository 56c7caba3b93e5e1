"""A job as its row, its page and the dashboard show it."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final

from core.commanding.arguments import in_words
from core.engines import ENGINES
from core.models import Job, JobOverview, Run, Value
from core.states import AT_WORK, RunState
from fastapi_app.presenters import times
from fastapi_app.presenters.progress import progress_fields
from fastapi_app.presenters.states import Mark, asks, edition, mark_of_job
from fastapi_app.presenters.tide import Tide, tide_of

LONGEST_COMMAND: Final = 80
"""Letters of a command that a list shows."""


class Action(Value, frozen=True, kw_only=True):
    """Something a person can do to a job: the verb in the address, the word on the button."""

    verb: str
    word: str
    look: str = ""


class JobRow(Value, frozen=True, kw_only=True):
    """A job in a list; `asking` is the id of its run that waits for an answer."""

    id: str
    name: str
    kind: str
    about: str
    mark: Mark
    live: Mapping[str, str | int] | None
    version: str
    tide: Tide | None
    last_at: datetime | None
    took: str
    late: str
    actions: tuple[Action, ...]
    asking: str


START = Action(verb="start", word="Start", look="primary")
RUN_AGAIN = Action(verb="start", word="Run again")
PAUSE = Action(verb="pause", word="Pause")
RESUME = Action(verb="resume", word="Resume", look="primary")
CANCEL = Action(verb="cancel", word="Cancel run", look="danger")


def row_of(overview: JobOverview, runs: Sequence[Run] = (), late: str = "") -> JobRow:
    """Return the job as a row; `runs`, the newest first, are for its tide line, `late` says that it is late."""
    job, run = overview.job, overview.latest_run
    return JobRow(
        id=job.id,
        name=job.name,
        kind=job.kind,
        about=about(job),
        mark=mark_of_job(overview),
        live=live_of(run),
        version=edition(overview),
        tide=tide_of(runs) if runs or run is None else None,
        last_at=run.created_at if run else None,
        took=took(run),
        late=late,
        actions=actions_on(overview),
        asking=run.id if run and asks(run) else "",
    )


def live_of(run: Run | None) -> Mapping[str, str | int] | None:
    """Return the changing fields of a run at work; None where no engine is at work."""
    return progress_fields(run.progress) if run and run.state in AT_WORK else None


def took(run: Run | None) -> str:
    """Return how long the run took; nothing while it is not over or never began."""
    if run is None or run.started_at is None or run.ended_at is None:
        return ""
    return times.span((run.ended_at - run.started_at).total_seconds())


def actions_on(overview: JobOverview) -> tuple[Action, ...]:
    """Return what can be done to the job now, the likeliest first."""
    run = overview.latest_run
    if run is None:
        return (START,)
    if run.over:
        return (RUN_AGAIN,)
    match run.state:
        case RunState.RUNNING:
            return (PAUSE, CANCEL) if can_pause(overview.job) else (CANCEL,)
        case RunState.PAUSED:
            return (CANCEL,) if asks(run) else (RESUME, CANCEL)
        case RunState.CANCELLING:
            return ()
        case _:
            return (CANCEL,)


def can_pause(job: Job) -> bool:
    """Tell whether runs of the job can stop half-way."""
    engine = ENGINES.get(job.kind)
    return bool(engine and engine.can_pause)


def about(job: Job) -> str:
    """Return what the job works at, in a few words: "/srv/photos to /mnt/backup", "rsync -a ..."."""
    places = [str(value) for value in (job.options.get("source"), job.options.get("destination")) if value]
    if places:
        return " to ".join(places)
    if arguments := job.options.get("argv"):
        return in_words(arguments, LONGEST_COMMAND)
    return label_of(job.kind)


def label_of(kind: str) -> str:
    """Return what people call the kind."""
    engine = ENGINES.get(kind)
    return engine.label if engine else kind
