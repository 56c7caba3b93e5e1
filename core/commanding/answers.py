"""What a program answers in JSON, taken in only where it is small, shallow and made of ordinary values."""

import math
from collections.abc import Mapping
from typing import Any, Final

import orjson

LONGEST: Final = 60_000
DEEPEST: Final = 10
LARGEST: Final = 2**53


def answer_in(text: str) -> Mapping[str, Any] | None:
    """Return the answer that a text is: an object, or any other value under the name "value"; None for none."""
    line = text.strip()
    if not line or len(line) > LONGEST or line[0] not in '{["-0123456789tfn':
        return None
    try:
        value = orjson.loads(line)
    except (orjson.JSONDecodeError, UnicodeEncodeError):
        return None
    if not _is_ordinary(value):
        return None
    return value if isinstance(value, dict) else {"value": value}


def _is_ordinary(value: Any, depth: int = 0) -> bool:  # noqa: ANN401 - any JSON value
    if depth > DEEPEST:
        return False
    if isinstance(value, dict):
        return all(map(_is_text, value)) and all(_is_ordinary(item, depth + 1) for item in value.values())
    if isinstance(value, list):
        return all(_is_ordinary(item, depth + 1) for item in value)
    if isinstance(value, str):
        return _is_text(value)
    return value is None or (math.isfinite(value) and abs(value) <= LARGEST)


def _is_text(value: str) -> bool:
    return "\0" not in value and not any("\ud800" <= letter <= "\udfff" for letter in value)
