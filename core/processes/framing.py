"""The file that a supervisor writes what a program says to: pieces as they came, each with its time and stream.

A piece is a line of 27 bytes, `1795250520123 out 004096 -`, and then as many bytes as it says. Standard library only.
"""

import contextlib
import os
from collections import deque
from typing import Final

HEADER: Final = b"%013d %s %06d %s\n"
HEADER_SIZE: Final = 27
WHOLE: Final = b"-"
CUT: Final = b"~"
"""The piece ends in a line that was too long; the rest of that line is not here."""

GAP: Final = b"gap"
"""In place of a stream: what follows in words is why something is missing here."""

TAIL: Final = 65_536
LATEST: Final = 4_096
"""Bytes of each stream that can be seen of what is kept aside, while the program goes on."""

MOST_AT_ONCE: Final = 65_536
NEW_FILE: Final = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW


def frame(milliseconds: int, stream: bytes, content: bytes, mark: bytes = WHOLE) -> bytes:
    """Return a piece as it stands in the file."""
    return HEADER % (milliseconds, stream, len(content), mark) + content


def line_end(content: bytes) -> int:
    """Return where the first line ends, by a line feed or a carriage return as progress bars use; -1 is nowhere."""
    end = content.find(b"\n")
    written_over = content.find(b"\r") if end < 0 else content.find(b"\r", 0, end)
    return end if written_over < 0 else written_over


class Shortened:
    """One stream whose lines are kept up to a length; `cut` counts the bytes that are not."""

    def __init__(self, longest: int) -> None:
        self._longest = longest
        self._length = 0
        self.cut = 0

    def pieces(self, chunk: bytes) -> list[tuple[bytes, bytes]]:
        """Return what to keep of the next bytes, at most `longest` of them, each with whether it ends in a cut line."""
        end = line_end(chunk)
        head = chunk if end < 0 else chunk[:end]
        room = self._longest - self._length
        if len(head) <= room:
            self._length = self._length + len(chunk) if end < 0 else self._begun_in(chunk)
            return [(chunk, WHOLE)]
        kept = head[: max(room, 0)]
        self.cut += len(head) - len(kept)
        pieces = [(kept, CUT)] if room >= 0 else []
        if end < 0:
            self._length = self._longest + 1  # the rest of the line goes without a word
            return pieces
        rest = chunk[end + (2 if chunk.startswith(b"\r\n", end) else 1) :]
        self._length = self._begun_in(chunk)
        return [*pieces, (rest, WHOLE)] if rest else pieces

    @staticmethod
    def _begun_in(chunk: bytes) -> int:
        return len(chunk) - max(chunk.rfind(b"\n"), chunk.rfind(b"\r")) - 1


