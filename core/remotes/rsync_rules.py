"""Names to leave out, said in rsync's own filter rules so that it takes exactly what our patterns take.

rsync asks its rules in order and the first that matches counts; ours ask in order and the last counts, where a pattern
that names the very file counts before one that names a folder above it. So the rules are written the other way round:
first all that can be said of folders, closed by one that takes every other folder, then all that can be said of files.
"""

import itertools
import re
import shlex
import warnings
from collections.abc import Iterable, Iterator, Sequence
from enum import Enum
from functools import cache
from typing import Final, NamedTuple

from core.copying.patterns import BadPattern

MOST_FORMS: Final = 256
"""Rules that one pattern may become: each ? is one letter for us, and one to four bytes for rsync."""

MOST_LETTERS: Final = 64
LONGEST_RULE: Final = 4_000
ASCII: Final = 128
CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]")
IN_CLASS: Final = frozenset("\\]^!-[")
LITERALS: Final = {"*": "[*]", "?": "[?]", "[": "[[]", "\\": "[\\\\]"}
BEYOND: Final = (
    "[\udcc2-\udcdf][\udc80-\udcbf]",
    "[\udce0-\udcef][\udc80-\udcbf][\udc80-\udcbf]",
    "[\udcf0-\udcf4][\udc80-\udcbf][\udc80-\udcbf][\udc80-\udcbf]",
)
"""A letter beyond ASCII in the bytes of UTF-8; each is written as Python writes a byte that is no text."""

ANY_BUT: Final = "[^{}\udc80-\udcff]"
"""A letter of ASCII other than some, and not the slash, which no class of rsync takes."""

DEEP: Final = "**"
EVERY_FOLDER, EVERYTHING, BELOW_THE_TOP = "*/", "*", "/*/**"


class _TooMany(Exception):
    """It would become more rules than is good."""


class NotForRsync(BadPattern):
    """A pattern that rsync cannot be told exactly."""

    def __init__(self, pattern: str, why: str) -> None:
        super().__init__(pattern)
        self.args = (f"rsync cannot be told {pattern!r}: {why}.",)


class _Rules(NamedTuple):
    """The rules of one pattern by when they are asked."""

    folders_first: tuple[str, ...] = ()
    folders: tuple[str, ...] = ()
    files_first: tuple[str, ...] = ()
    files: tuple[str, ...] = ()


class _Means(Enum):
    """What a pattern says by how it ends."""

    NAME = "a file, or a folder with all in it"
    FOLDER = "a folder with all in it"
    INSIDE = "whatever is in a folder; to us that folder too, as firmly as if it were named"


class _NoRule(Exception):
    """The pattern means nothing, to git neither."""


def rules_for(lines: Sequence[str]) -> tuple[str, ...]:
    """Return the rules that leave out and take what these lines of a .gitignore do; raises NotForRsync."""
    found = [(*_signed(line), line) for line in reversed(lines)]
    rules = [(sign, _rules_of(body, line)) for sign, body, line in found]
    folders = [*_told(rules, "folders_first"), *_told(rules, "folders")]
    files = [*_told(rules, "files_first"), *_told(rules, "files")]
    return (*folders, f"+ {EVERY_FOLDER}", *files) if rules else ()


def literal(path: str) -> str:
    """Return a path as a pattern of rsync that matches it and nothing else."""
    return "".join(LITERALS.get(letter, letter) for letter in path)


def as_bytes(rule: str) -> bytes:
    """Return a rule as it stands in a file."""
    return rule.encode("utf-8", "surrogateescape")


def as_typed(word: str) -> str:
    """Return a word as one types it in a shell; a byte that is no text is escaped."""
    try:
        return shlex.quote(word.encode(errors="surrogateescape").decode())
    except UnicodeDecodeError:
        plain = "".join(f"\\{letter}" if letter in "'\\" else letter for letter in word)
        return (
            "$'"
            + "".join(_byte(letter) if "\udc80" <= letter <= "\udcff" else letter for letter in plain)
            + "'"
        )


def _byte(letter: str) -> str:
    return f"\\x{ord(letter) - 0xDC00:02x}"


def _told(found: Sequence[tuple[str, _Rules]], when: str) -> Iterator[str]:
    for sign, rules in found:
        for rule in getattr(rules, when):
            yield f"{sign} {rule}"


def _signed(line: str) -> tuple[str, str]:
    """Return the sign of a line, and the line without it and without the spaces at its end."""
    bare = line if line.endswith("\\ ") else line.rstrip()
    return ("+", bare[1:]) if bare.startswith("!") else ("-", bare)


@cache
def _rules_of(body: str, line: str) -> _Rules:
    if CONTROL.search(body):
        raise NotForRsync(line, "it has a control character")
    try:
        rules = _rules_of_segments(_normal(body), only_folders=body.endswith("/"))
    except _NoRule:
        return _Rules()
    except _TooMany as error:
        raise NotForRsync(line, str(error)) from None
    if any(len(as_bytes(rule)) > LONGEST_RULE for some in rules for rule in some):
        raise NotForRsync(line, "it is too long")
    return rules


