"""The digest of what an open file holds."""

import hashlib
import os
from typing import Final, Protocol

from blake3 import blake3

SCRATCH: Final = memoryview(bytearray(1 << 18))
"""One buffer for all reading; our programs read one file at a time."""


class _Hasher(Protocol):
    def update(self, data: memoryview, /) -> object: ...
    def digest(self) -> bytes: ...


def digest_of(handle: int, algorithm: str) -> tuple[bytes, int]:
    """Return the digest of a whole file and how many bytes that are; raises OSError, or ValueError for an unknown one."""
    hasher = _hasher(algorithm)
    place = 0
    while read := os.preadv(handle, [SCRATCH], place):
        hasher.update(SCRATCH[:read])
        place += read
    return hasher.digest(), place


def forget_cached(handle: int) -> None:
    """Let what is read next come from the disk, as far as the system does us that favour."""
    os.posix_fadvise(handle, 0, 0, os.POSIX_FADV_DONTNEED)


def _hasher(algorithm: str) -> _Hasher:
    match algorithm:
        case "blake3":
            return blake3()
        case "sha256":
            return hashlib.sha256()
        case "md5":
            return hashlib.md5(usedforsecurity=False)
    message = f"{algorithm} is not a digest that is known here"
    raise ValueError(message)
