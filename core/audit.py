"""Who asked for what, kept for good: each line has the hash of the one before, so none can be altered unseen.

The hash of a line is the SHA-256 of its text up to the field `hash`, and that text has the hash before in `before`.
How far the trail goes is kept beside it as well, so that lines that are missing at its end are missed.
Several processes may write, one after the other.
"""

import contextlib
import fcntl
import hashlib
import logging
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import Final, NamedTuple

import msgspec

from core.acting import Actor, actor
from core.clock import Clock
from core.errors import StorageFailed
from core.event_query import EventQuery, Wanted
from core.happenings import LONGEST_WORDS, Happening, Position, position_in
from core.models import Value
from core.storage import atomic
from core.storage.lines import json_text
from core.storage.series import Part, Series, seq_of

log = logging.getLogger(__name__)

NOTHING_BEFORE: Final = "0" * 64
SEAL: Final = b',"hash":"'
HEAD: Final = ".head.json"
"""Of a name that is copied before the lines: a head that is older than they are is none the worse."""

MOST_NAMED: Final = 100


class Entry(Happening, frozen=True, kw_only=True, omit_defaults=True):
    """A line of the trail."""

    before: str = ""
    hash: str = ""


class Head(Value, frozen=True, kw_only=True):
    """How far the trail goes."""

    seq: int
    hash: str


class Flaw(Value, frozen=True, kw_only=True):
    """A place at which the trail is not as it was written."""

    path: str
    line: int
    message: str


class Verified(Value, frozen=True, kw_only=True):
    """What was found: how many lines, the hash of the last, and what is wrong with them."""

    lines: int
    head: str
    flaws: tuple[Flaw, ...]
    at: datetime | None = None

    @property
    def whole(self) -> bool:
        """Tell whether every line is as it was written and where it was."""
        return not self.flaws


entry_of = msgspec.json.Decoder(Entry).decode
head_of = msgspec.json.Decoder(Head).decode


class Audit:
    """Keeps the trail; safe to use from several threads and processes."""

    def __init__(self, folder: Path, clock: Clock) -> None:
        self._folder = folder
        self._series = Series(folder)
        self._clock = clock
        self._lock = threading.Lock()
        self.verified: Verified | None = None
        """What was found when every line was looked at last, since this was started."""

    def open(self) -> Position:
        """See that the end is whole; return how far it tells. Raises StorageFailed."""
        with self._alone():
            self._series.mend()
            known = (_entry(line) for _, line in self._series.backwards())
            return position_in(entry for entry in known if entry is not None)

    def append(self, happenings: Sequence[Happening]) -> None:
        """Write down who asked for what, durable on return; raises StorageFull or StorageFailed."""
        if not happenings:
            return
        with self._alone():
            self._append(happenings)

    def note(self, kind: str, words: str, *, by: str = "", origin: str = "") -> None:
        """Write down what changes nothing in the store: a login, a denial; who acts at present goes without saying.

        Where the disk refuses it, that is logged and nobody is held up.
        """
        acting: Actor = actor()
        happening = Happening(
            t=int(self._clock.now().timestamp() * 1000),
            kind=kind,
            by=by or acting.name,
            origin=origin or acting.origin,
            words=words[:LONGEST_WORDS],
        )
        try:
            self.append((happening,))
        except StorageFailed as error:
            log.warning(
                "%s by %r from %s is not in the audit: %s", kind, happening.by, happening.origin, error
            )

    def _append(self, happenings: Sequence[Happening]) -> None:
        seq, line = self._series.last()
        known = self._head()
        before = _hash_in(line) if line else NOTHING_BEFORE
        if known is not None and known.seq > seq:  # lines are missing, and stay missing: the numbers tell
            seq, before = known.seq, known.hash
        lines: list[bytes] = []
        for number, happening in enumerate(happenings, start=seq + 1):
            fields = {name: getattr(happening, name) for name in Happening.__struct_fields__}
            lines.append(_sealed(Entry(**fields | {"seq": number, "before": before})))
            before = _hash_in(lines[-1])
        self._series.append(lines, seq + 1, happenings[0].at)
        head = Head(seq=seq + len(lines), hash=before)
        atomic.write_whole(self._folder / HEAD, json_text(head) + b"\n", durable=False)

    @contextlib.contextmanager
    def _alone(self) -> Iterator[None]:
        """Let no other thread or process write meanwhile."""
        with self._lock, atomic.storage_errors("The audit could not be written"):
            atomic.make_folder(self._folder)
            lock = os.open(
                self._folder / ".lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600
            )
            try:
                fcntl.flock(lock, fcntl.LOCK_EX)
                yield
            finally:
                os.close(lock)

    def _head(self) -> Head | None:
        try:
            return head_of((self._folder / HEAD).read_bytes())
        except (OSError, msgspec.MsgspecError, UnicodeDecodeError):
            return None

    def entries(self, before: int | None = None, limit: int = 100) -> tuple[Entry, ...]:
        """Return the last entries, the newest first; those before a number if one is named."""
        with atomic.storage_errors("The audit could not be read"):
            known = (_entry(line) for _, line in self._series.backwards(before))
            return tuple(islice((entry for entry in known if entry is not None), limit))

    def matching(self, query: EventQuery) -> Iterator[Entry]:
        """Give every entry that matches, the newest first; those before `before` if it is named. Raises InvalidOptions."""
        wanted = Wanted(query)
        with atomic.storage_errors("The audit could not be read"):
            for _, line in self._series.backwards(query.before, wanted.may_be):
                if wanted.may_be(line) and (entry := _entry(line)) is not None:
                    if wanted.ends(entry):
                        return
                    if wanted.has(entry):
                        yield entry

    def verify(self, told: Callable[[int], None] = lambda _: None, *, head: str = "") -> Verified:
        """Look at every line; `head` is a hash that somebody noted, which then must be there. Changes nothing."""
        with atomic.storage_errors("The audit could not be read"):
            looking = _Looking(self._series.parts(), told, head)
            looking.look()
            looking.look_at_end(self._head())
        found = Verified(
            lines=looking.lines, head=looking.before, flaws=tuple(looking.flaws), at=self._clock.now()
        )
        self.verified = found
        return found


