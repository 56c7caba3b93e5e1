"""What happened, and who asked for what."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from itertools import islice
from typing import Annotated, Final, Literal, Self

from fastapi import APIRouter, Depends, Query
from msgspec.structs import replace
from starlette.responses import StreamingResponse

from core.audit import Entry
from core.errors import InvalidOptions
from core.event_log import MOST_AT_ONCE, EventQuery, as_csv, as_json, as_text
from core.happenings import Happening
from core.models import LARGEST
from core.people import Role
from fastapi_app.api.values import Out
from fastapi_app.dependencies import Person, TheService
from fastapi_app.refusals import NotAllowed

router = APIRouter(tags=["events"])

Format = Literal["csv", "json", "txt"]
Number = Annotated[int | None, Query(ge=0, le=LARGEST)]
Word = Annotated[str, Query(max_length=200)]
Moment = Annotated[datetime | None, Query()]

EXPORTS: Final[Mapping[str, tuple[str, Callable[[Iterable[Happening]], Iterator[str]]]]] = {
    "csv": ("text/csv; charset=utf-8", as_csv),
    "json": ("application/json", as_json),
    "txt": ("text/plain; charset=utf-8", as_text),
}


class EventOut(Out):
    """Something that happened; `seq` counts them, `n` is the change of the store that it comes from."""

    seq: int
    n: int
    at: datetime
    kind: str
    job: str
    name: str
    run: int
    run_id: str
    state: str
    was: str
    by: str
    origin: str
    why: str
    words: str


class EventsOut(Out):
    """Some events; `next` is what to name as `after`, or as `before`, to go on. Null is the end."""

    items: tuple[EventOut, ...]
    next: int | None


class EntryOut(EventOut):
    """A line of the audit; `before` is the hash of the one before it."""

    before: str
    hash: str

    @classmethod
    def of(cls, entry: Entry) -> Self:
        """Return the line as JSON says it."""
        return cls.model_validate(entry)


class AuditOut(Out):
    """Some lines of the audit, the newest first; `next` is what to name as `before` to go on."""

    items: tuple[EntryOut, ...]
    next: int | None


class FlawOut(Out):
    """A place at which the audit is not as it was written."""

    path: str
    line: int
    message: str


class VerifiedOut(Out):
    """What looking at every line of the audit found; `head` is the hash of the last, worth noting elsewhere."""

    whole: bool
    lines: int
    head: str
    flaws: tuple[FlawOut, ...]


def asked(  # each is one part of the question
    *,
    after: Number = None,
    before: Number = None,
    job: Word = "",
    state: Word = "",
    person: Word = "",
    kind: Word = "",
    q: Word = "",
    since: Moment = None,
    until: Moment = None,
    limit: Annotated[int, Query(ge=1, le=MOST_AT_ONCE)] = 50,
) -> EventQuery:
    """Return which events are asked for; raises InvalidOptions for a time that no clock has."""
    return EventQuery(
        after=after,
        before=before,
        job=job.strip(),
        state=state.strip(),
        person=person.strip(),
        kind=kind.strip(),
        q=q.strip(),
        since=_aware("since", since),
        until=_aware("until", until),
        limit=limit,
    )


def _aware(name: str, moment: datetime | None) -> datetime | None:
    try:
        return moment and moment.astimezone()
    except (ValueError, OverflowError) as error:
        raise InvalidOptions({name: "That is before or after all time."}) from error


Asked = Annotated[EventQuery, Depends(asked)]


@router.get("/events", response_model=EventsOut)
def events(
    service: TheService,
    query: Asked,
    format: Annotated[Format | None, Query()] = None,  # noqa: A002 - its name
) -> EventsOut | StreamingResponse:
    """Return what happened, the newest first; with `after`, what followed that number, the oldest first.

    `job` is an id or a name, `kind` may be a beginning such as `run`. With `format` all that match are handed out as
    a file.
    """
    if format is not None:
        kind, write = EXPORTS[format]
        name = {"content-disposition": f'attachment; filename="events.{format}"'}
        return StreamingResponse(write(service.event_log.matching(query)), media_type=kind, headers=name)
    page = service.event_log.page(query)
    return EventsOut(items=tuple(EventOut.model_validate(one) for one in page.items), next=page.next)


@router.get("/audit", response_model=AuditOut)
def audit(
    service: TheService,
    person: Person,
    query: Asked,
    format: Annotated[Format | None, Query()] = None,  # noqa: A002 - its name
) -> AuditOut | StreamingResponse:
    """Return who asked for what, the newest first. For admins.

    `person`, `kind`, `job` and `q` choose among them; with `format` all that match are handed out as a file.
    """
    for_admins(person)
    query = replace(query, after=None)
    if format is not None:
        kind, write = EXPORTS[format]
        name = {"content-disposition": f'attachment; filename="audit.{format}"'}
        return StreamingResponse(write(service.audit.matching(query)), media_type=kind, headers=name)
    found = tuple(islice(service.audit.matching(query), query.limit + 1))
    more = found[query.limit - 1].seq if len(found) > query.limit else None
    return AuditOut(items=tuple(EntryOut.of(entry) for entry in found[: query.limit]), next=more)


@router.get("/audit/verify")
def verify(service: TheService, person: Person, head: Word = "") -> VerifiedOut:
    """Look at every line of the audit, and name each that was altered, removed or inserted. For admins.

    With `head`, the hash of a line that was noted elsewhere, it is missed when no line has it.
    """
    for_admins(person)
    return VerifiedOut.model_validate(service.audit.verify(head=head))


def for_admins(person: Person) -> None:
    """Raise NotAllowed for whoever is not an admin."""
    if not person.may(Role.ADMIN):
        raise NotAllowed(person.role, Role.ADMIN)
