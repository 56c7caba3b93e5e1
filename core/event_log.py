"""Everything that happened, a line each: kept for a while, read from the end, filtered and handed out."""

import csv
import io
import logging
import threading
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Final

import msgspec
from msgspec.structs import replace

from core.errors import InvalidOptions
from core.happenings import Happening, Position, position_in
from core.models import Value
from core.storage.atomic import storage_errors
from core.storage.lines import json_text
from core.storage.series import Series

log = logging.getLogger(__name__)

MOST_AT_ONCE: Final = 500
LONGEST_WORD: Final = 200
FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")
"""What a cell begins with that a spreadsheet takes for a formula."""

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


class EventQuery(Value, frozen=True, kw_only=True):
    """Which events: each word empty for all.

    With `after` those that follow that number, the oldest first; else the newest first, before `before` if it
    is named. `kind` may be the beginning before a dot: "run" is every "run.…". `job` is an id or a name.
    """

    after: int | None = None
    before: int | None = None
    job: str = ""
    state: str = ""
    person: str = ""
    kind: str = ""
    q: str = ""
    since: datetime | None = None
    until: datetime | None = None
    limit: int = 50


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
        wanted = _Wanted(query)
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


class _Wanted:
    """What a query wants, ready to be compared with many lines; most need not be read for it."""

    def __init__(self, query: EventQuery) -> None:
        words = {"state": query.state, "by": query.person}
        if any(len(word) > LONGEST_WORD for word in (*words.values(), query.job, query.kind, query.q)):
            raise InvalidOptions({"q": f"A word to look for has at most {LONGEST_WORD} characters."})
        try:
            self._needles = [
                b'"%b":%b' % (name.encode(), json_text(word)) for name, word in words.items() if word
            ]
            kind = json_text(query.kind.removesuffix("."))[:-1]
            self._needles += [b'"kind":%b' % kind] if query.kind else []
            self._job = tuple(b'"%b":%b' % (name, json_text(query.job)) for name in (b"job", b"name"))
            self._text = json_text(query.q)[1:-1].decode().casefold()
        except UnicodeEncodeError:
            raise InvalidOptions({"q": "A text holds half a character."}) from None
        self._query = query

    def may_be(self, lines: bytes) -> bool:
        """Tell whether a line, or any of many, is worth being read."""
        if self._query.job and not any(needle in lines for needle in self._job):
            return False
        if not all(needle in lines for needle in self._needles):
            return False
        return not self._text or self._text in lines.decode(errors="replace").casefold()

    def ends(self, happening: Happening) -> bool:
        """Tell whether no more can come."""
        since = self._query.since
        # A clock that was set back by less than a day hides nothing.
        return (
            self._query.after is None
            and since is not None
            and happening.t < (since.timestamp() - 86_400) * 1000
        )

    def has(self, happening: Happening) -> bool:
        """Tell whether it is one of those."""
        query = self._query
        kind = query.kind.removesuffix(".")
        return (
            query.job in {"", happening.job, happening.name}
            and query.state in {"", happening.state}
            and query.person in {"", happening.by}
            and (not kind or happening.kind == kind or happening.kind.startswith(f"{kind}."))
            and (query.since is None or happening.t >= query.since.timestamp() * 1000)
            and (query.until is None or happening.t < query.until.timestamp() * 1000)
            and _says(happening, query.q.casefold())
        )


def _says(happening: Happening, word: str) -> bool:
    said = (happening.name, happening.words, happening.why, happening.by, happening.kind, happening.origin)
    return not word or any(word in text.casefold() for text in said)


def _happening(line: bytes) -> Happening | None:
    try:
        return happening_of(line)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None


# Handing them out


def as_csv(happenings: Iterable[Happening]) -> Iterator[str]:
    """Give a table, line by line; no cell of it is a formula to any spreadsheet."""
    yield _row(COLUMNS)
    for one in happenings:
        yield _row([_cell(_column(one, name)) for name in COLUMNS])


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


def _cell(value: str | int) -> str:
    if isinstance(value, int):
        return str(value or "")
    text = visible(value)
    return f"'{text}" if text.lstrip().startswith(FORMULA) else text


def _row(cells: Iterable[str]) -> str:
    line = io.StringIO()
    csv.writer(line, lineterminator="\r\n").writerow(cells)
    return line.getvalue()


def visible(text: str) -> str:
    """Return a text on one line in which nothing hides: what cannot be seen, or turns text around, is spelt out."""
    if text.isprintable():
        return text
    return "".join(letter if letter.isprintable() else _spelt(letter) for letter in text)


def _spelt(letter: str) -> str:
    return "\\n" if letter == "\n" else f"\\u{ord(letter):04x}"
