"""Something that several parts of a page need, worked out once while they are drawn one after the other."""

import threading
import time
from collections.abc import Callable
from typing import Final, Generic, TypeVar

A_MOMENT: Final = 0.2
"""Seconds for which it is good at most, as ages grow without anything happening."""

T = TypeVar("T")


class Once(Generic[T]):
    """Makes something anew only if that was not done a moment ago, and nothing has spoilt it since."""

    def __init__(self, make: Callable[[], T], clock: Callable[[], float] = time.monotonic) -> None:
        self._make = make
        self._clock = clock
        self._making = threading.Lock()
        self._made: tuple[int, float, T] | None = None
        self._spoilt = 0

    def spoil(self) -> None:
        """Have it made anew the next time; returns at once."""
        self._spoilt += 1

    def have(self) -> T:
        """Return it."""
        with self._making:
            made, now = self._made, self._clock()
            if made is None or made[0] != self._spoilt or now - made[1] > A_MOMENT:
                made = self._made = (
                    self._spoilt,
                    now,
                    self._make(),
                )  # what is spoilt meanwhile has an old number
            return made[2]
