"""Values that nobody may read, taken out of what is shown."""

import re
from collections.abc import Iterable
from typing import Final

HIDDEN: Final = "[hidden]"
SHORTEST: Final = 4
"""Shorter values are not hidden: that would hide every other word."""


class Mask:
    """Takes values out of texts, the longest first, so that no part of one is left."""

    def __init__(self, values: Iterable[str] = ()) -> None:
        parts = {line for value in values for line in (value, *value.splitlines()) if len(line) >= SHORTEST}
        longest_first = sorted(parts, key=len, reverse=True)
        self._pattern = re.compile("|".join(map(re.escape, longest_first))) if parts else None

    def over(self, text: str) -> str:
        """Return the text with every value in it hidden."""
        return text if self._pattern is None else self._pattern.sub(HIDDEN, text)
