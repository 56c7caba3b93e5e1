"""Lines that a shell would run, taken apart without running anything; whatever only a shell could know is refused."""

import re
import shlex
from collections.abc import Iterator
from typing import Final

from core.imports.values import NotUnderstood

QUOTED: Final = re.compile(r"'[^']*'|\"(?:[^\"\\]|\\.)*\"|\\.", re.DOTALL)
SINGLE: Final = re.compile(r"'[^']*'|\\.", re.DOTALL)
EXPANDED: Final = re.compile(r"[$`]")
REDIRECTED: Final = re.compile(r"(?<!\S)(?:\d|&)?>>?\s*(?:&\d|[^\s|;&<>]+)|(?<!\S)<\s*/dev/null(?!\S)")
BETWEEN: Final = re.compile(r"&&|\|\||;|\|")
ODD: Final = re.compile(r"[&()<>{}]|(?<!\S)~|[*?\[]")
NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")
LONGEST_LINE: Final = 10_000
"""Letters of a line that is taken apart: many times what people write, and little enough to be done at once."""

WATCHERS: Final = frozenset({"logger", "tee", "mail", "mailx", "ts", "grep", "cat", "systemd-cat"})
"""What may stand behind a pipe: it hears what a program says and has no part in what it does."""


def masked(line: str, quotes: re.Pattern[str] = QUOTED) -> str:
    """Return the line with as many letters, and an x for each that is quoted."""
    return quotes.sub(lambda match: "x" * len(match[0]), line)


def commands_in(line: str) -> Iterator[tuple[str, ...]]:
    """Yield the words of each command of a line; raises NotUnderstood."""
    _check_length(line)
    if EXPANDED.search(masked(line, SINGLE)):
        raise NotUnderstood("it has $ or ` in it, which only a shell could resolve")
    line = _without_redirections(line)
    mask, start = masked(line), 0
    behind_pipe = False
    for match in [*BETWEEN.finditer(mask), None]:
        end = len(line) if match is None else match.start()
        words = _words(line[start:end], mask[start:end])
        if behind_pipe and (not words or words[0].rpartition("/")[2] not in WATCHERS):
            raise NotUnderstood("what one program says goes into another")
        if words and not behind_pipe:
            yield words
        behind_pipe = match is not None and match[0] == "|"
        start = len(line) if match is None else match.end()


def _check_length(line: str) -> None:
    if len(line) > LONGEST_LINE:
        raise NotUnderstood(f"it is longer than {LONGEST_LINE:,} letters")


def _without_redirections(line: str) -> str:
    mask = masked(line)
    for match in reversed(list(REDIRECTED.finditer(mask))):
        line = line[: match.start()] + line[match.end() :]
    return line


def _words(text: str, mask: str) -> tuple[str, ...]:
    if ODD.search(mask):
        raise NotUnderstood("it has a wildcard, a ~ or brackets, which only a shell could resolve")
    try:
        return tuple(shlex.split(text))
    except ValueError:
        raise NotUnderstood("its quotes do not match") from None


def assignment_in(line: str) -> tuple[str, str] | None:
    """Return the name and the value that a line of a file of variables sets; None for one that says nothing.

    Raises NotUnderstood.
    """
    _check_length(line)
    bare = line.strip().removeprefix("export ").strip()
    if not bare or bare.startswith("#"):
        return None
    name, equals, value = bare.partition("=")
    if not equals or not NAME.match(name):
        raise NotUnderstood("it is not of the form NAME=value")
    if EXPANDED.search(masked(value, SINGLE)):
        raise NotUnderstood(f"the value of {name} has $ or ` in it, which only a shell could resolve")
    try:
        words = shlex.split(value, comments=True)
    except ValueError:
        raise NotUnderstood(f"the quotes of {name} do not match") from None
    if len(words) > 1:
        raise NotUnderstood(f"the value of {name} is followed by something else")
    return name, words[0] if words else ""
