"""Walks through a tar to its end, unpacking nothing: a damaged header or a missing end is noticed, see tar(5).

Python's own reader takes a damaged header in the middle for the end.
"""

import re
import tarfile
from typing import Final, Protocol

from core.watching.whole import NotWhole

BLOCK: Final = 512
END: Final = bytes(BLOCK)
PIECE: Final = 1 << 20
LARGEST_RECORDS: Final = 1 << 20
SIZE: Final = re.compile(rb"\d+ size=(\d{1,18})\n")
EXTENDED: Final = 482
MORE: Final = 504
"""Where a header, and a block that follows it, says that another one lists holes."""

WITHOUT_DATA: Final = frozenset(
    {tarfile.LNKTYPE, tarfile.SYMTYPE, tarfile.DIRTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE, tarfile.BLKTYPE}
)


class Stream(Protocol):
    """Whatever can be read from its beginning to its end."""

    def read(self, size: int = ..., /) -> bytes:
        """Return at most so many bytes; none at the end."""
        ...


def check_tar(stream: Stream) -> None:
    """Read a tar to its end. Raises NotWhole where it is damaged or cut off, tarfile.TarError."""
    size_said: int | None = None
    first = True
    while (header := _block(stream)) != END:
        member = tarfile.TarInfo.frombuf(header, "utf-8", "surrogateescape")
        first = False
        if member.type == tarfile.GNUTYPE_SPARSE and header[EXTENDED]:
            while _block(stream)[MORE]:
                pass
        size = member.size if size_said is None else size_said
        size_said = None
        if member.type in {tarfile.XHDTYPE, tarfile.SOLARIS_XHDTYPE}:
            size_said = _size_in(_taken(stream, size))
        elif member.type not in WITHOUT_DATA:
            _skip(stream, size)
    if first and not _rest_is_zero(stream):
        raise NotWhole("it is no tar")
    if not first:
        _block(stream)


def _block(stream: Stream) -> bytes:
    return _exactly(stream, BLOCK)


def _exactly(stream: Stream, size: int) -> bytes:
    found = b""
    while len(found) < size:
        piece = stream.read(size - len(found))
        if not piece:
            raise NotWhole("it is cut off: its end is missing")
        found += piece
    return found


def _padded(size: int) -> int:
    return -(-size // BLOCK) * BLOCK


def _taken(stream: Stream, size: int) -> bytes:
    if size > LARGEST_RECORDS:
        raise NotWhole("it is damaged: what it says of one file takes too much room")
    return _exactly(stream, _padded(size))[:size]


def _size_in(records: bytes) -> int | None:
    found = SIZE.search(records)
    return int(found[1]) if found else None


def _skip(stream: Stream, size: int) -> None:
    left = _padded(size)
    while left:
        left -= len(_exactly(stream, min(left, PIECE)))


def _rest_is_zero(stream: Stream) -> bool:
    while piece := stream.read(PIECE):
        if piece.strip(b"\0"):
            return False
    return True
