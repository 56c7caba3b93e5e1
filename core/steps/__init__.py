"""What is done before a copy and undone after it: a dump, a service that stands still."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from core.steps import doing
from core.steps.doing import Done
from core.steps.kinds import Step
from core.steps.undoing import recover
from core.steps.wishes import StepWishes
from core.steps.words import as_text
from core.work import RunContext

__all__ = ["Done", "StepWishes", "are_commands", "around", "as_text", "problems", "recover"]


def are_commands(wishes: StepWishes) -> bool:
    """Tell whether the steps run anything on this machine, or name anything, that only an admin may ask for."""
    return any(step.needs_admin for step in wishes.steps)


@contextmanager
def around(context: RunContext, wishes: StepWishes) -> Iterator[Done]:
    """Do the steps before, and undo them whatever happens."""
    with doing.around(context, wishes.steps) as done:
        yield done


def problems(wishes: StepWishes, source: Path) -> Mapping[str, str]:
    """Return what is wrong with the steps of a job that copies this source, by option."""
    for number, step in enumerate(wishes.steps, start=1):
        if problem := _problem_of(step, source):
            return {"steps": f"Step {number}: {problem}"}
    return {}


def _problem_of(step: Step, source: Path) -> str:
    dump = step.dump
    if dump is None:
        return ""
    if getattr(step, "database", None) == dump:
        return f"{dump} is the database itself."
    folder, root = (Path(os.path.realpath(path)) for path in (dump.parent, source))
    if not folder.is_relative_to(root):
        return f"{dump} must lie below the source, or it is not copied."
    if not folder.is_dir():
        return f"There is no folder {dump.parent}. Make it first."
    if dump.is_symlink() or (dump.exists() and not dump.is_file()):
        return f"{dump} is there already and is no file that can be replaced."
    return ""
