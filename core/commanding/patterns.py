"""How far a program is, found in its lines by a pattern that a person wrote, at a cost that is known beforehand.

A pattern is looked for in the last `LONGEST` characters of a line. Python's `re` tries every way to share a text out
among the parts of a pattern; how many there are at worst is worked out when the pattern is entered, and one that could
take more than `MOST_STEPS` is refused. So no line can keep a server busy, and nothing needs a time limit.
"""

import re
import warnings
from collections.abc import Iterable, Mapping
from typing import Any, Final

from core.models import Progress

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)
    import sre_constants as codes
    import sre_parse

LONGEST: Final = 200
LONGEST_PATTERN: Final = 500
MOST_STEPS: Final = 20_000_000
"""About a fifth of a second."""

GROUPS: Final = frozenset({"percent", "done", "total", "message"})
LONGEST_NUMBER: Final = 15
LONGEST_MESSAGE: Final = 200
LETTERS: Final = tuple(map(chr, range(256)))
END: Final = "end"
"""Stands for the end of the line where letters are told."""

REPEATS: Final = frozenset({codes.MAX_REPEAT, codes.MIN_REPEAT, codes.POSSESSIVE_REPEAT})
NO_FLAGS: Final = "Flags such as (?i) cannot be used here; write [Aa] for either case."

Letters = frozenset[str] | None
"""Letters that can stand somewhere, of the first 256; None is any letter there is."""


class BadPattern(ValueError):
    """The pattern cannot be used; the words say why."""


def checked(pattern: str) -> str:
    """Return the pattern if it is one that can be looked for; raises BadPattern."""
    if not pattern:
        return pattern
    if len(pattern) > LONGEST_PATTERN:
        message = f"A pattern has at most {LONGEST_PATTERN} characters."
        raise BadPattern(message)
    try:
        tree: Any = sre_parse.parse(pattern)
        names = set(re.compile(pattern).groupindex)
    except (re.error, OverflowError, RecursionError) as error:
        message = f"This is no regular expression: {getattr(error, 'msg', 'it is nested too deeply')}."
        raise BadPattern(message) from None
    if names - GROUPS or not names & {"percent", "done"}:
        raise BadPattern(
            "Name what it finds: (?P<percent>...), or (?P<done>...) and (?P<total>...), and (?P<message>...) if you like."
        )
    if tree.state.flags & ~re.UNICODE:
        raise BadPattern(NO_FLAGS)
    if _ways(list(tree)) * LONGEST * LONGEST > MOST_STEPS:  # from each place on, along the line
        raise BadPattern(
            "This pattern could take too long on some lines: it has too many parts that can match in several ways. "
            "Use fewer of .* and +, or say what stands between them."
        )
    return pattern


def progress_in(line: str, pattern: re.Pattern[str], stage: str) -> Progress | None:
    """Return how far it is by the last part of a line; None where the pattern is not in it."""
    found = pattern.search(line[-LONGEST:])
    if found is None:
        return None
    named = found.groupdict()
    done, total = number_in(named.get("done")), number_in(named.get("total"))
    percent = number_in(named.get("percent"))
    if percent is None and done is not None and total:
        percent = 100 * done / total
    return progress_of(percent, named.get("message") or "", stage, done=done, total=total)


def progress_of(
    percent: float | None, message: str, stage: str, *, done: float | None = None, total: float | None = None
) -> Progress | None:
    """Return the progress; None where nothing is said of how far it is, or what is said makes no sense."""
    if percent is None and done is None:
        return None
    if percent is not None and not 0 <= percent <= 100.5:  # noqa: PLR2004 - some round up
        return None
    return Progress(
        stage=stage,
        percent=None if percent is None else min(percent, 100.0),
        done=int(done or 0),
        total=int(total) if total else None,
        unit="" if done is None else "items",
        message=" ".join(message.split())[:LONGEST_MESSAGE],
    )


def number_in(text: str | None) -> float | None:
    """Return the number that a text is, "1,234.5" too; None for what is none."""
    plain = (text or "").strip().removesuffix("%").strip()
    if "," in plain and ("." in plain or re.fullmatch(r"\d{1,3}(,\d{3})+", plain)):
        plain = plain.replace(",", "")
    plain = plain.replace(",", ".")
    if len(plain) > LONGEST_NUMBER or not re.fullmatch(r"\d+(\.\d*)?", plain, re.ASCII):
        return None
    return float(plain)


