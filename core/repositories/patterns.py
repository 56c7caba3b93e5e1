"""Patterns as in .gitignore said to restic with the same meaning, as lines of the file that it reads them from.

restic matches whole paths from the root of the machine on, and a pattern that matches a folder matches all below it. So
each line begins with one `*` for each part of the source's own path, and a pattern for folders alone names what is in
them. What takes files back in (`!`) has other rules in restic: where a pattern cannot be said exactly, the paths that
are left out are listed instead, by `core.repositories.leaving_out`.
"""

import re
from collections.abc import Iterable, Sequence
from itertools import combinations
from pathlib import Path
from typing import Final

MOST_INNER: Final = 3
"""How many `**` a pattern may have within it; each doubles the lines that say it."""

SPECIAL: Final = "\\*?["
CLASS: Final = re.compile(r"\[(?:[A-Za-z0-9_.,+ =@]|(?<=[A-Za-z0-9])-(?=[A-Za-z0-9]))+\]")
RANGE: Final = re.compile(r"(.)-(.)")


class CannotSay(ValueError):
    """A pattern that restic cannot be told exactly."""


def lines_for(source: Path, patterns: Iterable[str]) -> tuple[str, ...]:
    """Return the lines by which restic leaves out of a source what the patterns do; raises CannotSay.

    `source` is the real path, without links, under which restic sees what is in it.
    """
    before = "/" + "*/" * (len(source.parts) - 1)
    return tuple(in_file(before + line) for pattern in patterns for line in _lines_of(pattern))


def literal_line(path: str) -> str:
    """Return the line that leaves out exactly this path, a folder with all in it."""
    return in_file("".join(f"\\{letter}" if letter in SPECIAL else letter for letter in path))


def in_file(line: str) -> str:
    """Return a pattern as it stands in a file: restic puts variables in for $, and takes blanks from its ends."""
    line = line.replace("$", "$$").replace("\n", "?")
    last = line[-1]
    return f"{line[:-1]}[{last}]" if last.isspace() else line


def _lines_of(pattern: str) -> list[str]:
    bare = pattern if pattern.endswith("\\ ") else pattern.rstrip()
    if not bare or bare.startswith("#") or bare == "/":
        return []
    if bare.startswith("!"):
        raise CannotSay(pattern)
    parts = _anchored(bare.split("/"))
    if any(part in {"", ".", ".."} for part in parts):
        raise CannotSay(pattern)
    return ["/".join(variant) for variant in _variants(pattern, [_said(pattern, part) for part in parts])]


def _anchored(parts: list[str]) -> list[str]:
    """Return the parts from the source's root on: a name by itself may be in any folder, one ended by / is a folder's."""
    if not parts[0]:
        parts = parts[1:]
    elif not any(parts[1:]) and len(parts) <= 2:  # noqa: PLR2004 - a name, and one ended by /
        parts = ["**", *parts]
    for_folders = not parts[-1]
    parts = [*parts[:-1], "**"] if for_folders else parts
    parts = [part for index, part in enumerate(parts) if part != "**" or parts[index - 1 : index] != ["**"]]
    if parts == ["**"]:
        return ["*", "*"] if for_folders else ["*"]
    if parts[-1] == "**":  # what is in the folder, and not the folder itself: that may be there, empty
        return [*parts[:-1], "*"]
    return parts


def _variants(pattern: str, parts: Sequence[str]) -> list[list[str]]:
    """Return the parts with and without each `**` after the first one: restic takes the later ones for one folder or more."""
    inner = [index for index, part in enumerate(parts) if part == "**"][1:]
    if len(inner) > MOST_INNER:
        raise CannotSay(pattern)
    return [
        [part for index, part in enumerate(parts) if index not in left_out]
        for count in range(len(inner) + 1)
        for left_out in combinations(inner, count)
    ]


def _said(pattern: str, part: str) -> str:
    """Return one part as restic is told: only what both understand in the same way."""
    said, index = "", 0
    while index < len(part):
        letter = part[index]
        if letter == "\\":
            index += 1
            said += _escaped(part[index])
        elif letter == "[":
            found = CLASS.match(part, index)
            if found is None or any(first > last for first, last in RANGE.findall(found[0])):
                raise CannotSay(pattern)
            said += found[0]
            index = found.end() - 1
        else:
            said += letter
        index += 1
    if not said.isprintable() or said in {".", ".."}:
        raise CannotSay(pattern)
    return said


def _escaped(letter: str) -> str:
    return f"\\{letter}" if letter in SPECIAL else letter
