"""The files that runs leave for people: logs, manifests, results, receipts, and backups of Holdfast's own state.

A file is known by its kind and its name there; whatever is asked for by name is opened below the folder of that kind.
"""

import contextlib
import os
import re
import threading
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from enum import StrEnum
from itertools import islice
from pathlib import Path
from typing import Final, NamedTuple

from core.clock import Clock
from core.errors import NotFound
from core.models import Value
from core.storage.below import is_name, open_below
from core.storage.own_backup import NAMED

MOST: Final = 50_000
"""Files of one kind that are looked at; more are counted no further."""

GOOD_FOR: Final = 10.0
"""Seconds for which one look serves everybody."""

RUN: Final = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
NUMBER: Final = re.compile(r"\d{4}")


class Kind(StrEnum):
    """What a file is."""

    RESULT = "result"
    MANIFEST = "manifest"
    RECEIPT = "receipt"
    LOG = "log"
    BACKUP = "backup"


class KeptFile(Value, frozen=True, kw_only=True):
    """A file; `name` is unique among those of its kind, `run_id` is whose it is, empty for one of the house itself."""

    kind: Kind
    name: str
    run_id: str
    number: int
    bytes: int
    at: datetime


class Listing(Value, frozen=True, kw_only=True):
    """Everything that one look found, the newest first; `whole` says that nothing was left uncounted."""

    files: tuple[KeptFile, ...]
    whole: bool


class Opened(NamedTuple):
    """A file that is open to be read: the handle, what it is, and what to call it."""

    handle: int
    file: KeptFile
    called: str


class KeptFiles:
    """Safe to use from several threads."""

    def __init__(self, data: Path, backups: Path, clock: Clock) -> None:
        self._data = data
        self._backups = backups
        self._clock = clock
        self._lock = threading.Lock()
        self._last: tuple[float, Listing] | None = None

    def list(self) -> Listing:
        """Return every file; a look serves for some seconds."""
        with self._lock:
            now = self._clock.monotonic()
            if self._last is None or now - self._last[0] >= GOOD_FOR:
                self._last = now, self._look()
            return self._last[1]

    def forget(self) -> None:
        """Let the next who asks look anew."""
        with self._lock:
            self._last = None

    def open(self, kind: Kind, name: str) -> Opened:
        """Return a file that is open to be read; raises NotFound. Whoever asked closes it."""
        place = self._place(kind, name)
        if place is None:
            raise NotFound("file", name[:80])
        root, parts = place
        try:
            handle, about = open_below(root, parts)
        except OSError:
            raise NotFound("file", name[:80]) from None
        return Opened(handle, _file(kind, name, about), _called(kind, name))

    def _place(self, kind: Kind, name: str) -> tuple[Path, tuple[str, ...]] | None:
        """Return below which folder a file is, and the way there; None for a name that is none of that kind."""
        if kind is Kind.BACKUP:
            return (self._backups, (name,)) if NAMED.fullmatch(name) else None
        run_id, dot, rest = name.partition(".")
        if not RUN.fullmatch(run_id) or not is_name(name):
            return None
        match kind:
            case Kind.LOG:
                return None if dot else (self._data / "logs", (run_id[:2], f"{run_id}.log"))
            case Kind.MANIFEST:
                return None if dot else (self._data / "work", (run_id[:2], run_id, "manifest.b3"))
            case Kind.RECEIPT:
                return self._receipt(run_id) if not dot else None
            case Kind.RESULT:
                good = NUMBER.fullmatch(rest) is not None
                return (self._data / "work", (run_id[:2], run_id, "kept", rest)) if good else None

    def _receipt(self, run_id: str) -> tuple[Path, tuple[str, ...]]:
        """Return where receipts of a run are: beside the others, or with those that are over."""
        name, root = f"{run_id}.jsonl", self._data / "receipts"
        return (root, (name,)) if os.path.lexists(root / name) else (root, ("over", name))

    def _look(self) -> Listing:
        found: list[KeptFile] = []
        whole = True
        for each in (self._logs(), self._of_workspaces(), self._receipts(), self._own_backups()):
            some = tuple(islice(each, MOST + 1))
            whole = whole and len(some) <= MOST
            found += some[:MOST]
        return Listing(files=tuple(sorted(found, key=lambda file: file.at, reverse=True)), whole=whole)

    def _logs(self) -> Iterator[KeptFile]:
        for shelf in _folders_in(self._data / "logs"):
            for entry in _files_in(shelf):
                run_id = entry.name.removesuffix(".log")
                if entry.name.endswith(".log") and RUN.fullmatch(run_id):
                    yield from _seen(Kind.LOG, run_id, entry)

    def _of_workspaces(self) -> Iterator[KeptFile]:
        for shelf in _folders_in(self._data / "work"):
            for workspace in _folders_in(Path(shelf.path)):
                if RUN.fullmatch(workspace.name):
                    yield from _of_workspace(workspace)

    def _receipts(self) -> Iterator[KeptFile]:
        root = self._data / "receipts"
        for entry in (*_files_in(root), *_files_in(root / "over")):
            run_id = entry.name.removesuffix(".jsonl")
            if entry.name.endswith(".jsonl") and RUN.fullmatch(run_id):
                yield from _seen(Kind.RECEIPT, run_id, entry)

    def _own_backups(self) -> Iterator[KeptFile]:
        for entry in _files_in(self._backups):
            if NAMED.fullmatch(entry.name):
                yield from _seen(Kind.BACKUP, entry.name, entry)


