"""Which events are asked for, and which lines of a file are worth being read for that."""

from datetime import datetime
from typing import Final

from core.errors import InvalidOptions
from core.happenings import Happening
from core.models import Value
from core.storage.lines import json_text

LONGEST_WORD: Final = 200


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


class Wanted:
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
