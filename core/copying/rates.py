"""Rates as people write them: 10 MB/s, 512 KiB/s, 2 MiB."""

import re
from typing import Any, Final

UNITS: Final = {
    "": 1, "k": 1_000, "m": 1_000_000, "g": 1_000_000_000,
    "ki": 1 << 10, "mi": 1 << 20, "gi": 1 << 30,
}  # fmt: skip
WRITTEN: Final = re.compile(r"\s*(\d+(?:[.,]\d+)?)\s*([kmg]i?)?b?\s*(?:/\s*s|ps)?\s*", re.IGNORECASE)


def rate_from(value: Any) -> Any:  # noqa: ANN401 - whatever was entered; words become a number
    """Return bytes a second for a rate in words; nothing for an empty one; the rest as it is."""
    if not isinstance(value, str):
        return value
    if not value.strip():
        return None
    match = WRITTEN.fullmatch(value)
    if match is None:
        message = "Write a rate such as 10 MB/s or 512 KiB/s."
        raise ValueError(message)
    number, unit = match.groups()
    return int(float(number.replace(",", ".")) * UNITS[(unit or "").lower()])
