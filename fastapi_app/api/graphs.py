"""The whole graph that a job is part of."""

from typing import Final

from fastapi import APIRouter

from core.errors import NotFound
from core.listing import state_of
from core.models import AfterFailed, AfterWhen, JobOverview, Trigger
from fastapi_app.api.values import Out, RunOut
from fastapi_app.dependencies import Manager, Person
from fastapi_app.places import JobId

router = APIRouter(prefix="/jobs/{job_id}/graph", tags=["graphs"])

MOST_JOBS: Final = 1_000


class GraphJobOut(Out):
    """A job of a graph: what it comes after, and the state it shows; `run_id` is its latest run's."""

    id: str
    name: str
    enabled: bool
    after: list[str]
    after_when: AfterWhen
    after_failed: AfterFailed
    state: str
    run_id: str | None
    flow: str | None

    @classmethod
    def of(cls, item: JobOverview) -> "GraphJobOut":
        """Return the job as JSON says it."""
        job, run = item.job, item.latest_run
        return cls.model_construct(
            id=job.id,
            name=job.name,
            enabled=job.enabled,
            after=list(job.after),
            after_when=job.after_when,
            after_failed=job.after_failed,
            state=state_of(item),
            run_id=run.id if run else None,
            flow=run.flow if run else None,
        )


class GraphOut(Out):
    """Every job that is connected with one, that one first, the nearest before those further away."""

    jobs: list[GraphJobOut]
    total: int


class RunsOfGraphOut(Out):
    """The runs that were made or cancelled."""

    items: list[RunOut]


@router.get("")
def show(job_id: JobId, manager: Manager) -> GraphOut:
    """Return the jobs that the job comes after, those that come after it, and so on."""
    connected = manager.graph_of(job_id)
    jobs = []
    for one in connected[:MOST_JOBS]:
        try:
            jobs.append(GraphJobOut.of(manager.job(one)))
        except NotFound:  # deleted meanwhile
            continue
    return GraphOut.model_construct(jobs=jobs, total=len(connected))


@router.post("/start", status_code=202)
def start(job_id: JobId, manager: Manager, person: Person) -> RunsOfGraphOut:
    """Start everything that the job follows from; the rest waits for it."""
    runs = manager.start_graph(job_id, trigger=Trigger.API, asked_by=person.name)
    return RunsOfGraphOut.model_construct(items=[RunOut.of(run) for run in runs])


@router.post("/cancel", status_code=202)
def cancel(job_id: JobId, manager: Manager) -> RunsOfGraphOut:
    """Stop every run of the graph for good."""
    return RunsOfGraphOut.model_construct(items=[RunOut.of(run) for run in manager.cancel_graph(job_id)])


@router.post("/retry", status_code=202)
def retry(job_id: JobId, manager: Manager, person: Person) -> RunsOfGraphOut:
    """Run again what failed or was cancelled, and what follows from it."""
    runs = manager.retry_graph(job_id, asked_by=person.name)
    return RunsOfGraphOut.model_construct(items=[RunOut.of(run) for run in runs])
