"""One file that holds many: a tar archive, compressed by zstd, with the digest of all of it at its end.

Any `tar --zstd` reads it. The last member, `MANIFEST.json`, names every file with its size and digest.
After the compressed part comes a frame that zstd skips: what the archive is, in JSON, and the SHA-256 of
every byte before it, so that no flipped bit goes unnoticed and nothing is unpacked that was hurt.
"""

import contextlib
import hashlib
import os
import tarfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from struct import Struct
from typing import IO, BinaryIO, Final, cast

import msgspec
import zstandard

from core.errors import HoldfastError, StorageFailed
from core.models import Value
from core.storage import atomic

MANIFEST: Final = "MANIFEST.json"
BLOCK: Final = 512
PIECE: Final = 1 << 20
SMALL: Final = 8 << 20
"""What is no longer is read at one go, so that it is never half of one and half of another."""

SKIPPED: Final = 0x184D2A50
FRAME: Final = Struct("<II")
TAIL: Final = Struct("<32sI")

Told = Callable[[int, int], None]
"""Told how many bytes of how many are done."""


class BadArchive(HoldfastError):
    """A file is no archive of ours, or not as it was written."""

    code = "bad-archive"
    hint = "Use another one: `holdfast store verify FILE` tells which are whole."


class Facts(Value, frozen=True, kw_only=True):
    """What an archive is: of which store, and the state up to which change.

    `t` is when that was, `taken` when it was made, in milliseconds since 1970; `bytes` and `files` is
    what it unpacks to.
    """

    kind: str
    archive: int = 1
    format: int
    store: str
    number: int = 0
    t: int = 0
    taken: int = 0
    segment: int = 0
    jobs: int = 0
    runs: int = 0
    files: int = 0
    bytes: int = 0


class Entry(Value, frozen=True, kw_only=True):
    """One file of an archive."""

    name: str
    size: int
    sha256: str


class Item(Value, frozen=True, kw_only=True):
    """A file to be packed: under which name, from where, and how much of it (None is all).

    One that `may_go` is left out when it is not there any more.
    """

    name: str
    path: Path
    size: int | None = None
    may_go: bool = False


def write_archive(
    file: BinaryIO, items: Iterable[Item], facts: Callable[[], Facts], told: Told | None = None
) -> Facts:
    """Write the items to an empty file; return the facts, asked for at the end, with how much it is.

    Raises OSError.
    """
    writer = _Writer(file, told)
    for item in items:
        writer.add(item)
    return writer.finish(facts())


def make_archive(
    target: Path,
    items: Iterable[Item],
    facts: Callable[[], Facts],
    *,
    told: Told | None = None,
    check: Callable[[Path], object],
) -> Facts:
    """Put an archive in place, once it is on disk and `check` raised nothing about it.

    On failure nothing is left. Raises OSError, StorageFailed, BadArchive.
    """
    temporary = atomic.write_aside(target, b"", durable=False)
    try:
        with temporary.open("r+b") as file:
            known = write_archive(file, items, facts, told)
            file.flush()
            os.fsync(file.fileno())
        check(temporary)
        temporary.replace(target)
    except BaseException:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise
    atomic.sync_folder(target.parent)
    return known


class _Writer:
    def __init__(self, file: BinaryIO, told: Told | None) -> None:
        self._file = _Digested(file)
        compressor = zstandard.ZstdCompressor(level=3, write_checksum=True)
        self._stream = compressor.stream_writer(cast("IO[bytes]", self._file), closefd=False)
        self._mtime = int(os.fstat(file.fileno()).st_mtime)
        self._told = told or nobody
        self._entries: list[Entry] = []
        self._bytes = 0

    def add(self, item: Item) -> None:
        try:
            source = open_plain(item.path)
        except FileNotFoundError:
            if item.may_go:
                return
            raise
        with source:
            there = os.fstat(source.fileno()).st_size
            size = there if item.size is None else item.size
            if size <= SMALL and item.size is None:
                content = source.read()
                self._add(item.name, len(content), iter((content,)))
            else:
                self._add(item.name, size, _pieces(source, size, item.path))

    def finish(self, facts: Facts) -> Facts:
        manifest = msgspec.json.encode(self._entries)
        files, total = len(self._entries), self._bytes
        self._add(MANIFEST, len(manifest), iter((manifest,)))
        self._stream.write(bytes(2 * BLOCK))
        self._stream.flush(zstandard.FLUSH_FRAME)
        known = msgspec.structs.replace(facts, files=files, bytes=total)
        text = msgspec.json.encode(known)
        self._file.write(FRAME.pack(SKIPPED, len(text) + TAIL.size) + text)
        self._file.write_undigested(TAIL.pack(self._file.digest, len(text)))
        return known

    def _add(self, name: str, size: int, content: Iterator[bytes]) -> None:
        self._stream.write(_header(name, size, self._mtime))
        digest = hashlib.sha256()
        for piece in content:
            digest.update(piece)
            self._stream.write(piece)
        self._stream.write(bytes(-size % BLOCK))
        self._entries.append(Entry(name=name, size=size, sha256=digest.hexdigest()))
        self._bytes += size
        self._told(self._bytes, 0)


class _Digested:
    """A file that keeps the digest of all that is written to it."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._sha256 = hashlib.sha256()

    @property
    def digest(self) -> bytes:
        return self._sha256.digest()

    def write(self, data: bytes) -> int:
        self._sha256.update(data)
        return self.write_undigested(data)

    def write_undigested(self, data: bytes) -> int:
        self._file.write(data)
        return len(data)

    def flush(self) -> None:
        self._file.flush()


def _header(name: str, size: int, mtime: int) -> bytes:
    member = tarfile.TarInfo(name)
    member.size, member.mode, member.mtime = size, 0o600, mtime
    return member.tobuf(tarfile.GNU_FORMAT, "utf-8", "strict")


def _pieces(source: BinaryIO, size: int, path: Path) -> Iterator[bytes]:
    left = size
    while left:
        piece = source.read(min(PIECE, left))
        if not piece:
            raise StorageFailed(f"{path} became shorter while it was copied.", hint="Try again.")
        left -= len(piece)
        yield piece


def open_plain(path: Path) -> BinaryIO:
    """Open a file to read it, without following a link and without waiting for a pipe."""
    return os.fdopen(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC), "rb")


def nobody(_done: int, _total: int) -> None:
    """Tell nobody."""
