"""One action on many jobs: those named, or all that match; counted first."""

from collections.abc import Callable, Collection, Mapping
from typing import Annotated, Final, Literal

from fastapi import APIRouter
from pydantic import Field, StrictBool, model_validator

from core.drafts import JobPatch
from core.errors import HoldfastError, NotFound
from core.listing import JobQuery
from core.manager import JobManager
from core.models import Trigger
from core.states import RunState
from fastapi_app.api.entries import Entry, PlainText
from fastapi_app.api.values import Out
from fastapi_app.dependencies import Manager, Person

router = APIRouter(tags=["jobs"])

MOST_IDS: Final = 10_000

BEGINS: Final = frozenset({"start", "requeue"})

Action = Literal["start", "pause", "resume", "cancel", "requeue", "enable", "disable", "delete"]
Words = Annotated[list[PlainText], Field(max_length=50)]


class JobFilter(Entry):
    """Which jobs, as in the list of jobs; what is left out matches any."""

    q: PlainText = ""
    state: Words = Field(default_factory=list)
    kind: Words = Field(default_factory=list)
    tag: Words = Field(default_factory=list)

    def query(self) -> JobQuery:
        """Return it as it is asked."""
        return JobQuery(
            text=self.q,
            states=tuple(self.state),
            kinds=tuple(self.kind),
            tags=tuple(self.tag),
            sort="name",
            limit=None,
        )


class BulkEntry(Entry):
    """What to do to which jobs: either `ids`, or all that match a `filter`; an empty one is every job.

    With `dry_run` nothing is done but counting.
    """

    action: Action
    ids: Annotated[list[PlainText], Field(max_length=MOST_IDS)] | None = None
    filter: JobFilter | None = None
    dry_run: StrictBool = False

    @model_validator(mode="after")
    def _one_of_both(self) -> "BulkEntry":
        if (self.ids is None) == (self.filter is None):
            raise ValueError("Say either `ids` or `filter`.")
        return self


class RefusedOut(Out):
    """A job to which it could not be done, and why."""

    job_id: str
    code: str
    message: str


class BulkOut(Out):
    """How many jobs were meant, to which it was done, and to which not."""

    jobs: int
    done: list[str]
    refused: list[RefusedOut]


@router.post("/jobs/bulk")
def bulk(entry: BulkEntry, manager: Manager, person: Person) -> BulkOut:
    """Do one thing to many jobs, one after the other; one that refuses keeps no other from it.

    Those that come after another of them are started by that one, when it is over.
    """
    meant = manager.in_order(_meant(entry, manager))
    done: list[str] = []
    refused: list[RefusedOut] = []
    act = _actions(manager, person.name)[entry.action]
    for job_id in () if entry.dry_run else meant:
        try:
            if not (entry.action in BEGINS and _follows(manager, job_id, done)):
                act(job_id)
        except HoldfastError as error:
            refused.append(RefusedOut(job_id=job_id, code=error.code, message=str(error)))
        else:
            done.append(job_id)
    return BulkOut(jobs=len(meant), done=done, refused=refused)


def _meant(entry: BulkEntry, manager: JobManager) -> list[str]:
    """Return the ids of the jobs that are meant, each once; raises NotFound for one that is not there."""
    if entry.filter is not None:
        return [item.job.id for item in manager.list_jobs(entry.filter.query()).items]
    return [manager.job(job_id).job.id for job_id in dict.fromkeys(entry.ids or ())]


def _actions(manager: JobManager, person: str) -> Mapping[Action, Callable[[str], object]]:
    return {
        "start": lambda job_id: manager.start(job_id, trigger=Trigger.API, asked_by=person),
        "pause": lambda job_id: _on_present(manager, job_id, "paused", manager.pause),
        "resume": lambda job_id: _on_present(manager, job_id, "resumed", manager.resume),
        "cancel": lambda job_id: _on_present(manager, job_id, "cancelled", manager.cancel),
        "requeue": lambda job_id: _requeue(manager, job_id, person),
        "enable": lambda job_id: manager.edit(job_id, JobPatch(enabled=True), version=None),
        "disable": lambda job_id: manager.edit(job_id, JobPatch(enabled=False), version=None),
        "delete": manager.delete,
    }


def _follows(manager: JobManager, job_id: str, done: Collection[str]) -> bool:
    """Tell whether the job's latest run waits for one of these."""
    latest = manager.job(job_id).latest_run
    waits = latest is not None and latest.state == RunState.BLOCKED
    return waits and not set(manager.job(job_id).job.after).isdisjoint(done)


def _on_present(manager: JobManager, job_id: str, verb: str, act: Callable[[str], object]) -> None:
    with manager.present_run(job_id, verb) as run:
        act(run.id)


def _requeue(manager: JobManager, job_id: str, person: str) -> None:
    """Ask for a run like the latest; raises NotFound where there was none."""
    latest = manager.job(job_id).latest_run
    if latest is None:
        what = "run of job"
        raise NotFound(what, job_id)
    manager.requeue(latest.id, asked_by=person)
