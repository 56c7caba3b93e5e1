"""A store that forgets when the process ends; for tests and for trying things out."""

import contextlib
from collections import deque
from collections.abc import Iterator, Sequence

from core.clock import Clock, SystemClock
from core.errors import HoldfastError, StorageFailed, StoreInUse
from core.models import Run
from core.storage.base import Audience, Commitment, Contents, JobStore
from core.storage.committer import CLOSED, Committer
from core.storage.records import Record, changes_of, record_from, text_of
from core.storage.rows import Changes, Rows


class MemoryTape:
    """Keeps bytes, as a disk does, so that nothing it was given can change in it."""

    is_grown = False

    def __init__(self) -> None:
        self.n = 0
        self.texts: list[bytes] = []
        self.failures: deque[Exception] = deque()

    def append(self, bodies: Sequence[bytes], now: int) -> int:
        """Keep the changes; return the number of the first."""
        if self.failures:
            raise self.failures.popleft()
        first = self.n + 1
        self.texts += [text_of(body, n, now) for n, body in enumerate(bodies, start=first)]
        self.n += len(bodies)
        return first

    def others(self) -> list[Record]:
        """Return nothing: there is no other process."""
        return []

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Keep nobody out: there is nobody."""
        yield

    def leave(self) -> None:
        """Say nothing to nobody."""

    def close(self) -> None:
        """Keep everything for the next `open`."""


class MemoryStore(JobStore):
    """Keeps jobs and runs as long as the process lives."""

    def __init__(self, clock: Clock | None = None) -> None:
        self._clock = clock or SystemClock()
        self._tape = MemoryTape()
        self._committer: Committer | None = None

    def fail_next(self, error: HoldfastError, *, times: int = 1) -> None:
        """Refuse the next commits with this error, as a disk in trouble would."""
        self._tape.failures.extend([error] * times)

    def open(self, audience: Audience, *, at_work: bool = True) -> Contents:  # noqa: ARG002 - one process
        """Take hold of the store and read all of it."""
        if self._committer is not None:
            raise StoreInUse("The store is in use by this process.")
        rows = Rows()
        for text in self._tape.texts:
            rows.apply(changes_of(record_from(text), rows.runs))
        audience.rows = rows
        self._committer = Committer(self._tape, audience, self._clock, lambda _: None, lambda *_: None)
        return Contents(rows=rows, number=self._tape.n)

    def submit(self, changes: Changes, note: object = None) -> Commitment:
        """Accept the changes."""
        return self._open().accept(changes, note)

    def commit(self) -> None:
        """Settle whatever was accepted so far."""
        self._open().commit()

    def older_runs(self, job_id: str) -> tuple[Run, ...]:  # noqa: ARG002 - all of them are at hand
        """Return nothing: every run is at hand."""
        return ()

    def records(self, after: int) -> Iterator[Record]:
        """Give what was kept after the change of this number."""
        yield from map(record_from, self._tape.texts[after:])

    @property
    def reach(self) -> int:
        """Return the number of the last change."""
        return self._tape.n

    def check_writable(self) -> None:
        """Raise what the next commit would."""
        self._open()
        if self._tape.failures:
            raise self._tape.failures[0]

    def close(self) -> None:
        """Let go of the store; what it keeps stays for the next `open`."""
        if self._committer is not None:
            self._committer.close()
            self._committer = None

    def _open(self) -> Committer:
        if self._committer is None:
            raise StorageFailed(CLOSED)
        return self._committer
