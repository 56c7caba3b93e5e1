"""What rclone says while it works: its log, a JSON object a line, in which its statistics come once a second."""

import json
import re
from collections import Counter, deque
from collections.abc import Callable, Mapping
from typing import Any, Final

from core.models import Progress, Value
from core.processes.orders import Stream
from core.remotes.calls import Trouble, failure
from core.remotes.rclone_troubles import in_the_middle, trouble

LAST_WORDS: Final = 50
LONGEST_WORDS: Final = 500
MOST_NAMED: Final = 20
MOST_LOGGED: Final = 1_000
"""Troubles that go to the log, one for each file; a run with more says how many there were."""

ONCE: Final = {
    "Can't follow symlink": "symbolic links were left out, as rclone does unless the job says to keep them",
    "Duplicate object found": "files were found twice under one name there",
    "Duplicate directory found": "folders were found twice under one name there",
}
"""What rclone says for each file, and what is said of all of them together."""

VANISHED: Final = (
    "source file is being updated",
    "no such file or directory",
    "source object: object not found",
)
GIVING_UP: Final = ("attempt ", "can't retry", "failed to copy with", "failed to sync with", "not deleting")

WHEN: Final = re.compile(r"^\d{4}/\d\d/\d\d \d\d:\d\d:\d\d ")

HOPELESS: Final = frozenset(
    {
        "destination-full",
        "login-refused",
        "token-expired",
        "too-many-requests",
        "unreachable",
        "connection-lost",
    }
)
GIVE_UP_AFTER: Final = 3
"""What meets every file, and how many files it may meet in a row: rclone would try each of a million before it ends."""

Tell = Callable[[str], None]


class Stats(Value, frozen=True, kw_only=True):
    """How far rclone is."""

    bytes: int = 0
    total_bytes: int = 0
    files: int = 0
    total_files: int = 0
    checks: int = 0
    total_checks: int = 0
    removed: int = 0
    speed: float = 0.0
    eta: float | None = None


