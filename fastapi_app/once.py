"""Something that several parts of a page need, worked out once while they are drawn one after the other."""

import threading
import time
from collections.abc import Callable
from typing import Final, TypeVar

A_MOMENT: Final = 0.2
"""Seconds for which it is good; parts of a topic are drawn again after a second at the earliest."""

T = TypeVar("T")


def once_a_moment(make: Callable[[], T], clock: Callable[[], float] = time.monotonic) -> Callable[[], T]:
    """Return what makes it anew only if that was not done a moment ago."""
    lock = threading.Lock()
    made: list[tuple[float, T]] = []

    def have() -> T:
        with lock:
            if not made or clock() - made[0][0] > A_MOMENT:
                made[:] = [(clock(), make())]
            return made[0][1]

    return have
