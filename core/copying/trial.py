"""The program that tells what a copy would do: it looks at both sides and writes nothing.

It is told what to look at by a file; each change is a line of JSON on its output, and the last line says how many there are.
"""

import os
import stat
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import msgspec

from core.copying.names import joined, shown
from core.copying.patterns import Patterns
from core.copying.tree import Tree
from core.copying.troubles import in_words

FOLDER: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
FILE: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NOCTTY
COARSE: Final = 2_000_000_000
"""Nanoseconds by which the times of a file system without fractions may differ."""

SECOND: Final = 1_000_000_000
CHUNK: Final = 1 << 20
MOST: Final = 1_000
"""How many changes are named; all are counted."""


class TrialWishes(msgspec.Struct, frozen=True, kw_only=True):
    """What to look at; whatever has one of `own_names` is left out, and `left_out` are folders that are never looked into."""

    source: str
    destination: str
    patterns: tuple[str, ...] = ()
    content: bool = False
    left_out: tuple[str, ...] = ()
    own_names: tuple[str, ...] = ()


def main(arguments: Sequence[str]) -> None:
    """Tell what a copy would do, as the wishes in a file say it."""
    wishes = msgspec.json.decode(Path(arguments[0]).read_bytes(), type=TrialWishes)
    try:
        handle = os.open(wishes.source, FOLDER)
    except OSError as error:
        sys.stderr.write(f"The source cannot be read: {in_words(error)}.\n")
        sys.exit(1)
    _Trial(wishes, Tree(handle), _tree_at(wishes.destination)).run()


def _tree_at(path: str) -> Tree | None:
    try:
        return Tree(os.open(path, FOLDER))
    except OSError:
        return None  # a run would make it


class _Trial:
    """Goes through the source once, and looks each name up at the destination."""

    def __init__(self, wishes: TrialWishes, source: Tree, destination: Tree | None) -> None:
        self._source = source
        self._destination = destination
        self._content = wishes.content
        self._own_names = frozenset(wishes.own_names)
        self._patterns = Patterns(wishes.patterns) if wishes.patterns else None
        self._left_out = {identity for path in wishes.left_out if (identity := _identity(path))}
        self._counts: Counter[str] = Counter()

    def run(self) -> None:
        """Tell of every change, then of their number."""
        folders = [b""]
        while folders:
            folders += self._look_into(folders.pop())
        _say({"done": dict(self._counts)})

    def _look_into(self, path: bytes) -> list[bytes]:
        try:
            handle = self._source.folder(path)
            if _identity_of(os.fstat(handle)) in self._left_out:
                return []
            with os.scandir(handle) as entries:
                names = sorted(entries, key=lambda entry: entry.name)
        except OSError:
            self._counts["unreadable"] += 1
            return []
        there = self._folder_there(path)
        return [inner for entry in names if (inner := self._take(path, entry, there)) is not None]

    def _folder_there(self, path: bytes) -> int | None:
        try:
            return None if self._destination is None else self._destination.folder(path)
        except OSError:
            return None

    def _take(self, folder: bytes, entry: "os.DirEntry[str]", there: int | None) -> bytes | None:
        """Judge one name; returns its path if it is a folder to look into."""
        name, path = os.fsencode(entry.name), joined(folder, os.fsencode(entry.name))
        is_folder = entry.is_dir(follow_symlinks=False)
        if entry.name in self._own_names or self._is_out(path, folder_too=is_folder):
            return None
        if is_folder:
            return path
        try:
            info = entry.stat(follow_symlinks=False)
            if stat.S_ISREG(info.st_mode) or stat.S_ISLNK(info.st_mode):
                self._judge(path, name, info, there)
        except OSError:
            self._counts["unreadable"] += 1
        return None

    def _is_out(self, path: bytes, *, folder_too: bool) -> bool:
        return self._patterns is not None and self._patterns.leave_out(os.fsdecode(path), folder=folder_too)

    def _judge(self, path: bytes, name: bytes, info: os.stat_result, there: int | None) -> None:
        found = _stat_in(there, name)
        if found is None:
            self._tell("new", path, info)
        elif not self._same(path, name, info, there or 0, found):
            self._tell("changed", path, info)

    def _same(
        self, path: bytes, name: bytes, info: os.stat_result, there: int, found: os.stat_result
    ) -> bool:
        if stat.S_IFMT(info.st_mode) != stat.S_IFMT(found.st_mode):
            return False
        here = self._source.folder(path.rpartition(b"/")[0])
        if stat.S_ISLNK(info.st_mode):
            return os.readlink(name, dir_fd=here) == os.readlink(name, dir_fd=there)
        if info.st_size != found.st_size:
            return False
        if self._content:
            return all(
                one == other for one, other in zip(_read(here, name), _read(there, name), strict=False)
            )
        return _same_time(info.st_mtime_ns, found.st_mtime_ns)

    def _tell(self, how: str, path: bytes, info: os.stat_result) -> None:
        self._counts[how] += 1
        self._counts["bytes"] += info.st_size if stat.S_ISREG(info.st_mode) else 0
        if self._counts["new"] + self._counts["changed"] <= MOST:
            _say({"change": [how, shown(path)]})


def _same_time(here: int, there: int) -> bool:
    """Tell whether two times are the same, as far as a destination without fractions can hold them."""
    return here == there or (there % SECOND == 0 and abs(here - there) < COARSE)


def _read(folder: int, name: bytes) -> Iterator[bytes]:
    with os.fdopen(os.open(name, FILE, dir_fd=folder), "rb", buffering=0) as file:
        while chunk := file.read(CHUNK):
            yield chunk


def _stat_in(folder: int | None, name: bytes) -> os.stat_result | None:
    try:
        return None if folder is None else os.stat(name, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        return None


def _identity(path: str) -> tuple[int, int] | None:
    try:
        return _identity_of(Path(path).stat())
    except OSError:
        return None


def _identity_of(info: os.stat_result) -> tuple[int, int]:
    return info.st_dev, info.st_ino


def _say(value: dict[str, Any]) -> None:
    sys.stdout.buffer.write(msgspec.json.encode(value) + b"\n")
    sys.stdout.buffer.flush()
