"""What was found of runs whose worker is gone: whether a program of theirs lives, ended, was lost, or never began."""

import logging
import shutil
from collections.abc import Callable
from pathlib import Path

from core.attempts import Fate
from core.context import mark_of, programs_of
from core.engines.base import EngineMaker
from core.errors import HoldfastError
from core.models import Run
from core.processes.program import Program, Standing

log = logging.getLogger(__name__)


def fate_of(run: Run, workspace: Path, make_engine: EngineMaker) -> Fate:
    """Return what became of the attempt that a run is in; looks only.

    Where a program was lost but something of it still lives, somebody has to take the run up to make an end of that.
    """
    folders = sorted(path for path in programs_of(workspace, run.attempt).glob("*") if path.is_dir())
    programs = [Program(folder, mark_of(run)) for folder in folders]
    standings = {program.standing() for program in programs}
    if Standing.AT_WORK in standings or any(program.is_haunted() for program in programs):
        return Fate.AT_WORK
    if Standing.LOST in standings:
        return Fate.LOST
    if Standing.OVER in standings:
        return Fate.AT_WORK
    return Fate.NEVER_BEGAN if _does_nothing_else(run, make_engine) else Fate.LOST


def _does_nothing_else(run: Run, make_engine: EngineMaker) -> bool:
    """Tell whether all that a run of this kind does is done by its programs."""
    try:
        return make_engine(run.kind, run.options).uses_programs
    except HoldfastError:
        return False


def clear_up(workspaces: Path, attempt_of: Callable[[str], int | None]) -> int:
    """End programs at work, and remove what others left, that no attempt has need of; returns how many were ended.

    `attempt_of` tells the attempt that a run is at work in; None is not at work, or no such run. What is asked to end
    here makes an end of itself and everything below it.
    """
    ended = 0
    for folder in workspaces.glob("??/*/attempt-*"):
        number = folder.name.removeprefix("attempt-")
        if not number.isdigit() or attempt_of(folder.parent.name) == int(number):
            continue
        programs = [
            Program(path, f"{folder.parent.name}:{number}") for path in folder.glob("*") if path.is_dir()
        ]
        at_work = [program for program in programs if program.standing() is Standing.AT_WORK]
        for program in at_work:
            log.warning(
                "a program of run %s is at work that nobody knows any more; it is ended", folder.parent.name
            )
            program.end()
        if not at_work and attempt_of(folder.parent.name) != int(number):
            shutil.rmtree(folder, ignore_errors=True)
        ended += len(at_work)
    return ended
