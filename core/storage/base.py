"""What every store promises.

A store keeps values and decides nothing. `commit` is the one way in: when it returns, the change
survives the loss of power; when it raises, nothing of it happened. One suite of contract tests
(`tests/core/storage/test_contract.py`) holds every implementation to this.
"""

from abc import ABC, abstractmethod

from core.models import Job, Run, Value


class Changes(Value, frozen=True, kw_only=True):
    """What one command changes, kept or refused as a whole as far as the store can.

    A job that is gone takes its runs with it; name them too.
    """

    jobs: tuple[Job, ...] = ()
    runs: tuple[Run, ...] = ()
    gone_jobs: tuple[str, ...] = ()
    gone_runs: tuple[str, ...] = ()


class Problem(Value, frozen=True, kw_only=True):
    """Something in the store that could not be read; it is kept, named, and harms nothing else."""

    path: str
    message: str
    line: int | None = None
    column: int | None = None


class Contents(Value, frozen=True, kw_only=True):
    """Everything a store holds, as read when it was opened."""

    jobs: tuple[Job, ...] = ()
    runs: tuple[Run, ...] = ()
    problems: tuple[Problem, ...] = ()


class JobStore(ABC):
    """Keeps jobs and runs."""

    @abstractmethod
    def open(self) -> Contents:
        """Take hold of the store and read all of it.

        Raises StoreInUse when another process holds it, StoreUnreadable when it cannot be used.
        """

    @abstractmethod
    def commit(self, changes: Changes, *, durable: bool = True) -> None:
        """Keep the changes; with `durable=False` they may be lost with the machine's power.

        Safe to call from several threads. Raises StorageFull or StorageFailed, and then nothing
        of it was kept.
        """

    @abstractmethod
    def check_writable(self) -> None:
        """Raise StorageFull or StorageFailed if a commit would fail now."""

    @abstractmethod
    def close(self) -> None:
        """Let go of the store."""
