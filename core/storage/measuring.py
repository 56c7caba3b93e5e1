"""How much of the disk each part of a data folder takes, and how much is left."""

import contextlib
import os
import shutil
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from types import MappingProxyType
from typing import Final

from core.clock import Clock
from core.models import Value

BLOCK: Final = 512
"""What `st_blocks` counts in, whatever the file system."""

SHELVED: Final = ("jobs", "runs", "logs", "work", "backups/definitions")
"""Folders whose files lie on shelves; each shelf is weighed by itself."""

WEIGHED_ANEW_AFTER: Final = 600.0
AT_A_TIME: Final = 0.5
"""Seconds that one weighing may take; what it did not come to keeps the weight it had."""

LEAST_FREE: Final = 64_000_000
LEAST_SHARE_FREE: Final = 0.05


class Part(StrEnum):
    """What lies in a data folder, by what it is for."""

    DEFINITIONS = "definitions"
    JOURNAL = "journal"
    SNAPSHOT = "snapshot"
    OLDER_RUNS = "older_runs"
    LOGS = "logs"
    WORKSPACES = "workspaces"
    OWN_BACKUPS = "own_backups"
    ARCHIVED_JOURNAL = "archived_journal"
    FORMER_TEXTS = "former_texts"
    EVENTS = "events"
    AUDIT = "audit"
    QUARANTINE = "quarantine"
    REST = "rest"


PLACES: Final[tuple[tuple[str, Part], ...]] = (
    ("jobs/", Part.DEFINITIONS),
    ("state/journal-", Part.JOURNAL),
    ("state/rows-", Part.SNAPSHOT),
    ("state/registers-", Part.SNAPSHOT),
    ("state/checkpoint-", Part.SNAPSHOT),
    ("state/filed-", Part.SNAPSHOT),
    ("state/reach", Part.JOURNAL),
    ("runs/", Part.OLDER_RUNS),
    ("logs/", Part.LOGS),
    ("work/", Part.WORKSPACES),
    ("backups/own-state/", Part.OWN_BACKUPS),
    ("backups/segments/", Part.ARCHIVED_JOURNAL),
    ("backups/definitions/", Part.FORMER_TEXTS),
    ("backups/before-", Part.OWN_BACKUPS),
    ("events/", Part.EVENTS),
    ("audit/", Part.AUDIT),
    ("receipts/", Part.AUDIT),
    ("quarantine/", Part.QUARANTINE),
)


def part_of(path: str) -> Part:
    """Return what a file is part of, by its path in the data folder."""
    return next((part for beginning, part in PLACES if path.startswith(beginning)), Part.REST)


class Room(Value, frozen=True, kw_only=True):
    """What is left on the disk that holds the data folder, in bytes, and how large it is."""

    free: int
    total: int

    @property
    def short(self) -> bool:
        """Tell whether it is time to make room: little is left, or a small share."""
        return self.free < LEAST_FREE or self.free < self.total * LEAST_SHARE_FREE


def room_at(folder: Path) -> Room | None:
    """Return what is left on the disk of a folder; None where nobody can say."""
    try:
        usage = shutil.disk_usage(folder)
    except OSError:
        return None
    return Room(free=usage.free, total=usage.total)


class Amount(Value, frozen=True, kw_only=True):
    """How much of the disk something takes, and how many files it is."""

    bytes: int = 0
    files: int = 0


class Weights(Value, frozen=True, kw_only=True):
    """What each part takes. Not `whole` while some shelves have never been weighed."""

    parts: Mapping[Part, Amount]
    whole: bool

    @property
    def bytes(self) -> int:
        """Return what all parts take together."""
        return sum(amount.bytes for amount in self.parts.values())


@dataclass
class _Shelf:
    """A folder as it was weighed last; `changed` is the time of its list of names then."""

    changed: int = -1
    weighed_at: float = float("-inf")
    bytes: Counter[Part] = field(default_factory=Counter)
    files: Counter[Part] = field(default_factory=Counter)


class Scales:
    """Weighs a data folder, shelf by shelf, and remembers. Not safe for several threads."""

    def __init__(self, data: Path, clock: Clock) -> None:
        self._data = data
        self._clock = clock
        self._shelves: dict[str, _Shelf] = {}

    def weigh(self, seconds: float = AT_A_TIME) -> Weights:
        """Return the weight of everything, as new as so many seconds of looking make it."""
        self._take_note()
        began = self._clock.monotonic()
        for name in sorted(self._shelves, key=lambda name: self._shelves[name].weighed_at):
            if self._is_due(name):
                self._weigh(name)
                if self._clock.monotonic() - began >= seconds:
                    break
        return self._sum()

    def _take_note(self) -> None:
        """Know of the shelves that there are now."""
        names = set(_shelves_of(self._data))
        self._shelves = {name: self._shelves.get(name) or _Shelf() for name in names}

    def _is_due(self, name: str) -> bool:
        shelf = self._shelves[name]
        if self._clock.monotonic() - shelf.weighed_at >= WEIGHED_ANEW_AFTER:
            return True
        return not name.startswith(SHELVED) or _changed(self._data / name) != shelf.changed

    def _weigh(self, name: str) -> None:
        path = self._data / name
        shelf = _Shelf(_changed(path), self._clock.monotonic())
        deep = name not in {"", "backups", *SHELVED}
        for entry in _files_in(path, deep=deep):
            with contextlib.suppress(OSError):  # it went meanwhile
                part = part_of(os.path.relpath(entry.path, self._data))
                shelf.bytes[part] += entry.stat(follow_symlinks=False).st_blocks * BLOCK
                shelf.files[part] += 1
        self._shelves[name] = shelf

    def _sum(self) -> Weights:
        taken: Counter[Part] = Counter()
        files: Counter[Part] = Counter()
        for shelf in self._shelves.values():
            taken.update(shelf.bytes)
            files.update(shelf.files)
        parts = {part: Amount(bytes=taken[part], files=files[part]) for part in Part}
        whole = all(shelf.weighed_at > float("-inf") for shelf in self._shelves.values())
        return Weights(parts=MappingProxyType(parts), whole=whole)


def _shelves_of(data: Path) -> Iterator[str]:
    """Give every folder that is weighed by itself; the empty name is the data folder's own files."""
    yield ""
    yield "backups"
    for name in (*_folders_in(data), *(f"backups/{name}" for name in _folders_in(data / "backups"))):
        if name != "backups":
            yield name
        if name in SHELVED:
            yield from (f"{name}/{shelf}" for shelf in _folders_in(data / name))


def _folders_in(folder: Path) -> list[str]:
    try:
        with os.scandir(folder) as entries:
            return [entry.name for entry in entries if entry.is_dir(follow_symlinks=False)]
    except OSError:
        return []


def _files_in(folder: Path, *, deep: bool) -> Iterator[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as scanned:
            entries = list(scanned)
    except OSError:
        return
    for entry in entries:
        if entry.is_dir(follow_symlinks=False):
            if deep:
                yield from _files_in(Path(entry.path), deep=True)
        else:
            yield entry


def _changed(folder: Path) -> int:
    try:
        return folder.stat().st_mtime_ns
    except OSError:
        return -1