def _ways(items: list[Any], after: Letters = frozenset()) -> int:
    """Return in how many ways a sequence can match at one place at worst; `after` is what it is followed by."""
    ways = 1
    for place, (code, argument) in enumerate(items):
        ways *= _ways_of(code, argument, _first(items[place + 1 :], after))
    return ways


def _ways_of(code: Any, argument: Any, follows: Letters) -> int:  # noqa: ANN401 - re's own tree
    if code in {codes.ASSERT, codes.ASSERT_NOT, codes.GROUPREF, codes.GROUPREF_EXISTS}:
        raise BadPattern("Looking ahead or back, and (?P=name), cannot be used here.")
    if code is codes.SUBPATTERN:
        if argument[1] or argument[2]:
            raise BadPattern(NO_FLAGS)
        return _ways(list(argument[-1]), follows)
    if code is codes.BRANCH:
        return sum(_ways(list(branch), follows) for branch in argument[1])
    if code in REPEATS:
        return _ways_of_repeat(argument, follows)
    return _ways(list(argument), follows) if code is codes.ATOMIC_GROUP else 1


def _ways_of_repeat(repeat: tuple[int, Any, Any], follows: Letters) -> int:
    """Return in how many ways a repeated part can match: one, where the next letter always says whether it goes on."""
    least, most, inner = repeat
    items = list(inner)
    times = min(int(most), LONGEST)
    begins = _first(items, frozenset())
    either = None if begins is None or follows is None else begins | follows
    inside = _ways(items, either if times > 1 else follows)
    if inside > 1 and times > 1:
        raise BadPattern(
            "A part that is repeated cannot have a part in it that is repeated, or that has a choice."
        )
    told_apart = begins is not None and follows is not None and not begins & follows
    if told_apart or follows in {frozenset(), frozenset({END})}:
        return inside
    return inside * (times - min(least, times) + 1)


def _first(items: Iterable[Any], after: Letters) -> Letters:
    """Return which letters a sequence can begin with, or what follows it where it can be empty."""
    found: frozenset[str] = frozenset()
    for code, argument in items:
        letters, empty = _first_of(code, argument)
        if letters is None:
            return None
        found |= letters
        if not empty:
            return found
    return None if after is None else found | after


def _first_of(code: Any, argument: Any) -> tuple[Letters, bool]:  # noqa: ANN401 - re's own tree
    """Return which letters a part can begin with, and whether it can be empty."""
    if code is codes.AT:
        at_end = argument in {codes.AT_END, codes.AT_END_STRING}
        return frozenset({END} if at_end else ()), not at_end
    if code is codes.LITERAL:
        return (frozenset({chr(argument)}), False) if argument < len(LETTERS) else (None, False)
    if code is codes.IN:
        return _letters_of(argument), False
    if code in REPEATS:
        least, _, inner = argument
        return _first(list(inner), frozenset()), least == 0
    if code is codes.SUBPATTERN:
        return _first(list(argument[-1]), frozenset()), _may_be_empty(argument[-1])
    return None, False


def _may_be_empty(items: Iterable[Any]) -> bool:
    return all(_first_of(code, argument)[1] for code, argument in items)


def _letters_of(items: list[Any]) -> frozenset[str] | None:
    """Return the letters of a class, of the first 256; one that leaves letters out may begin with any other."""
    found: set[str] = set()
    for code, argument in items:
        if code is codes.LITERAL and argument < len(LETTERS):
            found.add(chr(argument))
        elif code is codes.RANGE and argument[1] < len(LETTERS):
            found.update(map(chr, range(argument[0], argument[1] + 1)))
        elif code is codes.CATEGORY and argument in CLASSES:
            found |= CLASSES[argument]
        else:
            return None
    return frozenset(found)


CLASSES: Final[Mapping[Any, frozenset[str]]] = {
    codes.CATEGORY_DIGIT: frozenset(letter for letter in LETTERS if re.match(r"\d", letter)),
    codes.CATEGORY_SPACE: frozenset(letter for letter in LETTERS if re.match(r"\s", letter)),
    codes.CATEGORY_WORD: frozenset(letter for letter in LETTERS if re.match(r"\w", letter)),
}
