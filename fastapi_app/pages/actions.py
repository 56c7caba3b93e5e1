"""What people do to a job: start, pause, resume, cancel, delete."""

from typing import Annotated, Final

from fastapi import APIRouter, Form
from msgspec.structs import replace
from starlette.responses import HTMLResponse, Response

from core.drafts import draft_of
from core.errors import NotFound
from fastapi_app.dependencies import Manager, Person, TheHouse, TheService
from fastapi_app.house import House
from fastapi_app.notices import Act
from fastapi_app.pages.drawing import Canvas, TheCanvas, see
from fastapi_app.places import JobId

router = APIRouter(prefix="/jobs/{job_id}")

LONGEST_NAME: Final = 180
"""Letters of a name that leave room for saying that it is a copy."""

Back = Annotated[str, Form(max_length=2_000)]


@router.post("/start")
def start(job_id: JobId, canvas: TheCanvas, house: TheHouse, person: Person, back: Back = "") -> Response:
    """Ask for a run of the job."""
    house.service.manager.start(job_id, asked_by=person.name)
    return _shown(job_id, canvas, house, back)


@router.post("/pause")
def pause(job_id: JobId, canvas: TheCanvas, house: TheHouse, back: Back = "") -> Response:
    """Set the job's run down half-way."""
    manager = house.service.manager
    with manager.present_run(job_id, "paused") as run:
        manager.pause(run.id)
    return _shown(job_id, canvas, house, back)


@router.post("/resume")
def resume(job_id: JobId, canvas: TheCanvas, house: TheHouse, back: Back = "") -> Response:
    """Let the job's run go on."""
    manager = house.service.manager
    with manager.present_run(job_id, "resumed") as run:
        manager.resume(run.id)
    return _shown(job_id, canvas, house, back)


@router.post("/cancel")
def cancel(job_id: JobId, canvas: TheCanvas, house: TheHouse, back: Back = "") -> Response:
    """Stop the job's run for good."""
    manager = house.service.manager
    with manager.present_run(job_id, "cancelled") as run:
        manager.cancel(run.id)
    return _shown(job_id, canvas, house, back)


@router.post("/delete")
def delete(  # the row or the page that asked, and the version that was seen
    job_id: JobId,
    canvas: TheCanvas,
    house: TheHouse,
    person: Person,
    version: Annotated[int | None, Form()] = None,
    back: Back = "",
) -> Response:
    """Let the job go: for a while that can be taken back, then it is deleted with its runs."""
    manager = house.service.manager
    manager.let_go(job_id, person.name, version)
    name, undo = manager.job(job_id).job.name, Act(word="Undo", address=f"/jobs/{job_id}/keep")
    if canvas.redraws != f"row-{job_id}":  # a row says it itself
        said = f"{name} is being deleted. Until that is done it can be kept."
        canvas.tell(said, status="cancelled", action=undo)
    return _shown(job_id, canvas, house, back or "/jobs")


@router.post("/keep")
def keep(job_id: JobId, canvas: TheCanvas, house: TheHouse, back: Back = "") -> Response:
    """Keep a job after all that is being deleted."""
    house.service.manager.keep_after_all(job_id)
    return _shown(job_id, canvas, house, back)


@router.post("/discard-edit")
def discard_edit(job_id: JobId, service: TheService) -> Response:
    """Put aside what a person wrote into the job's file and Holdfast cannot take over; the job stays as it is."""
    service.edits.discard(job_id)
    return see(f"/jobs/{job_id}")


@router.post("/duplicate")
def duplicate(job_id: JobId, canvas: TheCanvas, manager: Manager, person: Person) -> Response:
    """Make a job like this one, switched off, and show its form."""
    draft = draft_of(manager.job(job_id).job)
    copy = replace(draft, name=f"{draft.name[:LONGEST_NAME]} (copy)", enabled=False)
    made = manager.create(copy, asked_by=person.name)
    canvas.tell("This is a copy. It is switched off until you switch it on.")
    return see(f"/jobs/{made.id}/edit")


def _shown(job_id: str, canvas: Canvas, house: House, back: str) -> Response:
    """Answer with the row that asked, or go back to the page it was asked on."""
    if canvas.redraws != f"row-{job_id}":
        return see(back, f"/jobs/{job_id}")
    try:
        return HTMLResponse(house.rows.html(house.service.manager.job(job_id)))
    except NotFound:
        return see("/jobs")