class Output:
    """Takes in what a program says, keeps as much as it may, and never fails: a full disk costs output only."""

    def __init__(self, path: str, quota: int, longest: int) -> None:
        self._streams = {b"out": Shortened(longest), b"err": Shortened(longest)}
        self._quota = quota
        self._size = 0
        self._gap = 0
        self._full = False
        self._tail: deque[tuple[int, bytes, bytes, bytes]] = deque()
        self._tail_size = 0
        self._beyond = 0
        self._within: set[bytes] = set()
        self.unseen = False
        """Whether something was kept aside that `show_latest` has not shown."""

        self.lines = 0
        self.bytes = 0
        self.lost = 0
        self.trouble = ""
        self._file = -1
        try:
            self._file = os.open(path, NEW_FILE, 0o600)
        except OSError as error:
            self.trouble = error.strerror or "unknown"

    @property
    def dropped(self) -> int:
        """Return how many bytes nobody can read any more."""
        cut = sum(stream.cut for stream in self._streams.values())
        return self._beyond - self._tail_size + self.lost + cut

    def take(self, milliseconds: int, stream: bytes, chunk: bytes) -> None:
        """Take in the next bytes of a stream, at most `MOST_AT_ONCE` and as many as a line may have."""
        self.bytes += len(chunk)
        self.lines += chunk.count(b"\n")
        for content, mark in self._streams[stream].pieces(chunk):
            if not self._full:
                self._keep(milliseconds, stream, content, mark)
            else:
                self._keep_aside(milliseconds, stream, content, mark)

    def _keep(self, milliseconds: int, stream: bytes, content: bytes, mark: bytes) -> None:
        room = self._quota - self._size - HEADER_SIZE
        if len(content) <= room:
            self._write(milliseconds, stream, content, mark)
            return
        self._full = True
        fitting = content.rfind(b"\n", 0, max(room, 0)) + 1
        if fitting:
            self._write(milliseconds, stream, content[:fitting], WHOLE)
        self._keep_aside(milliseconds, stream, content[fitting:], mark)

    def _keep_aside(self, milliseconds: int, stream: bytes, content: bytes, mark: bytes) -> None:
        self.unseen = True
        self._tail.append((milliseconds, stream, content, mark))
        self._tail_size += len(content)
        self._beyond += len(content)
        while self._tail_size - len(self._tail[0][2]) >= TAIL:
            _, stream, content, mark = self._tail.popleft()
            self._tail_size -= len(content)
            self._ends_with(stream, content, mark)

    def _ends_with(self, stream: bytes, content: bytes, mark: bytes) -> None:
        """Note whether a stream is within a line after what is not in the tail."""
        if mark == CUT or content.endswith((b"\n", b"\r")):
            self._within.discard(stream)
        elif content:
            self._within.add(stream)

    def _write(self, milliseconds: int, stream: bytes, content: bytes, mark: bytes) -> None:
        self._ends_with(stream, content, mark)
        piece = frame(milliseconds, stream, content, mark)
        if self._gap:
            words = b"%d bytes are missing here, the disk was in trouble" % self._gap
            piece = frame(milliseconds, GAP, words) + piece
        try:
            _write_all(self._file, piece)
        except OSError as error:
            self.trouble = self.trouble or error.strerror or "unknown"
            self._gap += len(content)
            self.lost += len(content)
            with contextlib.suppress(OSError):
                os.ftruncate(self._file, self._size)
                os.lseek(self._file, self._size, os.SEEK_SET)
        else:
            self._gap = 0
            self._size += len(piece)

    def show_latest(self, path: str) -> None:
        """Let whoever follows see the latest lines of what is kept aside: a file in place of the one before."""
        self.unseen = False
        new = f"{path}.new"
        with contextlib.suppress(OSError):  # nobody needs to see it
            file = os.open(new, NEW_FILE, 0o600)
            try:
                _write_all(file, b"".join(self._latest(stream) for stream in self._streams))
            finally:
                os.close(file)
            os.rename(new, path)  # noqa: PTH104 - pathlib costs a supervisor 5 ms

    def _latest(self, stream: bytes) -> bytes:
        """Return the last whole lines of a stream as a piece; nothing where there is none."""
        parts: list[bytes] = []
        size = 0
        begins_within = stream in self._within
        for _, name, content, mark in reversed(self._tail):
            if name == stream:
                parts.append(content + b"\n" if mark == CUT else content)
                size += len(parts[-1])
            if size > LATEST:
                begins_within = True
                break
        content = b"".join(reversed(parts))[-LATEST:]
        begin = line_end(content) + 1 if begins_within else 0
        end = max(content.rfind(b"\n"), content.rfind(b"\r")) + 1
        return frame(self._tail[-1][0], stream, content[begin:end]) if begin < end else b""

    def finish(self, tail_path: str) -> None:
        """Bring everything to the disk, as far as it takes it, and what is kept aside into a file of its own."""
        with contextlib.suppress(OSError):
            os.fdatasync(self._file)
        if not self._tail:
            return
        try:
            file = os.open(tail_path, NEW_FILE, 0o600)
            try:
                _write_all(file, self._tail_as_pieces())
                os.fdatasync(file)
            finally:
                os.close(file)
        except OSError as error:
            self.trouble = self.trouble or error.strerror or "unknown"

    def _tail_as_pieces(self) -> bytes:
        """Return what was kept aside, from where lines begin, after how much is not kept."""
        pieces = []
        within = set(self._within) if self._beyond > self._tail_size else set()
        for milliseconds, stream, content, mark in self._tail:
            begin = 0
            if stream in within:
                end = line_end(content)
                begin = end + 1 if end >= 0 else len(content)
                within -= {stream} if end >= 0 or mark == CUT else set()
                self._tail_size -= begin
            if begin < len(content) or not begin:
                pieces.append(frame(milliseconds, stream, content[begin:], mark))
        if missing := self._beyond - self._tail_size:
            words = b"%d bytes of the output are not kept" % missing
            pieces.insert(0, frame(self._tail[0][0], GAP, words))
        return b"".join(pieces)


def _write_all(file: int, content: bytes) -> None:
    rest = memoryview(content)
    while rest:
        rest = rest[os.write(file, rest) :]
