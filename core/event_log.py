"""Everything that happened, a line each: kept for a while, read from the end, filtered and handed out."""

import logging
import threading
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Final

import msgspec
from msgspec.structs import replace

from core.event_query import EventQuery, Wanted
from core.happenings import Happening, Position, position_in
from core.models import Value
from core.storage.atomic import storage_errors
from core.storage.lines import json_text
from core.storage.series import Series
from core.tables import row_of, visible

__all__ = ["EventLog", "EventPage", "EventQuery", "as_csv", "as_json", "as_text", "plain_of"]

log = logging.getLogger(__name__)

MOST_AT_ONCE: Final = 500
COLUMNS: Final = (
    "seq",
    "at",
    "kind",
    "job",
    "name",
    "run",
    "run_id",
    "state",
    "was",
    "by",
    "origin",
    "why",
    "words",
)
happening_of = msgspec.json.Decoder(Happening).decode


class EventPage(Value, frozen=True, kw_only=True):
    """Some events; `next` is the number to go on with, `after` or `before` as it was asked. None is the end."""

    items: tuple[Happening, ...]
    next: int | None = None


class EventLog:
    """Keeps events; one thread writes, any may read."""

    def __init__(self, folder: Path) -> None:
        self._series = Series(folder)
        self._lock = threading.Lock()
        self._seq = 0

    def open(self) -> Position:
        """See that the end is whole; return how far it tells. Raises StorageFailed."""
        with self._lock, storage_errors("The event log could not be opened"):
            self._series.mend()
            self._seq, _ = self._series.last()
            return position_in(self._backwards())

    def _backwards(self) -> Iterator[Happening]:
        for _, line in self._series.backwards():
            if (happening := _happening(line)) is not None:
                yield happening

    @property
    def last(self) -> int:
        """Return the number of the last event; 0 without any."""
        with self._lock:
            return self._seq

    def append(self, happenings: Sequence[Happening]) -> None:
        """Write down what happened, durable on return; raises StorageFull or StorageFailed, and none of it is."""
        if not happenings:
            return
        with self._lock, storage_errors("What happened could not be written down"):
            first = self._seq + 1
            lines = [json_text(replace(one, seq=seq)) for seq, one in enumerate(happenings, start=first)]
            self._series.append(lines, first, happenings[0].at)
            self._seq += len(lines)

    def page(self, query: EventQuery) -> EventPage:
        """Return some events; raises InvalidOptions, StorageFailed."""
        limit = max(1, min(query.limit, MOST_AT_ONCE))
        items: list[Happening] = []
        for happening in self.matching(query):
            if len(items) == limit:
                return EventPage(items=tuple(items), next=items[-1].seq)
            items.append(happening)
        return EventPage(items=tuple(items))

    def matching(self, query: EventQuery) -> Iterator[Happening]:
        """Give every event that matches, in the order that the query asks for."""
        wanted = Wanted(query)
        with storage_errors("The event log could not be read"):
            lines = (
                self._series.backwards(query.before, wanted.may_be)
                if query.after is None
                else self._series.forwards(query.after, wanted.may_be)
            )
            for _, line in lines:
                if wanted.may_be(line) and (happening := _happening(line)) is not None:
                    if wanted.ends(happening):
                        return
                    if wanted.has(happening):
                        yield happening

    def forget_before(self, moment: datetime) -> int:
        """Let go of the files in which everything is older; the newest stays. Returns how many went."""
        parts = self._series.parts()
        gone = 0
        for part in parts[:-1]:
            if part.path.stat().st_mtime >= moment.timestamp():
                break
            part.path.unlink(missing_ok=True)
            log.info("the events in %s have been kept long enough", part.path.name)
            gone += 1
        return gone


def _happening(line: bytes) -> Happening | None:
    try:
        return happening_of(line)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None


# Handing them out


def as_csv(happenings: Iterable[Happening]) -> Iterator[str]:
    """Give a table, line by line; no cell of it is a formula to any spreadsheet."""
    yield row_of(COLUMNS)
    for one in happenings:
        yield row_of(_column(one, name) for name in COLUMNS)


def as_json(happenings: Iterable[Happening]) -> Iterator[str]:
    """Give a list in JSON, line by line."""
    before = "[\n"
    for one in happenings:
        yield before + json_text(plain_of(one)).decode()
        before = ",\n"
    yield "[]\n" if before == "[\n" else "\n]\n"


def as_text(happenings: Iterable[Happening]) -> Iterator[str]:
    """Give a line for each, for people and their tools."""
    for one in happenings:
        person = f" (by {one.by})" if one.by else ""
        name = f"{one.name}: " if one.name else ""
        yield f"{one.at:%Y-%m-%d %H:%M:%S}Z {one.kind} {visible(name + one.words + person)}\n"


def plain_of(one: Happening) -> dict[str, str | int]:
    """Return an event as it is handed out: its columns, without what it does not have."""
    plain = {name: _column(one, name) for name in COLUMNS}
    return {name: value for name, value in plain.items() if value not in {"", 0}}


def _column(one: Happening, name: str) -> str | int:
    if name == "at":
        return one.at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    value: str | int = getattr(one, name)
    return value
