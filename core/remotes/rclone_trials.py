"""What rclone would do, and what a person would type to do the same."""

import os
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from core.models import Progress
from core.processes.orders import Stream
from core.remotes.rclone_filters import rules_for
from core.remotes.rclone_log import Talk, entry_in
from core.remotes.rclone_names import as_is, as_said
from core.remotes.rsync_rules import as_typed
from core.sizes import size

MOST_SHOWN: Final = 1_000
CUT: Final = " There is more: rclone named more files than could be counted here."
"""What is said beside the counts where not all that it said could be heard."""
SKIPPED: Final = re.compile(r"Skipped (.+?) as --dry-run is set")


class Trial(Talk):
    """Hears a trial out: what would be sent, and what would be put aside."""

    def __init__(
        self,
        report: Callable[[Progress], None],
        warn: Callable[[str], None],
        error: Callable[[str], None],
    ) -> None:
        super().__init__(report, warn, error)
        self.sent: dict[str, int] = {}
        self.aside: set[str] = set()

    def hear(self, stream: Stream, line: str) -> bool:
        """Take a line."""
        entry = entry_in(line) or {}
        skipped = SKIPPED.match(str(entry.get("msg", "")))
        if skipped is None:
            return super().hear(stream, line)
        name = str(entry.get("object", ""))
        if skipped[1] == "copy":
            self.sent[name] = _size_of(entry)
        elif skipped[1] in {"move", "move into backup dir", "delete"}:
            self.aside.add(name)
        return False

    def result(self, there: frozenset[str], *, cut: bool = False) -> dict[str, Any]:
        """Return what would be done; `there` is what the destination has of what would be sent.

        `cut` is that rclone said more than was heard.
        """
        removed = sorted(self.aside - self.sent.keys())
        kinds = {name: "changed" if name in there else "new" for name in self.sent}
        changes = [[kind, shown(name)] for name, kind in sorted(kinds.items())]
        changes += [["removed", shown(name)] for name in removed]
        changed = sum(kind == "changed" for kind in kinds.values())
        counts = {"new": len(kinds) - changed, "changed": changed, "removed": len(removed)}
        return {
            **counts,
            "bytes": sum(self.sent.values()),
            "sentence": f"{_sentence(counts, sum(self.sent.values()))}{CUT if cut else ''}",
            "changes": changes[:MOST_SHOWN],
        }


def _size_of(entry: Mapping[str, Any]) -> int:
    found = entry.get("size")
    return found if isinstance(found, int) and found >= 0 else 0


def _sentence(counts: Mapping[str, int], amount: int) -> str:
    if not any(counts.values()):
        return "Nothing would change: the destination has it all."
    aside = f", and put {counts['removed']:,} aside" if counts["removed"] else ""
    return f"Would send {counts['new']:,} new and {counts['changed']:,} changed files, {size(amount)}{aside}."


def shown(said: str) -> str:
    """Return a name for people, as it is on the disk."""
    return os.fsdecode(as_is(os.fsencode(said)))


def rules_below(source: Path, patterns: Sequence[str], own_data: Path) -> tuple[str, ...]:
    """Return the rules for what is taken of a source; Holdfast's own data is not."""
    real, own = Path(os.path.realpath(source)), Path(os.path.realpath(own_data))
    inner = str(own.relative_to(real)) if own.is_relative_to(real) and own != real else ""
    return rules_for(patterns, [os.fsdecode(as_said(os.fsencode(inner)))] if inner else [])


def write_private(path: Path, text: str) -> None:
    """Write a file that only we may read."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW
    with os.fdopen(os.open(path, flags, 0o600), "wb") as file:
        file.write(text.encode("utf-8", "surrogateescape"))


def typed(argv: Sequence[str], rules: Sequence[str]) -> str:
    """Return a command as a person would type it, with its rules as options of their own."""
    at = argv.index("--filter-from")
    options = [part for rule in rules for part in ("--filter", rule)]
    return " ".join(map(as_typed, [*argv[:at], *options, *argv[at + 2 :]]))
