"""The journal, open for appending: where a change becomes durable.

Whoever reads or appends holds it `locked`, so that no other process appends at the same time.
"""

import contextlib
import errno
import logging
import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Final

from core.errors import InvalidYaml, StorageFailed
from core.storage import atomic
from core.storage.commit_lock import CommitLock
from core.storage.lines import is_blank, json_text, opened, sealed, seed_of
from core.storage.records import FORMAT, Closed, Head, Record, closed_of, head_of, record_from, text_of

log = logging.getLogger(__name__)

COMMENT: Final = b"# Holdfast's journal: one document a line, any YAML tool reads it. Not to be edited.\n"
COPIED: Final = 65_536
"""How much of the end of a segment that could not be flushed is written again, in bytes."""


def segment_path(state: Path, segment: int) -> Path:
    """Return where a segment is."""
    return state / f"journal-{segment}.yaml"


def segments_in(state: Path) -> list[int]:
    """Return the numbers of the segments that are there, in order."""
    names = (path.stem.partition("-")[2] for path in state.glob("journal-*.yaml"))
    return sorted(int(name) for name in names if name.isdecimal() and name.isascii())


def beginning_of(store_id: str, segment: int, first: int, t: int) -> bytes:
    """Return what a segment begins with."""
    head = Head(format=FORMAT, store=store_id, segment=segment, first=first, t=t)
    return COMMENT + sealed(json_text(head), seed_of(store_id, f"journal-{segment}"))


