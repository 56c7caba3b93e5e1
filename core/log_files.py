"""One run's log as a file: lines that stay lines, and a way to the n-th of a million."""

import contextlib
import os
import re
from collections import deque
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Final

from core.colours import plain
from core.models import Value

LEVELS: Final = ("info", "warn", "error")
STREAMS: Final = ("out", "err")
"""In place of a level: what a program said, on which stream. It counts as "info"."""

STEP: Final = 1_000
"""Of every so many lines one is indexed."""

LONGEST_MESSAGE: Final = 8_000
BLOCK: Final = 1 << 20
NEW_LINE: Final = ord("\n")
UNKNOWN_TIME: Final = datetime.fromtimestamp(0, UTC)

COLOURS: Final = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]")
MOST_PAINTED: Final = LONGEST_MESSAGE
LONGEST_READ: Final = 4 * LONGEST_MESSAGE
"""Of a line that is longer, as only somebody else can have written it, the beginning is read."""

SERIOUS: Final = re.compile(rb"Z (warn|error) ")
STAMP: Final = len("2026-11-21T07:41:18.123")
"""How many bytes a line has before the Z of its time."""

PAINT: Final = re.compile(r"(\x1b\[0(?:;[0-9]{1,3}){0,9}m)")
"""A colour as `core.colours` spells it, which acts on no terminal but in colours."""

HARMFUL: Final = re.compile(
    "[\x00-\x08\x0a-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ufff9-\ufffb\ud800-\udfff]",
)
"""Controls, line ends, what turns the direction of writing around, and halves of characters."""


class LogLine(Value, frozen=True, kw_only=True):
    """One line of a log, counted from 1.

    `stream` is "out" or "err" for what a program said. `painted` is the text with its colours, where it has any.
    """

    number: int
    at: datetime
    level: str
    text: str
    stream: str = ""
    painted: str = ""

    @property
    def word(self) -> str:
        """Return what stands before the text: the stream, else the level."""
        return self.stream or self.level


class LogPage(Value, frozen=True, kw_only=True):
    """Some lines of a log.

    `total` is how many lines the log has; `next` the `after` of the page that follows, which is
    `total` when nothing follows. `fitting` counts the lines that fit up to the last of these; only
    reading back knows it. `warnings` and `errors` count those of the whole log.
    """

    lines: tuple[LogLine, ...] = ()
    total: int = 0
    next: int = 0
    fitting: int = 0
    warnings: int = 0
    errors: int = 0


class Found(Value, frozen=True, kw_only=True):
    """Where a text stands in a log: the numbers of the first lines that hold it, and how many lines hold it in all.

    `next` is the number of the last line that was looked at.
    """

    numbers: tuple[int, ...] = ()
    hits: int = 0
    next: int = 0
    total: int = 0


