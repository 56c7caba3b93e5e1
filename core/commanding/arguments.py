"""The arguments of a program: a list, and how people write one."""

import json
import re
import shlex
from collections.abc import Sequence
from typing import Any, Final

MOST_ARGUMENTS: Final = 1_000
LONGEST_ARGUMENT: Final = 100_000
MOST_CHARACTERS: Final = 500_000
"""Well below what Linux takes: 128 KiB for one argument, 2 MiB with the environment."""

LINE_ENDS: Final = re.compile(r"\r\n|\n|\r")


def entered(value: Any) -> Any:  # noqa: ANN401 - whatever was sent; the list's own type is checked after this
    """Return a text as the list it stands for; raises ValueError where a quotation mark is not closed.

    One line is split at its spaces as a shell would, with quotation marks and backslashes, and nothing in it is
    replaced: no variables, no wildcards, no pipes. Of several lines each is one argument as it stands; one in double
    quotation marks is read as JSON, for an argument that is empty or has line ends.
    """
    if not isinstance(value, str):
        return value
    lines = LINE_ENDS.split(value.strip("\r\n"))
    if len(lines) > 1:
        return [_argument(line) for line in lines if line]
    try:
        return shlex.split(lines[0])
    except ValueError:
        raise ValueError("A quotation mark or a backslash at the end has no partner.") from None


def _argument(line: str) -> str:
    if line.startswith('"'):
        try:
            read = json.loads(line)
        except ValueError:
            return line
        return read if isinstance(read, str) else line
    return line


def as_text(arguments: Sequence[str]) -> str:
    """Return the list as a text that `entered` makes the same list of."""
    if len(arguments) < 2:  # noqa: PLR2004 - a single line would be split
        return shlex.join(arguments)
    return "\n".join(map(_line, arguments))


def _line(argument: str) -> str:
    odd = not argument or argument.startswith('"') or LINE_ENDS.search(argument)
    return json.dumps(argument, ensure_ascii=False) if odd else argument


def checked(arguments: tuple[str, ...]) -> tuple[str, ...]:
    """Return the arguments if a program can be given them; raises ValueError, saying what is wrong."""
    if not arguments:
        raise ValueError("Name a program, and then its arguments.")
    if len(arguments) > MOST_ARGUMENTS:
        message = f"These are {len(arguments):,} arguments; {MOST_ARGUMENTS:,} at most. Put them into a file that the program reads."
        raise ValueError(message)
    if not arguments[0].strip():
        raise ValueError("The first argument is the program; it cannot be empty.")
    for number, argument in enumerate(arguments, start=1):
        if problem := problem_of_text(argument):
            message = f"Argument {number} {problem}"
            raise ValueError(message)
        if len(argument) > LONGEST_ARGUMENT:
            message = f"Argument {number} has {len(argument):,} characters; {LONGEST_ARGUMENT:,} at most. Give it as input instead."
            raise ValueError(message)
    if sum(map(len, arguments)) > MOST_CHARACTERS:
        message = f"These arguments have more than {MOST_CHARACTERS:,} characters together. Put them into a file that the program reads."
        raise ValueError(message)
    return arguments


def problem_of_text(text: str) -> str:
    """Return why no program can be given this text; empty where one can."""
    if "\0" in text:
        return "has a NUL in it, which no program can be given."
    if any("\ud800" <= letter <= "\udfff" for letter in text):
        return "has half a character in it."
    return ""


def in_words(arguments: Sequence[str], longest: int = 300) -> str:
    """Return the command as one would type it, cut where it is too long to read."""
    text = shlex.join(arguments)
    return text if len(text) <= longest else f"{text[:longest]}…"
