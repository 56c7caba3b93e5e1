"""Keeps a member of the crew from moving more bytes a second than it may."""

import time
from typing import Final

from core.copying.board import Board
from core.copying.troubles import Halted

CHUNK: Final = 8 << 20
SMALLEST_CHUNK: Final = 64 << 10
CHUNK_SECONDS: Final = 0.2
LONGEST_NAP: Final = 0.05


class Pace:
    """Says how large the next chunk is, counts it, and waits where a rate is set.

    A chunk is as large as what moves in a fifth of a second, so that a slow disk or a low rate
    does not make the crew deaf to being stopped.
    """

    def __init__(self, board: Board, seat: int) -> None:
        self.board = board
        self.seat = seat
        self._chunk = CHUNK
        self._began = time.monotonic()
        self._due = 0.0

    def chunk(self) -> int:
        """Return the size of the next chunk. Raises Halted when everybody is to stop."""
        if self.board.stop:
            raise Halted
        self._began = time.monotonic()
        rate = self.board.rate
        if rate:
            return max(1, min(self._chunk, max(SMALLEST_CHUNK, int(rate * CHUNK_SECONDS))))
        return self._chunk

    def moved(self, size: int, files: int = 0) -> None:
        """Count what was moved, and wait as long as the rate asks."""
        self.counted(size, files)
        self.hold_back(size)
        if size >= SMALLEST_CHUNK:
            self._adapt(size)

    def counted(self, size: int, files: int = 0) -> None:
        """Count what needed no moving."""
        self.board.add(self.seat, size, files)

    def hold_back(self, size: int) -> None:
        """Wait as long as the rate asks after that many bytes."""
        rate = self.board.rate
        if rate and size:
            self._wait(size / rate)

    def _adapt(self, size: int) -> None:
        seconds = time.monotonic() - self._began
        if seconds > CHUNK_SECONDS and self._chunk > SMALLEST_CHUNK:
            self._chunk //= 2
        elif size == self._chunk and seconds < CHUNK_SECONDS / 4 and self._chunk < CHUNK:
            self._chunk *= 2

    def _wait(self, seconds: float) -> None:
        now = time.monotonic()
        self._due = max(self._due, now - CHUNK_SECONDS) + seconds
        while (left := self._due - time.monotonic()) > 0:
            if self.board.stop:
                raise Halted
            time.sleep(min(left, LONGEST_NAP))
        self._began = time.monotonic()


class Uncounted(Pace):
    """The same pace for bytes that are read beside the count, such as a second look at a source."""

    def __init__(self, pace: Pace) -> None:
        super().__init__(pace.board, pace.seat)

    def counted(self, size: int, files: int = 0) -> None:
        """Count nothing."""
