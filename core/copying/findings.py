"""What a look into one folder found, sent on in parts of bounded size."""

import os
from collections import Counter
from collections.abc import Callable

from core.copying.messages import (
    UNIT_BYTES,
    UNIT_ENTRIES,
    Entry,
    Found,
    Planned,
    Problem,
    ProblemKind,
    Reply,
    Shared,
    Unit,
    pack,
)


def planned(folder: bytes, entries: list[Entry]) -> Planned:
    """Return the entries as a unit of the plan, added up."""
    files = [entry for entry in entries if entry.kind == "file"]
    work = [entry for entry in entries if entry.action != "keep"]
    return Planned(
        len(files),
        sum(entry.size for entry in files),
        len(work),
        sum(entry.size for entry in work),
        sums_of(work),
        pack(Unit(folder, tuple(entries))),
    )


def sums_of(entries: list[Entry]) -> dict[str, int]:
    """Return how many entries and bytes there are for each action."""
    sums: Counter[str] = Counter()
    for entry in entries:
        sums[entry.action] += 1
        sums[f"{entry.action}_bytes"] += entry.size
    return dict(sums)


class Findings:
    """Collects entries, folders, further names and problems of one folder."""

    def __init__(self, folder: bytes, send: Callable[[Reply], None]) -> None:
        self.folder = folder
        self.tally: Counter[str] = Counter()
        self.identity = (0, 0)
        self._send = send
        self._entries: list[Entry] = []
        self._bytes = 0
        self._folders: list[bytes] = []
        self._shared: list[Shared] = []
        self._problems: list[Problem] = []

    def entry(self, entry: Entry) -> None:
        """Take an entry for the plan; a large file is a unit of its own."""
        if entry.size > UNIT_BYTES:
            self._send_part([entry])
            return
        self._entries.append(entry)
        self._bytes += entry.size
        if self._bytes > UNIT_BYTES or len(self._entries) >= UNIT_ENTRIES:
            self._send_entries()

    def kept(self, files: int, size: int) -> None:
        """Count files that are the same already and need not be proved."""
        self.tally["files"] += files
        self.tally["unchanged"] += files
        self.tally["bytes"] += size

    def inner_folder(self, name: bytes) -> None:
        """Take a folder in which to look later."""
        self._folders.append(name)
        if len(self._folders) >= UNIT_ENTRIES:
            self._send_entries()

    def shared(self, info: os.stat_result, entry: Entry) -> None:
        """Take a file that has more than one name."""
        self._shared.append(Shared(info.st_dev, info.st_ino, self.folder, entry))
        if len(self._shared) >= UNIT_ENTRIES:
            self._send_entries()

    def problem(self, kind: ProblemKind, path: bytes, reason: str) -> None:
        """Take what a person should know about a path."""
        self._problems.append(Problem(kind, path, reason))
        if len(self._problems) >= UNIT_ENTRIES:
            self._send_entries()

    def finish(self) -> None:
        """Send the last part."""
        self._send_part(self._entries, "done")

    def _send_entries(self) -> None:
        self._send_part(self._entries)
        self._entries, self._bytes = [], 0

    def _send_part(self, entries: list[Entry], kind: str = "part") -> None:
        found = Found(
            planned(self.folder, entries) if entries else None,
            tuple(self._folders),
            tuple(self._shared),
            self.identity,
        )
        reply = Reply(
            "done" if kind == "done" else "part",
            dict(self.tally),
            tuple(self._problems),
            pack(found),
        )
        self._folders, self._shared, self._problems = [], [], []
        self.tally.clear()
        self._send(reply)
