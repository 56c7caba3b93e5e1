"""What was found of runs whose worker is gone: whether a program of theirs lives, ended, was lost, or never began."""

from pathlib import Path

from core.attempts import Fate
from core.context import mark_of, programs_of
from core.engines.base import EngineMaker
from core.errors import HoldfastError
from core.models import Run
from core.processes.program import Program, Standing


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
