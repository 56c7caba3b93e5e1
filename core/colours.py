"""Colours as programs write them for terminals: kept where they are harmless, and nothing else of the kind.

Of all escape sequences only those that set colour and weight are kept, in one spelling: `ESC [ 0;1;31 m` says all
that holds from there on. Every other sequence is taken out; of one that never ends only its beginning is, so that
it cannot hide what follows.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Final

import msgspec
from msgspec.structs import replace

SEQUENCE: Final = re.compile(
    "(?:\x1b\\[|\x9b)(?P<numbers>[0-?]*)[ -/]*(?P<end>[@-~])"  # what colours, moves the cursor, clears
    "|(?:\x1b\\]|\x9d)[^\x07\x1b\x80-\x9f]*(?:\x07|\x1b\\\\|\x9c)"  # titles, links, the clipboard
    "|(?:\x1b[PX^_]|[\x90\x98\x9e\x9f])[^\x1b\x80-\x9f]*(?:\x1b\\\\|\x9c)"  # programs for the terminal
    "|\x1b[ -/]*[0-~]",
)
"""Every class in it leaves out what the next one begins with, so a text is gone through once."""

MOST_CHANGES: Final = 250
"""How often one line may change its colour; what follows stays as it is then."""

MOST_NUMBERS: Final = 32
NUMBER: Final = re.compile("[0-9]{1,3}")
FLAGS: Final[Mapping[int, str]] = {1: "bold", 2: "dim", 3: "italic", 4: "under", 7: "swap", 9: "strike"}
ENDS: Final[Mapping[int, frozenset[int]]] = {
    22: frozenset({1, 2}),
    23: frozenset({3}),
    24: frozenset({4}),
    27: frozenset({7}),
    29: frozenset({9}),
}
SETS: Final[Mapping[int, Mapping[str, int | None]]] = {
    **{first + colour: {"ink": colour + 8 * (first > 40)} for first in (30, 90) for colour in range(8)},  # noqa: PLR2004
    **{first + colour: {"ground": colour + 8 * (first > 40)} for first in (40, 100) for colour in range(8)},  # noqa: PLR2004
    39: {"ink": None},
    49: {"ground": None},
}
"""What each number sets: the eight colours, their light twins from 8 on, and the terminal's own."""

CODES: Final = {(field, value): number for number, set_ in SETS.items() for field, value in set_.items()}
WAYS: Final = {"5": 1, "2": 3}
"""How many numbers follow: one of 256 colours, or red, green and blue."""

GREYS: Final = ((64, 0), (160, 8), (230, 7), (256, 15))


class Pen(msgspec.Struct, frozen=True):
    """How a terminal would write: one of sixteen colours on another, and flags; None is its own colour."""

    ink: int | None = None
    ground: int | None = None
    flags: frozenset[int] = frozenset()

    def told(self, numbers: str) -> "Pen":
        """Return the pen after a sequence with these numbers; what is not known is passed over."""
        pen = self
        left = iter(numbers.replace(":", ";").split(";")[:MOST_NUMBERS])
        for text in left:
            if not text or NUMBER.fullmatch(text):
                pen = pen._told_one(int(text or "0"), left)
        return pen

    def _told_one(self, number: int, left: Iterator[str]) -> "Pen":
        if number == 0:
            return PLAIN
        if number in FLAGS:
            return replace(self, flags=self.flags | {number})
        if number in ENDS:
            return replace(self, flags=self.flags - ENDS[number])
        if number in {38, 48}:
            colour = _of_many(left)
            return self if colour is None else replace(self, **{"ink" if number < 40 else "ground": colour})  # noqa: PLR2004
        return replace(self, **SETS.get(number, {}))

    @property
    def sequence(self) -> str:
        """Return the one sequence that says all of it."""
        colours = [
            CODES[place] for place in (("ink", self.ink), ("ground", self.ground)) if place[1] is not None
        ]
        return f"\x1b[{';'.join(map(str, (0, *sorted(self.flags), *colours)))}m"

    @property
    def look(self) -> str:
        """Return the style sheet's classes for it; empty for plain text."""
        names = [FLAGS[flag] for flag in sorted(self.flags)]
        names += [] if self.ink is None else [f"ink-{self.ink}"]
        names += [] if self.ground is None else [f"on-{self.ground}"]
        return " ".join(names)


PLAIN: Final = Pen()


def _of_many(left: Iterator[str]) -> int | None:
    """Return the nearest of sixteen to the colour that the next numbers say; None if they say none."""
    wanted = WAYS.get(next(left, ""), 0)
    levels = [int(text) if NUMBER.fullmatch(text) else -1 for text in (next(left, "") for _ in range(wanted))]
    if not levels or not all(0 <= level <= 255 for level in levels):  # noqa: PLR2004
        return None
    return _of_256(levels[0]) if len(levels) == 1 else _nearest(*levels)


def _of_256(index: int) -> int:
    """Return the nearest of sixteen to one of 256: these sixteen, a cube of six each way, then greys."""
    if index < 16:  # noqa: PLR2004
        return index
    if index >= 232:  # noqa: PLR2004
        return _nearest(*[8 + 10 * (index - 232)] * 3)
    cube = index - 16
    return _nearest(*(level and 55 + 40 * level for level in (cube // 36, cube // 6 % 6, cube % 6)))


def _nearest(red: int, green: int, blue: int) -> int:
    strongest, weakest = max(red, green, blue), min(red, green, blue)
    if strongest - weakest < 32:  # noqa: PLR2004 - hardly a colour
        return next(grey for below, grey in GREYS if strongest < below)
    middle = (strongest + weakest) / 2
    light = strongest > 192 and weakest > 64  # noqa: PLR2004
    return (red > middle) + 2 * (green > middle) + 4 * (blue > middle) + 8 * light


def tidied(text: str, pen: Pen = PLAIN) -> tuple[str, Pen]:
    """Return a line with no sequences but harmless colours, and the pen that the next line begins with.

    The line begins with `pen`, and says so itself: it is shown right without the lines before it.
    """
    parts: list[str] = []
    written, changes = PLAIN, 0
    for piece, pen in _pieces(text, pen):  # noqa: B020, PLR1704 - the last one is handed on
        if piece and pen != written and changes < MOST_CHANGES:
            parts.append(pen.sequence)
            written, changes = pen, changes + 1
        parts.append(piece)
    if written != PLAIN:
        parts.append(PLAIN.sequence)
    return "".join(parts), pen


def painted(text: str) -> tuple[tuple[str, str], ...]:
    """Return a line's pieces, each with the classes of its look."""
    return tuple((piece, pen.look) for piece, pen in _pieces(text, PLAIN) if piece)


def plain(text: str) -> str:
    """Return the text without any sequences."""
    return SEQUENCE.sub("", text)


def _pieces(text: str, pen: Pen) -> Iterator[tuple[str, Pen]]:
    """Give the texts between sequences, each with the pen it is written with; the last may be empty."""
    start = 0
    for found in SEQUENCE.finditer(text):
        yield text[start : found.start()], pen
        start = found.end()
        if found["end"] == "m":
            pen = pen.told(found["numbers"])
    yield text[start:], pen
