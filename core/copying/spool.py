"""Records on disk, so that a tree of a million files needs no more memory than a small one."""

import errno
import os
import struct
import zlib
from array import array
from collections.abc import Iterator
from pathlib import Path
from typing import Final, Self

HEAD: Final = struct.Struct("<II")
TAIL: Final = struct.Struct("<I")
BUFFER: Final = 1 << 20


class Spool:
    """A file of checked records that grows at its end and is read from either end.

    A record is its length, its CRC-32, its bytes and its length again. What a crash left behind
    half-written is cut off when the file is opened again.
    """

    def __init__(self, path: Path, *, keep: bool) -> None:
        self.path = path
        self._file = path.open("r+b" if keep and path.exists() else "w+b", buffering=BUFFER)
        self.places = array("q")
        self._end = 0
        self._flushed = 0
        if keep:
            self._recover()

    def __len__(self) -> int:
        """Return how many records there are."""
        return len(self.places)

    def append(self, record: bytes) -> int:
        """Add a record and return its number."""
        self._file.write(HEAD.pack(len(record), zlib.crc32(record)))
        self._file.write(record)
        self._file.write(TAIL.pack(len(record)))
        self.places.append(self._end)
        self._end += HEAD.size + len(record) + TAIL.size
        return len(self.places) - 1

    def __getitem__(self, number: int) -> bytes:
        """Return the record of that number. Raises OSError: the disk changed it."""
        place = self.places[number]
        if place >= self._flushed:
            self.flush()
        head = os.pread(self._file.fileno(), HEAD.size, place)
        length, check = HEAD.unpack(head)
        record = os.pread(self._file.fileno(), length, place + HEAD.size)
        if zlib.crc32(record) != check:
            raise OSError(errno.EBADMSG, "it is damaged on the disk", str(self.path))
        return record

    def flush(self) -> None:
        """Hand everything to the system: a crash of this process costs nothing from here on."""
        self._file.flush()
        self._flushed = self._end

    def close(self) -> None:
        """Hand everything to the system and let go of the file."""
        if not self._file.closed:
            self._file.close()

    def __enter__(self) -> Self:
        """Return itself; it is closed at the end."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close it."""
        self.close()

    def _recover(self) -> None:
        for record in records_in(self.path):
            self.places.append(self._end)
            self._end += HEAD.size + len(record) + TAIL.size
        self._file.seek(self._end)
        self._file.truncate()
        self._flushed = self._end


def records_in(path: Path) -> Iterator[bytes]:
    """Yield the records of a spool's file in order, up to the first that is torn."""
    with path.open("rb", buffering=BUFFER) as file:
        while len(head := file.read(HEAD.size)) == HEAD.size:
            length, check = HEAD.unpack(head)
            record = file.read(length)
            tail = file.read(TAIL.size)
            if tail != TAIL.pack(length) or zlib.crc32(record) != check:
                return
            yield record
