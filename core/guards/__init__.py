"""What makes a run stop and ask before it does harm: a source that shrank, a disk that is not there, a clock that jumped."""

from pathlib import Path

from core.destinations.known import Target
from core.guards.wishes import GuardWishes
from core.work import Copied, RunContext


def before(context: RunContext, wishes: GuardWishes, source: Path, target: Target) -> None:
    """Look at both sides before anything is written; raises RunHeld where a person has to decide."""


def after(context: RunContext, wishes: GuardWishes, copied: Copied) -> None:
    """Look at what the program did, and note it for the runs to come; raises RunHeld where a person has to decide."""
