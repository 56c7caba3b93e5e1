"""Our patterns, which are those of .gitignore, as rules for rclone.

Ours decide by the last pattern that matches and never look into a folder that is left out; rclone takes the first rule
that matches, and has rules for folders and rules for files. So ours come in the other order, all for folders before all for
files, and each is the regular expression by which we match ourselves, cut to folders or to files. The folders end with a rule that
keeps all the others: otherwise rclone would look into any folder in which a rule might keep a file.
"""

import re
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

import pathspec

from core.copying.patterns import check_pattern
from core.remotes.rclone_names import MARK, SAID

EITHER: Final = "(?:(?P<ps_d>/)|$)"
FOLDER: Final = "(?P<ps_d>/)"
"""How an expression ends that matches files and folders, and one that matches folders only."""

TOKEN: Final = re.compile(
    r"\\(.)|\[(\^?)(\]?(?:\\.|[^\]\\])*)\](?![*+])|\[(\^?\]?(?:\\.|[^\]\\])*)\]|(.)", re.DOTALL
)
"""A letter that is escaped, a set of letters that stands for one letter, any other set, or a letter."""


class _Line(NamedTuple):
    """One pattern: the sign of its rules, and the beginning of what matches a path by its own name, or by a folder it is in.

    Where `own` does not end with $ whatever follows matches too.
    """

    sign: str
    own: str
    within: str


def rules_for(patterns: Sequence[str], left_out: Sequence[str] = ()) -> tuple[str, ...]:
    """Return the lines of a file for `--filter-from`; `left_out` are paths below the root, never taken, as rclone says them.

    Raises BadPattern.
    """
    lines = [_line(pattern) for pattern in reversed(patterns)]
    return (
        *(rule for path in left_out for rule in _literally(path)),
        *_folder_rules(lines),
        *(["+ /{{.*}}/"] if lines else []),
        *_file_rules(lines),
    )


def _line(pattern: str) -> _Line:
    check_pattern(pattern)
    spec = pathspec.GitIgnoreSpec.from_lines([pattern]).patterns[0]
    sign = "-" if spec.include else "+"
    found = "" if spec.regex is None else str(spec.regex.pattern)
    found = found.removeprefix("^") if found.startswith("^") else f".*{found}"
    for end in (EITHER, FOLDER):
        if found.endswith(end):
            bare = _as_rclone_reads(found.removesuffix(end))
            return _Line(sign, f"{bare}$" if end == EITHER else "", f"{bare}/")
    return _Line(sign, _as_rclone_reads(found), "")


def _as_rclone_reads(expression: str) -> str:
    """Return an expression of Python's as one of Go's, for names as rclone says them."""
    return TOKEN.sub(_token, expression)


def _token(match: re.Match[str]) -> str:
    escaped, negated, letters, repeated, letter = match.groups()
    if escaped or letter:
        single = escaped or letter
        return SAID.get(ord(single), match[0])
    if repeated is not None:
        return f"[{_bare_brackets(repeated)}]"
    one = f"[{negated}{_bare_brackets(letters)}]"
    # A letter that rclone marks is two of its letters.
    return f"(?:{MARK}[^/]|{one})" if negated else one


def _bare_brackets(letters: str) -> str:
    """Return what is in a set, with brackets as letters: to Go one would begin the name of a class of letters."""
    return re.sub(r"(\\.)|\[", lambda one: one[1] or r"\[", letters)


def _literally(path: str) -> Iterator[str]:
    exact = "".join(re.escape(letter) if letter.isascii() else letter for letter in path)
    yield f"- /{{{{(?:{exact})/}}}}**"
    yield f"- /{{{{(?:{exact})}}}}"


def _folder_rules(lines: Sequence[_Line]) -> Iterator[str]:
    """Give the rules for folders; what a name alone decides comes before what the folder above it does."""
    for line in lines:
        if line.own and not line.own.endswith("$"):
            yield _folder_rule(line.sign, line.own)
    for line in lines:
        if line.within:
            yield _folder_rule(line.sign, line.within)


def _folder_rule(sign: str, beginning: str) -> str:
    """Return a rule that no file matches."""
    bare = f"(?:{beginning.removesuffix('/')}){'(?:/.*)?' if beginning.endswith('/') else '.*'}"
    # rclone adds ** to what leaves a folder out, which would match the files in it too but for the $.
    return f"+ /{{{{{bare}}}}}/" if sign == "+" else f"- /{{{{{bare}/$}}}}**"


def _file_rules(lines: Sequence[_Line]) -> Iterator[str]:
    for line in lines:
        if line.own:
            yield f"{line.sign} /{{{{(?:{line.own}){'' if line.own.endswith('$') else '.*'}}}}}"
    for line in lines:
        if line.within:
            yield f"{line.sign} /{{{{(?:{line.within}).*}}}}"
