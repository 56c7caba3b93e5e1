"""Reading an archive, whoever made it.

What comes may be hostile: only plain files are taken, in places inside of the folder, no larger and no
more of them than the archive says of itself, and none before every byte was compared with its digest.
"""

import contextlib
import hashlib
import os
import struct
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath
from typing import IO, Any, BinaryIO, Final, cast

import msgspec
import zstandard

from core.storage import atomic
from core.storage.archive import (
    BLOCK,
    FRAME,
    MANIFEST,
    PIECE,
    SKIPPED,
    TAIL,
    BadArchive,
    Entry,
    Facts,
    Told,
    nobody,
    open_plain,
)  # fmt: skip

LONGEST_NAME: Final = 1_024
LONGEST_FACTS: Final = 4_096
LARGEST_WINDOW: Final = 1 << 23
LARGEST_MANIFEST: Final = 1 << 28
LENGTH_OF_A_DIGEST: Final = 32
LATEST: Final = 253_402_300_799_999
"""The last millisecond that can be told as a date."""


Receiver = Callable[[str, int, Iterator[bytes]], None]
"""Takes one file after the other: name, size, content. What it does not read of the content is skipped."""


def facts_of(path: Path) -> Facts:
    """Return what an archive says it is, without proof; raises BadArchive."""
    with _opened(path) as file, _reading(path):
        return _facts(file, path)[0]


def entries_of(path: Path, told: Told | None = None) -> list[Entry]:
    """Read every byte of an archive, compare every digest, and return what it holds; raises BadArchive."""

    def look(_name: str, _size: int, content: Iterator[bytes]) -> None:
        for _ in content:
            pass

    return read_archive(path, look, told)


def read_archive(path: Path, receive: Receiver, told: Told | None = None) -> list[Entry]:
    """Prove the archive by its digest, then hand over every file; raises BadArchive.

    What `receive` raises passes through.
    """
    with _opened(path) as file:
        with _reading(path):
            facts, end = _facts(file, path)
            _prove(file, path, told)
            file.seek(0)
        try:
            return _Unpacking(file, path, end, facts).hand_over(receive)
        except (zstandard.ZstdError, tarfile.TarError, msgspec.MsgspecError, UnicodeError) as error:
            raise BadArchive(f"{path} is no whole archive: {error}.") from error


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[BinaryIO]:
    with _reading(path):
        if path.is_symlink():
            raise BadArchive(f"{path} is a link.", hint="Name the file that it leads to.")
        if not path.is_file():
            raise BadArchive(f"{path} is {'no file' if path.exists() else 'not there'}.")
        file = open_plain(path)
    with file:
        yield file


@contextlib.contextmanager
def _reading(path: Path) -> Iterator[None]:
    """Say which archive it is that the disk does not give."""
    try:
        yield
    except OSError as error:
        raise BadArchive(str(atomic.storage_error(f"{path} cannot be read", error))) from error


