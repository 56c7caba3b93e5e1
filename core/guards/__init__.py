"""What makes a run stop and ask before it does harm: a source that shrank, a disk that is not there, a clock that jumped."""

from typing import Final, NoReturn

from core.guards import holding
from core.guards.clocks import Clocks, SystemClocks, reading_of, trouble_between
from core.guards.looking import SOURCE_MARKER
from core.guards.memory import remembered, state_of
from core.guards.rounds import Round, Sides
from core.guards.usual import REMOVED_LEAST
from core.guards.wishes import GuardWishes
from core.work import Copied, RunContext

NEVER_COPIED: Final = ("/.holdfast-destination", f"/{SOURCE_MARKER}")
"""Markers at the roots of both sides, as lines of a .gitignore: each says what its own folder is."""

CLOCKS: Final = SystemClocks()

__all__ = [
    "NEVER_COPIED",
    "Sides",
    "after",
    "allowance",
    "before",
    "clock_is_sane",
    "clock_trouble",
    "hold_removals",
]


def before(context: RunContext, wishes: GuardWishes, sides: Sides, *, clocks: Clocks = CLOCKS) -> None:
    """Look at both sides before anything is written.

    Raises RunHeld where a person has to decide, EngineFailed where nothing can be copied. An attempt that was let
    pass is not held again when a restart takes it up: its program may be at work.
    """
    Round(context, wishes, sides, clocks).begin()


def allowance(context: RunContext, wishes: GuardWishes) -> int | None:
    """Return how many files a mirror may remove without asking, for the program's own limit; None is as many as it likes.

    Where what was found before the program is lost, it may remove the least.
    """
    if not wishes.guard_changes:
        return None
    state = state_of(context)
    return state.allowed if state.passed == context.attempt else REMOVED_LEAST


def hold_removals(context: RunContext, *, allowed: int, wanted: int | None = None) -> NoReturn:
    """Raise RunHeld as a mirror would remove more than it is allowed; `wanted` is how many, where that is known."""
    holding.hold_removals(context, allowed, wanted)


def clock_is_sane(context: RunContext, *, clocks: Clocks = CLOCKS) -> bool:
    """Tell whether the clock can be trusted with deleting: it neither jumped in this run nor is behind an earlier one."""
    return not clock_trouble(context, clocks=clocks)


def clock_trouble(context: RunContext, *, clocks: Clocks = CLOCKS) -> str:
    """Return what is wrong with the clock, in words; empty where nothing is."""
    return trouble_between(state_of(context).began, remembered(context).ended_ns, reading_of(clocks))


def after(
    context: RunContext, wishes: GuardWishes, sides: Sides, copied: Copied, *, clocks: Clocks = CLOCKS
) -> Copied:
    """Look at what the program did and note it for the runs to come; returns it with the warnings of the guards.

    Raises RunHeld where a person has to decide before anything is proved or deleted.
    """
    return Round(context, wishes, sides, clocks).end(copied)
