"""What rsync says that it would do, where it is only tried."""

import re
from typing import Any, Final

from core.copying.names import shown
from core.processes.orders import Stream
from core.sizes import size

FORMAT: Final = "--out-format=%i %l %n"
CHANGE: Final = re.compile(
    r"(?P<how>[<>ch.])(?P<what>[fdLDS])(?P<news>.{9}) (?P<size>\d+) (?P<name>.+)", re.DOTALL
)
REMOVAL: Final = re.compile(r"\*deleting {3}(?:\d+ )?(?P<name>.+)", re.DOTALL)
MOST: Final = 1_000
CUT: Final = " There is more: rsync named more files than could be counted here."
"""What is said beside the counts where not all that it said could be heard."""


class Trial:
    """Hears out a rsync that writes nothing."""

    def __init__(self) -> None:
        self._counts = {"new": 0, "changed": 0, "removed": 0}
        self._bytes = 0
        self._changes: list[tuple[str, str]] = []
        self.errors: list[str] = []

    def hear(self, stream: Stream, line: str) -> bool:
        """Take a line, and keep what it would do out of the log."""
        if stream == "err":
            self.errors = [*self.errors, line][-MOST:]
            return True
        if (removal := REMOVAL.fullmatch(line)) is not None:
            self._count("removed", removal["name"])
        elif (change := CHANGE.fullmatch(line)) is not None:
            self._take(change)
        return False

    def _take(self, change: re.Match[str]) -> None:
        new = change["news"].startswith("+")
        if change["what"] == "d" and (not new or change["name"] == "./"):
            return
        self._bytes += int(change["size"]) if change["how"] in "<>" else 0
        self._count("new" if new else "changed", change["name"])

    def _count(self, how: str, name: str) -> None:
        self._counts[how] += 1
        if len(self._changes) < MOST:
            self._changes.append((how, shown(name.encode(errors="surrogateescape"))))

    def result(self, *, cut: bool = False) -> dict[str, Any]:
        """Return what a run would do, in a sentence, counted, and named as far as it is not too much.

        `cut` is that rsync said more than was heard.
        """
        return {
            "trial": True,
            "sentence": f"{self._sentence}{CUT if cut else ''}",
            **self._counts,
            "bytes": self._bytes,
            "changes": [list(change) for change in self._changes],
        }

    @property
    def _sentence(self) -> str:
        new, changed, removed = self._counts.values()
        if not (new or changed or removed):
            return "A run would change nothing: the destination has it all."
        parts = [f"make {new:,} new", f"change {changed:,}"]
        parts += [f"remove {removed:,}"] if removed else []
        return f"A run would {', '.join(parts[:-1])} and {parts[-1]}, and carry {size(self._bytes)}."
