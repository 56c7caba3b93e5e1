"""The list of jobs: searched, filtered, sorted and paged, all in the address."""

from typing import Annotated

from fastapi import APIRouter, Query
from starlette.responses import HTMLResponse

from fastapi_app.dependencies import Manager
from fastapi_app.pages.drawing import TheCanvas
from fastapi_app.presenters.job_list import ListAddress, query_of, view_of

router = APIRouter()


@router.get("/jobs")
def jobs(  # each is one part of the address
    canvas: TheCanvas,
    manager: Manager,
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
    view = view_of(address, page, manager.runs_of)
    return canvas.draw("pages/jobs.html", "jobs", view=view)
