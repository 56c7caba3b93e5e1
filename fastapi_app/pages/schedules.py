"""When every job is due: the list, the next seven days, and leaving the next due time out."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Form
from pydantic import AwareDatetime
from starlette.responses import HTMLResponse, Response

from core.drafts import JobPatch
from core.timetable import timetable
from fastapi_app.dependencies import Manager, TheService
from fastapi_app.pages.drawing import TheCanvas, see
from fastapi_app.places import JobId
from fastapi_app.presenters.schedules import schedules_page

router = APIRouter(prefix="/schedules")

HERE = "/schedules"


@router.get("")
def show(canvas: TheCanvas, manager: Manager, service: TheService) -> HTMLResponse:
    """Show when every job is due."""
    now: datetime = service.clock.now()
    view = schedules_page(timetable(manager, now), now)
    return canvas.draw("pages/schedules.html", "schedules", view=view)


@router.post("/{job_id}/skip")
def skip(job_id: JobId, manager: Manager, due_at: Annotated[AwareDatetime, Form()]) -> Response:
    """Leave the next due time out."""
    manager.skip_next(job_id, due_at)
    return see(HERE)


@router.post("/{job_id}/keep")
def keep(job_id: JobId, manager: Manager) -> Response:
    """Leave nothing out after all."""
    manager.skip_next(job_id, None)
    return see(HERE)


@router.post("/{job_id}/on")
def switch_on(job_id: JobId, manager: Manager) -> Response:
    """Let the job be due again."""
    manager.edit(job_id, JobPatch(enabled=True), version=None)
    return see(HERE)


@router.post("/{job_id}/off")
def switch_off(job_id: JobId, manager: Manager) -> Response:
    """Let the job be due no more, until it is switched on again."""
    manager.edit(job_id, JobPatch(enabled=False), version=None)
    return see(HERE)
