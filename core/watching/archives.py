"""Archives that say themselves whether they are whole: gzip, bzip2, xz, zstandard, zip and tar; nothing is unpacked."""

import bz2
import gzip
import lzma
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Mapping
from typing import BinaryIO, Final

import zstandard

from core.watching.tars import Stream, check_tar
from core.watching.whole import NotWhole

PIECE: Final = 1 << 20
INFLATED_MOST: Final = 1_000
INFLATED_FREE: Final = 1 << 30
"""What is in a file may take a thousand times its size, and a gigabyte always: more is no backup but a trap."""

FED: Final = 4_096
"""Bytes that are unpacked at once: they may become a hundred million."""

TOO_LARGE: Final = "what is in it takes far more room than any backup would"

BROKEN: Final = (
    OSError,
    EOFError,
    zlib.error,
    lzma.LZMAError,
    tarfile.TarError,
    zipfile.BadZipFile,
    zstandard.ZstdError,
    RuntimeError,
    ValueError,
)
"""What the libraries say of archives that are damaged, cut off, encrypted or of a sort that they do not know."""


class Zstandard:
    """Reads what was packed by zstd, frame after frame, and notices where the last one is cut off."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._frame = zstandard.ZstdDecompressor().decompressobj()
        self._began = False
        self._held = memoryview(b"")

    def read(self, size: int = PIECE) -> bytes:
        """Return some of it; none at the end."""
        while not self._held and self._feed():
            pass
        piece, self._held = bytes(self._held[:size]), self._held[size:]
        return piece

    def _feed(self) -> bool:
        """Take in some more; False at the end."""
        ended = self._frame.eof
        packed = (self._frame.unused_data if ended else b"") or self._file.read(FED)
        if not packed:
            if self._began and not ended:
                raise NotWhole("it is cut off: its end is missing")
            return False
        if ended:
            self._frame = zstandard.ZstdDecompressor().decompressobj()
        self._began = True
        self._held = memoryview(self._frame.decompress(packed))
        return True


def _gzip(file: BinaryIO) -> Stream:
    return gzip.GzipFile(fileobj=file, mode="rb")


def _bzip2(file: BinaryIO) -> Stream:
    return bz2.BZ2File(file)


def _xz(file: BinaryIO) -> Stream:
    return lzma.LZMAFile(file)


PACKED: Final[Mapping[str, Callable[[BinaryIO], Stream]]] = {
    ".gz": _gzip,
    ".bz2": _bzip2,
    ".xz": _xz,
    ".zst": Zstandard,
}
SHORT: Final = {".tgz": ".tar.gz", ".tbz2": ".tar.bz2", ".txz": ".tar.xz", ".tzst": ".tar.zst"}


def is_archive(name: str) -> bool:
    """Tell by its name whether a file is of a sort that says whether it is whole."""
    return _long(name).endswith((*PACKED, ".tar", ".zip"))


def _long(name: str) -> str:
    small = name.lower()
    return next((small[: -len(end)] + long for end, long in SHORT.items() if small.endswith(end)), small)


def check_archive(name: str, file: BinaryIO) -> None:
    """Read an archive to its end. Raises NotWhole."""
    try:
        _check(_long(name), file)
    except BROKEN as error:
        message = f"it is damaged or cut off ({str(error) or type(error).__name__})"
        raise NotWhole(message) from error


def _check(name: str, file: BinaryIO) -> None:
    size = file.seek(0, 2)
    file.seek(0)
    limit = size * INFLATED_MOST + INFLATED_FREE
    if not size:
        raise NotWhole("it is empty")
    if name.endswith(".zip"):
        _check_zip(file, limit)
        return
    end = next((end for end in PACKED if name.endswith(end)), "")
    stream = _Limited(PACKED[end](file) if end else file, limit)
    if name.removesuffix(end).endswith(".tar"):
        check_tar(stream)
    while stream.read(PIECE):
        pass


def _check_zip(file: BinaryIO, limit: int) -> None:
    with zipfile.ZipFile(file) as archive:
        if sum(entry.file_size for entry in archive.infolist()) > limit:
            raise NotWhole(TOO_LARGE)
        bad = archive.testzip()
    if bad is not None:
        message = f"{bad!r} in it is damaged"
        raise NotWhole(message)


class _Limited:
    """What comes out of a packed file; raises NotWhole where that is more than it may be."""

    def __init__(self, stream: Stream, limit: int) -> None:
        self._stream = stream
        self._left = limit

    def read(self, size: int = PIECE) -> bytes:
        """Return some of it."""
        piece = self._stream.read(size)
        self._left -= len(piece)
        if self._left < 0:
            raise NotWhole(TOO_LARGE)
        return piece
