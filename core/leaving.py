"""How a worker takes its leave: whether it does, and what becomes of the programs that are at work."""

import threading
import time
from typing import Literal

Programs = Literal["wait", "end", "stay"]
"""What a program at work is to do: go on while the grace lasts, end, or stay at work for whoever is next."""


class Leaving:
    """A worker's leave. Safe to use from several threads."""

    def __init__(self) -> None:
        self._begun = threading.Event()
        self._stay = False
        self._grace_over_at = 0.0

    def begin(self, *, grace: float = 0.0, programs_stay: bool = False) -> None:
        """Leave: programs have the grace to end by themselves, or stay at work for whoever takes them up."""
        self._stay = programs_stay
        self._grace_over_at = time.monotonic() + grace
        self._begun.set()

    def hurry(self) -> None:
        """Let no more grace pass."""
        self._grace_over_at = 0.0

    @property
    def begun(self) -> bool:
        """Tell whether the worker leaves."""
        return self._begun.is_set()

    @property
    def programs(self) -> Programs | None:
        """Return what programs at work are to do now; None while the worker stays."""
        if not self.begun:
            return None
        if self._stay:
            return "stay"
        return "wait" if time.monotonic() < self._grace_over_at else "end"

    def wait(self, seconds: float) -> bool:
        """Wait so many seconds at most; tell whether the worker leaves."""
        return self._begun.wait(seconds)
