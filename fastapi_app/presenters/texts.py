"""Text from people and programs, made harmless to look at."""

import re
from typing import Final

REPLACEMENT: Final = "\ufffd"

# C0 and C1 controls but tab and newline, the bidirectional marks and overrides, lone surrogates,
# and the two separators that end a line in scripts.
_UNSEEN: Final = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]",
)


class Exactly(str):
    """Text that goes back to where it came from, as the value of a field does: shown as it is."""

    __slots__ = ()


def visible(text: str) -> str:
    """Return the text with every character that hides, reorders or controls shown as U+FFFD."""
    return _UNSEEN.sub(REPLACEMENT, text)


def storable(text: str) -> str:
    """Return the text so that it can be sent as UTF-8, otherwise untouched."""
    return text.encode("utf-8", "replace").decode("utf-8")


def plural(count: int, one: str, many: str = "") -> str:
    """Return the count with its noun: "1 job", "2,041 jobs"."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"
