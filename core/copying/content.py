"""Moves the bytes of one open file into another, in the quickest way the two disks allow."""

import errno
import fcntl
import os
from collections.abc import Iterator
from typing import Final

from blake3 import blake3

from core.copying.pace import Pace
from core.copying.troubles import SourceTrouble

CLONE: Final = 0x40049409  # FICLONE, linux/fs.h
NOT_THIS_WAY: Final = frozenset(
    {
        errno.EXDEV,
        errno.EINVAL,
        errno.ENOSYS,
        errno.EOPNOTSUPP,
        errno.EPERM,
        errno.ENOTTY,
        errno.EBADF,
        errno.EIO,  # whose, the source's or the destination's? By hand it is known
        errno.ETXTBSY,
        errno.EISDIR,
    },
)
BLOCK: Final = 512  # st_blocks, stat(2)
BUFFER: Final = 256 << 10
SCRATCH: Final = memoryview(bytearray(BUFFER))
"""One buffer for all reading: it stays in the processor's cache, and no page is ever new."""


def fill(source: int, destination: int, info: os.stat_result, pace: Pace, *, digest: bool) -> bytes:
    """Bring the destination up to the source's content and return its BLAKE3 digest.

    What the destination already has is kept: it was put there by us from this very source. The
    digest is empty when it was not wanted or nothing had to be read.
    """
    done = os.fstat(destination).st_size
    if done == 0 and cloned(source, destination):
        pace.moved(info.st_size)
        return b""
    if done:
        pace.counted(min(done, info.st_size))
    hasher = blake3() if digest and not done and not is_sparse(info) else None
    for start, end in extents(source, info, done):
        if hasher is None:
            move(source, destination, start, end, pace)
        else:
            read_and_write(source, destination, start, end, pace, hasher)
    os.ftruncate(destination, info.st_size)
    return hasher.digest() if hasher else b""


def is_sparse(info: os.stat_result) -> bool:
    """Tell whether a file has holes."""
    return info.st_blocks * BLOCK < info.st_size


def cloned(source: int, destination: int) -> bool:
    """Let both files share their blocks; False where the file system cannot."""
    try:
        fcntl.ioctl(destination, CLONE, source)
    except OSError as error:
        if error.errno in NOT_THIS_WAY:
            return False
        raise
    return True


def extents(source: int, info: os.stat_result, start: int) -> Iterator[tuple[int, int]]:
    """Yield the ranges from `start` on that hold data; the rest are holes."""
    if not is_sparse(info):
        yield start, info.st_size
        return
    place = start
    while place < info.st_size:
        try:
            begin = os.lseek(source, place, os.SEEK_DATA)
        except OSError as error:
            if error.errno == errno.ENXIO:  # nothing but a hole up to the end
                return
            raise SourceTrouble(error) from error
        place = os.lseek(source, begin, os.SEEK_HOLE)
        yield begin, min(place, info.st_size)


def move(source: int, destination: int, start: int, end: int, pace: Pace) -> None:
    """Copy a range without seeing its bytes, within the kernel where that is possible."""
    place = start
    while place < end:
        size = min(pace.chunk(), end - place)
        # Some file systems answer 0 when they mean "not this way", so 0 is asked for again.
        done = in_kernel(source, destination, size, place) or by_hand(source, destination, size, place)
        if done == 0:  # it became shorter; the caller will notice
            return
        pace.moved(done)
        place += done


def in_kernel(source: int, destination: int, size: int, place: int) -> int:
    """Copy within the kernel; 0 where these two files do not allow it."""
    try:
        return os.copy_file_range(source, destination, size, place, place)
    except OSError as error:
        if error.errno not in NOT_THIS_WAY:
            raise
    try:
        os.lseek(destination, place, os.SEEK_SET)
        return os.sendfile(destination, source, place, size)
    except OSError as error:
        if error.errno not in NOT_THIS_WAY:
            raise
    return 0


def by_hand(source: int, destination: int, size: int, place: int) -> int:
    """Copy by reading and writing."""
    data = read_at(source, min(size, BUFFER), place)
    write_all(destination, data, place)
    return len(data)


def read_and_write(source: int, destination: int, start: int, end: int, pace: Pace, hasher: blake3) -> None:
    """Copy a range by hand and add its bytes to the digest."""
    place = start
    while place < end:
        stop = min(place + pace.chunk(), end)
        began = place
        while place < stop:
            data = read_into_buffer(source, stop - place, place)
            if not data:
                return
            write_all(destination, data, place)
            hasher.update(data)
            place += len(data)
        pace.moved(place - began)


def read_into_buffer(source: int, size: int, place: int) -> memoryview:
    """Return what is at that place of the source, until the next is read. Raises SourceTrouble."""
    view = SCRATCH[:size]
    try:
        return view[: os.preadv(source, [view], place)]
    except OSError as error:
        raise SourceTrouble(error) from error


def read_at(source: int, size: int, place: int) -> bytes:
    """Read from the source. Raises SourceTrouble."""
    try:
        return os.pread(source, size, place)
    except OSError as error:
        raise SourceTrouble(error) from error


def write_all(destination: int, data: bytes | memoryview, place: int) -> None:
    """Write all of it, however many calls that takes."""
    rest = memoryview(data)
    while rest:
        written = os.pwrite(destination, rest, place)
        rest = rest[written:]
        place += written


def digest_of(handle: int, pace: Pace) -> tuple[bytes, int]:
    """Return the BLAKE3 digest of all a file holds, and how many bytes that are."""
    hasher, place = blake3(), 0
    while True:
        chunk = pace.chunk()
        began, stop = place, place + chunk
        os.posix_fadvise(handle, stop, chunk, os.POSIX_FADV_WILLNEED)  # the disk reads, we hash
        while place < stop:
            read = os.preadv(handle, [SCRATCH], place)
            if not read:
                pace.moved(place - began)
                return hasher.digest(), place
            hasher.update(SCRATCH[:read])
            place += read
        pace.moved(place - began)
