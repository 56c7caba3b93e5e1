"""What `restic backup --dry-run` says it would do, understood."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import msgspec

from core.processes.orders import Stream
from core.work import Outcome

MOST_CHANGES: Final = 1_000
WORDS: Final[Mapping[str, str]] = {"new": "new", "modified": "changed"}


class Rehearsal:
    """Hears one rehearsal of a backup of a source."""

    def __init__(self, source: Path) -> None:
        self._before = f"{str(source).rstrip('/')}/"
        self._counts = {"new": 0, "changed": 0}
        self._changes: list[tuple[str, str]] = []
        self._unread: list[str] = []
        self._bytes = 0

    def hear(self, stream: Stream, line: str) -> bool | None:
        """Take a line; what is for programs stays out of the log."""
        try:
            plain = msgspec.json.decode(line, type=dict[str, Any])
        except (msgspec.DecodeError, UnicodeEncodeError):
            return None
        match plain.get("message_type"):
            case "verbose_status":
                self._take(str(plain.get("action", "")), str(plain.get("item", "")))
            case "summary":
                self._bytes = int(plain.get("data_added", 0))
            case "error":
                self._unread.append(str(plain.get("item", "")))
            case "exit_error":
                return None
        return stream == "err" and plain.get("message_type") == "error"

    def _take(self, action: str, item: str) -> None:
        word = WORDS.get(action)
        if word is None or item.endswith("/") or not item.startswith(self._before):
            return
        self._counts[word] += 1
        if len(self._changes) < MOST_CHANGES:
            self._changes.append((word, item.removeprefix(self._before)))

    def outcome(self, *, cut: bool) -> Outcome:
        """Return what a run would do; `cut` is that restic said more than was kept."""
        warnings = [f"Could not be read: {item}" for item in sorted(set(self._unread))[:20]]
        if cut:
            warnings.append(
                "restic named more files than are kept; there are more changes than counted here."
            )
        result = {
            "trial": True,
            **self._counts,
            "removed": 0,
            "bytes": self._bytes,
            "changes": sorted(self._changes),
        }
        return Outcome(result=result, warnings=tuple(warnings))
