"""What runs have taken away from their sources: all of them, and the files of one."""

from typing import Annotated, Final

from fastapi import APIRouter, Form, Query
from starlette.responses import HTMLResponse

from core.errors import HoldfastError, NotFound
from fastapi_app.dependencies import TheService
from fastapi_app.pages.drawing import TheCanvas
from fastapi_app.places import RunId
from fastapi_app.presenters.quarantines import PAGE, done_in_words, files_of, row_of, sentence_of

router = APIRouter()

At = Annotated[int, Query(ge=0, le=1_000_000_000)]
Typed = Annotated[str, Form(max_length=100)]
MOST: Final = 500


@router.get("/quarantines")
def show(canvas: TheCanvas, service: TheService) -> HTMLResponse:
    """Show every run that took files away."""
    return _page(canvas, service)


@router.post("/quarantines/{run_id}/put-back")
def put_back(run_id: RunId, canvas: TheCanvas, service: TheService) -> HTMLResponse:
    """Put back what a run took away, and say how that went."""
    try:
        done = done_in_words(service.quarantines.put_back(run_id), "put back")
    except NotFound:
        raise
    except HoldfastError as error:
        return _page(canvas, service, trouble=f"{error} {error.hint}")
    return _page(canvas, service, done=done)


@router.post("/quarantines/{run_id}/empty")
def empty(run_id: RunId, canvas: TheCanvas, service: TheService, typed: Typed = "") -> HTMLResponse:
    """Let go of what a run took away, and say how that went."""
    try:
        done = done_in_words(service.quarantines.empty(run_id, typed), "gone for good")
    except NotFound:
        raise
    except HoldfastError as error:
        return _page(canvas, service, trouble=f"{error} {error.hint}")
    return _page(canvas, service, done=done)


@router.get("/runs/{run_id}/deletion")
def files(run_id: RunId, canvas: TheCanvas, service: TheService, at: At = 0) -> HTMLResponse:
    """Show what a run would take away, or took away, file by file."""
    run = service.manager.run(run_id)
    desk, address = service.quarantines, f"/runs/{run_id}/deletion"
    found = desk.receipt(run_id, at, PAGE + 1)
    listed = () if found else desk.preview(service.worker.workspace(run_id), at, PAGE + 1)
    view = files_of(found or listed, address, at)
    job = service.manager.job(run.job_id).job
    return canvas.draw("pages/deletion.html", "jobs", run=run, job=job, view=view, taken=bool(found))


def _page(canvas: TheCanvas, service: TheService, *, done: str = "", trouble: str = "") -> HTMLResponse:
    rows = [row_of(one) for one in service.quarantines.list()[:MOST]]
    return canvas.draw(
        "pages/quarantines.html",
        "quarantines",
        rows=rows,
        sentence=sentence_of(rows),
        done=done,
        trouble=trouble,
    )
