"""The list of jobs: searched, filtered, sorted and paged, all in the address."""

from typing import Annotated

from fastapi import APIRouter, Query
from starlette.responses import HTMLResponse

from fastapi_app.dependencies import Manager, TheService
from fastapi_app.pages.drawing import TheCanvas
from fastapi_app.presenters.job_list import ListAddress, query_of, view_of
from fastapi_app.presenters.notifications import late_in_words

router = APIRouter()


@router.get("/jobs")
def jobs(  # each is one part of the address
    canvas: TheCanvas,
    manager: Manager,
    service: TheService,
    *,
    q: Annotated[str, Query(max_length=200)] = "",
    state: Annotated[str, Query(max_length=20)] = "",
    sort: Annotated[str, Query(max_length=20)] = "-last-run",
    cursor: Annotated[str, Query(max_length=1_000)] = "",
    before: Annotated[str, Query(max_length=1_000)] = "",
    at: Annotated[int, Query(ge=0)] = 0,
) -> HTMLResponse:
    """Show fifty jobs."""
    address = ListAddress(q=q.strip(), state=state, sort=sort, cursor=cursor, before=before, at=at)
    page = manager.list_jobs(query_of(address))
    rhythm, now = service.notifications.rhythm, service.clock.now()
    view = view_of(address, page, manager.runs_of, lambda job_id: late_in_words(rhythm.of(job_id), now))
    return canvas.draw("pages/jobs.html", "jobs", view=view)
