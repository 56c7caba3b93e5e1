"""What is done before a copy and undone after it: a dump, a service that stands still."""

from collections.abc import Iterator
from contextlib import contextmanager

from msgspec.structs import replace

from core.steps.wishes import StepWishes
from core.work import Copied, RunContext


class Done:
    """What the steps of a run have to tell."""

    def __init__(self) -> None:
        self.warnings: list[str] = []

    def told(self, copied: Copied) -> Copied:
        """Return what was copied, with the warnings of the steps."""
        return replace(copied, warnings=(*self.warnings, *copied.warnings))


def are_commands(wishes: StepWishes) -> bool:  # noqa: ARG001 - there are no steps yet
    """Tell whether the steps run anything on this machine, which only an admin may ask for."""
    return False


@contextmanager
def around(context: RunContext, wishes: StepWishes) -> Iterator[Done]:  # noqa: ARG001 - there are no steps yet
    """Do the steps before, and undo them whatever happens."""
    yield Done()
