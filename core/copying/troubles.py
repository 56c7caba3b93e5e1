"""What the system's errors mean for a copy."""

import errno
import os
from typing import Final

from core.copying.messages import Problem

FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
GONE: Final = frozenset(
    {errno.EROFS, errno.EIO, errno.ENODEV, errno.ENXIO, errno.ESTALE, errno.ENOTCONN, errno.EHOSTDOWN}
)
"""The whole destination is in trouble, not one file of it."""

OTHER_SORT: Final = frozenset({errno.ENOTDIR, errno.ELOOP, errno.ENXIO})
"""What opening a file answers where a link, a socket, or a file in a folder's place is now."""

WORDS: Final = {
    errno.EACCES: "permission denied",
    errno.EPERM: "not permitted",
    errno.ENOENT: "it is gone",
    errno.EBADMSG: "it is damaged on the disk",
    errno.EIO: "the disk reports an error",
    errno.ENOSPC: "the destination is full",
    errno.EDQUOT: "the quota at the destination is used up",
    errno.EFBIG: "it is larger than the destination allows",
    errno.EROFS: "the destination is read-only",
    errno.ENAMETOOLONG: "its name is too long for the destination",
    errno.ELOOP: "a link is in its place",
    errno.ENOTDIR: "something that is not a folder is in its place",
}


class NotAFile(OSError):
    """Where the source had a file there is something else now."""


class SourceTrouble(Exception):
    """The source could not be read; `error` says why."""

    def __init__(self, error: OSError) -> None:
        super().__init__(str(error))
        self.error = error


class DestinationLost(Exception):
    """The destination as a whole cannot be written any more."""


class Halted(Exception):
    """Everybody is asked to stop."""


def source_problem(path: bytes, error: OSError) -> Problem:
    """Return what to say of a path of the source, the same at whatever stage it is noticed."""
    if error.errno == errno.ENOENT:
        return Problem("vanished", path, "it was there a moment ago")
    if isinstance(error, NotAFile) or error.errno in OTHER_SORT:
        return Problem("became", path, "it became something else")
    return Problem("unreadable", path, in_words(error))


def in_words(error: OSError) -> str:
    """Return what happened in plain words, without a path."""
    if error.errno is None:
        return "it cannot be used"
    return WORDS.get(error.errno) or os.strerror(error.errno).lower()
