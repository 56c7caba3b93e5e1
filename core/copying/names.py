"""Names are bytes; this is how they are shown, and what our own unfinished files are called."""

import os
import re
from typing import Final

from blake3 import blake3

PART_NAME: Final = re.compile(rb"\.holdfast-[0-9a-f]{16}\.part")
LONGEST_SHOWN: Final = 300
CUT: Final = " … "
PART_TEXT: Final = re.compile(r"\.holdfast-[0-9a-f]{16}\.part")


def shown(path: bytes, limit: int = LONGEST_SHOWN) -> str:
    """Return a path for people: one line, every unprintable character or byte escaped.

    Of one that is too long the beginning and the end are shown.
    """
    text = path.decode("utf-8", "backslashreplace")
    line = "".join(letter if letter.isprintable() else ascii(letter)[1:-1] for letter in text)
    half = (limit - len(CUT)) // 2
    return line if len(line) <= limit else line[:half] + CUT + line[-half:]


def joined(folder: bytes, name: bytes) -> bytes:
    """Return the path of a name in a folder; the root is empty."""
    return folder + b"/" + name if folder else name


def part_name(name: bytes, info: os.stat_result, boot: str) -> bytes:
    """Return the name under which a file stands until it is complete.

    It is the same for as long as the source is unchanged and the machine did not start anew, so
    that a large file can be continued, and short, so that a name of 255 bytes has room.
    """
    seen = f"{info.st_size} {info.st_mtime_ns} {info.st_ino} {info.st_dev} {boot} ".encode()
    return b".holdfast-" + blake3(seen + name).hexdigest(8).encode() + b".part"
