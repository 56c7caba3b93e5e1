"""What makes a run stop and ask before it does harm: a source that shrank, a disk that is not there, a clock that jumped."""

from pathlib import Path
from typing import Final

from core.destinations.known import Target
from core.guards.wishes import GuardWishes
from core.work import Copied, RunContext

NEVER_COPIED: Final = ("/.holdfast-destination", "/.holdfast-source")
"""Markers at the roots of both sides, as lines of a .gitignore: each says what its own folder is."""


def before(
    context: RunContext, wishes: GuardWishes, source: Path, target: Target, *, patterns: tuple[str, ...] = ()
) -> None:
    """Look at both sides before anything is written.

    Raises RunHeld where a person has to decide, EngineFailed where nothing can be copied.
    """


def allowance(context: RunContext, wishes: GuardWishes) -> int | None:
    """Return how many files a mirror may remove without asking, for the program's own limit; None is as many as it likes."""
    return None


def hold_removals(context: RunContext, wishes: GuardWishes, *, allowed: int, wanted: int | None = None) -> None:
    """Raise RunHeld as a mirror would remove more than it is allowed; `wanted` is how many, where that is known."""


def clock_is_sane(context: RunContext) -> bool:
    """Tell whether the clock can be trusted with deleting: it neither jumped in this run nor is behind an earlier one."""
    return True


def after(
    context: RunContext, wishes: GuardWishes, source: Path, target: Target, copied: Copied
) -> Copied:
    """Look at what the program did and note it for the runs to come; returns it with the warnings of the guards.

    Raises RunHeld where a person has to decide before anything is proved or deleted.
    """
    return copied
