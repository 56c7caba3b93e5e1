"""Hears a program out: how far it is, what it warns of, what it answers, and its last words."""

import re
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any, Final

from msgspec.structs import replace

from core.clock import Clock, SystemClock
from core.commanding.answers import LONGEST, answer_in
from core.commanding.patterns import number_in, progress_in, progress_of
from core.models import Progress
from core.processes.orders import Stream

MARKER: Final = "::"
PROGRESS: Final = "::progress "
LONGEST_MARKER: Final = LONGEST + 100
MOST_WARNINGS: Final = 50
LONGEST_WARNING: Final = 500
LONGEST_LAST_WORDS: Final = 300
REPORT_EVERY: Final = 0.1
"""Seconds between two reports: what a page can show, whatever a program says."""


class Listener:
    """Is told each line of a program, and tells how far it is at most ten times a second.

    `markers` is that lines such as `::progress 41.2 copying` are for us. `wants_answer` keeps the last line in JSON.
    """

    def __init__(
        self,
        report: Callable[[Progress], None],
        *,
        clock: Clock = SystemClock(),  # noqa: B008 - it has no state
        stage: str = "run",
        pattern: str = "",
        markers: bool = True,
        wants_answer: bool = False,
    ) -> None:
        self._report = report
        self._clock = clock
        self._stage = stage
        self._pattern = re.compile(pattern) if pattern else None
        self._markers = markers
        self._wants_answer = wants_answer
        self._reported_at = float("-inf")
        self._latest: Progress | None = None
        self._warnings: list[str] = []
        self._more_warnings = 0
        self._last: dict[Stream, deque[str]] = {"out": deque(maxlen=1), "err": deque(maxlen=1)}
        self._marked: Mapping[str, Any] | None = None
        self._said: Mapping[str, Any] | None = None

    def hear(self, stream: Stream, line: str) -> bool:
        """Take a line in; returns whether it is for the log too: how far it is, is not."""
        if self._markers and line.startswith(MARKER) and len(line) <= LONGEST_MARKER:
            verb, _, rest = line[len(MARKER) :].partition(" ")
            if verb in {"progress", "warning", "result"}:
                return self._obey(verb, rest.strip())
        if not line.isspace() and line:
            self._last[stream].append(line)
        if self._wants_answer and stream == "out":
            self._said = answer_in(line) or self._said
        if (found := self._found_in(line)) is not None:
            self._tell(found)
        return True

    def _obey(self, verb: str, rest: str) -> bool:
        """Do what a line of ours says; returns whether it is for the log, as one that makes no sense is."""
        if verb == "progress":
            progress = self._marked_in(rest)
            if progress is not None:
                self._tell(progress)
            return progress is None
        if verb == "warning":
            self._warn(rest)
            return True
        answer = answer_in(rest)
        self._marked = answer if answer is not None else self._marked
        return True

    def glance(self, stream: Stream, line: str) -> bool:  # noqa: ARG002 - either stream may say it
        """Look at a line only for how far it is; returns whether it says that."""
        is_ours = self._markers and line.startswith(PROGRESS)
        found = self._marked_in(line.removeprefix(PROGRESS).strip()) if is_ours else self._found_in(line)
        if found is not None:
            self._tell(found)
        return found is not None

    def _marked_in(self, rest: str) -> Progress | None:
        percent, _, message = rest.partition(" ")
        return progress_of(number_in(percent), printable(message), self._stage)

    def _found_in(self, line: str) -> Progress | None:
        found = None if self._pattern is None else progress_in(line, self._pattern, self._stage)
        return None if found is None else replace(found, message=printable(found.message))

    def _warn(self, text: str) -> None:
        if len(self._warnings) < MOST_WARNINGS:
            self._warnings.append(
                printable(" ".join(text.split()))[:LONGEST_WARNING] or "The program warned of something."
            )
        else:
            self._more_warnings += 1

    def _tell(self, progress: Progress) -> None:
        self._latest = progress
        now = self._clock.monotonic()
        if now - self._reported_at >= REPORT_EVERY:
            self._reported_at, self._latest = now, None
            self._report(progress)

    def finish(self) -> None:
        """Tell the last that was said of how far it is."""
        if self._latest is not None:
            self._report(self._latest)
            self._latest = None

    @property
    def warnings(self) -> tuple[str, ...]:
        """Return what it warned of, the first few of many."""
        more = (
            (f"It gave {self._more_warnings:,} more warnings; the log has them.",)
            if self._more_warnings
            else ()
        )
        return (*self._warnings, *more)

    @property
    def answer(self) -> Mapping[str, Any] | None:
        """Return what it answered: what it marked as its result, else its last line in JSON if that is wanted."""
        return self._marked if self._marked is not None else self._said

    @property
    def last_words(self) -> str:
        """Return the last line that says why: of its errors, else of its output."""
        words = next((line[0] for line in (self._last["err"], self._last["out"]) if line), "")
        words = printable(" ".join(words.split()))
        return words if len(words) <= LONGEST_LAST_WORDS else f"{words[:LONGEST_LAST_WORDS]}…"


def printable(text: str) -> str:
    """Return the text with nothing in it that is no character, or could act on whoever reads it."""
    return "".join(letter if letter.isprintable() else "\ufffd" for letter in text)