def totals_of(files: Iterable[KeptFile]) -> Mapping[Kind, tuple[int, int]]:
    """Return for each kind how many files there are, and how many bytes they take."""
    totals = dict.fromkeys(Kind, (0, 0))
    for file in files:
        count, size = totals[file.kind]
        totals[file.kind] = count + 1, size + file.bytes
    return totals


def _of_workspace(workspace: "os.DirEntry[str]") -> Iterator[KeptFile]:
    for entry in _files_in(workspace):
        if entry.name == "manifest.b3":
            yield from _seen(Kind.MANIFEST, workspace.name, entry)
    for entry in _files_in(Path(workspace.path) / "kept"):
        if NUMBER.fullmatch(entry.name):
            yield from _seen(Kind.RESULT, f"{workspace.name}.{entry.name}", entry)


def _seen(kind: Kind, name: str, entry: "os.DirEntry[str]") -> Iterator[KeptFile]:
    with contextlib.suppress(OSError):  # it went meanwhile
        yield _file(kind, name, entry.stat(follow_symlinks=False))


def _file(kind: Kind, name: str, about: os.stat_result) -> KeptFile:
    run_id, _, number = ("", "", "") if kind is Kind.BACKUP else name.partition(".")
    return KeptFile(
        kind=kind,
        name=name,
        run_id=run_id,
        number=int(number or 0),
        bytes=about.st_size,
        at=datetime.fromtimestamp(about.st_mtime, UTC),
    )


def _called(kind: Kind, name: str) -> str:
    run_id = name.partition(".")[0]
    match kind:
        case Kind.BACKUP:
            return name
        case Kind.MANIFEST:
            return f"holdfast-{run_id[:8]}.b3"
        case Kind.RECEIPT:
            return f"receipts-{run_id}.jsonl"
        case Kind.LOG:
            return f"{run_id}.log"
        case Kind.RESULT:
            return name


def _folders_in(folder: "Path | os.DirEntry[str]") -> Iterator["os.DirEntry[str]"]:
    """Give the folders in a folder; links are none. Nothing where it cannot be looked into."""
    with contextlib.suppress(OSError), os.scandir(folder) as entries:
        yield from (entry for entry in entries if entry.is_dir(follow_symlinks=False))


def _files_in(folder: "Path | os.DirEntry[str]") -> Iterator["os.DirEntry[str]"]:
    """Give the plain files in a folder; links are none. Nothing where it cannot be looked into."""
    with contextlib.suppress(OSError), os.scandir(folder) as entries:
        yield from (entry for entry in entries if entry.is_file(follow_symlinks=False))
