"""What is done before a copy and undone after it: a dump, a service that stands still."""

from collections.abc import Iterator
from contextlib import contextmanager

from core.steps.wishes import StepWishes
from core.work import RunContext


def are_commands(wishes: StepWishes) -> bool:  # noqa: ARG001 - there are no steps yet
    """Tell whether the steps run anything on this machine, which only an admin may ask for."""
    return False


@contextmanager
def around(context: RunContext, wishes: StepWishes) -> Iterator[None]:  # noqa: ARG001 - there are no steps yet
    """Do the steps before, and undo them whatever happens."""
    yield
