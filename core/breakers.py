"""Keeps runs from burning attempts on a remote or a destination that cannot be reached.

Closed, everything goes on. After three times in a row unreachable it is open: whoever needs it waits. When its time
is up it is half-open: exactly one run may try. If that one does not reach it either, it is open again, for twice as
long. Pure: the manager keeps what comes out, in the same change as the run that it was about.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final, Self

import msgspec
from msgspec.structs import replace

from core.models import Value

THRESHOLD: Final = 3
"""Times in a row that it was not reached."""
FIRST_SPAN: Final = timedelta(seconds=60)
LONGEST_SPAN: Final = timedelta(minutes=30)


class BreakerState(StrEnum):
    """Whether runs that need what is guarded may begin."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"


class Breaker(Value, frozen=True, kw_only=True, omit_defaults=True):
    """What is known of one remote or destination; without anything, it can be reached.

    `failures` counts how often in a row it was not, `opened` how often in a row the breaker opened, `opened_at` and
    `until` are of the last time. `probe` is the run that tries, `message` the last error.
    """

    failures: int = 0
    opened: int = 0
    opened_at: datetime | None = None
    until: datetime | None = None
    probe: str = ""
    message: str = ""

    @classmethod
    def of(cls, kept: Mapping[str, Any] | None) -> Self:
        """Return the breaker that was kept; a closed one where nothing was, or nothing that can be read."""
        try:
            return msgspec.convert(dict(kept or {}), cls)
        except msgspec.ValidationError:
            return cls()

    def mapping(self) -> dict[str, Any] | None:
        """Return what is to be kept; None where there is nothing to remember."""
        kept: dict[str, Any] = msgspec.to_builtins(self)
        return kept or None

    def state(self, now: datetime) -> BreakerState:
        """Return the state it is in.

        A clock that was set back to before it opened must not keep it open for longer than was promised.
        """
        if self.opened_at is None or self.until is None:
            return BreakerState.CLOSED
        if self.opened_at <= now < self.until:
            return BreakerState.OPEN
        return BreakerState.HALF_OPEN

    def holds(self, run_id: str, now: datetime) -> bool:
        """Tell whether the run has to wait: while open, and while another one probes."""
        state = self.state(now)
        if state == BreakerState.HALF_OPEN:
            return self.probe not in {"", run_id}
        return state == BreakerState.OPEN

    def probed(self, run_id: str) -> Self:
        """Have this run be the one that tries, unless it is closed or another one tries already."""
        return self if self.until is None or self.probe else replace(self, probe=run_id)

    def failed(self, run_id: str, message: str, now: datetime) -> Self:
        """The run could not reach it.

        While it is open, or another one probes, that is news of an attempt that began before, and changes no state.
        """
        if self.probe != run_id and self.holds(run_id, now):
            return replace(self, message=message)
        failures = self.failures + 1
        if self.until is None and failures < THRESHOLD:
            return replace(self, failures=failures, message=message)
        span = min(LONGEST_SPAN, FIRST_SPAN * 2 ** min(self.opened, 10))
        return type(self)(
            failures=failures, opened=self.opened + 1, opened_at=now, until=now + span, message=message
        )

    def succeeded(self, run_id: str) -> Self:  # noqa: ARG002 - whoever reached it, it can be reached
        """The run reached it: closed, with nothing to remember."""
        return type(self)()

    def let_go(self, run_id: str) -> Self:
        """The run ended without telling whether it can be reached; if it probed, another one may."""
        return replace(self, probe="") if self.probe == run_id else self