class Journal:
    """The last segment of a store, known up to `length`; `n` and `t` are those of the last record there.

    One that is `unsure` may not be on the disk as it is read: it is written anew before it goes on.
    """

    def __init__(
        self,
        state: Path,
        lock: Path,
        store_id: str,
        *,
        segment: int,
        length: int,
        n: int,
        t: int,
        unsure: bool = False,
    ) -> None:
        self.n = n
        self.t = t
        self._state = state
        self._store_id = store_id
        self._descriptor = -1
        self._broken = self._unsure = unsure
        self._refused = b""
        self._left = True
        self._foreign: list[Record] = []
        self._enter(segment)
        self._length = length
        self._lock = CommitLock(lock)

    @property
    def segment(self) -> int:
        """Return the number of the segment that is appended to."""
        return self._segment

    @property
    def length(self) -> int:
        """Return how much of the segment is known to be good, in bytes."""
        return self._length

    @property
    def is_grown(self) -> bool:
        """Tell whether another process appended; costs a microsecond or two."""
        return os.fstat(self._descriptor).st_size != self._length or os.access(self._next, os.F_OK)

    def locked(self) -> AbstractContextManager[None]:
        """Keep other processes from appending meanwhile; raises StorageFailed when one does not let go."""
        return self._lock.held()

    def append(self, bodies: Sequence[bytes], now: int) -> int:
        """Make the changes durable, in order; return the number of the first.

        `now` is in milliseconds. Raises OSError, and then none of them is in the journal.
        """
        if self._broken:
            self._begin_again()
        first = self.n + 1
        t = max(self.t, now)
        numbered = zip(range(first, first + len(bodies)), bodies, strict=True)
        self._write(b"".join(sealed(text_of(body, n, t), self._seed) for n, body in numbered))
        self.n += len(bodies)
        self.t = t
        self._left = False
        return first

    def others(self) -> list[Record]:
        """Return what other processes appended since the last look; all of it is durable by then.

        Raises OSError, and then the next look gives it.
        """
        self._be_there()
        while os.access(self._next, os.F_OK):
            first = self._first_of_next()
            self._foreign += [record for record in self._grown(last=False) if record.n < first]
            self._enter(self._segment + 1)
            self._length, self._broken = 0, False
        if self._broken:
            self._foreign += self._grown_meanwhile()
            self._begin_again()
        self._foreign += self._grown(last=True)
        if not self._foreign:
            return []
        if not self._lock.is_flushed(self._segment, self._length):
            self._flush()  # whoever wrote it was killed before it could
        self._left = False
        new = [record for record in self._foreign if record.n > self.n]
        self._be_next(new)
        self._foreign = []
        for record in new:
            self.n, self.t = record.n, max(self.t, record.t)
        return new

    def _be_next(self, new: Sequence[Record]) -> None:
        """Raise StorageFailed for records that are not the next: what is known here is not all there is."""
        for n, record in enumerate(new, start=self.n + 1):
            if record.n != n:
                message = f"The journal goes on with change {record.n}, though the one known here is {n - 1}."
                raise StorageFailed(message, hint="Run the command again, or restart Holdfast.")

    def roll(self) -> int:
        """Begin the next segment and return its number; raises OSError."""
        self._begin(self.n + 1, b"")
        return self._segment

    def leave(self) -> None:
        """Say in the journal that whoever appended left in peace; raises OSError."""
        if not self._left and not self._broken:
            self._write(sealed(json_text(Closed(n=self.n)), self._seed))
            self._left = True

    def close(self) -> None:
        """Let go of the files."""
        self._lock.close()
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def _enter(self, segment: int) -> None:
        path = segment_path(self._state, segment)
        descriptor = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW)
        if self._descriptor >= 0:
            os.close(self._descriptor)
        self._descriptor = descriptor
        self._path = path
        self._segment = segment
        self._refused = b""
        self._next = segment_path(self._state, segment + 1)
        self._seed = seed_of(self._store_id, f"journal-{segment}")

    def _write(self, data: bytes) -> None:
        """Append and flush; cut back what was refused. A segment whose flush failed is given up."""
        try:
            atomic.write_all(self._descriptor, data)
        except BaseException:
            self._cut_back(data)
            raise
        try:
            self._flush()
        except OSError:
            self._cut_back(data)
            with contextlib.suppress(OSError):  # tried again with the next change
                self._begin_again()
            raise
        except BaseException:  # a person's Ctrl-C: what is refused must not be there all the same
            self._cut_back(data)
            raise
        self._length += len(data)
        self._lock.say_flushed(self._segment, self._length)

    def _flush(self) -> None:
        """Flush the segment; one that failed is never asked again, as it would say yes and mean nothing."""
        try:
            os.fdatasync(self._descriptor)
        except OSError:
            self._broken = True
            raise

    def _cut_back(self, refused: bytes) -> None:
        try:
            os.ftruncate(self._descriptor, self._length)
        except OSError as error:
            log.warning("journal-%d.yaml could not be cut back: %s", self._segment, error)
            self._broken = True
            self._refused = refused

    def _begin_again(self) -> None:
        """Go on in a new segment with the end of this one: what its last pages hold is not sure."""
        start = 0 if self._unsure else max(0, self._length - COPIED)
        tail = _lines(self._read(start, self._length))
        records = [(record.n, line) for line, record in self._readable(tail)]
        first = records[0][0] if records else self.n + 1
        seed = seed_of(self._store_id, f"journal-{self._segment + 1}")
        self._begin(first, b"".join(sealed(opened(line, self._seed), seed) for _, line in records))
        self._broken = self._unsure = False
        log.warning("the disk did not keep journal-%d.yaml; going on in a new one", self._segment - 1)

    def _begin(self, first: int, copied: bytes) -> None:
        path = self._next
        content = beginning_of(self._store_id, self._segment + 1, first, self.t) + copied
        atomic.write_whole(path, content)
        self._enter(self._segment + 1)
        self._length = len(content)
        self._left = False

    def _first_of_next(self) -> int:
        """Return the number from which on this segment says nothing any more."""
        number = self._segment + 1
        seed = seed_of(self._store_id, f"journal-{number}")
        with segment_path(self._state, number).open("rb") as file:
            head = next((line for line in file if not is_blank(line)), b"")
        try:
            return head_of(opened(head, seed)).first
        except (InvalidYaml, ValueError) as error:
            message = f"journal-{number}.yaml, which another process began, cannot be read."
            raise StorageFailed(message) from error

    def _be_there(self) -> None:
        """Raise OSError when the disk went away, as what is written to it then is not there at the next start."""
        if not os.access(self._path, os.F_OK):
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(self._path))

    def _grown(self, *, last: bool) -> Iterator[Record]:
        """Give the records after what is known; of the last segment, cut off what a killed process left."""
        status = os.fstat(self._descriptor)
        if status.st_nlink == 0:
            message = "The journal went on elsewhere while nobody looked."
            raise StorageFailed(message, hint="Run the command again, or restart Holdfast.")
        if status.st_size <= self._length:
            return
        end = self._length
        for line in _lines(self._read(self._length, status.st_size)):
            end += len(line)
            record = self._record(line)
            if record is not None:
                yield record
            if record is not None or self._says_nothing(line):
                self._length = end
        if last and self._length < status.st_size:
            log.warning("journal-%d.yaml: what a killed process left half-written is cut off", self._segment)
            os.ftruncate(self._descriptor, self._length)

    def _grown_meanwhile(self) -> Iterator[Record]:
        """Give what others appended to a segment after we gave it up: to them it is durable, so it counts."""
        behind = self._read(self._length, os.fstat(self._descriptor).st_size)
        return iter(()) if self._refused.startswith(behind) else self._grown(last=False)

    def _says_nothing(self, line: bytes) -> bool:
        if not line.endswith(b"\n") or is_blank(line):
            return line.endswith(b"\n")
        try:
            text = opened(line, self._seed)
        except InvalidYaml:
            return False
        for known in (closed_of, head_of):
            with contextlib.suppress(ValueError):
                known(text)
                return True
        return False

    def _record(self, line: bytes) -> Record | None:
        if not line.endswith(b"\n"):
            return None
        try:
            return record_from(opened(line, self._seed))
        except InvalidYaml:
            return None

    def _readable(self, lines: Iterable[bytes]) -> Iterator[tuple[bytes, Record]]:
        for line in lines:
            record = self._record(line)
            if record is not None:
                yield line, record

    def _read(self, start: int, end: int) -> bytes:
        parts = []
        while start < end:
            part = os.pread(self._descriptor, end - start, start)
            if not part:
                break
            parts.append(part)
            start += len(part)
        return b"".join(parts)


def _lines(data: bytes) -> list[bytes]:
    *whole, rest = data.split(b"\n")
    return [*(line + b"\n" for line in whole), *([rest] if rest else [])]