class _Unpacking:
    """The files of an archive whose digest was found good."""

    def __init__(self, file: BinaryIO, path: Path, end: int, facts: Facts) -> None:
        self._path = path
        self._facts = facts
        self._left = facts.bytes
        self._entries: list[Entry] = []
        decompressor = zstandard.ZstdDecompressor(max_window_size=LARGEST_WINDOW)
        self._stream: IO[Any] = decompressor.stream_reader(
            cast("IO[bytes]", _Part(file, path, end)), closefd=False
        )

    def hand_over(self, receive: Receiver) -> list[Entry]:
        while (member := self._member()) is not None:
            if member.name == MANIFEST:
                self._compare(self._whole(member.size, LARGEST_MANIFEST))
                return self._entries
            self._hand_over(member, receive)
        raise self._bad("it has no manifest")

    def _hand_over(self, member: tarfile.TarInfo, receive: Receiver) -> None:
        if not is_safe(member.name):
            raise self._bad(f"it wants to put a file at {member.name!r:.80}")
        self._left -= member.size
        if self._left < 0 or len(self._entries) >= self._facts.files:
            raise self._bad("it holds more than it says")
        digest = hashlib.sha256()
        content = self._content(member.size, digest)
        receive(member.name, member.size, content)
        for _ in content:
            pass
        self._entries.append(Entry(name=member.name, size=member.size, sha256=digest.hexdigest()))

    def _content(self, size: int, digest: Any) -> Iterator[bytes]:  # noqa: ANN401 - hashlib names no type
        left = size
        while left:
            piece = self._exactly(min(PIECE, left))
            left -= len(piece)
            digest.update(piece)
            yield piece
        self._exactly(-size % BLOCK)

    def _compare(self, manifest: bytes) -> None:
        if msgspec.json.decode(manifest, type=list[Entry]) != self._entries:
            raise self._bad("what it holds is not what its manifest says")

    def _member(self) -> tarfile.TarInfo | None:
        """Return what comes next, which is a plain file or nothing."""
        block = self._exactly(BLOCK)
        if block == bytes(BLOCK):
            return None
        member = tarfile.TarInfo.frombuf(block, "utf-8", "strict")
        if member.type == tarfile.GNUTYPE_LONGNAME:
            name = self._whole(member.size, LONGEST_NAME).rstrip(b"\0").decode()
            member = tarfile.TarInfo.frombuf(self._exactly(BLOCK), "utf-8", "strict")
            member.name = name
        if member.type != tarfile.REGTYPE or member.size < 0:
            raise self._bad(f"{member.name!r:.80} in it is no plain file")
        return member

    def _whole(self, size: int, most: int) -> bytes:
        if not 0 <= size <= most:
            raise self._bad("a part of it is too long")
        return self._exactly(size + -size % BLOCK)[:size]

    def _exactly(self, size: int) -> bytes:
        data: bytes = self._stream.read(size)
        while len(data) < size:
            more = self._stream.read(size - len(data))
            if not more:
                raise self._bad("it ends too early")
            data += more
        return data

    def _bad(self, why: str) -> BadArchive:
        return BadArchive(f"{self._path} is no archive to unpack: {why}.")


class _Part:
    """The beginning of a file."""

    def __init__(self, file: BinaryIO, path: Path, end: int) -> None:
        self._file = file
        self._path = path
        self._left = end

    def read(self, size: int = -1) -> bytes:
        with _reading(self._path):
            data = self._file.read(self._left if size < 0 else min(size, self._left))
        self._left -= len(data)
        return data


def is_safe(name: str) -> bool:
    """Tell whether a name stays inside the folder that it is unpacked into, and is one that an archive takes."""
    path = PurePosixPath(name)
    odd = any(letter < " " or letter == "\\" or "\ud800" <= letter <= "\udfff" for letter in name)
    if odd or path.is_absolute() or ".." in path.parts or str(path) != name:
        return False
    return bool(path.parts) and len(name.encode()) < LONGEST_NAME


def _facts(file: BinaryIO, path: Path) -> tuple[Facts, int]:
    """Return what is said at the end of an archive, and where the compressed part ends."""
    size = file.seek(0, os.SEEK_END)
    try:
        file.seek(max(0, size - TAIL.size))
        _, length = TAIL.unpack(file.read(TAIL.size))
        start = max(0, size - TAIL.size - min(length, LONGEST_FACTS) - FRAME.size)
        file.seek(start)
        frame = FRAME.unpack(file.read(FRAME.size))
        facts = msgspec.json.decode(file.read(length), type=Facts)
    except (struct.error, msgspec.MsgspecError, UnicodeDecodeError):
        frame, facts, start, length = (), None, 0, 0
    if facts is None or frame != (SKIPPED, length + TAIL.size):
        raise BadArchive(f"{path} is no archive of Holdfast, or its end is missing.")
    if not (0 <= facts.t <= LATEST and 0 <= facts.taken <= LATEST):
        raise BadArchive(f"{path} says of itself that it was made at a time that there is not.")
    return facts, start


def _prove(file: BinaryIO, path: Path, told: Told | None) -> None:
    """Raise BadArchive unless every byte is as it was written."""
    size = file.seek(0, os.SEEK_END) - TAIL.size
    file.seek(0)
    digest, done = hashlib.sha256(), 0
    while done < size:
        piece = file.read(min(PIECE, size - done))
        if not piece:
            break
        digest.update(piece)
        done += len(piece)
        (told or nobody)(done, size)
    if file.read(TAIL.size)[:LENGTH_OF_A_DIGEST] != digest.digest():
        raise BadArchive(f"{path} is damaged: it is not what was written.")
