"""A run's log as pages show it: lines with their looks, and the ways to the others without a script."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final
from urllib.parse import urlencode

from core.colours import painted
from core.engines import ENGINES
from core.log_files import LEVELS, LogLine, LogPage
from core.models import Value
from fastapi_app.presenters.texts import plural

LARGEST_LOG: Final = 500_000
"""Letters of a log that a page holds; with colours they can be five times as many bytes."""

LOG_STATUS: Final = {"warn": "late", "error": "failed"}
AT_ONCE: Final = 100
"""Lines of a page of the log without a script."""


class LineView(Value, frozen=True, kw_only=True):
    """A line of a log: its text in pieces, each with its look; `st` colours warnings and errors."""

    number: int
    at: datetime
    level: str
    pieces: tuple[tuple[str, str], ...]
    st: str


class LevelView(Value, frozen=True, kw_only=True):
    """A level to look at alone, with what is worse."""

    name: str
    word: str
    count: str
    address: str
    chosen: bool


class LogView(Value, frozen=True, kw_only=True):
    """The lines of a log that a page begins with; addresses are empty where nothing more is to be seen."""

    lines: tuple[LineView, ...]
    total: int
    said: str
    levels: tuple[LevelView, ...]
    query: str
    level: str
    older: str
    newer: str
    end: str


class Asked(Value, frozen=True, kw_only=True):
    """What the address of a page asks of a log: the lines from a number on, of a level or worse, that hold a text."""

    first: int | None = None
    query: str = ""
    level: str = LEVELS[0]

    @property
    def plain(self) -> bool:
        """Tell whether it asks for nothing but the latest lines."""
        return self == LATEST


LATEST: Final = Asked()


def log_view(page: LogPage, run_id: str, asked: Asked = LATEST) -> LogView:
    """Return the page of a log as it is shown."""
    lines = lines_of(newest_that_fit(page.lines))
    return LogView(
        lines=lines,
        total=page.total,
        said=_said(page, lines, asked),
        levels=_levels(page, run_id, asked),
        query=asked.query,
        level=asked.level,
        older=_older(page, lines, run_id, asked),
        newer=_newer(page, run_id, asked),
        end="" if asked.plain else _address(run_id, Asked(level=asked.level)),
    )


def _said(page: LogPage, lines: Sequence[LineView], asked: Asked) -> str:
    if asked.query:
        return f"{plural(len(lines), 'line')} with “{asked.query}”" + (
            ", and more" if page.next < page.total else ""
        )
    if asked.first is not None and lines:
        return f"{lines[0].number:,} to {lines[-1].number:,} of {plural(page.total, 'line')}"
    return plural(page.total, "line")


def _levels(page: LogPage, run_id: str, asked: Asked) -> tuple[LevelView, ...]:
    serious = page.warnings + page.errors
    found = (("info", "All", page.total), ("warn", "Warnings", serious), ("error", "Errors", page.errors))
    return tuple(
        LevelView(
            name=name,
            word=word,
            count=f"{count:,}",
            address=_address(run_id, Asked(level=name, query=asked.query)),
            chosen=name == asked.level,
        )
        for name, word, count in found
    )


def _older(page: LogPage, lines: Sequence[LineView], run_id: str, asked: Asked) -> str:
    if not lines or lines[0].number == 1:
        return ""
    if asked.query or asked.level != LEVELS[0]:
        more = asked.first > 1 if asked.first else page.fitting > len(lines)
        return _address(run_id, Asked(first=1, query=asked.query, level=asked.level)) if more else ""
    return _address(run_id, Asked(first=max(lines[0].number - AT_ONCE, 1)))


def _newer(page: LogPage, run_id: str, asked: Asked) -> str:
    if page.next >= page.total or asked.plain:
        return ""
    return _address(run_id, Asked(first=page.next + 1, query=asked.query, level=asked.level))


def _address(run_id: str, asked: Asked) -> str:
    level = "" if asked.level == LEVELS[0] else asked.level
    query = urlencode(
        {
            name: value
            for name, value in (("from", asked.first), ("q", asked.query), ("level", level))
            if value
        }
    )
    return f"/runs/{run_id}" + (f"?{query}" if query else "") + "#log"


def newest_that_fit(lines: Sequence[LogLine]) -> Sequence[LogLine]:
    """Return the newest lines, as many as a page can hold; scrolling up reads back the others."""
    size = 0
    for place, line in enumerate(reversed(lines)):
        size += len(line.painted or line.text)
        if place and size > LARGEST_LOG:
            return lines[-place:]
    return lines


def oldest_that_fit(lines: Sequence[LogLine]) -> Sequence[LogLine]:
    """Return the oldest lines, as many as a page can hold; the others follow them."""
    size = 0
    for place, line in enumerate(lines):
        size += len(line.painted or line.text)
        if place and size > LARGEST_LOG:
            return lines[:place]
    return lines


def lines_of(lines: Sequence[LogLine]) -> tuple[LineView, ...]:
    """Return lines as they are shown."""
    return tuple(
        LineView(
            number=line.number,
            at=line.at,
            level=line.word,
            pieces=painted(line.painted) if line.painted else ((line.text, ""),),
            st=LOG_STATUS.get(line.level, ""),
        )
        for line in lines
    )


def coloured(kind: str) -> bool:
    """Tell whether what runs of a kind say may be coloured."""
    return kind in ENGINES and ENGINES[kind].uses_programs
