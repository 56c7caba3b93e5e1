"""The line that a problem is about, for who is to mend it."""

from itertools import islice
from pathlib import Path
from typing import Final

from core.storage.base import Problem

LONGEST: Final = 200
MOST_READ: Final = 1_000_000


def line_of(data: Path, problem: Problem) -> str:
    """Return the text of the line that the problem names, as it is in the file now; nothing where it is not.

    A long line is cut where the problem stands in it.
    """
    if problem.line is None:
        return ""
    try:
        path = (data / problem.path).resolve()
        if not path.is_relative_to(data.resolve()):
            return ""
        with path.open("rb") as file:
            lines = file.read(MOST_READ).splitlines()
    except OSError:
        return ""
    line = next(islice(lines, problem.line - 1, None), b"").decode("utf-8", "replace")
    if len(line) <= LONGEST:
        return line
    begin = max(0, min((problem.column or 1) - LONGEST // 2, len(line) - LONGEST))
    return (
        f"{'…' if begin else ''}{line[begin : begin + LONGEST]}{'…' if begin + LONGEST < len(line) else ''}"
    )
