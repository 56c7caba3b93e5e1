"""What people do to a job: start, pause, resume, cancel, delete."""

from typing import Annotated

from fastapi import APIRouter, Form
from starlette.responses import Response

from core.errors import NotFound
from core.manager import JobManager
from fastapi_app.dependencies import Manager, Person, TheService
from fastapi_app.pages.drawing import Canvas, TheCanvas, see
from fastapi_app.places import JobId
from fastapi_app.presenters.jobs import row_of

router = APIRouter(prefix="/jobs/{job_id}")

Back = Annotated[str, Form(max_length=2_000)]


@router.post("/start")
def start(job_id: JobId, canvas: TheCanvas, manager: Manager, person: Person, back: Back = "") -> Response:
    """Ask for a run of the job."""
    manager.start(job_id, asked_by=person.name)
    return _shown(job_id, canvas, manager, back)


@router.post("/pause")
def pause(job_id: JobId, canvas: TheCanvas, manager: Manager, back: Back = "") -> Response:
    """Set the job's run down half-way."""
    with manager.present_run(job_id, "paused") as run:
        manager.pause(run.id)
    return _shown(job_id, canvas, manager, back)


@router.post("/resume")
def resume(job_id: JobId, canvas: TheCanvas, manager: Manager, back: Back = "") -> Response:
    """Let the job's run go on."""
    with manager.present_run(job_id, "resumed") as run:
        manager.resume(run.id)
    return _shown(job_id, canvas, manager, back)


@router.post("/cancel")
def cancel(job_id: JobId, canvas: TheCanvas, manager: Manager, back: Back = "") -> Response:
    """Stop the job's run for good."""
    with manager.present_run(job_id, "cancelled") as run:
        manager.cancel(run.id)
    return _shown(job_id, canvas, manager, back)


@router.post("/delete")
def delete(  # the row or the page that asked, and the version that was seen
    job_id: JobId,
    canvas: TheCanvas,
    manager: Manager,
    person: Person,
    version: Annotated[int | None, Form()] = None,
    back: Back = "",
) -> Response:
    """Let the job go: for a while that can be taken back, then it is deleted with its runs."""
    manager.let_go(job_id, person.name, version)
    return _shown(job_id, canvas, manager, back or f"/jobs?left={job_id}")


@router.post("/keep")
def keep(job_id: JobId, canvas: TheCanvas, manager: Manager, back: Back = "") -> Response:
    """Keep a job after all that is being deleted."""
    manager.keep_after_all(job_id)
    return _shown(job_id, canvas, manager, back)


@router.post("/discard-edit")
def discard_edit(job_id: JobId, service: TheService) -> Response:
    """Put aside what a person wrote into the job's file and Holdfast cannot take over; the job stays as it is."""
    service.edits.discard(job_id)
    return see(f"/jobs/{job_id}")


def _shown(job_id: JobId, canvas: Canvas, manager: JobManager, back: str) -> Response:
    """Answer with the row that asked, or go back to the page it was asked on."""
    if canvas.redraws != f"row-{job_id}":
        return see(back, f"/jobs/{job_id}")
    try:
        row = row_of(manager.job(job_id), manager.runs_of(job_id))
    except NotFound:
        return see("/jobs")
    return canvas.piece("partials/job_row.html", row=row)
