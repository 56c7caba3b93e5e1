"""What runs say while they work: one file a run, one line an event, read by number.

A line is `2026-11-21T07:41:18.123Z warn message`. Whatever a message holds, it stays one line of
harmless text. Lines are gathered for a moment and written together; a disk in trouble costs lines,
never the run, and the log says so as soon as it can.
"""

import contextlib
import logging
import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Final

from core.clock import Clock
from core.errors import NotFound
from core.events import EventBus, LogGrew
from core.log_files import Found, LogFile, LogPage, one_line
from core.models import GOOD_ID

log = logging.getLogger(__name__)

QUOTA: Final = 20_000_000
"""How many bytes one run may say."""

FLUSH_AFTER: Final = 0.1
MOST_WAITING: Final = 256_000
"""How many bytes of one run wait for the disk before its writer does."""

MOST_KEPT: Final = 64
"""How many logs that nobody writes stay indexed."""


MOST_FOUND: Final = 1_000
"""How many lines that hold a text are named."""
LOOKED_AT_ONCE: Final = 20_000
"""How many lines are looked at while others wait."""

Said = tuple[datetime, str, str]
"""A line as it is told: when, its level, its text."""


class _RunLog:
    """One run's log: its file and the lines on their way there."""

    def __init__(self, path: Path, clock: Clock, quota: int) -> None:
        self._lock = threading.Lock()
        self.file = LogFile(path)
        self._told = 0
        self._clock = clock
        self._quota = quota
        self._full_words = f"The log is full ({quota:,} bytes); what follows is not kept."
        self._waiting: list[bytes] = []
        self._size = 0
        self._full: bool | None = None
        self._lost = 0

    @property
    def idle(self) -> bool:
        """Tell whether nothing is on its way."""
        return not self._waiting and not self._lost

    def write(self, lines: Sequence[Said]) -> None:
        """Take lines in; past the quota they are dropped."""
        with self._lock:
            for said in lines:
                if self._is_full():
                    return
                self._take(said)

    def _take(self, said: Said) -> None:
        line = one_line(*said)
        if self.file.size + self._size + len(line) > self._quota:
            self._full = True
            line = one_line(self._clock.now(), "warn", self._full_words)
        self._waiting.append(line)
        self._size += len(line)
        if self._size > MOST_WAITING:
            self._flush()

    def flush(self, tell: Callable[[int], None]) -> None:
        """Bring what waits to the disk, and tell how many lines are there if they have grown."""
        with self._lock:
            self._flush()
            if self.file.lines > self._told:
                self._told = self.file.lines
                tell(self._told)

    def read(self, after: int, limit: int, level: str | None, query: str | None) -> LogPage:
        """Return lines after a number. Raises OSError."""
        with self._lock:
            self._flush()
            self.file.catch_up()
            return self.file.read(after, limit, level, query)

    def read_back(self, before: int | None, limit: int, level: str | None) -> LogPage:
        """Return the last lines, or the last before a number. Raises OSError."""
        with self._lock:
            self._flush()
            self.file.catch_up()
            return self.file.read_back(before, limit, level)

    def find(self, after: int, many: int, query: str, level: str | None) -> Found:
        """Return which lines hold a text, of about so many after a number. Raises OSError."""
        with self._lock:
            self._flush()
            self.file.catch_up()
            return self.file.find(after, many, query, level)

    def _is_full(self) -> bool:
        """Tell whether the quota is used up; a log that an earlier process filled stays full."""
        if self._full is None:
            self._full = False
            try:
                self.file.catch_up()
                self._full = self.file.ends_with(self._full_words)
            except OSError:
                log.warning("%s cannot be read at present", self.file.path)
        return self._full

    def _flush(self) -> None:
        if self.idle:
            return
        lines = self._waiting
        if self._lost:
            words = f"{self._lost:,} lines could not be written here; the disk was in trouble."
            lines = [one_line(self._clock.now(), "warn", words), *lines]
        try:
            self.file.append(lines)
        except OSError as error:
            if not self._lost:
                log.warning("%s cannot be written: %s", self.file.path, error)
            self._lost += len(self._waiting)
        else:
            self._lost = 0
        self._waiting, self._size = [], 0


