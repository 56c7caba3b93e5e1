"""Lines that are counted, in files that only ever grow: written at the end, read from the end.

Each line is a JSON object that begins with its number, `{"seq":17,`. A file is named after the month it was begun
in and the number of its first line, so whoever wants a number knows where to look.
"""

import os
import re
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Final, NamedTuple

from core.storage import atomic

NAME: Final = re.compile(r"(\d{4}-\d{2})-([0-9]{12})\.jsonl\Z")
BEGINNING: Final = b'{"seq":'
LONGEST_NUMBER: Final = 18
LARGEST: Final = 64_000_000
"""How long a file gets, in bytes, before another one is begun."""

BLOCK: Final = 1 << 18


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

    def forwards(self, after: int = 0) -> Iterator[tuple[int, bytes]]:
        """Give the lines after a number, with theirs."""
        parts = self.parts()
        for index, part in enumerate(parts):
            if index + 1 < len(parts) and parts[index + 1].first <= after + 1:
                continue
            for seq, line in _lines_of(part.path):
                if seq > after:
                    yield seq, line

    def backwards(self, before: int | None = None) -> Iterator[tuple[int, bytes]]:
        """Give the lines before a number, or all, the last first."""
        for part in reversed(self.parts()):
            if before is not None and part.first >= before:
                continue
            for line in _lines_from_the_end(part.path):
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


def _lines_of(path: Path) -> Iterator[tuple[int, bytes]]:
    try:
        with path.open("rb") as file:
            for line in file:
                text = line.removesuffix(b"\n")
                if seq := seq_of(text):
                    yield seq, text
    except FileNotFoundError:  # it was kept long enough
        return


def _lines_from_the_end(path: Path) -> Iterator[bytes]:
    try:
        with path.open("rb") as file:
            at, rest = file.seek(0, os.SEEK_END), b""
            while at > 0:
                size = min(BLOCK, at)
                at -= size
                file.seek(at)
                rest, *lines = (file.read(size) + rest).split(b"\n")
                yield from reversed(lines)
            yield rest
    except FileNotFoundError:
        return


def _end_of_whole_lines(path: Path) -> int:
    """Return where the last whole line ends that says something."""
    end = at = 0
    with path.open("rb") as file:
        for line in file:
            at += len(line)
            if line.endswith(b"}\n") and seq_of(line[:-1]):
                end = at
    return end
