"""The list of jobs as a table for spreadsheets: all that match, line by line."""

from collections.abc import Iterable, Iterator
from typing import Annotated, Final

from fastapi import APIRouter, Query
from msgspec.structs import replace
from starlette.responses import StreamingResponse

from core.listing import state_of
from core.models import JobOverview
from core.tables import row_of
from fastapi_app.dependencies import Manager
from fastapi_app.presenters.job_list import ListAddress, query_of
from fastapi_app.presenters.jobs import about
from fastapi_app.presenters.times import machine

router = APIRouter()

COLUMNS: Final = (
    "name",
    "kind",
    "state",
    "late",
    "last_run",
    "seconds",
    "runs",
    "about",
    "tags",
    "owner",
    "enabled",
    "id",
)
AT_ONCE: Final = 200
"""Lines that are written together."""


@router.get("/jobs.csv")
def table(
    manager: Manager,
    q: Annotated[str, Query(max_length=1_000)] = "",
    state: Annotated[str, Query(max_length=20)] = "",
    sort: Annotated[str, Query(max_length=20)] = ListAddress().sort,
) -> StreamingResponse:
    """Hand out every job that matches."""
    page = manager.list_jobs(replace(query_of(ListAddress(q=q, state=state, sort=sort)), limit=None))
    headers = {"Content-Disposition": 'attachment; filename="holdfast-jobs.csv"'}
    return StreamingResponse(_lines(page.items), media_type="text/csv; charset=utf-8", headers=headers)


def _lines(items: Iterable[JobOverview]) -> Iterator[str]:
    lines = [row_of(COLUMNS)]
    for item in items:
        lines.append(row_of(_cells(item)))
        if len(lines) >= AT_ONCE:
            yield "".join(lines)
            lines.clear()
    yield "".join(lines)


def _cells(item: JobOverview) -> Iterator[str | int]:
    job, run = item.job, item.latest_run
    took = (run.ended_at - run.started_at).total_seconds() if run and run.started_at and run.ended_at else 0
    yield from (job.name, job.kind, str(state_of(item)), "yes" if item.late else "")
    yield from (machine(run.created_at) if run else "", round(took), run.number if run else 0)
    yield from (about(job), ", ".join(job.tags), job.owner, "yes" if job.enabled else "no", job.id)
