"""What a schedule makes now, of what came due since it was last looked at. Pure."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from core.models import Job, Run, Value

Draw = Callable[[float, float], float]


class Firing(Value, frozen=True, kw_only=True):
    """What there is to go by: the job, what its register has, and its runs that are not over.

    `at_start` is said once, when Holdfast starts.
    """

    job: Job
    kept: Mapping[str, Any] | None
    now: datetime
    begun: Run | None = None
    waiting: Run | None = None
    at_start: bool = False


class Due(Value, frozen=True, kw_only=True):
    """A run to be made: for which due time, None for a start of Holdfast, and when it may begin."""

    slot_at: datetime | None
    due_at: datetime


class Fired(Value, frozen=True, kw_only=True):
    """What becomes of it: a run or none, the run to be cancelled for it, and what the register has from now on.

    `said` is in words what was left out, and why.
    """

    kept: Mapping[str, Any] | None
    run: Due | None = None
    cancels: str = ""
    said: tuple[str, ...] = ()


def fired(firing: Firing, draw: Draw) -> Fired:
    """Return what the schedule makes now."""
    return Fired(kept=firing.kept)
