"""The life of a run: one table of states and moves, pure."""

from enum import StrEnum
from typing import Final

from core.errors import WrongState


class RunState(StrEnum):
    """Where a run stands."""

    SCHEDULED = "scheduled"
    BLOCKED = "blocked"
    QUEUED = "queued"
    RUNNING = "running"
    PAUSING = "pausing"
    PAUSED = "paused"
    CANCELLING = "cancelling"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"
    SKIPPED = "skipped"


S = RunState

MOVES: Final[dict[RunState, frozenset[RunState]]] = {
    S.SCHEDULED: frozenset({S.QUEUED, S.CANCELLED, S.SKIPPED}),
    S.BLOCKED: frozenset({S.QUEUED, S.CANCELLED, S.SKIPPED}),
    S.QUEUED: frozenset({S.RUNNING, S.CANCELLED, S.SKIPPED}),
    S.RUNNING: frozenset(
        {S.COMPLETED, S.SCHEDULED, S.FAILED, S.CANCELLING, S.PAUSING, S.QUEUED},
    ),
    S.PAUSING: frozenset({S.PAUSED, S.COMPLETED, S.FAILED, S.CANCELLING}),
    S.PAUSED: frozenset({S.QUEUED, S.CANCELLED}),
    S.CANCELLING: frozenset({S.CANCELLED, S.COMPLETED}),
    S.COMPLETED: frozenset(),
    S.FAILED: frozenset(),
    S.CANCELLED: frozenset(),
    S.SKIPPED: frozenset(),
}

FINAL: Final = frozenset(state for state, moves in MOVES.items() if not moves)
AT_WORK: Final = frozenset({S.RUNNING, S.PAUSING, S.CANCELLING})
"""States in which an engine holds a slot."""


def is_final(state: RunState) -> bool:
    """Tell whether nothing leaves this state."""
    return state in FINAL


def check_move(current: RunState, wanted: RunState) -> None:
    """Raise WrongState unless the table allows the move."""
    if wanted not in MOVES[current]:
        message = f"A run that is {current} cannot become {wanted}."
        raise WrongState(message)
