"""Jobs, and what is done to the run that a job has at present."""

from typing import Annotated

from fastapi import APIRouter, Query, Response

from core.engines import ENGINES
from core.errors import InvalidOptions
from core.listing import MOST, PAGE, JobQuery
from core.models import Trigger
from fastapi_app.api.entries import JobChange, JobEntry
from fastapi_app.api.keys import IdempotencyKey
from fastapi_app.api.texts import PageTexts
from fastapi_app.api.values import JobOut, JobsOut, RunOut, RunsOut, WaitingOut
from fastapi_app.api.versions import IfMatch, agreed, etag
from fastapi_app.dependencies import Manager, Person, TheService
from fastapi_app.places import JobId

router = APIRouter(tags=["jobs"])
texts = PageTexts()

Words = Annotated[list[str], Query(max_length=50)]


@router.get("/jobs", response_model=JobsOut)
def list_jobs(
    manager: Manager,
    q: Annotated[str, Query(max_length=1_000)] = "",
    state: Words = [],  # noqa: B006 - FastAPI copies it
    kind: Words = [],  # noqa: B006
    tag: Words = [],  # noqa: B006
    sort: str = "-created",
    limit: Annotated[int, Query(ge=1, le=MOST)] = PAGE,
    cursor: Annotated[str | None, Query(max_length=2_000)] = None,
) -> Response:
    """Return a page of jobs; `state`, `kind` and `tag` may be given several times."""
    _check_kinds(kind)
    query = JobQuery(
        text=q,
        states=tuple(state),
        kinds=tuple(kind),
        tags=tuple(tag),
        sort=sort,
        limit=limit,
        cursor=cursor,
    )
    return Response(texts.of(query, manager.list_jobs(query)), media_type="application/json")


def _check_kinds(kinds: list[str]) -> None:
    unknown = next((kind for kind in kinds if kind not in ENGINES), None)
    if unknown is not None:
        raise InvalidOptions({"kind": f"The kinds are: {', '.join(ENGINES)}; not {unknown[:40]!r}."})


@router.post("/jobs", status_code=201)
def create(
    entry: JobEntry, manager: Manager, person: Person, response: Response, key: IdempotencyKey
) -> JobOut:
    """Keep a new job; the same Idempotency-Key again answers with the job that it made."""
    job = manager.create(entry.draft(), asked_by=person.name, key=key)
    response.headers["Location"] = f"/api/v1/jobs/{job.id}"
    response.headers["ETag"] = etag(job.version)
    return JobOut.of(job, None)


@router.get("/jobs/{job_id}")
def show(job_id: JobId, service: TheService, response: Response) -> JobOut:
    """Return the job with its latest run."""
    overview = service.manager.job(job_id)
    run = overview.latest_run
    why = service.waiting_room.why(run) if run is not None else None
    response.headers["ETag"] = etag(overview.job.version)
    return JobOut.of(overview.job, run, WaitingOut.of(why, service.clock.now()) if why else None)


@router.patch("/jobs/{job_id}")
def edit(job_id: JobId, change: JobChange, manager: Manager, response: Response, named: IfMatch) -> JobOut:
    """Change a job that is still at the version named in the body or as If-Match."""
    version = agreed(named, change.version).of(lambda: manager.job(job_id).job.version)
    job = manager.edit(job_id, change.patch(), version=version)
    response.headers["ETag"] = etag(job.version)
    return JobOut.of(job, manager.job(job_id).latest_run)


@router.delete("/jobs/{job_id}", status_code=204)
def delete(job_id: JobId, manager: Manager, named: IfMatch) -> None:
    """Delete a job and its runs; with If-Match, only at that version."""
    version = named.of(lambda: manager.job(job_id).job.version) if named else None
    manager.delete(job_id, version=version)


@router.get("/jobs/{job_id}/runs")
def runs(
    job_id: JobId,
    manager: Manager,
    limit: Annotated[int, Query(ge=1, le=MOST)] = PAGE,
    cursor: Annotated[int | None, Query(ge=1)] = None,
) -> RunsOut:
    """Return the job's runs, the newest first; `cursor` is the number below which to begin."""
    every = manager.runs_of(job_id)
    later = [run for run in every if cursor is None or run.number < cursor]
    shown = later[:limit]
    more = str(shown[-1].number) if len(later) > limit else None
    return RunsOut.model_construct(items=[RunOut.of(run) for run in shown], next=more, total=len(every))


@router.post("/jobs/{job_id}/runs", status_code=202)
async def start(job_id: JobId, manager: Manager, person: Person, key: IdempotencyKey) -> RunOut:
    """Ask for a run of the job; the same Idempotency-Key again answers with the run that it made."""
    return RunOut.of(
        await manager.later(lambda: manager.start(job_id, trigger=Trigger.API, asked_by=person.name, key=key))
    )


@router.post("/jobs/{job_id}/pause", status_code=202)
def pause(job_id: JobId, manager: Manager) -> RunOut:
    """Ask the job's present run to stop half-way."""
    with manager.present_run(job_id, "paused") as run:
        return RunOut.of(manager.pause(run.id))


@router.post("/jobs/{job_id}/resume", status_code=202)
def resume(job_id: JobId, manager: Manager) -> RunOut:
    """Let the job's paused run go on."""
    with manager.present_run(job_id, "resumed") as run:
        return RunOut.of(manager.resume(run.id))


@router.post("/jobs/{job_id}/cancel", status_code=202)
def cancel(job_id: JobId, manager: Manager) -> RunOut:
    """Stop the job's present run for good."""
    with manager.present_run(job_id, "cancelled") as run:
        return RunOut.of(manager.cancel(run.id))
