"""Where the definition of each job lies, and which text was last seen there."""

import os
from struct import Struct
from typing import Final
from zlib import crc32

from core.models import Value

Signature = bytes
"""Which file it is, how long, when it was written and when it was changed: alike where nothing happened.

Packed, because there is one for every job. Two of them are compared with `==`.
"""

FOUR_NUMBERS: Final = Struct("=QQqq")


class Placed(Value, frozen=True, kw_only=True, gc=False):
    """Where a job's definition is.

    `file` is its path below `jobs/`. `crc` is that of the text last read or written there, `signature`
    that of the file then; None is look again. `behind` says that the job is newer than its file.
    """

    file: str
    crc: int
    signature: Signature | None = None
    behind: bool = False


def crc_of(text: bytes) -> int:
    """Return what tells one text of a definition from another."""
    return crc32(text)


def signature_of(status: os.stat_result) -> Signature:
    """Return the signature of a file."""
    return signature_from((status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns))


def signature_from(numbers: tuple[int, int, int, int]) -> Signature:
    """Return the signature of inode, size, and the times of writing and of change in nanoseconds."""
    return FOUR_NUMBERS.pack(*numbers)


def numbers_of(signature: Signature) -> tuple[int, int, int, int]:
    """Return inode, size, and the times of writing and of change in nanoseconds."""
    inode, size, written, changed = FOUR_NUMBERS.unpack(signature)
    return inode, size, written, changed
