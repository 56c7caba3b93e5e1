"""A mistake in the file of a job, as a person who edits it wants to be told."""

from zlib import crc32

from core.holdings import Problem
from core.models import Value
from fastapi_app.presenters.store import place_of


class MistakeView(Value, frozen=True, kw_only=True):
    """What is wrong, where, and the line as it stands there."""

    place: str
    message: str
    line: str
    kept: str


def mistake_view(problem: Problem, line: str) -> MistakeView:
    """Return what is wrong with the file."""
    return MistakeView(place=place_of(problem), message=problem.message, line=line, kept=problem.kept or "")


def flaw(problem: Problem | None) -> str:
    """Return what an edition has at its end while the file of the job has this mistake; nothing without one."""
    return f"~{crc32(f'{place_of(problem)}: {problem.message}'.encode()):x}" if problem else ""
