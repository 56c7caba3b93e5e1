"""What happened, searched and paged, and the audit for those who rule."""

from typing import Annotated

from fastapi import APIRouter, Query
from starlette.responses import HTMLResponse

from core.event_log import EventQuery
from core.models import LARGEST
from core.people import Role
from core.states import RunState
from fastapi_app.dependencies import Person, TheService
from fastapi_app.pages.drawing import TheCanvas
from fastapi_app.presenters.events import audit_view, events_view
from fastapi_app.refusals import NotAllowed

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


@router.get("/audit")
def audit(
    canvas: TheCanvas,
    service: TheService,
    person: Person,
    before: Before = None,
    verify: Annotated[str, Query(max_length=5)] = "",
) -> HTMLResponse:
    """Show who asked for what, the newest first; verify all of it when asked to."""
    if not person.may(Role.ADMIN):
        raise NotAllowed(person.role, Role.ADMIN)
    found = service.audit.entries(before, PAGE + 1)
    verified = service.audit.verify() if verify else None
    view = audit_view(found, PAGE, verified, before=before)
    return canvas.draw("pages/audit.html", "audit", view=view)
