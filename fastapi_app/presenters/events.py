"""The event log and the audit, as their pages show them."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final
from urllib.parse import urlencode

from core.audit import Entry, Verified
from core.event_log import EventPage, EventQuery
from core.happenings import Happening
from core.models import Value
from core.states import RunState
from fastapi_app.presenters.states import MARKS, Mark
from fastapi_app.presenters.texts import plural

OTHER: Final = Mark(st="scheduled", icon="i-clock", word="")
KINDS: Final = (
    ("", "Everything"),
    ("run", "Runs"),
    ("job", "Jobs"),
    ("queue", "Queue"),
    ("schedule", "Schedules"),
    ("breaker", "Breakers"),
    ("letter", "Dead letters"),
)
STATES: Final = tuple((state.value, MARKS[state].word + f" ({state.value})") for state in RunState)
EXPORTS: Final = (("csv", "CSV"), ("json", "JSON"), ("txt", "Text"))


class EventRow(Value, frozen=True, kw_only=True):
    """A line of the log; what leads nowhere any more has no address."""

    seq: int
    at: datetime
    mark: Mark
    name: str
    address: str
    run_address: str
    words: str
    cause: str
    person: str


class EventsView(Value, frozen=True, kw_only=True):
    """The page of events."""

    query: EventQuery
    rows: tuple[EventRow, ...]
    filtered: bool
    older: str
    newest: str
    exports: tuple[tuple[str, str], ...]
    kinds: tuple[tuple[str, str], ...] = KINDS
    states: tuple[tuple[str, str], ...] = STATES


class AuditView(Value, frozen=True, kw_only=True):
    """The page of the audit; `verdict` is what verifying it found, nothing when it was not asked for."""

    rows: tuple[EventRow, ...]
    older: str
    newest: str
    verdict: str
    whole: bool
    flaws: tuple[str, ...]
    head: str


def events_view(query: EventQuery, page: EventPage) -> EventsView:
    """Return the page."""
    words = _words(query)
    return EventsView(
        query=query,
        rows=tuple(map(row, page.items)),
        filtered=bool(words),
        older=_address("/events", words | {"before": str(page.next)}) if page.next else "",
        newest=_address("/events", words) if query.before is not None else "",
        exports=tuple((_address("/api/v1/events", words | {"format": name}), word) for name, word in EXPORTS),
    )


def audit_view(
    entries: Sequence[Entry], limit: int, verified: Verified | None, *, before: int | None
) -> AuditView:
    """Return the page; one entry more than `limit` tells that there are older ones."""
    older = f"/audit?before={entries[limit - 1].seq}" if len(entries) > limit else ""
    verdict = ""
    if verified is not None:
        lines = plural(verified.lines, "entry", "entries")
        verdict = (
            f"{lines}, each as it was written and where it was."
            if verified.whole
            else f"{plural(len(verified.flaws), 'flaw')} in {lines}: somebody changed the audit."
        )
    flaws = verified.flaws if verified is not None else ()
    return AuditView(
        rows=tuple(row(entry) for entry in entries[:limit]),
        older=older,
        newest="/audit" if before is not None else "",
        verdict=verdict,
        whole=verified is None or verified.whole,
        flaws=tuple(
            f"{flaw.path}{f', line {flaw.line}' if flaw.line else ''}: {flaw.message}" for flaw in flaws
        ),
        head=verified.head if verified is not None else "",
    )


def row(one: Happening) -> EventRow:
    """Return a line of the log."""
    mark = MARKS.get(one.state, OTHER)
    gone = one.kind == "job.deleted"
    return EventRow(
        seq=one.seq,
        at=one.at,
        mark=Mark(st=mark.st, icon=mark.icon, word=one.kind),
        name=one.name,
        address=f"/jobs/{one.job}" if one.job and not gone else "",
        run_address=f"/runs/{one.run_id}" if one.run_id else "",
        words=one.words,
        cause="" if one.why in one.words else one.why,
        person=" from ".join(filter(None, (one.by, one.origin))),
    )


def _words(query: EventQuery) -> dict[str, str]:
    """Return what is asked for, as an address has it."""
    asked = {
        "job": query.job,
        "state": query.state,
        "person": query.person,
        "kind": query.kind,
        "q": query.q,
        "since": query.since.isoformat() if query.since else "",
        "until": query.until.isoformat() if query.until else "",
    }
    return {name: word for name, word in asked.items() if word}


def _address(path: str, words: dict[str, str]) -> str:
    return f"{path}?{urlencode(words)}" if words else path
