"""A program: reads backup files whole, and looks whether what is in them is what should be.

It is told by a file which ones and how, and leaves what it found in another; how far it is takes a line of JSON.
"""

import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import BinaryIO, Final, Literal

import msgspec

from core.copying.troubles import in_words
from core.models import Value
from core.storage import atomic
from core.watching.archives import check_archive, is_archive
from core.watching.digests import digest_beside, digest_of
from core.watching.whole import NotWhole

PROGRAM: Final = "core.watching.proving"
WISHES: Final = "watched.json"
FOUND: Final = "watched-found.json"
EVERY: Final = 0.5
PIECE: Final = 1 << 20
MOST_NAMED: Final = 20

How = Literal["readable", "archive", "digests"]


class Wishes(Value, frozen=True, kw_only=True):
    """Which files below a folder to read, and how."""

    folder: str
    names: tuple[str, ...]
    how: How


class Found(Value, frozen=True, kw_only=True):
    """What was read: `bad` names up to 20 files with why, `bad_files` counts all; `checked` are those that say themselves what is in them."""

    files: int = 0
    bytes: int = 0
    checked: int = 0
    bad_files: int = 0
    bad: tuple[str, ...] = ()


class Word(Value, frozen=True, kw_only=True):
    """How far it is."""

    files: int
    bytes: int


class Counter:
    """Counts bytes that were read, and says so now and then."""

    def __init__(self) -> None:
        self.files = self.bytes = 0
        self._next = 0.0

    def add(self, size: int) -> None:
        """Count some more."""
        self.bytes += size
        if time.monotonic() >= self._next:
            self._next = time.monotonic() + EVERY
            sys.stdout.buffer.write(msgspec.json.encode(Word(files=self.files, bytes=self.bytes)) + b"\n")
            sys.stdout.buffer.flush()


class Counted:
    """A file that is read, and counted."""

    def __init__(self, file: BinaryIO, counter: Counter) -> None:
        self._file = file
        self._counter = counter
        self.seek, self.tell, self.seekable = file.seek, file.tell, file.seekable
        self.readable, self.writable, self.close = file.readable, file.writable, file.close

    def read(self, size: int = -1) -> bytes:
        """Return some of it."""
        piece = self._file.read(size)
        self._counter.add(len(piece))
        return piece


def main(arguments: Sequence[str]) -> None:
    """Read what the wishes in a folder say."""
    folder = Path(arguments[0])
    wishes = msgspec.json.decode((folder / WISHES).read_bytes(), type=Wishes)
    found = carried_out(wishes, Counter())
    atomic.write_whole(folder / FOUND, msgspec.json.encode(found))


def carried_out(wishes: Wishes, counter: Counter) -> Found:
    """Return what was found."""
    checked, bad = 0, list[str]()
    for name in wishes.names:
        try:
            checked += _check(Path(wishes.folder, name), wishes.how, counter)
        except NotWhole as error:
            bad.append(f"{name}: {error}")
        except OSError as error:
            bad.append(f"{name}: it cannot be read: {in_words(error)}")
        counter.files += 1
    return Found(
        files=counter.files,
        bytes=counter.bytes,
        checked=checked,
        bad_files=len(bad),
        bad=tuple(bad[:MOST_NAMED]),
    )


def _check(path: Path, how: How, counter: Counter) -> bool:
    """Read a file whole; tell whether it, or a list beside it, says what should be in it. Raises NotWhole, OSError."""
    with path.open("rb", buffering=0) as plain:
        file: BinaryIO = Counted(plain, counter)  # type: ignore[assignment] # as much of a file as is asked for
        if how == "digests":
            wanted = digest_beside(path)
            if digest_of(file, wanted.algorithm) != wanted.digest:
                message = f"its bytes are not those that {wanted.source} says"
                raise NotWhole(message)
            return True
        if how == "archive" and is_archive(path.name):
            check_archive(path.name, file)
            return True
        for _ in pieces_of(file):
            pass
    return False


def pieces_of(file: BinaryIO) -> Iterator[bytes]:
    """Yield a file's bytes."""
    read: Callable[[], bytes] = lambda: file.read(PIECE)  # noqa: E731
    return iter(read, b"")
