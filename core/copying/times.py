"""Which times of files are equal, at a destination that cannot hold every time."""

from typing import Final

import msgspec

SECOND: Final = 1_000_000_000
# Beyond any file system's times, and yet numbers that every message can carry.
FIRST_SECOND: Final = -(1 << 40)
LAST_SECOND: Final = 1 << 40


class Times(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """How finely a file system tells times, in nanoseconds, and which it can hold, in seconds."""

    grain_ns: int = 1
    earliest: int = FIRST_SECOND
    latest: int = LAST_SECOND

    def same(self, source_ns: int, destination_ns: int) -> bool:
        """Tell whether a time at the destination is what the one at the source becomes there."""
        if source_ns == destination_ns:
            return True
        return self._kept(source_ns) == self._kept(destination_ns)

    def _kept(self, time_ns: int) -> int:
        held = min(max(time_ns, self.earliest * SECOND), self.latest * SECOND)
        return held // self.grain_ns
