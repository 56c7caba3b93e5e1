"""The whole graph that a job is part of: started, cancelled, retried from what failed."""

from typing import Annotated

from fastapi import APIRouter, Form
from starlette.responses import Response

from core.errors import NotFound
from core.manager import JobManager
from core.models import JobOverview
from fastapi_app.dependencies import Manager, Person
from fastapi_app.pages.drawing import see
from fastapi_app.places import JobId
from fastapi_app.presenters.graph import MOST_DRAWN, GraphView, graph_view

router = APIRouter(prefix="/jobs/{job_id}/graph")

Back = Annotated[str, Form(max_length=2_000)]


@router.post("/start")
def start(job_id: JobId, manager: Manager, person: Person, back: Back = "") -> Response:
    """Start everything that the job follows from; the rest waits for it."""
    manager.start_graph(job_id, asked_by=person.name)
    return see(back, f"/jobs/{job_id}")


@router.post("/cancel")
def cancel(job_id: JobId, manager: Manager, back: Back = "") -> Response:
    """Stop every run of the graph for good."""
    manager.cancel_graph(job_id)
    return see(back, f"/jobs/{job_id}")


@router.post("/retry")
def retry(job_id: JobId, manager: Manager, person: Person, back: Back = "") -> Response:
    """Run again what failed or was cancelled, and what follows from it."""
    manager.retry_graph(job_id, asked_by=person.name)
    return see(back, f"/jobs/{job_id}")


def drawn(manager: JobManager, job_id: str) -> GraphView | None:
    """Return the drawing of the graph that the job is part of; None where it is alone."""
    connected = manager.graph_of(job_id)
    return graph_view(job_id, overviews(manager, connected[:MOST_DRAWN]), len(connected))


def overviews(manager: JobManager, job_ids: tuple[str, ...]) -> list[JobOverview]:
    """Return the jobs that are still there."""
    found = []
    for job_id in job_ids:
        try:
            found.append(manager.job(job_id))
        except NotFound:  # deleted meanwhile, or a parent that is long gone
            continue
    return found
