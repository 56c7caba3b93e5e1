"""Whether the clock can be trusted: it must not lie behind what was noted by it, nor run otherwise than time does."""

import time
from datetime import UTC, datetime
from typing import Final, Protocol

from core.models import Value
from core.processes.descent import boot_id
from core.spans import span

SECOND: Final = 1_000_000_000
SLACK_SECONDS: Final = 120
"""How far a clock may be put right within a run without a word."""


class Clocks(Protocol):
    """The time of day, and the time since the machine started."""

    def wall_ns(self) -> int:
        """Return the time of day, in nanoseconds."""
        ...

    def boot_ns(self) -> int:
        """Return nanoseconds since the machine started, sleep included; nobody sets this clock."""
        ...

    def boot(self) -> str:
        """Return what tells this start of the machine from every other."""
        ...


class SystemClocks:
    """The machine's own."""

    def wall_ns(self) -> int:
        """Return the time of day."""
        return time.time_ns()

    def boot_ns(self) -> int:
        """Return nanoseconds since the machine started."""
        return time.clock_gettime_ns(time.CLOCK_BOOTTIME)

    def boot(self) -> str:
        """Return which start of the machine this is."""
        return boot_id()


class Reading(Value, frozen=True, kw_only=True):
    """What all clocks said at one moment."""

    wall_ns: int
    boot_ns: int
    boot: str


def reading_of(clocks: Clocks) -> Reading:
    """Read the clocks."""
    return Reading(wall_ns=clocks.wall_ns(), boot_ns=clocks.boot_ns(), boot=clocks.boot())


def trouble_between(began: Reading | None, newest_ns: int, now: Reading) -> str:
    """Return what is wrong with the clock, in words; empty where nothing is.

    `began` is when the run did, `newest_ns` the time that the newest run of the job before it noted; 0 is none.
    """
    behind = newest_ns - now.wall_ns
    if behind > SLACK_SECONDS * SECOND:
        return (
            f"The clock says {_told(now.wall_ns)}, {span(behind / SECOND)} before the time at which "
            "the newest run of this job ended. One of the two is wrong."
        )
    if began is None or began.boot != now.boot:
        return ""
    jumped = (now.wall_ns - began.wall_ns) - (now.boot_ns - began.boot_ns)
    if abs(jumped) > SLACK_SECONDS * SECOND:
        way = "forwards" if jumped > 0 else "backwards"
        return f"The clock jumped {way} by {span(abs(jumped) / SECOND)} while the run was at work."
    return ""


def _told(wall_ns: int) -> str:
    return f"{datetime.fromtimestamp(wall_ns / SECOND, UTC):%Y-%m-%d %H:%M} UTC"
