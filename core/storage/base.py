"""What every store promises.

A store keeps values and decides nothing. `submit` is the one way in: when the commitment it answers
is settled, the change survives the loss of power; when it raises, nothing of it happened. One suite of
contract tests (`tests/core/storage/test_contract.py`) holds every implementation to this.
"""

import threading
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from typing import Protocol

from core.models import Run, Value
from core.storage.records import Record
from core.storage.rows import Changes, Rows


class Problem(Value, frozen=True, kw_only=True):
    """Something in the store that could not be read; it is kept, named, and harms nothing else.

    `job_id` says whose it is, where that is known; `kept` where its bytes were put aside.
    """

    path: str
    message: str
    line: int | None = None
    column: int | None = None
    job_id: str | None = None
    kept: str | None = None


class Contents(Value, frozen=True, kw_only=True):
    """Everything a store holds, as read when it was opened; `number` is that of the last change."""

    rows: Rows
    problems: tuple[Problem, ...] = ()
    number: int = 0


class Commitment(Protocol):
    """A change on its way to the disk."""

    @property
    def changes(self) -> Changes:
        """Return what changes."""
        ...

    @property
    def note(self) -> object:
        """Return what was handed in with the change."""
        ...

    @property
    def settled(self) -> bool:
        """Tell whether `wait` would return or raise at once."""
        ...

    def wait(self) -> int:
        """Return the number of the change, once it is durable and its audience was told.

        Raises StorageFull or StorageFailed, and then nothing of it was kept; Overtaken when another
        process changed the same job first.
        """
        ...


class Audience(Protocol):
    """Whoever decides changes, and is told what became of them; told by one thread at a time, in order.

    `lock` is held to decide and to be told, for microseconds; `rows` is what is durable, which the
    store hands over when it is opened.
    """

    lock: threading.RLock
    rows: Rows

    def ahead(self, run_id: str) -> Run | None:
        """Return the run as it was last accepted, durable or not."""
        ...

    def kept(self, group: Sequence[Commitment], first: int) -> None:
        """Take note that these are durable, numbered in this order from `first`."""
        ...

    def other(self, changes: Changes, number: int) -> None:
        """Take note of what another process changed, and is durable; the lock is held."""
        ...

    def refused(self, group: Sequence[Commitment]) -> None:
        """Take note that these will never be kept; the lock is held."""
        ...


class JobStore(ABC):
    """Keeps jobs and runs."""

    @abstractmethod
    def open(self, audience: Audience, *, at_work: bool = True) -> Contents:
        """Take hold of the store and read all of it.

        `at_work` is for the one process that carries out runs; others may have the store open beside it. Raises
        StoreInUse when another one is at work, StoreUnreadable when the store cannot be used.
        """

    @abstractmethod
    def submit(self, changes: Changes, note: object = None) -> Commitment:
        """Accept the changes, to be written with the next that somebody waits for, or within a second or two.

        Safe to call from several threads; what is accepted first is kept first. Raises
        InvalidOptions for what cannot be kept anywhere, StorageFailed when the store is closed.
        """

    @abstractmethod
    def commit(self) -> None:
        """Settle whatever was accepted so far, kept or refused."""

    @abstractmethod
    def older_runs(self, job_id: str) -> tuple[Run, ...]:
        """Return the runs of a job that are not at hand, in no order."""

    @abstractmethod
    def records(self, after: int) -> Iterator[Record]:
        """Give what is durable after the change of this number, in order, as far as it is still kept.

        For one thread that follows; raises StorageFailed.
        """

    @property
    @abstractmethod
    def reach(self) -> int:
        """Return the number of the last change that is durable."""

    @abstractmethod
    def check_writable(self) -> None:
        """Raise StorageFull or StorageFailed if a change would fail now."""

    @abstractmethod
    def close(self) -> None:
        """Settle what was accepted, and let go of the store."""
