"""Trials: what a run would do."""

from typing import Annotated

from fastapi import APIRouter, Path
from starlette.responses import HTMLResponse, RedirectResponse

from fastapi_app.dependencies import Person, TheService
from fastapi_app.pages.drawing import TheCanvas, see
from fastapi_app.places import JobId
from fastapi_app.presenters.trials import trial_view

router = APIRouter()

TrialId = Annotated[str, Path(max_length=100)]


@router.post("/jobs/{job_id}/try")
def of_job(job_id: JobId, service: TheService, person: Person) -> RedirectResponse:
    """Begin to find out what a run of the job would do."""
    return see(f"/trials/{service.rehearsals.of_job(job_id, by=person.name).id}")


@router.get("/trials/{trial_id}")
def show(trial_id: TrialId, canvas: TheCanvas, service: TheService) -> HTMLResponse:
    """Show how a trial stands, and what it found."""
    view = trial_view(service.rehearsals.show(trial_id))
    return canvas.draw("pages/trial.html", "jobs", view=view)


@router.post("/trials/{trial_id}/cancel")
def cancel(trial_id: TrialId, service: TheService) -> RedirectResponse:
    """Ask a trial to end."""
    return see(f"/trials/{service.rehearsals.cancel(trial_id).id}")