class LogFile:
    """A file of lines, and the places of some of them. Not safe for several threads."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.lines = 0
        self.size = 0
        self.warnings = 0
        self.errors = 0
        self._marks = [0]

    def catch_up(self) -> None:
        """Take in the whole lines that the file has and we have not seen; raises OSError."""
        try:
            size = self.path.stat().st_size
        except FileNotFoundError:
            size = 0
        if size < self.size:
            self.lines, self.size, self._marks = 0, 0, [0]
            self.warnings = self.errors = 0
        if size == self.size:
            return
        rest = b""
        with self.path.open("rb") as file:
            file.seek(self.size)
            while block := file.read(BLOCK):
                content = rest + block
                whole = content.rfind(b"\n") + 1
                self._take_in(content[:whole])
                rest = content[whole:]

    def append(self, lines: Sequence[bytes]) -> None:
        """Write whole lines at the end, all or none; raises OSError."""
        content = b"".join(lines)
        descriptor = self._opened()
        try:
            if os.fstat(descriptor).st_size != self.size:
                self.catch_up()
                os.ftruncate(descriptor, self.size)  # half a line that a killed process left
            self._write_all(descriptor, content)
        finally:
            os.close(descriptor)
        self._take_in(content)

    def _opened(self) -> int:
        """Return the file, open for writing, with its folders."""
        flags = os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
        try:
            return os.open(self.path, flags, 0o600)
        except FileNotFoundError:
            for folder in (self.path.parent.parent, self.path.parent):
                with contextlib.suppress(FileExistsError):
                    folder.mkdir(mode=0o700)
            return os.open(self.path, flags, 0o600)

    def read(self, after: int, limit: int, level: str | None, query: str | None) -> LogPage:
        """Return the lines after a number that fit; raises OSError."""
        after = min(max(after, 0), self.lines)
        wanted = _Filter(level, query)
        found: list[LogLine] = []
        seen = after
        for first, content in self._chunks(after):
            if not wanted.may_hold(content):
                seen = first + content.count(b"\n") - 1
                continue
            for number, raw in enumerate(content[:-1].split(b"\n"), start=first):
                if number <= after:
                    continue
                if len(found) >= limit:
                    return self._page(found, seen)
                seen = number
                line = _parsed(number, raw)
                if wanted.holds(line):
                    found.append(line)
        return self._page(found, seen)

    def find(self, after: int, many: int, query: str, level: str | None) -> Found:
        """Return which lines hold a text, of about so many after a number; raises OSError."""
        wanted = _Filter(level, query)
        numbers: list[int] = []
        seen = after
        for first, content in self._chunks(after):
            if seen - after >= many:
                break
            last = first + content.count(b"\n") - 1
            if wanted.may_hold(content):
                lines = enumerate(content[:-1].split(b"\n"), start=first)
                numbers += [number for number, raw in lines if number > after and wanted.fits(number, raw)]
            seen = last
        return Found(numbers=tuple(numbers), hits=len(numbers), next=seen, total=self.lines)

    def _page(self, lines: Sequence[LogLine], following: int, fitting: int = 0) -> LogPage:
        return LogPage(
            lines=tuple(lines),
            total=self.lines,
            next=following,
            fitting=fitting,
            warnings=self.warnings,
            errors=self.errors,
        )

    def read_back(self, before: int | None, limit: int, level: str | None) -> LogPage:
        """Return the last lines that fit, of those before a number or of all; raises OSError."""
        before = min(max(before, 1), self.lines + 1) if before is not None else self.lines + 1
        wanted = _Filter(level, None)
        last: deque[tuple[int, bytes]] = deque(maxlen=max(limit, 0))
        fitting = 0
        start = 0 if wanted.filters else max(before - 1 - limit, 0)
        for first, content in self._chunks(start):
            if first >= before:
                break
            for number, raw in enumerate(content[:-1].split(b"\n"), start=first):
                if number < before and (not wanted.filters or wanted.fits(number, raw)):
                    fitting += 1
                    last.append((number, raw))
        lines = tuple(_parsed(number, raw) for number, raw in last)
        fitting = fitting if wanted.filters else before - 1
        return self._page(lines, before - 1, fitting)

    def ends_with(self, text: str) -> bool:
        """Tell whether the last line says this."""
        last = self.read(self.lines - 1, 1, None, None).lines
        return bool(last) and last[0].text == text

    def _chunks(self, after: int) -> Iterator[tuple[int, bytes]]:
        """Give the lines from the one after a number on, in pieces, each with its first number."""
        if after >= self.lines:
            return
        start = after // STEP
        with self.path.open("rb") as file:
            file.seek(self._marks[start])
            ends = [*self._marks[start + 1 :], self.size]
            for index, end in enumerate(ends, start=start):
                content = file.read(end - file.tell())
                if content:
                    yield index * STEP + 1, content

    def _take_in(self, content: bytes) -> None:
        """Count the lines and note where every STEP-th begins."""
        ends = re.finditer(rb"\n", content)
        until_mark = STEP - self.lines % STEP
        for end in islice(ends, until_mark - 1, None, STEP):
            self._marks.append(self.size + end.end())
        self._count(content)
        self.lines += content.count(b"\n")
        self.size += len(content)

    def _count(self, content: bytes) -> None:
        """Count what is serious: a level is what stands behind the time with which a line begins."""
        for match in SERIOUS.finditer(content):
            start = match.start() - STAMP
            if start != 0 and (start < 0 or content[start - 1] != NEW_LINE):
                continue
            if match[1] == b"warn":
                self.warnings += 1
            else:
                self.errors += 1

    def _write_all(self, descriptor: int, content: bytes) -> None:
        rest = memoryview(content)
        offset = self.size
        try:
            while rest:
                written = os.pwrite(descriptor, rest, offset)
                rest, offset = rest[written:], offset + written
        except OSError:
            with contextlib.suppress(OSError):
                os.ftruncate(descriptor, self.size)
            raise


class _Filter:
    """What a reader wants to see: a level and what is worse, a piece of text in any case."""

    def __init__(self, level: str | None, query: str | None) -> None:
        self._levels = LEVELS[LEVELS.index(level) :] if level in LEVELS else LEVELS
        self._all_levels = len(self._levels) == len(LEVELS)
        self._query = (query or "").casefold()

    @property
    def filters(self) -> bool:
        """Tell whether some lines may not fit."""
        return not self._all_levels or bool(self._query)

    def may_hold(self, content: bytes) -> bool:
        """Tell quickly whether any line of a piece can fit; of a large one its lines tell sooner."""
        if len(content) > BLOCK:
            return True
        if not self._all_levels and not any(b" %s " % level.encode() in content for level in self._levels):
            return False
        return not self._query or self._query in plain(content.decode(errors="replace")).casefold()

    def fits(self, number: int, raw: bytes) -> bool:
        """Tell whether the line that the bytes are fits."""
        return self.may_hold(raw[:LONGEST_READ]) and self.holds(_parsed(number, raw))

    def holds(self, line: LogLine) -> bool:
        """Tell whether the line fits."""
        return line.level in self._levels and self._query in line.text.casefold()


def one_line(at: datetime, level: str, message: str) -> bytes:
    """Return an event as its line, whatever its message holds; what a program says keeps its colours."""
    moment = at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    known = level if level in LEVELS or level in STREAMS else LEVELS[0]
    painted = message if level in STREAMS and "\x1b" in message[:MOST_PAINTED] else ""
    if painted and len(painted) <= MOST_PAINTED:
        return f"{moment} {known} {_harmless_but_colours(painted)}\n".encode()
    text = COLOURS.sub("", message[: 2 * LONGEST_MESSAGE])
    left_out = len(message) - LONGEST_MESSAGE if len(text) > LONGEST_MESSAGE else 0
    text = HARMFUL.sub(_escaped, text[:LONGEST_MESSAGE])
    more = f" … ({left_out:,} more characters)" if left_out else ""
    return f"{moment} {known} {text}{more}\n".encode()


def _harmless_but_colours(text: str) -> str:
    """Return the text with every harmful character shown, but for colours in the one spelling we give them."""
    parts = PAINT.split(text)
    return "".join(part if place % 2 else HARMFUL.sub(_escaped, part) for place, part in enumerate(parts))


def _escaped(match: re.Match[str]) -> str:
    character = match[0]
    if "\udc80" <= character <= "\udcff":  # a byte that was not text, as Python hands it on
        return f"\\x{ord(character) - 0xDC00:02x}"
    return {"\n": "\\n", "\r": "\\r"}.get(character) or ascii(character)[1:-1]


def _parsed(number: int, raw: bytes) -> LogLine:
    """Return the line that the bytes are; what is no line of ours is shown as it is."""
    line = raw[:LONGEST_READ].decode(errors="replace")
    if len(raw) > LONGEST_READ:
        line += f" … ({len(raw) - LONGEST_READ:,} more bytes)"
    moment, _, rest = line.partition(" ")
    level, _, text = rest.partition(" ")
    try:
        at = datetime.fromisoformat(moment)
    except ValueError:
        at = UNKNOWN_TIME
    stream = level if level in STREAMS else ""
    if (level not in LEVELS and not stream) or at.tzinfo is None or at is UNKNOWN_TIME:
        return LogLine(number=number, at=UNKNOWN_TIME, level=LEVELS[0], text=HARMFUL.sub(_escaped, line))
    painted = text if "\x1b" in text else ""
    return LogLine(
        number=number,
        at=at,
        level=LEVELS[0] if stream else level,
        text=plain(text),
        stream=stream,
        painted=painted,
    )
