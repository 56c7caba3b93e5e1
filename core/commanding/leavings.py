"""The files that a command leaves and a run keeps: found by patterns, opened by handle, copied, and their digests taken."""

import contextlib
import os
import re
import stat
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import blake3

from core.commanding.listening import printable
from core.errors import HoldfastError
from core.models import Value

MOST_FILES: Final = 500
MOST_BYTES: Final = 2_000_000_000
MOST_LOOKED_AT: Final = 100_000
DEEPEST: Final = 30
LONGEST_NAME: Final = 1_000
BLOCK: Final = 1 << 20
ROOM: Final = 500_000_000
"""Bytes that stay free on the disk that holds Holdfast's data."""

FOLDER_FLAGS: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
FILE_FLAGS: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC


class KeptFile(Value, frozen=True, kw_only=True):
    """A file that a run left: its path below the folder it was found in, and what it is."""

    name: str
    bytes: int
    blake3: str


class Gathered(Value, frozen=True, kw_only=True):
    """The files that were kept, in order, and what is to be said about others."""

    files: tuple[KeptFile, ...] = ()
    warnings: tuple[str, ...] = ()


class BadGlob(HoldfastError):
    """A pattern of file names cannot be used."""


def compiled(pattern: str) -> re.Pattern[str]:
    """Return what matches a path below a folder; raises BadGlob. `*` stays in one folder, `**/` is any folders."""
    parts = pattern.split("/")
    if not pattern or pattern.startswith("/") or ".." in parts or "\0" in pattern:
        raise BadGlob(
            "Name files below the folder, such as reports/*.html, without a / in front and without .."
        )
    if sum("**" in part for part in parts) > 2 or any(part.count("*") > 2 for part in parts if part != "**"):  # noqa: PLR2004
        raise BadGlob("This pattern has too many stars.")
    return re.compile("".join(_parts(parts)), re.DOTALL)


def _parts(parts: Sequence[str]) -> Iterator[str]:
    for place, part in enumerate(parts):
        last = place == len(parts) - 1
        if part == "**":
            yield ".*" if last else "(?:[^/]+/)*"
        else:
            stars = {"*": "[^/]*", "?": "[^/]"}
            yield "".join(stars.get(letter) or re.escape(letter) for letter in part) + ("" if last else "/")


def gather(folder: Path, patterns: Sequence[str], into: Path) -> Gathered:
    """Copy what matches below the folder into another, each file under a number; raises OSError.

    Nothing is followed out of the folder: links are left out, and every step is made by a handle of the one before.
    """
    wanted = [compiled(pattern) for pattern in patterns]
    into.mkdir(mode=0o700, parents=True, exist_ok=True)
    gatherer = _Gatherer(wanted, into)
    root = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        gatherer.look(root, "", 0)
    finally:
        os.close(root)
    if not gatherer.files and not gatherer.warnings:
        gatherer.warnings.append("No file matches what the run should keep.")
    return Gathered(files=tuple(gatherer.files), warnings=tuple(gatherer.warnings))


def opened(folder: Path, number: int) -> tuple[int, int]:
    """Return an open handle of a file that was kept under a number, and its size; raises OSError."""
    file = os.open(folder / _name(number), FILE_FLAGS)
    about = os.fstat(file)
    if not stat.S_ISREG(about.st_mode):
        os.close(file)
        raise FileNotFoundError(number)
    return file, about.st_size


def _name(number: int) -> str:
    return f"{number:04d}"


class _Gatherer:
    """Walks a folder and keeps what matches, up to the limits."""

    def __init__(self, wanted: Sequence[re.Pattern[str]], into: Path) -> None:
        self._wanted = wanted
        self._into = into
        self._looked_at = 0
        self._room = min(MOST_BYTES, _free(into) - ROOM)
        self.files: list[KeptFile] = []
        self.warnings: list[str] = []

    def look(self, folder: int, path: str, depth: int) -> None:
        """Look at everything in a folder that is open."""
        with os.scandir(folder) as entries:
            found = sorted(entries, key=lambda entry: entry.name)
        for entry in found:
            if self.warnings:
                return
            self._looked_at += 1
            if self._looked_at > MOST_LOOKED_AT:
                self.warnings.append(
                    f"The folder has more than {MOST_LOOKED_AT:,} files; not all were looked at."
                )
                return
            self._look_at(folder, entry, f"{path}{entry.name}", depth)

    def _look_at(self, folder: int, entry: "os.DirEntry[str]", path: str, depth: int) -> None:
        with contextlib.suppress(OSError):
            if entry.is_dir(follow_symlinks=False) and depth < DEEPEST:
                below = os.open(entry.name, FOLDER_FLAGS, dir_fd=folder)
                try:
                    self.look(below, f"{path}/", depth + 1)
                finally:
                    os.close(below)
            elif entry.is_file(follow_symlinks=False) and any(one.fullmatch(path) for one in self._wanted):
                self._keep(folder, entry.name, path)

    def _keep(self, folder: int, name: str, path: str) -> None:
        if len(self.files) >= MOST_FILES:
            self.warnings.append(f"More than {MOST_FILES:,} files match; the others are not kept.")
            return
        source = os.open(name, FILE_FLAGS, dir_fd=folder)
        try:
            about = os.fstat(source)
            if not stat.S_ISREG(about.st_mode):
                return
            if about.st_size > self._room:
                self.warnings.append(
                    f"{printable(path)[:LONGEST_NAME]} is not kept: there is no room for {about.st_size:,} bytes."
                )
                return
            self.files.append(self._copied(source, printable(path)[:LONGEST_NAME], about.st_size))
        finally:
            os.close(source)

    def _copied(self, source: int, path: str, most: int) -> KeptFile:
        """Copy a file as it is now: of one that still grows, what it had when we came."""
        target = self._into / _name(len(self.files) + 1)
        digest = blake3.blake3()
        size = 0
        with open(target, "wb", opener=_private) as file:
            while size < most and (block := os.read(source, min(BLOCK, most - size))):
                file.write(block)
                digest.update(block)
                size += len(block)
        self._room -= size
        return KeptFile(name=path, bytes=size, blake3=digest.hexdigest())


def _private(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)


def _free(folder: Path) -> int:
    about = os.statvfs(folder)
    return about.f_bavail * about.f_frsize
