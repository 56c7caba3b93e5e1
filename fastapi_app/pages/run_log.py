"""What a run said: pieces of it for its page, where a text stands in it, and all of it to take away."""

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Depends, Query
from msgspec.structs import replace
from starlette.responses import HTMLResponse, JSONResponse, Response

from core.log_files import LEVELS, LogPage
from core.logs import RunLogs
from core.models import LARGEST
from fastapi_app.dependencies import Manager, TheService
from fastapi_app.kept import log_file
from fastapi_app.pages.drawing import TheCanvas
from fastapi_app.places import RunId
from fastapi_app.presenters.logs import AT_ONCE, Asked, coloured, lines_of, newest_that_fit, oldest_that_fit

router = APIRouter(prefix="/runs/{run_id}")

LINES = 500

Text = Annotated[str, Query(max_length=200)]
First = Annotated[int | None, Query(alias="from", ge=1, le=LARGEST)]


def asked(first: First = None, q: Text = "", level: Text = LEVELS[0]) -> Asked:
    """Return what the address asks of the log."""
    return Asked(first=first, query=q, level=level if level in LEVELS else LEVELS[0])


TheAsked = Annotated[Asked, Depends(asked)]


def page_of(logs: RunLogs, run_id: str, asked: Asked) -> LogPage:
    """Return the lines of a log that are asked for, else its latest."""
    if asked.first is None and not asked.query:
        return logs.tail(run_id, AT_ONCE, level=asked.level)
    after = (asked.first or 1) - 1
    return _cut(logs.read(run_id, after=after, limit=AT_ONCE, level=asked.level, query=asked.query or None))


def _cut(page: LogPage) -> LogPage:
    """Return the page with as many of its lines as a page of ours can hold; the next goes on behind them."""
    lines = tuple(oldest_that_fit(page.lines))
    return page if len(lines) == len(page.lines) else replace(page, lines=lines, next=lines[-1].number)


@router.get("/log")
def log(
    run_id: RunId,
    manager: Manager,
    service: TheService,
    asked: TheAsked,
    *,
    colours: Annotated[bool, Query()] = False,
) -> Response:
    """Hand out all that the run said, as a text; with `q`, where that stands, as JSON.

    `colours` leaves in those that its program gave.
    """
    run = manager.run(run_id)
    if asked.query:
        found = service.logs.find(run.id, asked.query, level=asked.level)
        return JSONResponse({"numbers": found.numbers, "hits": found.hits, "total": found.total})
    path = service.logs.path(run.id)
    if not path.is_file():
        return Response(status_code=HTTPStatus.NO_CONTENT)
    name = f"holdfast-{run.id[:8]}.log"
    return log_file(path, name, colours=colours or not coloured(run.kind))


@router.get("/lines")
def lines(  # each is one part of the question
    run_id: RunId,
    canvas: TheCanvas,
    manager: Manager,
    service: TheService,
    after: Annotated[int | None, Query(ge=0)] = None,
    before: Annotated[int | None, Query(ge=1)] = None,
    limit: Annotated[int, Query(ge=1, le=LINES)] = LINES,
    level: str = LEVELS[0],
) -> HTMLResponse:
    """Draw lines of the run's log after a number, else the last ones before one, of a level or worse."""
    run = manager.run(run_id)
    worst = level if level in LEVELS else None
    if after is not None:
        page = _cut(service.logs.read(run.id, after=after, limit=limit, level=worst))
    else:
        page = service.logs.tail(run.id, limit, before=before, level=worst)
        page = replace(page, lines=tuple(newest_that_fit(page.lines)))
    answer = canvas.piece("partials/log_lines.html", lines=lines_of(page.lines))
    counts = {"Total": page.total, "Fitting": page.fitting, "Warnings": page.warnings, "Errors": page.errors}
    for name, count in counts.items():
        answer.headers[f"Log-{name}"] = str(count)
    answer.headers["Log-Next"] = str(page.next)
    return answer