def _normal(body: str) -> list[str]:
    """Return the parts of a pattern as git understands them: ** before what may be anywhere, ** after what is in a folder."""
    parts = body.split("/")
    if body in {"", "/"}:
        raise _NoRule
    if not parts[0]:
        del parts[0]
    elif (len(parts) == 1 or parts[1:] == [""]) and parts[0] != DEEP:
        parts.insert(0, DEEP)
    if not parts[-1]:
        parts[-1] = DEEP
    kept = [
        part for part, before in zip(parts, [None, *parts], strict=False) if (part, before) != (DEEP, DEEP)
    ]
    if "" in kept:
        raise _NoRule
    return kept


def _rules_of_segments(parts: list[str], *, only_folders: bool) -> _Rules:
    if parts in ([DEEP], [DEEP, "*"]) and not (only_folders and parts == [DEEP]):
        return _Rules(folders_first=(EVERY_FOLDER,), files_first=(EVERYTHING,))
    if parts in ([DEEP], [DEEP, "*", DEEP]):
        rules = _Rules(folders=(EVERY_FOLDER,), files=(BELOW_THE_TOP,))
        return rules if only_folders else _Rules(folders_first=rules.folders, files_first=rules.files)
    anchored = parts[0] != DEEP
    means = _Means.NAME
    if parts[-1] == DEEP:
        means = _Means.FOLDER if only_folders else _Means.INSIDE
    middle = parts[0 if anchored else 1 : len(parts) if means is _Means.NAME else -1]
    forms = itertools.islice(_forms(middle), MOST_FORMS + 1)
    found = [_rules_of_form(form, means, anchored=anchored) for form in forms]
    if len(found) > MOST_FORMS:
        message = "it has too many ? or [!...]; four are the most"
        raise _TooMany(message)
    return _Rules(*(tuple(itertools.chain(*some)) for some in zip(*found, strict=True)))


def _forms(parts: list[str]) -> Iterator[str]:
    """Return every way to say the parts of a path to rsync: ** between two may stand for none."""
    ways: list[tuple[str, ...]] = []
    for number, part in enumerate(parts):
        between = ("",) if number == 0 else ("/",)
        if part == DEEP:
            ways.append(("", "/**"))
        else:
            ways += [between, *_ways_of_part(part)]
    for form in itertools.product(*ways):
        text = "".join(form)
        if "//" not in text and not text.startswith("/"):
            yield text


def _rules_of_form(form: str, means: _Means, *, anchored: bool) -> _Rules:
    start = f"/{form}" if anchored else form
    if form.endswith("/"):  # a class that takes the slash after the name of a folder
        return _Rules(folders_first=(start,) if means is _Means.NAME else ())
    inside, folders = f"{start}/**", (f"{start}/", f"{start}/**/")
    match means:
        case _Means.NAME:
            return _Rules(folders=folders, files_first=(start,), files=(inside,))
        case _Means.FOLDER:
            return _Rules(folders=folders, files=(inside,))
        case _Means.INSIDE:
            return _Rules(folders_first=folders, files_first=(inside,))


def _ways_of_part(part: str) -> Iterator[tuple[str, ...]]:
    """Return for each letter, wildcard and class of a part how rsync can be told."""
    at, star = 0, False
    while at < len(part):
        letter = part[at]
        at += 1
        if letter == "*":
            if not star:
                yield ("*",)
        elif letter == "?":
            yield (ANY_BUT.format(""), *BEYOND)
        elif letter == "[":
            at, expression = _class_at(part, at)
            yield _ways_of_class(expression)
        else:
            if letter == "\\":
                letter, at = part[at : at + 1], at + 1
            yield (literal(letter),)
        star = letter == "*" and part[at - 2 : at - 1] != "\\"


def _class_at(part: str, at: int) -> tuple[int, str]:
    """Return where a class ends, and the class as a regular expression; raises _NoRule where it has no end."""
    start, negated = at, part[at : at + 1] in {"!", "^"}
    at += negated
    end = part.find("]", at + (part[at : at + 1] == "]"))
    if end < 0:
        raise _NoRule
    inner = part[start + negated : end + 1].replace("\\", "\\\\")
    return end + 1, f"[{'^' if negated else ''}{inner}"


def _ways_of_class(expression: str) -> tuple[str, ...]:
    """Return how rsync can be told which letters a class has; one may be the slash."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        letters = re.compile(expression)
    plain = [chr(code) for code in range(1, ASCII) if letters.match(chr(code))]
    slash = ("/",) if "/" in plain else ()
    if expression.isascii() and letters.match("\u00e9"):
        others = [chr(code) for code in range(1, ASCII) if chr(code) not in plain]
        return (ANY_BUT.format(_listed(others)), *BEYOND, *slash)
    beyond = () if expression.isascii() else _letters_beyond(letters)
    listed = _listed(letter for letter in plain if letter != "/")
    return (*([f"[{listed}]"] if listed else []), *beyond, *slash)


def _letters_beyond(letters: re.Pattern[str]) -> tuple[str, ...]:
    found = tuple(itertools.islice(letters.finditer(_all_beyond()), MOST_LETTERS + 1))
    if len(found) > MOST_LETTERS:
        message = "a class has too many letters beyond ASCII"
        raise _TooMany(message)
    return tuple(match[0] for match in found)


@cache
def _all_beyond() -> str:
    codes = itertools.chain(range(ASCII, 0xD800), range(0xE000, 0x110000))
    return "".join(map(chr, codes))


def _listed(letters: Iterable[str]) -> str:
    """Return letters as they stand in a class of rsync."""
    return "".join(f"\\{letter}" if letter in IN_CLASS else letter for letter in letters)
