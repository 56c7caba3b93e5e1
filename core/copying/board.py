"""A page of memory that the slot's thread and its crew share, for what changes all the time.

How far each member is, whether everybody is to stop, and how fast a member may go are read and
written without a message, between two chunks of a file.
"""

import mmap
import os
from typing import Final

MEMBERS: Final = 16
CELL: Final = 8
STOP, RATE, FIRST_SEAT = 0, 1, 2


class Board:
    """Numbers in shared memory: a stop flag, a rate, and two counters for each seat."""

    def __init__(self, handle: int | None = None) -> None:
        size = (FIRST_SEAT + 2 * MEMBERS) * CELL
        if handle is None:
            handle = os.memfd_create("holdfast-board")
            os.truncate(handle, size)
        self.handle = handle
        self._memory = mmap.mmap(handle, size)
        self._cells = memoryview(self._memory).cast("Q")

    @property
    def stop(self) -> bool:
        """Tell whether everybody is asked to stop."""
        return self._cells[STOP] != 0

    @stop.setter
    def stop(self, wanted: bool) -> None:
        self._cells[STOP] = int(wanted)

    @property
    def rate(self) -> int:
        """Return the bytes a second each member may move; 0 is as fast as it can."""
        return self._cells[RATE]

    @rate.setter
    def rate(self, bytes_per_second: int) -> None:
        self._cells[RATE] = bytes_per_second

    def add(self, seat: int, moved_bytes: int, files: int) -> None:
        """Count what a member has done since the count began."""
        place = FIRST_SEAT + 2 * seat
        self._cells[place] += moved_bytes
        self._cells[place + 1] += files

    def clear(self) -> None:
        """Begin to count anew; nobody may be at work."""
        for place in range(FIRST_SEAT, len(self._cells)):
            self._cells[place] = 0

    def counted(self) -> tuple[int, int]:
        """Return the bytes and files that all members have done since the count began."""
        cells = self._cells
        return sum(cells[FIRST_SEAT::2]), sum(cells[FIRST_SEAT + 1 :: 2])

    def close(self) -> None:
        """Let go of the memory."""
        self._cells.release()
        self._memory.close()
        os.close(self.handle)
