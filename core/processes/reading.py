"""What a program said, line by line, from the file that its supervisor writes."""

import contextlib
import os
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from core.models import Value
from core.processes.framing import CUT, GAP, HEADER_SIZE
from core.processes.orders import Exit, Stream

MOST_AT_ONCE: Final = 1 << 17
"""Bytes that are read at a time: what a reader holds in memory, and about how long it is busy at once."""

STREAMS: Final[dict[bytes, Stream]] = {b"out": "out", b"err": "err"}
HEADER: Final = re.compile(rb"(\d{13}) (out|err|gap) (\d{6}) ([-~])\n")
UNREADABLE: Final = "What it said after this cannot be read; the disk or the machine was in trouble."
NUMBER: Final = re.compile(r"\d+")
CUT_WORDS: Final = " … (the rest of this line is not kept, it is too long)"
LOST_WORDS: Final = " … (the rest of this line is not kept)"


class Line(Value, frozen=True, kw_only=True):
    """A line without its end. `passing` is one that was written over at once, as progress bars do; `note` is ours."""

    at: datetime
    stream: Stream
    text: str
    passing: bool = False
    note: bool = False


class _Streamed:
    """One stream of a program: the beginning of a line whose end has not come yet."""

    def __init__(self, stream: Stream) -> None:
        self._stream = stream
        self._rest = b""

    def take(self, at: datetime, content: bytes, *, cut: bool) -> Iterator[Line]:
        """Give the lines that end here."""
        *whole, self._rest = (self._rest + content).split(b"\n")
        for line in whole:
            yield from self._lines(at, line)
        if cut:
            yield from self._lines(at, self._rest, more=CUT_WORDS)
            self._rest = b""
        elif b"\r" in self._rest[:-1]:
            *written_over, self._rest = self._rest[:-1].split(b"\r")
            self._rest += content[-1:]
            yield from (self._line(at, part, passing=True) for part in written_over if part)

    def end(self, at: datetime, more: str = "") -> Iterator[Line]:
        """Give the line that never ended, with more words where it was not written over."""
        if self._rest:
            yield from self._lines(at, self._rest, "" if self._rest.endswith(b"\r") else more)
        self._rest = b""

    def _lines(self, at: datetime, line: bytes, more: str = "") -> Iterator[Line]:
        if b"\r" in line:
            *written_over, line = line.rstrip(b"\r").split(b"\r")
            yield from (self._line(at, part, passing=True) for part in written_over if part)
        yield self._line(at, line, more)

    def _line(self, at: datetime, line: bytes, more: str = "", *, passing: bool = False) -> Line:
        text = line.decode(errors="surrogateescape") + more
        return Line(at=at, stream=self._stream, text=text, passing=passing)


class OutputReader:
    """Reads what a program says, from its first line on, as often as it is asked. The same file gives the same lines."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._offset = 0
        self._last_at = datetime.fromtimestamp(0, UTC)
        self._streams = {name: _Streamed(stream) for name, stream in STREAMS.items()}
        self._seen_at = 0
        self._unreadable = False

    def read(self) -> list[Line]:
        """Return the lines that are new, some of them where there are many; none when there is nothing new."""
        lines: list[Line] = []
        with contextlib.suppress(FileNotFoundError), (self._folder / "output").open("rb") as file:
            taken = -1
            while taken and not lines:  # many pieces may pass before a line ends
                file.seek(self._offset)
                taken = self._take(file.read(MOST_AT_ONCE), lines)
                self._offset += taken
        return lines

    def latest(self) -> list[Line]:
        """Return the latest lines of a program that has said more than is kept; none where they were seen before.

        They are not what `read` gives, nor is any line sure to be among them: they show where the program is now.
        """
        lines: list[Line] = []
        with contextlib.suppress(FileNotFoundError), (self._folder / "latest").open("rb") as file:
            changed_at = os.fstat(file.fileno()).st_mtime_ns
            if changed_at != self._seen_at:
                self._seen_at = changed_at
                OutputReader(self._folder)._take(file.read(), lines)  # noqa: SLF001 - one of ours
        return lines

    def rest(self, exit_: Exit | None) -> list[Line]:
        """Return what remains once it has ended: what was kept aside, and lines that never ended; None is lost."""
        lines: list[Line] = []
        if exit_ is None:
            return self._ends()
        self._take_tail(lines)
        lines += self._ends()
        if exit_.disk_trouble:
            words = f"Not all of the output could be kept: {exit_.disk_trouble}."
            lines.append(Line(at=exit_.ended_at, stream="err", text=words, note=True))
        return lines

    def _ends(self, more: str = "") -> list[Line]:
        return [line for stream in self._streams.values() for line in stream.end(self._last_at, more)]

    def _take_tail(self, lines: list[Line]) -> None:
        with contextlib.suppress(FileNotFoundError):
            self._take((self._folder / "tail").read_bytes(), lines)

    def _take(self, pieces: bytes, lines: list[Line]) -> int:
        """Take in the whole pieces that there are; returns how many bytes those were."""
        at = 0
        while not self._unreadable and (end := at + HEADER_SIZE) <= len(pieces):
            header = HEADER.fullmatch(pieces[at:end])
            if header is None:
                lines += self._ends(LOST_WORDS)
                lines.append(Line(at=self._last_at, stream="err", text=UNREADABLE, note=True))
                self._unreadable = True
                break
            moment, name, length, mark = header.groups()
            if end + int(length) > len(pieces):
                break
            content = pieces[end : end + int(length)]
            self._last_at = datetime.fromtimestamp(int(moment) / 1_000, UTC)
            if name == GAP:
                lines += self._ends(LOST_WORDS)
                words = NUMBER.sub(lambda number: f"{int(number[0]):,}", content.decode())
                lines.append(Line(at=self._last_at, stream="err", text=f"{words}.", note=True))
            else:
                lines += self._streams[name].take(self._last_at, content, cut=mark == CUT)
            at = end + int(length)
        return at
