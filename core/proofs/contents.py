"""Opening files below a held folder and taking the digest of what they hold, with no link followed."""

import hashlib
import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final, Protocol

from blake3 import blake3

from core.copying.tree import Tree
from core.copying.troubles import NotAFile
from core.proofs.values import Algorithm

READ: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
BUFFER: Final = 256 << 10
AHEAD: Final = 8 << 20
Counted = Callable[[int], None]


class Hasher(Protocol):
    """Takes bytes and has their digest."""

    def update(self, data: memoryview, /) -> object:
        """Take bytes."""
        ...

    def digest(self) -> bytes:
        """Return the digest of all that was taken."""
        ...


def hasher_of(algorithm: Algorithm) -> Hasher:
    """Return a fresh hasher."""
    match algorithm:
        case "blake3":
            return blake3()
        case "sha256":
            return hashlib.sha256()
        case "md5":
            return hashlib.md5(usedforsecurity=False)


@contextmanager
def opened(tree: Tree, path: bytes) -> Iterator[tuple[int, os.stat_result]]:
    """Open a regular file below the tree's root; raises OSError, NotAFile where something else is there."""
    folder, _, name = path.rpartition(b"/")
    handle = os.open(name, READ, dir_fd=tree.folder(folder))
    try:
        info = os.fstat(handle)
        if not stat.S_ISREG(info.st_mode):
            raise NotAFile
        yield handle, info
    finally:
        os.close(handle)


def digest_of(handle: int, algorithm: Algorithm, counted: Counted | None = None) -> bytes:
    """Return the digest of all a file holds. Raises OSError."""
    hasher = hasher_of(algorithm)
    view = memoryview(bytearray(BUFFER))
    place = told = 0
    while read := os.preadv(handle, [view], place):
        hasher.update(view[:read])
        place += read
        if place - told >= AHEAD:
            if counted is not None:
                counted(place - told)
            told = place
            os.posix_fadvise(handle, place, AHEAD, os.POSIX_FADV_WILLNEED)
    if counted is not None:
        counted(place - told)
    return hasher.digest()


def forget(handle: int) -> None:
    """Let the system forget what it keeps of a file in memory, so that it is read from its disk."""
    os.posix_fadvise(handle, 0, 0, os.POSIX_FADV_DONTNEED)