class Talk:
    """Hears rclone out; is an `OnLine` that keeps its log out of the run's, and says in it what people should know.

    `said` are its last words of trouble, as it said them, newest last. Raises EngineFailed where nothing gets through any
    more, which ends rclone.
    """

    def __init__(
        self, report: Callable[[Progress], None], warn: Tell, error: Tell, stage: str = "copy"
    ) -> None:
        self._report = report
        self._warn = warn
        self._error = error
        self._stage = stage
        self._counted: Counter[str] = Counter()
        self.said: deque[str] = deque(maxlen=LAST_WORDS)
        self.out: list[str] = []
        self.stats = Stats()
        self.vanished = 0
        self.failed = 0
        self._in_vain = 0

    def hear(self, stream: Stream, line: str) -> bool:
        """Take a line; returns False, as none of them goes to the log as it is."""
        entry = entry_in(line)
        if entry is None:
            self._hear_plain(stream, line)
        elif isinstance(entry.get("stats"), dict):
            self._hear_stats(entry["stats"])
        elif entry.get("level") in {"error", "critical", "fatal"}:
            self._hear_error(line, entry)
        elif entry.get("level") in {"warning", "notice"}:
            self._hear_notice(entry)
        return False

    def glance(self, _: Stream, line: str) -> bool:
        """Look at one of the latest lines; tells whether it said how far it is."""
        entry = entry_in(line)
        if entry is None or not isinstance(entry.get("stats"), dict):
            return False
        self._hear_stats(entry["stats"])
        return True

    @property
    def warnings(self) -> tuple[str, ...]:
        """Return what was said of many files, once each."""
        found = [f"{count:,} {ONCE[begin]}." for begin, count in self._counted.items()]
        if self.vanished:
            noun = "file was" if self.vanished == 1 else "files were"
            found.append(f"{self.vanished:,} {noun} changed or removed while being copied.")
        return tuple(found)

    @property
    def last_words(self) -> str:
        """Return the last trouble it spoke of, for people."""
        found = [_words_of(line) for line in reversed(self.said)]
        told = [words for words in found if not words.lower().startswith(GIVING_UP)]
        return (told or found or [""])[0][:LONGEST_WORDS]

    def _hear_plain(self, stream: Stream, line: str) -> None:
        if stream == "out":
            self.out.append(line)
        elif line.strip():
            self.said.append(line)

    def _hear_stats(self, stats: Mapping[str, Any]) -> None:
        before, self.stats = self.stats.files, stats_in(stats)
        if self.stats.files > before:
            self._in_vain = 0
        self._report(progress_of(self.stats, self._stage))

    def _hear_error(self, line: str, entry: Mapping[str, Any]) -> None:
        message = str(entry.get("msg", "")).strip()
        self.said.append(line)
        if message.lower().startswith(GIVING_UP):
            return
        name = str(entry.get("object", ""))
        of_source = "source" in message or "open " in message
        if of_source and any(words in message for words in VANISHED):
            self.vanished += 1
        else:
            self.failed += 1
        if self.failed + self.vanished <= MOST_LOGGED:
            self._error(f"{name}: {message}" if name else message)
        self._give_up_in_time(trouble(None, [line]))

    def judged(self, code: int | None) -> Trouble:
        """Return what went wrong; where something got through before, a login that is refused has expired."""
        found = trouble(code, self.said)
        return in_the_middle(found) if self.stats.files or self.stats.checks else found

    def _give_up_in_time(self, found: Trouble) -> None:
        self._in_vain += found.code in HOPELESS
        if self._in_vain >= GIVE_UP_AFTER:
            raise failure(self.judged(None), self.last_words)

    def _hear_notice(self, entry: Mapping[str, Any]) -> None:
        message = str(entry.get("msg", "")).strip()
        begin = next((begin for begin in ONCE if message.startswith(begin)), None)
        if begin is not None:
            self._counted[begin] += 1
            if self._counted[begin] > MOST_NAMED:
                return
        name = str(entry.get("object", ""))
        if not message.startswith("Replacing invalid UTF-8"):
            self._warn(f"{name}: {message}" if name else message)


def _words_of(line: str) -> str:
    """Return what a line says, without the time at which it does."""
    entry = entry_in(line)
    return WHEN.sub("", line if entry is None else str(entry.get("msg", "")).strip())


def entry_in(line: str) -> dict[str, Any] | None:
    """Return what a line of the log has; None where it is no JSON object."""
    if not line.startswith("{"):
        return None
    try:
        entry = json.loads(line)
    except ValueError:
        return None
    return entry if isinstance(entry, dict) else None


def stats_in(stats: Mapping[str, Any]) -> Stats:
    """Return how far it is."""
    return Stats(
        bytes=_number(stats.get("bytes")),
        total_bytes=_number(stats.get("totalBytes")),
        files=_number(stats.get("transfers")),
        total_files=_number(stats.get("totalTransfers")),
        checks=_number(stats.get("checks")),
        total_checks=_number(stats.get("totalChecks")),
        removed=_number(stats.get("deletes")),
        speed=float(_number(stats.get("speed"))),
        eta=float(_number(stats["eta"])) if stats.get("eta") is not None else None,
    )


def _number(value: object) -> int:
    return int(value) if isinstance(value, int | float) and 0 <= value < float("inf") else 0


def progress_of(stats: Stats, stage: str) -> Progress:
    """Return how far it is; while it only compares what is there, that is what is counted."""
    if not stats.total_bytes:
        return Progress(stage=stage, done=0, total=None, message=f"{stats.checks:,} files compared")
    return Progress(
        stage=stage,
        percent=min(100.0, 100.0 * stats.bytes / stats.total_bytes),
        done=stats.bytes,
        total=stats.total_bytes,
        rate=stats.speed or None,
        eta_seconds=stats.eta,
        message=f"{stats.files:,} of {stats.total_files:,} files carried over, {stats.checks:,} compared",
    )
