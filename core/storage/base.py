"""What every store promises.

A store keeps values and decides nothing. `submit` is the one way in: when the commitment it answers
is settled, the change survives the loss of power; when it raises, nothing of it happened. One suite of
contract tests (`tests/core/storage/test_contract.py`) holds every implementation to this.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Protocol

from core.models import Run, Value
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
    """Everything a store holds, as read when it was opened; `number` is that of the last change.

    Whoever opened the store owns the rows from then on.
    """

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
    """Whoever is told what became durable; called in order, by one thread at a time."""

    def kept(self, group: Sequence[Commitment]) -> None:
        """Take note that these are durable, in this order."""
        ...

    def others(self, changes: Sequence[Changes]) -> None:
        """Take note of what other processes changed, in this order, and is durable."""
        ...

    def refused(self, group: Sequence[Commitment]) -> None:
        """Take note that these, and nothing else that is not settled, will never be kept."""
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
    def submit(self, changes: Changes, *, durable: bool = True) -> Commitment:
        """Accept the changes; with `durable=False` they are on disk within a second or two.

        Safe to call from several threads; what is accepted first is kept first. Raises
        InvalidOptions for what cannot be kept anywhere, StorageFailed when the store is closed.
        """

    @abstractmethod
    def older_runs(self, job_id: str) -> tuple[Run, ...]:
        """Return the runs of a job that are not at hand, in no order."""

    @abstractmethod
    def check_writable(self) -> None:
        """Raise StorageFull or StorageFailed if a change would fail now."""

    @abstractmethod
    def close(self) -> None:
        """Settle what was accepted, and let go of the store."""
