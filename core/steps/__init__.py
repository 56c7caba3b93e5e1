"""What is done before a copy and undone after it: a dump, a service that stands still."""

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from core.steps import doing
from core.steps.doing import Done
from core.steps.kinds import DumpSqlite
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
    databases = [step.database for step in wishes.steps if isinstance(step, DumpSqlite)]
    dumps: set[str] = set()
    for number, step in enumerate(wishes.steps, start=1):
        if step.dump is None:
            continue
        place = os.path.realpath(step.dump)
        problem = f"{step.dump} is the dump of an earlier step." if place in dumps else ""
        if problem := problem or _problem_of(step.dump, source, databases):
            return {"steps": f"Step {number}: {problem}"}
        dumps.add(place)
    return {}


def _problem_of(dump: Path, source: Path, databases: Sequence[Path]) -> str:
    if any(_is_same(dump, database) for database in databases):
        return f"{dump} is the database itself."
    folder, root = (Path(os.path.realpath(path)) for path in (dump.parent, source))
    if not folder.is_relative_to(root):
        return f"{dump} must lie below the source, or it is not copied."
    if not folder.is_dir():
        return f"There is no folder {dump.parent}. Make it first."
    if dump.is_symlink() or (dump.exists() and not dump.is_file()):
        return f"{dump} is there already and is no file that can be replaced."
    return ""


def _is_same(one: Path, other: Path) -> bool:
    """Tell whether two names are of one file, whatever links lead to it."""
    try:
        return one == other or one.samefile(other)
    except OSError:
        return False