class _Line(NamedTuple):
    """A line of a file, as it stands there."""

    part: Part
    number: int
    text: bytes


class _Looking:
    """One look at every line."""

    def __init__(self, parts: Sequence[Part], told: Callable[[int], None], noted: str) -> None:
        self._parts = parts
        self._told = told
        self._noted = noted
        self.flaws: list[Flaw] = []
        self.lines = 0
        self.before = NOTHING_BEFORE
        self._seq = 0

    def look(self) -> None:
        for line in self._all():
            self.lines += 1
            self._look_at(line)
            if self.lines % 10_000 == 0:
                self._told(self.lines)

    def _all(self) -> Iterator[_Line]:
        for part in self._parts:
            with part.path.open("rb") as file:
                for number, raw in enumerate(file, start=1):
                    yield _Line(part, number, raw)

    def _look_at(self, line: _Line) -> None:
        text = line.text.removesuffix(b"\n")
        entry = _entry(text)
        if entry is None or not line.text.endswith(b"\n"):
            self._name(line, "This line is not whole, or was written over.")
            return
        intact = _digest(text) == entry.hash
        if not intact:
            self._name(line, f"This line was altered: entry {entry.seq} is not what was written.")
        if entry.seq == self._seq + 1:
            if entry.before != self.before and intact:
                self._name(line, f"Entry {entry.seq} does not follow the one before it, which was replaced.")
        elif entry.seq <= self._seq:
            self._name(line, f"This line was inserted, or moved: it says that it is entry {entry.seq}.")
            return
        else:
            self._name_missing(line, entry.seq)
        if intact and entry.hash == self._noted:
            self._noted = ""
        # An altered line still stands where it stood: what follows is compared with what it said of itself.
        self._seq, self.before = entry.seq, entry.hash

    def _name_missing(self, line: _Line, seq: int) -> None:
        first, last = self._seq + 1, seq - 1
        which = f"Entry {first} was" if first == last else f"Entries {first} to {last} were"
        self._name(line, f"{which} removed before this line.")

    def look_at_end(self, head: Head | None) -> None:
        """Miss what is not at the end any more, and the hash that somebody noted."""
        if self._noted:
            message = f"No entry has the hash {self._noted:.64} that was noted: what there was is replaced."
            self.name(Flaw(path="audit", line=0, message=message))
        if head is None or head.seq <= self._seq:
            return
        missing = head.seq - self._seq
        what = "The last entry was" if missing == 1 else f"The last {missing} entries were"
        path = f"audit/{self._parts[-1].path.name}" if self._parts else "audit"
        message = f"{what} removed: the trail went to entry {head.seq}, and ends at {self._seq}."
        self.name(Flaw(path=path, line=0, message=message))

    def _name(self, line: _Line, message: str) -> None:
        self.name(Flaw(path=f"audit/{line.part.path.name}", line=line.number, message=message))

    def name(self, flaw: Flaw) -> None:
        if len(self.flaws) < MOST_NAMED:
            self.flaws.append(flaw)


def _sealed(entry: Entry) -> bytes:
    text = json_text(entry)
    digest = hashlib.sha256(text[:-1]).hexdigest()
    return text[:-1] + SEAL + digest.encode() + b'"}'


def _digest(text: bytes) -> str:
    """Return the hash that a line should have."""
    return hashlib.sha256(text.rpartition(SEAL)[0]).hexdigest()


def _hash_in(line: bytes) -> str:
    return line.rpartition(SEAL)[2].removesuffix(b'"}').decode(errors="replace")


def _entry(line: bytes) -> Entry | None:
    try:
        return entry_of(line) if seq_of(line) else None
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None
