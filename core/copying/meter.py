"""How far, how fast, how long still."""

import time
from collections import deque
from collections.abc import Callable
from typing import Final

from core.models import Progress

WINDOW_SECONDS: Final = 5.0
FEWEST: Final = 2


class Meter:
    """Turns what has been counted into progress that never goes back within a stage."""

    def __init__(self, stage: str, total_bytes: int, total_files: int, floor: float = 0.0) -> None:
        self._stage = stage
        self._by_bytes = total_bytes > 0
        self._total = total_bytes if self._by_bytes else total_files
        self._total_files = total_files
        self._floor = floor
        self._samples: deque[tuple[float, int]] = deque()

    def progress(
        self, done_bytes: int, done_files: int, seconds_after: Callable[[float], float] | None
    ) -> Progress:
        """Return where the stage stands.

        `seconds_after` says how long what comes after it takes at so many bytes a second; None:
        nothing does.
        """
        done = min(done_bytes if self._by_bytes else done_files, self._total)
        percent = 100.0 * done / self._total if self._total else 100.0
        if percent < self._floor:
            percent, done = self._floor, int(self._total * self._floor / 100)
        self._floor = percent
        rate = self._rate(done)
        return Progress(
            stage=self._stage,
            percent=round(percent, 2),
            done=done,
            total=self._total,
            unit="bytes" if self._by_bytes else "files",
            rate=rate,
            eta_seconds=self._seconds_left(done, rate, seconds_after),
            message=f"{min(done_files, self._total_files):,} of {self._total_files:,} files",
        )

    def _seconds_left(
        self, done: int, rate: float | None, seconds_after: Callable[[float], float] | None
    ) -> float | None:
        if rate is None:
            return None
        left = (self._total - done) / rate
        if seconds_after is None:
            return left
        # Files a second say nothing about the bytes to come.
        return left + seconds_after(rate) if self._by_bytes else None

    def _rate(self, done: int) -> float | None:
        now = time.monotonic()
        self._samples.append((now, done))
        while now - self._samples[0][0] > WINDOW_SECONDS and len(self._samples) > FEWEST:
            self._samples.popleft()
        since, begun = self._samples[0]
        return (done - begun) / (now - since) if now > since and done > begun else None
