"""How often something may be tried: a count over the last minute, for each name and address."""

import threading
from collections import deque
from typing import Final

from core.clock import Clock
from core.errors import HoldfastError

MINUTE: Final = 60.0
MOST_KEYS: Final = 20_000


class TooManyTries(HoldfastError):
    """Too many wrong tries came from here, or for this name."""

    code = "too-many-tries"

    def __init__(self, wait_seconds: int) -> None:
        super().__init__("Too many wrong tries.", hint=f"Wait {wait_seconds} seconds, then try again.")
        self.wait_seconds = wait_seconds


class Tries:
    """Remembers tries of the last minute. A try counts until it is forgiven."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._times: dict[str, deque[float]] = {}

    def take(self, *limits: tuple[str, int]) -> float:
        """Count one try under each key and return its mark.

        Raises TooManyTries, and counts nothing, when a key has had its number in the last minute.
        """
        now = self._clock.monotonic()
        with self._lock:
            self._make_room(now)
            for key, most in limits:
                times = self._recent(key, now)
                if len(times) >= most:
                    raise TooManyTries(max(1, round(times[0] + MINUTE - now)))
            for key, _ in limits:
                self._times.setdefault(key, deque()).append(now)
        return now

    def forgive(self, mark: float, *keys: str) -> None:
        """Take back a try that turned out to be right."""
        with self._lock:
            for key in keys:
                times = self._times.get(key)
                if times is not None and mark in times:
                    times.remove(mark)

    def _recent(self, key: str, now: float) -> deque[float]:
        times = self._times.get(key, deque())
        while times and now - times[0] >= MINUTE:
            times.popleft()
        return times

    def _make_room(self, now: float) -> None:
        if len(self._times) >= MOST_KEYS:
            self._times = {key: times for key in self._times if (times := self._recent(key, now))}
