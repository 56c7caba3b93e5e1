"""The first visit: from two answers to a first verified backup, on one page."""

from http import HTTPStatus
from pathlib import Path
from typing import Annotated, Final

from fastapi import APIRouter, Form
from starlette.responses import HTMLResponse, Response

from core.errors import HoldfastError, InvalidOptions, StorageFailed
from core.listing import JobQuery
from core.models import JobOverview
from core.service import Service
from fastapi_app.dependencies import Person, TheHouse, TheService
from fastapi_app.pages.drawing import Canvas, TheCanvas, see
from fastapi_app.pages.entering import Entry, checked
from fastapi_app.pages.zones import TheZone, Zone
from fastapi_app.presenters.welcome import defaults, draft_of, first_of, welcome_of

router = APIRouter(prefix="/jobs/first")

Text = Annotated[str, Form(max_length=4_096)]
FIRST: Final = JobQuery(sort="created", limit=1)
FOLLOWED: Final = "/?first=1"


def first_job(service: Service) -> JobOverview | None:
    """Return the job that was made first; None while there is none."""
    return next(iter(service.manager.list_jobs(FIRST).items), None)


def begin(canvas: Canvas) -> HTMLResponse:
    """Show the two questions, with what is there on this machine as answers."""
    home = Path.home()
    return canvas.draw(
        "pages/welcome.html", "dashboard", welcome=welcome_of(defaults(home), home), first=None
    )


def follow(canvas: Canvas, overview: JobOverview) -> HTMLResponse:
    """Show how the first backup goes."""
    return canvas.draw("pages/welcome.html", "dashboard", welcome=None, first=first_of(overview))


@router.post("")
def make(  # who asks, what they say, and whom to ask
    canvas: TheCanvas,
    house: TheHouse,
    person: Person,
    zone: TheZone,
    source: Text = "",
    destination: Text = "",
    nightly: Text = "",
) -> Response:
    """Make the job and start it; what is to be put right is shown below its field."""
    values = {"source": source, "destination": destination, "nightly": nightly}
    manager = house.service.manager
    try:
        job = manager.create(draft_of(values, _night_of(zone)), asked_by=person.name)
    except InvalidOptions as error:
        known = checked(house.service, _entry(values, zone))
        told = {**known.problems, **error.problems}
        view = welcome_of(values, Path.home(), facts=known.facts, problems=told, plan=known.plan, strict=True)
        status = HTTPStatus.UNPROCESSABLE_ENTITY
        return canvas.draw("pages/welcome.html", "dashboard", status, welcome=view, first=None)
    except StorageFailed as error:
        canvas.not_kept(error)
        view = welcome_of(values, Path.home(), notice=f"{error} {error.hint}")
        return canvas.draw(
            "pages/welcome.html", "dashboard", HTTPStatus.INSUFFICIENT_STORAGE, welcome=view, first=None
        )
    try:
        manager.start(job.id, asked_by=person.name)
    except HoldfastError as error:  # it is made: the page says that it was not started, and offers to
        if isinstance(error, StorageFailed):
            canvas.not_kept(error)
    return see(FOLLOWED)


@router.post("/check")
def check(  # who asks, in which zone, and what they say
    canvas: TheCanvas,
    service: TheService,
    zone: TheZone,
    source: Text = "",
    destination: Text = "",
    nightly: Text = "",
) -> HTMLResponse:
    """Tell what is true of the two answers as they stand."""
    values = {"source": source, "destination": destination, "nightly": nightly}
    known = checked(service, _entry(values, zone))
    view = welcome_of(values, Path.home(), facts=known.facts, problems=known.problems, plan=known.plan)
    return canvas.piece("partials/board/truths.html", welcome=view, checked=True)


def _night_of(zone: Zone) -> str:
    """Return the zone in which somebody who asks for every night means it."""
    return zone.name if zone.of_browser else ""


def _entry(values: dict[str, str], zone: Zone) -> Entry:
    draft = draft_of(values, _night_of(zone))
    return Entry(draft=draft, shown=draft)
