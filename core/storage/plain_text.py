"""The text of simple values, letter for letter as `yaml_text.write` has it and ten times as fast.

Thousands of definitions are written at once when jobs are brought in, and nearly all hold nothing
but words, paths, numbers and lists of them.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from core.storage.yaml_text import LEAST_WHOLE, LONGEST_PLAIN, MOST_WHOLE, WORDS_WITH_A_MEANING

WORDS: Final = re.compile(r"[A-Za-z][\w./-]*(?: [\w./-]+)*\Z", re.ASCII)
BEGINS_WITH_A_LETTER: Final = re.compile(r"[^\W\d_]")
NOTHING_TO_ESCAPE: Final = re.compile(r"[ !#-\[\]-~]*\Z")
DEEPEST: Final = 8


class _NotSimple(Exception):
    """This takes the long way."""


def plain_text(value: Mapping[str, Any]) -> bytes | None:
    """Return the text of a mapping; None for what `yaml_text.write` is to be asked for."""
    if not value:
        return None
    try:
        return "".join(_lines(value, "", 0)).encode()
    except _NotSimple:
        return None


def _lines(mapping: Mapping[str, Any], blanks: str, depth: int) -> Iterator[str]:
    if depth > DEEPEST:
        raise _NotSimple
    for key, value in mapping.items():
        begins = f"{blanks}{_text(key)}:"
        if isinstance(value, Mapping):
            if value:
                yield f"{begins}\n"
                yield from _lines(value, f"{blanks}  ", depth + 1)
            else:
                yield f"{begins} {{}}\n"
        elif isinstance(value, list | tuple):
            yield f"{begins}\n" if value else f"{begins} []\n"
            yield from _items(value, blanks)
        else:
            yield f"{begins} {_word(value)}\n"


def _items(values: Sequence[Any], blanks: str) -> Iterator[str]:
    for value in values:
        yield f"{blanks}- {_word(value)}\n"


def _word(value: Any) -> str:  # noqa: ANN401 - any plain value
    if isinstance(value, str):
        return _text(value)
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int) and LEAST_WHOLE <= value <= MOST_WHOLE:
        return str(value)
    raise _NotSimple


def _text(text: str) -> str:
    if len(text) >= LONGEST_PLAIN:
        raise _NotSimple
    if WORDS.match(text) and text.lower() not in WORDS_WITH_A_MEANING:
        return text
    if NOTHING_TO_ESCAPE.match(text) and (
        not BEGINS_WITH_A_LETTER.match(text) or text.lower() in WORDS_WITH_A_MEANING
    ):
        return f'"{text}"'
    raise _NotSimple
