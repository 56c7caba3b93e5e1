"""What every dispatcher promises: it carries a run's id to a free slot, and decides nothing."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Final

from core.line import Standing
from core.models import Value
from core.queueing import Holdup, Place, Rules

GRACE: Final = 30.0

Handler = Callable[[str], None]
"""Carries out the run of this id; returns when the slot is free again."""


class Load(Value, frozen=True, kw_only=True):
    """How busy the slots are."""

    slots: int
    busy: int
    waiting: int


class Dispatcher(ABC):
    """Brings queued runs to slots, in the order of the line, as the rules allow."""

    @abstractmethod
    def start(self, handler: Handler) -> None:
        """Begin to carry."""

    @abstractmethod
    def enqueue(self, place: Place) -> None:
        """Take a run; a second time before it was carried, it has its new place.

        One whose handler has not returned yet is carried again after that.
        """

    @abstractmethod
    def withdraw(self, run_id: str) -> None:
        """Forget a run that has not been carried yet; an adopted one stays."""

    @abstractmethod
    def govern(self, rules: Rules) -> None:
        """Hold back from now on what these rules hold back."""

    @abstractmethod
    def holdup(self, run_id: str) -> Holdup | None:
        """Return what holds a run back; None when it is not in line."""

    @abstractmethod
    def in_line(self, most: int | None = None) -> tuple[Standing, ...]:
        """Return what is in line, who goes first in front; at most the first `most`."""

    @abstractmethod
    def load(self) -> Load:
        """Return how busy the slots are."""

    @abstractmethod
    def is_working(self) -> bool:
        """Tell whether what is enqueued will be carried, now or when a slot is free."""

    @abstractmethod
    def stop(self, grace: float = GRACE) -> bool:
        """Carry nothing more; tell whether the slots became empty within `grace` seconds."""
