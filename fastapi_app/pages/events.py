"""What happened, searched and paged, and the audit for those who rule."""

from itertools import islice
from typing import Annotated

from fastapi import APIRouter, Query
from starlette.responses import HTMLResponse

from core.event_log import EventQuery
from core.models import LARGEST
from core.states import RunState
from fastapi_app.dependencies import OnlyAdmins, TheService
from fastapi_app.pages.drawing import TheCanvas
from fastapi_app.presenters.events import audit_view, events_view

router = APIRouter()

PAGE = 50
Word = Annotated[str, Query(max_length=200)]
Before = Annotated[int | None, Query(ge=0, le=LARGEST)]


@router.get("/events")
def events(  # each is one part of the address
    canvas: TheCanvas,
    service: TheService,
    job: Word = "",
    state: Word = "",
    person: Word = "",
    kind: Word = "",
    q: Word = "",
    before: Before = None,
) -> HTMLResponse:
    """Show fifty events, the newest first."""
    query = EventQuery(
        before=before,
        job=job.strip(),
        state=state if state in set(RunState) else "",
        person=person.strip(),
        kind=kind.strip(),
        q=q.strip(),
        limit=PAGE,
    )
    return canvas.draw("pages/events.html", "events", view=events_view(query, service.event_log.page(query)))


@router.get("/audit", dependencies=[OnlyAdmins])
def audit(  # each is one part of the address
    canvas: TheCanvas,
    service: TheService,
    job: Word = "",
    person: Word = "",
    kind: Word = "",
    q: Word = "",
    before: Before = None,
    verify: Annotated[str, Query(max_length=5)] = "",
) -> HTMLResponse:
    """Show who asked for what, the newest first; look at every line of it when asked to."""
    query = EventQuery(
        before=before,
        job=job.strip(),
        person=person.strip(),
        kind=kind.strip(),
        q=q.strip(),
        limit=PAGE,
    )
    found = tuple(islice(service.audit.matching(query), PAGE + 1))
    verified = service.audit.verify() if verify else service.audit.verified
    return canvas.draw("pages/audit.html", "audit", view=audit_view(query, found, verified))
