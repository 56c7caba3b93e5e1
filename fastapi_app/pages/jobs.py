"""The list of jobs: searched, filtered, sorted and paged, all in the address; and the views people keep of it."""

from typing import Annotated, Final
from urllib.parse import quote, unquote

from fastapi import APIRouter, Form, Query, Request
from starlette.responses import Response

from core.errors import InvalidOptions
from core.listing import JobPage
from core.manager import JobManager
from core.models import NOTHING
from core.preferences import MOST_VIEWS, SavedView
from fastapi_app.auth import local_path
from fastapi_app.dependencies import Person, TheHouse, TheService
from fastapi_app.pages.drawing import TheCanvas, see
from fastapi_app.places import JobId
from fastapi_app.presenters.job_list import EVERY_JOB, ListAddress, query_of, view_of
from fastapi_app.presenters.job_more import more_of

router = APIRouter()

FILTER: Final = "jobs-filter"
"""The cookie with what this browser looked for last, until somebody asks for every job."""

KEPT_FOR: Final = 30 * 86_400
LONGEST_KEPT: Final = 3_000
"""What is longer browsers would not keep, and open the list with what was looked for before that."""

NOTHING_FOUND: Final = JobPage(items=(), next=None, total=0, counts=NOTHING)


@router.get("/jobs")
def jobs(  # each is one part of the address
    request: Request,
    canvas: TheCanvas,
    house: TheHouse,
    person: Person,
    *,
    q: Annotated[str, Query(max_length=1_000)] = "",
    state: Annotated[str, Query(max_length=20)] = "",
    sort: Annotated[str, Query(max_length=20)] = ListAddress().sort,
    cursor: Annotated[str, Query(max_length=1_000)] = "",
    before: Annotated[str, Query(max_length=1_000)] = "",
    at: Annotated[int, Query(ge=0)] = 0,
) -> Response:
    """Show fifty jobs; without a word about which, those that this browser or this person looks at."""
    wanted = house.service.preferences.of(person.name)
    if not request.url.query:
        usual = unquote(request.cookies.get(FILTER, "")) or next(
            (view.address for view in wanted.views if view.name == wanted.default_view), ""
        )
        if _says_which(usual):
            return see(usual)
    manager, problem = house.service.manager, ""
    address = ListAddress(q=q.strip(), state=state, sort=sort, cursor=cursor, before=before, at=at)
    try:
        page = manager.list_jobs(query_of(address))
    except InvalidOptions as error:
        if "q" not in error.problems:
            raise
        page, problem = _empty(manager), error.problems["q"]
    view = view_of(address, page, house.rows.html, facets=manager.facets(), wanted=wanted, problem=problem)
    answer = canvas.draw("pages/jobs.html", "jobs", view=view)
    if not problem:
        _remember(answer, request, address)
    return answer


def _says_which(address: str) -> bool:
    """Tell whether it is the address of the list with a word about which jobs."""
    path, _, query = local_path(address).partition("?")
    return path == "/jobs" and bool(query)


def _empty(manager: JobManager) -> JobPage:
    """Return a page without jobs, whose chips count all the same."""
    return JobPage(items=(), next=None, total=0, counts=manager.counts(), **manager.asides())


def _remember(answer: Response, request: Request, address: ListAddress) -> None:
    """Have the browser remember what was looked for, and forget it where every job was asked for."""
    kept = quote(ListAddress(q=address.q, state=address.state).path())
    if (address.q or address.state) and len(kept) <= LONGEST_KEPT:
        answer.set_cookie(FILTER, kept, KEPT_FOR, path="/jobs", httponly=True, samesite="lax")
    elif FILTER in request.cookies:
        answer.delete_cookie(FILTER, path="/jobs")


@router.get("/jobs/{job_id}/more")
def more(job_id: JobId, canvas: TheCanvas, service: TheService) -> Response:
    """Show what an opened row says; by itself it leads to the job's page."""
    overview = service.manager.job(job_id)
    if not canvas.redraws:
        return see(f"/jobs/{job_id}")
    expected, now = service.notifications.rhythm.of(job_id), service.clock.now()
    runs = service.manager.runs_of(job_id)
    why = service.waiting_room.why(overview.latest_run) if overview.latest_run else None
    shown = more_of(overview, runs, expected=expected, waits=why.words(now) if why else "", now=now)
    return canvas.piece("partials/job_more.html", more=shown)


@router.post("/jobs/views")
def save_view(
    canvas: TheCanvas,
    service: TheService,
    person: Person,
    name: Annotated[str, Form(max_length=200)] = "",
    address: Annotated[str, Form(max_length=2_000)] = EVERY_JOB,
) -> Response:
    """Keep the list as it is looked at now, under a name."""
    name, kept = " ".join(name.split()), service.preferences.of(person.name)
    others = tuple(view for view in kept.views if view.name.casefold() != name.casefold())
    first = {"default_view": name} if kept.default_view.casefold() == name.casefold() != "" else {}
    views = (*others, SavedView(name=name, address=address))
    service.preferences.set(person.name, views=views, **first)
    canvas.tell(f"Kept as the view {name}.")
    return see(address, EVERY_JOB)


@router.post("/jobs/views/change")
def change_view(
    service: TheService,
    person: Person,
    name: Annotated[str, Form(max_length=200)] = "",
    change: Annotated[str, Form(max_length=20)] = "",
) -> Response:
    """Have the list open with a view, or not with it any more; or remove the view."""
    kept = service.preferences.of(person.name)
    known = next((view for view in kept.views if view.name == name), None)
    if change == "first" and known is not None:
        service.preferences.set(person.name, default_view=name)
        return see(known.address, EVERY_JOB)
    first = "" if kept.default_view == name else kept.default_view
    views = kept.views if change != "remove" else tuple(view for view in kept.views if view != known)
    service.preferences.set(person.name, views=views[:MOST_VIEWS], default_view=first)
    return see(EVERY_JOB)
