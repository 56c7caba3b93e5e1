"""What is left out, in the words of gitignore."""

import re
from collections.abc import Sequence

import pathspec


class BadPattern(ValueError):
    """A line that is not a gitignore pattern."""

    def __init__(self, pattern: str) -> None:
        super().__init__(f"{pattern!r} is not a pattern.")
        self.pattern = pattern


class Patterns:
    """Decides by the last pattern that matches; a pattern that begins with ! takes back in."""

    def __init__(self, lines: Sequence[str]) -> None:
        for line in lines:
            check_pattern(line)
        self._spec = pathspec.GitIgnoreSpec.from_lines(lines)

    def leave_out(self, path: str, *, folder: bool) -> bool:
        """Tell whether the path, relative to the root, is left out, a folder with all in it."""
        # To the matcher a newline ends the name; a letter that no name has stands in for it.
        path = path.replace("\n", "\0")
        return self._spec.match_file(path + "/" if folder else path)


def check_pattern(line: str) -> None:
    """Raise BadPattern unless the line is one that decides something."""
    bare = line.strip()
    if not bare or bare.startswith("#") or "\n" in line or "\0" in line:
        raise BadPattern(line)
    try:
        pathspec.GitIgnoreSpec.from_lines([line])
    except (ValueError, re.error) as error:
        raise BadPattern(line) from error


def lines_for(exclude: Sequence[str], include: Sequence[str]) -> tuple[str, ...]:
    """Return the lines that leave out `exclude` and take `include` back in."""
    return (*exclude, *(f"!{pattern}" for pattern in include))
