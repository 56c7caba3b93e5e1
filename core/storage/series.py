"""Lines that are counted, in files that only ever grow: written at the end, read from the end.

Each line is a JSON object that begins with its number, `{"seq":17,`. A file is named after the month it was begun
in and the number of its first line, so whoever wants a number knows where to look.
"""

import contextlib
import os
import re
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import BinaryIO, Final, NamedTuple

from core.storage import atomic

NAME: Final = re.compile(r"(\d{4}-\d{2})-([0-9]{12})\.jsonl\Z")
BEGINNING: Final = b'{"seq":'
LONGEST_NUMBER: Final = 18
LARGEST: Final = 64_000_000
"""How long a file gets, in bytes, before another one is begun."""

BLOCK: Final = 1 << 18


Worth = Callable[[bytes], bool]
"""Tells of many lines at once whether any of them may be wanted."""


class Part(NamedTuple):
    """One file of a series: the month it was begun in, and the number of its first line."""

    path: Path
    month: str
    first: int


class Series:
    """A folder of such files. Not safe for several threads; reading needs no lock."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def parts(self) -> list[Part]:
        """Return the files that are there, in order."""
        try:
            names = os.listdir(self.folder)  # noqa: PTH208 - a missing folder is an empty one
        except FileNotFoundError:
            return []
        found = (named for name in names if (named := NAME.match(name)))
        parts = (Part(self.folder / named[0], named[1], int(named[2])) for named in found)
        return sorted(parts, key=lambda part: part.first)

    def last(self) -> tuple[int, bytes]:
        """Return the number of the last line, and the line; 0 where there is none."""
        return next(self.backwards(), (0, b""))

    def mend(self) -> None:
        """Cut off what a killed process left half-written at the end; raises OSError."""
        parts = self.parts()
        if not parts:
            return
        whole = _end_of_whole_lines(parts[-1].path)
        if whole < parts[-1].path.stat().st_size:
            os.truncate(parts[-1].path, whole)
            atomic.sync_file(parts[-1].path)

    def append(self, lines: Sequence[bytes], first: int, at: datetime) -> None:
        """Write lines, the first of which has that number, durable on return; raises OSError, and none is there."""
        if not lines:
            return
        path = self._path_for(first, at)
        new = not path.exists()
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
        descriptor = os.open(path, flags, 0o600)
        length = os.fstat(descriptor).st_size
        try:
            atomic.write_all(descriptor, b"".join(line + b"\n" for line in lines))
            os.fdatasync(descriptor)
        except BaseException:
            os.ftruncate(descriptor, length)
            raise
        finally:
            os.close(descriptor)
        if new:
            atomic.sync_folder(self.folder)

    def forwards(self, after: int = 0, worth: Worth | None = None) -> Iterator[tuple[int, bytes]]:
        """Give the lines after a number, with theirs; where many lines are not `worth` reading, none of them."""
        parts = self.parts()
        for index, part in enumerate(parts):
            if index + 1 < len(parts) and parts[index + 1].first <= after + 1:
                continue
            for lines in _blocks(part.path, after + 1):
                for line in lines.split(b"\n") if worth is None or worth(lines) else ():
                    if (seq := seq_of(line)) > after:
                        yield seq, line

    def backwards(self, before: int | None = None, worth: Worth | None = None) -> Iterator[tuple[int, bytes]]:
        """Give the lines before a number, or all, the last first; as above."""
        for part in reversed(self.parts()):
            if before is not None and part.first >= before:
                continue
            for lines in _blocks_from_the_end(part.path, before):
                for line in reversed(lines.split(b"\n")) if worth is None or worth(lines) else ():
                    seq = seq_of(line)
                    if seq and (before is None or seq < before):
                        yield seq, line

    def _path_for(self, first: int, at: datetime) -> Path:
        """Return the file that the next line belongs in; a clock that was set back begins none."""
        month, parts = f"{at:%Y-%m}", self.parts()
        if parts and month <= parts[-1].month and parts[-1].path.stat().st_size < LARGEST:
            return parts[-1].path
        if not self.folder.is_dir():
            atomic.make_folder(self.folder)
        month = max(month, parts[-1].month) if parts else month
        return self.folder / f"{month}-{first:012d}.jsonl"


def seq_of(line: bytes) -> int:
    """Return the number of a line; 0 for what is none."""
    digits = line[len(BEGINNING) : len(BEGINNING) + LONGEST_NUMBER + 1].partition(b",")[0]
    return int(digits) if line.startswith(BEGINNING) and line.endswith(b"}") and digits.isdigit() else 0


def _blocks(path: Path, first: int) -> Iterator[bytes]:
    """Give the lines of a file from a number on, many at a time."""
    with contextlib.suppress(FileNotFoundError), path.open("rb") as file:  # it was kept long enough
        file.seek(_around(file, first)[0])
        rest = b""
        while block := file.read(BLOCK):
            lines, _, rest = (rest + block).rpartition(b"\n")
            yield lines
        yield rest


def _blocks_from_the_end(path: Path, before: int | None) -> Iterator[bytes]:
    """Give the lines of a file before a number, or all, many at a time, the last of them first."""
    with contextlib.suppress(FileNotFoundError), path.open("rb") as file:
        at = file.seek(0, os.SEEK_END) if before is None else _around(file, before)[1]
        rest = b""
        while at > 0:
            size = min(BLOCK, at)
            at -= size
            file.seek(at)
            rest, _, lines = (file.read(size) + rest).partition(b"\n")
            yield lines
        yield rest


def _around(file: BinaryIO, seq: int) -> tuple[int, int]:
    """Return between which places a number stands: where a line begins at or before it, and one beyond it.

    Found by halves, as numbers only grow.
    """
    low, high = 0, file.seek(0, os.SEEK_END)
    while high - low > BLOCK:
        middle = (low + high) // 2
        file.seek(middle)
        at = middle + len(file.readline())
        line = file.readline()
        while line and not seq_of(line.removesuffix(b"\n")):
            at += len(line)
            line = file.readline()
        found = seq_of(line.removesuffix(b"\n"))
        if found and found <= seq and at < high:
            low = at
        else:
            high = middle
    return low, high


def _end_of_whole_lines(path: Path) -> int:
    """Return where the last whole line ends that says something."""
    end = at = 0
    with path.open("rb") as file:
        for line in file:
            at += len(line)
            if line.endswith(b"}\n") and seq_of(line[:-1]):
                end = at
    return end