class RunLogs:
    """The logs of all runs. Safe to use from several threads."""

    def __init__(self, folder: Path, events: EventBus, clock: Clock, *, quota: int = QUOTA) -> None:
        self._folder = folder
        self._events = events
        self._clock = clock
        self._quota = quota
        self._lock = threading.Lock()
        self._logs: OrderedDict[str, _RunLog] = OrderedDict()
        self._grown: set[str] = set()
        self._written: set[str] = set()
        self._something = threading.Event()
        self._ending = threading.Event()
        self._flusher: threading.Thread | None = None

    def write(self, run_id: str, level: str, message: str) -> None:
        """Add a line ("info", "warn" or "error") to a run's log; it can be read at once."""
        self.write_all(run_id, [(self._clock.now(), level, message)])

    def write_all(self, run_id: str, lines: Sequence[Said]) -> None:
        """Add lines that were said at other times than now, in this order."""
        self._log_of(run_id, writing=True).write(lines)
        with self._lock:
            self._grown.add(run_id)
            if self._flusher is None:
                self._ending.clear()
                self._flusher = threading.Thread(target=self._keep_flushing, name="run-logs", daemon=True)
                self._flusher.start()
        if not self._something.is_set():
            self._something.set()

    def read(
        self,
        run_id: str,
        after: int = 0,
        limit: int = 1_000,
        level: str | None = None,
        query: str | None = None,
    ) -> LogPage:
        """Return the lines after a number: those of a level or worse, those that hold a text."""
        return self._page(run_id, lambda of: of.read(after, limit, level, query))

    def tail(
        self, run_id: str, count: int, *, before: int | None = None, level: str | None = None
    ) -> LogPage:
        """Return the last lines, or the last before a number: those of a level or worse."""
        return self._page(run_id, lambda of: of.read_back(before, count, level))

    def find(self, run_id: str, query: str, *, level: str | None = None, most: int = MOST_FOUND) -> Found:
        """Return where a text stands in the whole log; the first `most` lines by their numbers, the others counted.

        It looks at a piece after the other, so that who writes meanwhile waits for one of them at most.
        """
        numbers: list[int] = []
        hits = total = seen = 0
        try:
            while True:
                found = self._log_of(run_id).find(seen, LOOKED_AT_ONCE, query, level)
                numbers += found.numbers[: most - len(numbers)]
                hits, total = hits + found.hits, found.total
                if found.next >= found.total or found.next <= seen:
                    break
                seen = found.next
        except OSError as error:
            log.warning("the log of run %s could not be read: %s", run_id, error)
        return Found(numbers=tuple(numbers), hits=hits, next=seen, total=total)

    def path(self, run_id: str) -> Path:
        """Return the file of a run's log, whether or not it is there yet; raises NotFound."""
        if not GOOD_ID.match(run_id):
            raise NotFound("run", run_id)
        return self._folder.joinpath(run_id[:2], f"{run_id}.log")

    def settle(self, run_id: str) -> int:
        """Bring everything a run said so far to the file, and return how long that is now."""
        known = self._log_of(run_id, writing=True)
        self._bring_to_disk(run_id, known)
        return known.file.size

    def written_after(self, run_id: str, offset: int) -> list[bytes]:
        """Return the whole lines that the file has after so many bytes, as `one_line` makes them."""
        with contextlib.suppress(OSError), self.path(run_id).open("rb") as file:
            file.seek(offset)
            return [line for line in file if line.endswith(b"\n")]
        return []

    def lines_at_hand(self, run_id: str) -> int | None:
        """Return how many lines a run has said, where it was written lately; None is not known without reading."""
        with self._lock:
            known = self._logs.get(run_id)
        return known.file.lines if known is not None and known.idle and known.file.lines else None

    def close(self, run_id: str) -> None:
        """Bring everything a run said to the disk, and tell of it."""
        with self._lock:
            self._grown.discard(run_id)
            self._written.discard(run_id)
            known = self._logs.get(run_id)
        if known is not None:
            self._bring_to_disk(run_id, known)

    def remove(self, run_id: str) -> None:
        """Remove a run's log."""
        with self._lock:
            self._grown.discard(run_id)
            self._written.discard(run_id)
            self._logs.pop(run_id, None)
        try:
            self.path(run_id).unlink(missing_ok=True)
        except OSError as error:
            log.warning("the log of run %s could not be removed: %s", run_id, error)

    def close_all(self) -> None:
        """Bring everything to the disk, and end."""
        with self._lock:
            flusher, self._flusher = self._flusher, None
        if flusher is not None:
            self._ending.set()
            self._something.set()
            flusher.join()
        self._flush_grown()

    def _log_of(self, run_id: str, *, writing: bool = False) -> _RunLog:
        with self._lock:
            known = self._logs.get(run_id)
            if known is None:
                path = self.path(run_id)
                self._forget_old()
                known = self._logs[run_id] = _RunLog(path, self._clock, self._quota)
            if writing:
                self._written.add(run_id)
            self._logs.move_to_end(run_id)
            return known

    def _forget_old(self) -> None:
        """Let go of the logs longest unused, except those that are being written."""
        surplus = len(self._logs) - MOST_KEPT
        for run_id in tuple(self._logs)[: max(surplus, 0)]:
            if run_id not in self._written and self._logs[run_id].idle:
                del self._logs[run_id]

    def _page(self, run_id: str, read: Callable[[_RunLog], LogPage]) -> LogPage:
        try:
            return read(self._log_of(run_id))
        except OSError as error:
            log.warning("the log of run %s could not be read: %s", run_id, error)
            return LogPage()

    def _keep_flushing(self) -> None:
        while not self._ending.is_set():
            self._something.wait()
            self._ending.wait(FLUSH_AFTER)
            self._something.clear()
            self._flush_grown()

    def _flush_grown(self) -> None:
        with self._lock:
            grown, self._grown = self._grown, set()
            logs = {run_id: self._logs[run_id] for run_id in grown if run_id in self._logs}
        for run_id, known in logs.items():
            self._bring_to_disk(run_id, known)

    def _bring_to_disk(self, run_id: str, known: _RunLog) -> None:
        known.flush(lambda lines: self._events.publish(LogGrew(run_id=run_id, lines=lines)))
