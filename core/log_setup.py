"""What Holdfast itself says while it runs: one event, one line, and never a secret."""

import json
import logging
import re
import sys
from datetime import UTC, datetime
from typing import Final, TextIO

SECRETS: Final = re.compile(r"holdfast_[\w-]{20,}|(?i:bearer) +\S+|(?<=setup#)\S+")
LOUD_LIBRARIES: Final = (
    "uvicorn",
    "uvicorn.error",
    "uvicorn.access",
    "websockets",
    "asyncio",
    "httpx",
    "watchfiles",
)


def set_up_logging(level: str, form: str, stream: TextIO | None = None) -> None:
    """Let every logger write to the stream (standard error), as "text" or "json" lines."""
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(JsonLine() if form == "json" else TextLine())
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level.upper())
    for name in LOUD_LIBRARIES:
        library = logging.getLogger(name)
        library.handlers = []
        library.propagate = True
        library.setLevel(max(root.level, logging.WARNING))


class TextLine(logging.Formatter):
    """A line for people: time, level, where, what."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        when = _time_of(record)
        line = f"{when} {record.levelname.lower():7} {record.name}: {_said(record)}"
        trouble = _trouble(record)
        return f"{line} | {trouble}" if trouble else line


class JsonLine(logging.Formatter):
    """A line for programs: an object with at, level, logger, message and, of an error, trouble."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        event = {
            "at": _time_of(record),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": _said(record),
        }
        trouble = _trouble(record)
        return json.dumps(event | ({"trouble": trouble} if trouble else {}))


def _time_of(record: logging.LogRecord) -> str:
    return datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")


def _said(record: logging.LogRecord) -> str:
    return _harmless(record.getMessage())


def _trouble(record: logging.LogRecord) -> str:
    if not record.exc_info:
        return ""
    return _harmless(logging.Formatter().formatException(record.exc_info))


def _harmless(text: str) -> str:
    """Return the text as one line without what must not be written down."""
    line = " | ".join(SECRETS.sub("[secret]", text).splitlines())
    return "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in line)
