"""Segments of the journal that no start needs any more: kept compressed, for going back to a moment."""

import contextlib
import hashlib
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import zstandard

from core.errors import StorageFailed
from core.storage import atomic
from core.storage.folder import StoreFolder
from core.storage.journal import segments_in

KEPT: Final = re.compile(r"journal-([1-9][0-9]{0,17})(?:\.[0-9]+)?\.yaml\.zst\Z")
PIECE: Final = 1 << 20
LARGEST: Final = 1 << 30
"""Bytes that a segment can at most have; ours have a fiftieth of it."""


def archive_segments(folder: StoreFolder, before: int) -> int:
    """Put every segment below a number away, and return how many bytes that freed.

    One goes when its compressed form was read back and is on disk. Raises OSError or StorageFailed.
    """
    place = folder.root / "backups" / "segments"
    old = [segment for segment in segments_in(folder.root / "state") if segment < before]
    if not old:
        return 0
    atomic.make_folder(place)
    atomic.sweep(place)
    freed = 0
    for segment in old:
        path = folder.segment_path(segment)
        kept = _put_away(path, place)
        freed += path.stat().st_size - kept.stat().st_size
        path.unlink()
    atomic.sync_folder(folder.root / "state")
    return freed


def kept_segments(place: Path) -> dict[int, list[Path]]:
    """Return where each segment is that was put away; several where a store was set back meanwhile."""
    found: dict[int, list[Path]] = {}
    with contextlib.suppress(OSError):
        for path in sorted(place.iterdir()):
            if named := KEPT.match(path.name):
                found.setdefault(int(named[1]), []).append(path)
    return found


def content_of_kept(path: Path) -> bytes:
    """Return what a segment said that was put away; raises StorageFailed when it is damaged."""
    try:
        content = b"".join(_unpacked(path))
    except (OSError, zstandard.ZstdError) as error:
        raise StorageFailed(f"{path} cannot be read: {error}.") from error
    if len(content) > LARGEST:
        raise StorageFailed(f"{path} holds more than a segment can.")
    return content


def _put_away(path: Path, place: Path) -> Path:
    """Compress a segment, unless that was done before; return where it is."""
    digest = _digest(_pieces(path))
    target = place / f"{path.name}.zst"
    for number in range(2, 100):
        if not target.exists():
            break
        with contextlib.suppress(zstandard.ZstdError):
            if _digest(_unpacked(target)) == digest:
                return target
        target = place / f"{path.stem}.{number}.yaml.zst"
    temporary = atomic.write_aside(target, b"", durable=False)
    try:
        _compress(path, temporary)
        _compare(path, temporary, digest)
        temporary.replace(target)
    except BaseException:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise
    atomic.sync_folder(place)
    return target


def _compare(path: Path, temporary: Path, digest: bytes) -> None:
    if _digest(_unpacked(temporary)) != digest:
        raise StorageFailed(f"{path.name} did not read back as it was, so it stays where it is.")


def _compress(path: Path, target: Path) -> None:
    compressor = zstandard.ZstdCompressor(level=3, write_checksum=True)
    with path.open("rb") as source, target.open("r+b") as file:
        compressor.copy_stream(source, file)
        file.flush()
        os.fsync(file.fileno())


def _pieces(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while piece := file.read(PIECE):
            yield piece


def _unpacked(path: Path) -> Iterator[bytes]:
    """Give what a file unpacks to, at most a little more than a segment can be; a cut one raises."""
    decompressor = zstandard.ZstdDecompressor(max_window_size=1 << 23).decompressobj()
    length = 0
    for piece in _pieces(path):
        if decompressor.eof:
            raise zstandard.ZstdError("something follows its end")
        unpacked = decompressor.decompress(piece)
        length += len(unpacked)
        yield unpacked
        if length > LARGEST:
            return
    if not decompressor.eof or decompressor.unused_data:
        raise zstandard.ZstdError("it does not end where it should")


def _digest(pieces: Iterator[bytes]) -> bytes:
    sha256 = hashlib.sha256()
    for piece in pieces:
        sha256.update(piece)
    return sha256.digest()
