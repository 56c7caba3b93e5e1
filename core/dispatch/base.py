"""What every dispatcher promises: it carries a run's id to a free slot, and decides nothing."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Final

from core.models import Priority, Value

GRACE: Final = 30.0

Handler = Callable[[str], None]
"""Carries out the run of this id; returns when the slot is free again."""


class Load(Value, frozen=True, kw_only=True):
    """How busy the slots are."""

    slots: int
    busy: int
    waiting: int


class Dispatcher(ABC):
    """Brings queued runs to slots: higher priority first, the oldest first within one."""

    @abstractmethod
    def start(self, handler: Handler) -> None:
        """Begin to carry."""

    @abstractmethod
    def enqueue(self, run_id: str, priority: Priority) -> None:
        """Take a run's id; a second time before it was carried is the same as once."""

    @abstractmethod
    def withdraw(self, run_id: str) -> None:
        """Forget a run that has not been carried yet."""

    @abstractmethod
    def load(self) -> Load:
        """Return how busy the slots are."""

    @abstractmethod
    def is_working(self) -> bool:
        """Tell whether what is enqueued will be carried, now or when a slot is free."""

    @abstractmethod
    def stop(self, grace: float = GRACE) -> bool:
        """Carry nothing more; tell whether the slots became empty within `grace` seconds."""
