"""What was proved, file by file: the only thing from which anybody may decide that a source file is not needed any more.

A file of records has a first line that says what it is, one record after the other in the order of their paths, and an
end that says how many there are: what is cut short, or was changed, is noticed. A record was written only if the file was the same,
by all of these fields, before and after it was read.
"""

import os
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import IO, Final, Self, get_args

from core.models import Value
from core.proofs.values import Algorithm

HEAD: Final = b"holdfast records 1\n"
FIELDS: Final = struct.Struct("<HBBQqqQQ")
"""Length of the path, algorithm, length of the digest, size, mtime, ctime, inode, device."""
CHECK: Final = struct.Struct("<I")
END: Final = struct.Struct("<HQ")
"""A path of no length, and how many records there were."""
ALGORITHMS: Final[tuple[Algorithm, ...]] = get_args(Algorithm)


class Record(Value, frozen=True, kw_only=True):
    """A file of the source as it was read, whose bytes were found equal at the destination; `path` is below the source."""

    path: bytes
    size: int
    mtime_ns: int
    ctime_ns: int
    inode: int
    device: int
    algorithm: Algorithm
    digest: bytes


class BadRecords(ValueError):
    """A file is no list of records, or not a whole one."""


class RecordWriter:
    """Writes records in the order of their paths; what was not brought to its end cannot be read as whole."""

    def __init__(self, path: Path) -> None:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        self._file: IO[bytes] = os.fdopen(handle, "wb")
        self._file.write(HEAD)
        self.count = 0

    def write(self, record: Record) -> None:
        """Add a record."""
        fields = FIELDS.pack(
            len(record.path),
            ALGORITHMS.index(record.algorithm),
            len(record.digest),
            record.size,
            record.mtime_ns,
            record.ctime_ns,
            record.inode,
            record.device,
        )
        self._checked(fields + record.path + record.digest)
        self.count += 1

    def finish(self) -> None:
        """Write the end, and see that all of it is on the disk."""
        self._checked(END.pack(0, self.count))
        self._file.flush()
        os.fsync(self._file.fileno())

    def _checked(self, data: bytes) -> None:
        self._file.write(data)
        self._file.write(CHECK.pack(zlib.crc32(data)))

    def __enter__(self) -> Self:
        """Begin."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the file; only `finish` makes it whole."""
        self._file.close()


def read_records(path: Path) -> Iterator[Record]:
    """Yield the records; raises BadRecords as soon as something is not as it was written, also a missing end."""
    with path.open("rb") as file:
        if file.read(len(HEAD)) != HEAD:
            message = "This is no list of what was proved."
            raise BadRecords(message)
        count = 0
        while (record := _next(file, count)) is not None:
            yield record
            count += 1
        if file.read(1):
            message = "Something stands after the end of the list of what was proved."
            raise BadRecords(message)


def _next(file: IO[bytes], count: int) -> Record | None:
    """Return the next record; None at the end."""
    head = _exactly(file, END.size)
    length, number = END.unpack(head)
    if not length:
        _check(file, head)
        if number != count:
            message = "The list of what was proved is not whole."
            raise BadRecords(message)
        return None
    head += _exactly(file, FIELDS.size - END.size)
    length, algorithm, digest_length, *numbers = FIELDS.unpack(head)
    rest = _exactly(file, length + digest_length)
    _check(file, head + rest)
    size, mtime_ns, ctime_ns, inode, device = numbers
    return Record(
        path=rest[:length],
        size=size,
        mtime_ns=mtime_ns,
        ctime_ns=ctime_ns,
        inode=inode,
        device=device,
        algorithm=ALGORITHMS[algorithm],
        digest=rest[length:],
    )


def _exactly(file: IO[bytes], size: int) -> bytes:
    data = file.read(size)
    if len(data) < size:
        message = "The list of what was proved is cut short."
        raise BadRecords(message)
    return data


def _check(file: IO[bytes], data: bytes) -> None:
    if CHECK.unpack(_exactly(file, CHECK.size))[0] != zlib.crc32(data):
        message = "The list of what was proved was changed."
        raise BadRecords(message)
