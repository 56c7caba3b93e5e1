"""Tables for spreadsheets: CSV of which no cell is a formula, and in which nothing hides."""

import csv
import io
from collections.abc import Iterable
from typing import Final

FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")
"""What a cell begins with that a spreadsheet takes for a formula."""


def row_of(cells: Iterable[str | int]) -> str:
    """Return a line of the table; a number that is nothing is an empty cell."""
    line = io.StringIO()
    csv.writer(line, lineterminator="\r\n").writerow([_cell(cell) for cell in cells])
    return line.getvalue()


def _cell(value: str | int) -> str:
    if isinstance(value, int):
        return str(value or "")
    text = visible(value)
    return f"'{text}" if text.lstrip().startswith(FORMULA) else text


def visible(text: str) -> str:
    """Return a text on one line in which nothing hides: what cannot be seen, or turns text around, is spelt out."""
    if text.isprintable():
        return text
    return "".join(letter if letter.isprintable() else _spelt(letter) for letter in text)


def _spelt(letter: str) -> str:
    return "\\n" if letter == "\n" else f"\\u{ord(letter):04x}"
