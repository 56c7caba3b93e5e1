"""One page that watches: what it shows, and what it is still to be told."""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from fastapi_app.frames import Batch
from fastapi_app.parts import COUNTS, MORE, PLAIN_TOPICS

MOST_SHOWN: Final = 200

RIGHTS_GONE: Final = 4401
TOO_SLOW: Final = 4408
GONE_QUIET: Final = 1000


@dataclass
class LogTail:
    """The log that a page follows, and the number of the last line it has."""

    run_id: str
    after: int
    grown: bool = True


@dataclass(frozen=True, kw_only=True)
class Shown:
    """What a page shows: ids of jobs, and topics."""

    jobs: frozenset[str] = frozenset()
    topics: frozenset[str] = frozenset()

    def __hash__(self) -> int:
        """Return what the sets remember, rather than count again for each of a thousand viewers."""
        return hash(self.jobs) ^ hash(self.topics)

    @classmethod
    def of(cls, jobs: Sequence[str], topics: Iterable[str], known: frozenset[str] = PLAIN_TOPICS) -> "Shown":
        """Return what a page says it shows, as far as one page may and these topics are known."""
        return cls(jobs=frozenset(jobs[:MOST_SHOWN]), topics=known & frozenset(topics))

    @property
    def counts(self) -> bool:
        """Tell whether it wants to know what counts now."""
        return COUNTS in self.topics

    @property
    def details(self) -> bool:
        """Tell whether it shows more of a run at work than the list does."""
        return MORE in self.topics


class Line(Protocol):
    """A socket that takes ready frames."""

    def write_framed(self, data: bytes) -> bool:
        """Send them without waiting; False where that cannot be done now."""


class Viewer:
    """A page's place in the hub. At most one batch waits for it, merged from all that it missed.

    `seen` is the number after which it is to catch up, None if it need not. `known` are the jobs
    of which it was told everything up to the last drawing, so that it needs only what differs.
    """

    def __init__(self, name: str, session: str | None, may_stay: Callable[[], bool], now: float) -> None:
        self.name = name
        self.session = session
        self.may_stay = may_stay
        self.shown: Shown | None = None
        self.watching: frozenset[str] = frozenset()
        self.log: LogTail | None = None
        self.hidden_since: float | None = None
        self.sent_seq = 0
        self.sent_at = now
        self.checked_at = now
        self.unread: int | None = None
        self.seen: int | None = None
        self.new: frozenset[str] = frozenset()
        self.known: frozenset[str] = frozenset()
        self.pending: Batch | None = None
        self.pending_seq = 0
        self.needs_reset = False
        self.needs_beat = False
        self.line: Line | None = None
        self.speaks = False
        self.awake = asyncio.Event()
        self.ended: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    @property
    def looks(self) -> bool:
        """Tell whether somebody may be looking at the page."""
        return self.shown is not None and self.hidden_since is None

    def takes(self, data: bytes, seq: int, now: float) -> bool:
        """Send a ready frame at once if nothing waits before it; tell whether that was done."""
        if (
            self.line is None
            or self.speaks
            or seq <= self.sent_seq
            or self.awake.is_set()
            or not self.line.write_framed(data)
        ):
            return False
        self.sent_seq, self.sent_at, self.needs_beat = seq, now, False
        return True

    def offer(self, batch: Batch, seq: int) -> None:
        """Let the page know as soon as its line is free; what waits already takes this in."""
        self.pending = self.pending.then(batch) if self.pending else batch
        self.pending_seq = seq
        self.awake.set()

    def forget_pending(self) -> None:
        """Forget what waits, as something newer takes its place; of the bell in it there is nothing newer."""
        if self.pending is not None and self.pending.counts is not None:
            self.unread = None
        self.pending = None

    def offer_missed(self, seen: int, new: frozenset[str] = frozenset()) -> None:
        """Let the page know the present state of all it shows that changed after `seen`, and of jobs `new` to it."""
        self.seen, self.new, self.known = seen, new, frozenset()
        notices = self.pending.notices if self.pending else ()
        self.forget_pending()
        self.pending = Batch(notices=notices) if notices else None
        self.awake.set()

    def offer_log(self) -> None:
        """Let the page know that the log it follows has more."""
        if self.log is not None:
            self.log.grown = True
            self.awake.set()

    def offer_reset(self) -> None:
        """Let the page fetch everything, then say again what it shows."""
        self.shown, self.pending, self.seen = None, None, None
        self.needs_reset = True
        self.awake.set()

    def offer_beat(self) -> None:
        """Let the page know that the line is alive."""
        self.needs_beat = True
        self.awake.set()

    def end(self, code: int) -> None:
        """Close the page's line."""
        if not self.ended.done():
            self.ended.set_result(code)
