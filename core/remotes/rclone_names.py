"""How rclone says the names of files.

Control characters come out as their pictures ("␊" for a line feed), so a name is always one line and no name can pass for
another; a name that has such a picture of its own has a mark before it. Bytes that are no UTF-8 stay what they are.
"""

import re
from typing import Final

MARK: Final = "\u201b"
PICTURES: Final = {chr(code): chr(0x2400 + code) for code in range(1, 0x20)} | {"\x7f": "␡"}
MARKED: Final = frozenset({*PICTURES.values(), "\u2400", "\uff0f", MARK})

SAID: Final = {ord(raw): picture for raw, picture in PICTURES.items()} | {
    ord(one): MARK + one for one in MARKED
}
DOT: Final = "\uff0e"
DOTS: Final = {DOT: MARK + DOT, DOT + DOT: MARK + DOT + MARK + DOT}


def as_said(name: bytes) -> bytes:
    """Return a path, relative to the root, as rclone says it and wants to be told it."""
    text = name.decode("utf-8", "surrogateescape").translate(SAID)
    parts = [DOTS.get(part, part) for part in text.split("/")]
    return "/".join(parts).encode("utf-8", "surrogateescape")


PICTURED: Final = {picture: raw for raw, picture in PICTURES.items()}
READ: Final = re.compile(f"{MARK}([{''.join(MARKED)}{DOT}])|([{''.join(PICTURED)}])")


def as_is(said: bytes) -> bytes:
    """Return a path that rclone said as it is on a disk of this machine."""

    def read(match: re.Match[str]) -> str:
        return match[1] or PICTURED[match[2]]

    return READ.sub(read, said.decode("utf-8", "surrogateescape")).encode("utf-8", "surrogateescape")
