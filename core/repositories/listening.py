"""What restic says while it backs up, understood: how far it is, what it could not read, what it made of it all."""

import os
import time
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any, Final

import msgspec

from core.models import Progress
from core.processes.orders import Stream
from core.work import RunContext

STAGE: Final = "copy"
NAMES_KEPT: Final = 20
LAST_WORDS: Final = 20
LONGEST_WORDS: Final = 300
SETTLE: Final = 0.5
"""Seconds before which a rate would say nothing."""

Clock = Callable[[], float]


class Listener:
    """Hears one `restic backup --json`. `summary` is what it made, `unread` what it could not read, by name."""

    def __init__(self, context: RunContext, clock: Clock = time.monotonic) -> None:
        self._context = context
        self._clock = clock
        self._began: tuple[float, int] | None = None
        self._words: deque[str] = deque(maxlen=LAST_WORDS)
        self._said: set[str] = set()
        self.summary: Mapping[str, Any] = {}
        self.unread: list[str] = []
        self.unread_count = 0

    @property
    def last_words(self) -> tuple[str, ...]:
        """Return what it said last that was no progress, newest last."""
        return tuple(self._words)

    def hear(self, stream: Stream, line: str) -> bool | None:
        """Take a line; what is for programs stays out of the log, or is put there in words."""
        plain = _object_in(line)
        if plain is None:
            if line.strip():
                self._words.append(line)
            return None
        match stream, plain.get("message_type"):
            case "out", "status":
                self._report(plain)
            case "out", "summary":
                self.summary = plain
                self._report_all(plain)
            case _, "error":
                self._take_error(plain)
            case _, "exit_error":
                self._words.append(str(plain.get("message", "")))
                return None
        return False

    def glance(self, stream: Stream, line: str) -> bool:
        """Show how far it is; tell whether the line says that."""
        plain = _object_in(line)
        if stream != "out" or plain is None or plain.get("message_type") != "status":
            return False
        self._report(plain)
        return True

    def _report(self, plain: Mapping[str, Any]) -> None:
        total, done = _count(plain, "total_bytes"), _count(plain, "bytes_done")
        files, of = _count(plain, "files_done"), _count(plain, "total_files")
        rate = self._rate(done)
        left = plain.get("seconds_remaining")
        eta = float(left) if isinstance(left, int | float) else (total - done) / rate if rate else None
        at = plain.get("current_files") or ()
        message = f"{files:,} of {of:,} files"
        if at and isinstance(at, list):
            message += f", at {str(at[0])[:LONGEST_WORDS]}"
        self._context.report(
            Progress(
                stage=STAGE,
                percent=min(100.0 * done / total, 100.0) if total else None,
                done=done,
                total=total,
                rate=rate,
                eta_seconds=eta,
                message=message,
            )
        )

    def _report_all(self, plain: Mapping[str, Any]) -> None:
        done, files = _count(plain, "total_bytes_processed"), _count(plain, "total_files_processed")
        message = f"{files:,} of {files:,} files"
        self._context.report(
            Progress(stage=STAGE, percent=100.0, done=done, total=done, eta_seconds=0.0, message=message)
        )

    def _rate(self, done: int) -> float | None:
        now = self._clock()
        if self._began is None:
            self._began = (now, done)
        began, before = self._began
        if now - began < SETTLE or done <= before:
            return None
        return (done - before) / (now - began)

    def _take_error(self, plain: Mapping[str, Any]) -> None:
        item = str(plain.get("item") or "something")[:LONGEST_WORDS]
        words = f"{item}: {_reason(plain.get('error'))}"
        self._words.append(words)
        if words in self._said:  # it looks at each file twice
            return
        if len(self._said) < NAMES_KEPT:
            self._said.add(words)
            self.unread.append(words)
        self.unread_count += 1
        self._context.warn(f"Could not be read: {words}")


def _object_in(line: str) -> Mapping[str, Any] | None:
    if not line.startswith("{"):
        return None
    try:
        plain = msgspec.json.decode(line, type=dict[str, Any])
    except (msgspec.DecodeError, UnicodeEncodeError):
        return None
    return plain if "message_type" in plain else None


def _count(plain: Mapping[str, Any], name: str) -> int:
    value = plain.get(name, 0)
    return value if isinstance(value, int) and value >= 0 else 0


def _reason(error: object) -> str:
    """Return why, from an error as 0.14 writes it ({"Op", "Path", "Err": number}) or later ones ({"message"})."""
    if isinstance(error, Mapping):
        if message := error.get("message"):
            return str(message)[:LONGEST_WORDS]
        if isinstance(number := error.get("Err"), int):
            return os.strerror(number)
        return str(error.get("Op") or "it could not be read")[:LONGEST_WORDS]
    return str(error or "it could not be read")[:LONGEST_WORDS]
