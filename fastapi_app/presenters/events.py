"""The event log and the audit, as their pages show them."""

import re
from collections.abc import Mapping, Sequence
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

LOOK: Final = Mark(st="late", icon="st-late", word="")
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
ASKED: Final = (
    ("", "Everything"),
    ("login", "Signing in"),
    ("denied", "Denials"),
    ("user", "People"),
    ("token", "Tokens"),
    ("session", "Browsers signed out"),
    ("file", "Files saved"),
    ("job", "Jobs"),
    ("run", "Runs"),
    ("queue", "Queue"),
    ("schedule", "Schedules"),
    ("letter", "Dead letters"),
    ("changed", "Settings and destinations"),
)
"""What people are asked for, as the audit tells it."""

NAMED: Final[Mapping[str, str]] = {
    "run.scheduled": "Planned",
    "run.blocked": "Waits for others",
    "run.queued": "In line",
    "run.running": "Began",
    "run.pausing": "Pausing",
    "run.paused": "Paused",
    "run.cancelling": "Cancelling",
    "run.completed": "Good",
    "run.failed": "Failed",
    "run.cancelled": "Cancelled",
    "run.skipped": "Skipped",
    "job.created": "New job",
    "job.edited": "Job changed",
    "job.let-go": "Being deleted",
    "job.kept": "Kept after all",
    "job.deleted": "Job deleted",
    "letter.left": "To see to",
    "letter.handled": "Seen to",
    "user.added": "Let in",
    "user.role": "New role",
    "user.password": "New password",
    "user.removed": "Removed",
    "token.made": "New token",
    "token.issued": "Token for a password",
    "token.dropped": "Token taken back",
    "session.ended": "Signed out",
    "file.saved": "File saved",
    "password.refused": "Wrong password",
    "login": "Signed in",
    "logout": "Signed out",
    "login.failed": "Not let in",
    "denied": "Denied",
    "setup": "Set up",
    "changed": "Changed",
    "queue.changed": "Queue changed",
    "jobs.bulk": "Done to many",
    "run.changed": "Run changed",
    "runs.forgotten": "Old runs let go",
    "breaker.opened": "Breaker opened",
    "breaker.probed": "Breaker tried",
    "breaker.closed": "Breaker closed",
    "schedule.said": "Schedule",
}
"""What people call what happened; anything else is called by its kind."""

TO_WORDS: Final = re.compile(r"[._]")
SAYS_WHY: Final = frozenset({"queue.changed"})
"""What has its cause in its own words already, and there as people say it."""
WORTH_A_LOOK: Final = frozenset({"denied", "login.failed", "password.refused"})
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
    """The page of the audit; `verdict` is what looking at every line found last, nothing while nobody has asked."""

    query: EventQuery
    rows: tuple[EventRow, ...]
    filtered: bool
    older: str
    newest: str
    exports: tuple[tuple[str, str], ...]
    verdict: str
    verified_at: datetime | None
    whole: bool
    flaws: tuple[str, ...]
    head: str
    kinds: tuple[tuple[str, str], ...] = ASKED


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


def audit_view(query: EventQuery, entries: Sequence[Entry], verified: Verified | None) -> AuditView:
    """Return the page; one entry more than the query's limit tells that there are older ones."""
    words = _words(query)
    more = len(entries) > query.limit
    flaws = verified.flaws if verified is not None else ()
    return AuditView(
        query=query,
        rows=tuple(row(entry) for entry in entries[: query.limit]),
        filtered=bool(words),
        older=_address("/audit", words | {"before": str(entries[query.limit - 1].seq)}) if more else "",
        newest=_address("/audit", words) if query.before is not None else "",
        exports=tuple((_address("/api/v1/audit", words | {"format": name}), word) for name, word in EXPORTS),
        verdict=_verdict(verified) if verified is not None else "",
        verified_at=verified.at if verified is not None else None,
        whole=verified is None or verified.whole,
        flaws=tuple(
            f"{flaw.path}{f', line {flaw.line}' if flaw.line else ''}: {flaw.message}" for flaw in flaws
        ),
        head=verified.head if verified is not None else "",
    )


def _verdict(verified: Verified) -> str:
    lines = plural(verified.lines, "entry", "entries")
    if verified.whole:
        return f"Verified up to entry {verified.lines:,}: each is as it was written and where it was."
    return f"{plural(len(verified.flaws), 'flaw')} in {lines}: somebody changed the audit."


def row(one: Happening) -> EventRow:
    """Return a line of the log."""
    mark = LOOK if one.kind in WORTH_A_LOOK else MARKS.get(one.state, OTHER)
    gone = one.kind == "job.deleted"
    return EventRow(
        seq=one.seq,
        at=one.at,
        mark=Mark(
            st=mark.st, icon=mark.icon, word=NAMED.get(one.kind, TO_WORDS.sub(" ", one.kind).capitalize())
        ),
        name=one.name,
        address=f"/jobs/{one.job}" if one.job and not gone else "",
        run_address=f"/runs/{one.run_id}" if one.run_id else "",
        words=one.words,
        cause="" if one.kind in SAYS_WHY or one.why.casefold() in one.words.casefold() else one.why,
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
