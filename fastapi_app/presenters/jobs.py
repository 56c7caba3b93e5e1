"""A job as its row, its page and the dashboard show it."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from types import MappingProxyType
from typing import Final

from core.commanding.arguments import in_words
from core.engines import ENGINES
from core.models import Job, JobOverview, Run, Value
from core.states import AT_WORK, RunState
from fastapi_app.presenters import times
from fastapi_app.presenters.progress import progress_fields
from fastapi_app.presenters.states import Mark, asks, edition, mark_of_job
from fastapi_app.presenters.tide import Tide, tide_of

ICONS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "command": "i-command",
        "shell": "i-command",
        "watch": "i-search",
        "rclone": "i-place",
        "restic": "i-store",
    }
)
"""The shape that stands for a kind, where that is not a box."""

DELETING: Final = Mark(st="cancelled", icon="st-cancelled", word="Deleting")
HELD: Final = Mark(st="paused", icon="st-pause", word="Paused")
LATE: Final = Mark(st="late", icon="st-late", word="Late")
WAITS: Final[Mapping[str, str]] = MappingProxyType(
    {RunState.QUEUED: "in line", RunState.BLOCKED: "waits for others", RunState.SCHEDULED: ""}
)

LONGEST_REASON: Final = 120
"""Letters of a failure that a list shows."""

LONGEST_COMMAND: Final = 80
"""Letters of a command that a list shows."""


KEYS_OF: Final[Mapping[str, str]] = MappingProxyType({"start": "r", "pause": "p", "resume": "r"})
"""What a single key does."""


class Action(Value, frozen=True, kw_only=True):
    """Something a person can do to a job: the verb in the address, the word on the button."""

    verb: str
    word: str
    look: str = ""

    @property
    def key(self) -> str:
        """Return the key that does it on the job's page; what ends something has none."""
        return KEYS_OF.get(self.verb, "")


class Coming(Value, frozen=True, kw_only=True):
    """What comes next for a job: a moment, or what it waits for in words."""

    at: datetime | None = None
    words: str = ""


class JobRow(Value, frozen=True, kw_only=True):
    """A job in a list; `asking` is the id of its run that waits for an answer.

    `actions` are what can be done now; `can` has their verbs, for the menu that all rows share.
    """

    id: str
    name: str
    kind: str
    icon: str
    about: str
    mark: Mark
    live: Mapping[str, str | int] | None
    version: str
    tide: Tide | None
    last_at: datetime | None
    took: str
    late: str
    actions: tuple[Action, ...]
    can: str
    asking: str
    going: bool
    coming: Coming


START = Action(verb="start", word="Start", look="primary")
RUN_AGAIN = Action(verb="start", word="Run again")
PAUSE = Action(verb="pause", word="Pause")
RESUME = Action(verb="resume", word="Resume", look="primary")
CANCEL = Action(verb="cancel", word="Cancel run", look="danger")


def row_of(
    overview: JobOverview, runs: Sequence[Run] = (), late: str = "", due_at: datetime | None = None
) -> JobRow:
    """Return the job as a row.

    `runs`, the newest first, are for its tide line, `late` says that it is late, `due_at` when its schedule is next due.
    """
    job, run = overview.job, overview.latest_run
    actions = () if overview.going else actions_on(overview)
    return JobRow(
        id=job.id,
        name=job.name,
        kind=job.kind,
        icon=ICONS.get(job.kind, "i-backup"),
        about=_said_of(overview),
        mark=_mark_in_list(overview, late),
        live=live_of(run),
        version=edition(overview),
        tide=tide_of(runs) if runs or run is None else None,
        last_at=run.created_at if run else None,
        took=took(run),
        late=late,
        actions=actions,
        can=" ".join(action.verb for action in actions) or ("keep" if overview.going else ""),
        asking=run.id if run and asks(run) else "",
        going=overview.going is not None,
        coming=coming_of(overview, due_at),
    )


def _mark_in_list(overview: JobOverview, late: str) -> Mark:
    """Return the mark of the job's row: that it goes, is paused or late comes before how its latest run ended."""
    run = overview.latest_run
    if overview.going is not None:
        return DELETING
    at_rest = run is None or run.state in {RunState.COMPLETED, RunState.CANCELLED, RunState.SKIPPED}
    if overview.held and at_rest:
        return HELD
    return LATE if late and at_rest else mark_of_job(overview)


def _said_of(overview: JobOverview) -> str:
    """Return what stands below the name: why it failed, else what the job works at."""
    run = overview.latest_run
    if run is not None and run.state == RunState.FAILED and run.error is not None:
        return " ".join(run.error.message.split())[:LONGEST_REASON]
    return about(overview.job)


def coming_of(overview: JobOverview, due_at: datetime | None) -> Coming:
    """Return what comes next for the job."""
    run = overview.latest_run
    if overview.going is not None:
        return Coming(words="gone at", at=overview.going.until)
    if run is not None and run.state in {RunState.QUEUED, RunState.BLOCKED, RunState.SCHEDULED}:
        at = run.due_at if run.state == RunState.SCHEDULED else None
        return Coming(at=at, words="" if at else WAITS[run.state])
    if not overview.job.enabled:
        return Coming(words="switched off")
    if due_at is not None:
        return Coming(at=due_at)
    return Coming(words="after others" if overview.job.after else "")


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
