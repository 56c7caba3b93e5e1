"""Both sides of a deletion, held by handle: still there, apart from one another, and marked as the job's own."""

import contextlib
import os
import stat
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from core.clearing.names import QUARANTINE, RECEIPTS, SOURCE_MARKER
from core.copying.mounts import Mounts
from core.copying.refusals import (
    HOLDERS,
    SYSTEM,
    belongs_to,
    holds_any,
    problem_with_source,
    problems_of,
    problems_with,
    real_path,
    system_folders,
)
from core.copying.troubles import in_words
from core.destinations.marker import Marker, marker_of, put_marker
from core.storage.marker import read_marker

FOLDER: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
ON_THE_WAY: Final = os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC
"""How folders are opened that are only looked at, which needs no leave to read them."""

LARGEST_MARKER: Final = 1 << 16
PRIVATE: Final = 0o700


class Stopped(Exception):
    """Nothing (more) is taken away, whatever the files are like; the message says why."""


class Sides:
    """The source, and the destinations that are folders of this machine."""

    def __init__(self, source: Path, destinations: Sequence[Path], own_data: Path) -> None:
        self._source_path, self._paths, self._own_data = source, tuple(destinations), own_data
        self.source = _opened(source, "source")
        self.destinations: list[int] = []
        try:
            for path in self._paths:
                self.destinations.append(_opened(path, "destination"))
            self._check_apart()
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Let go of all of them."""
        for handle in (self.source, *self.destinations):
            os.close(handle)

    def check(self) -> None:
        """Raise Stopped where a path leads elsewhere by now."""
        _check_still_there(self._source_path, self.source, "source")
        for path, handle in zip(self._paths, self.destinations, strict=True):
            _check_still_there(path, handle, "destination")

    def _check_apart(self) -> None:
        for path in self._paths or (None,):
            for problem in problems_between(self._source_path, path, self._own_data).values():
                raise Stopped(problem)
        source = _identity(self.source)
        for destination in self.destinations:
            if source in _ways_up(destination) or _identity(destination) in _ways_up(self.source):
                raise Stopped("The source and the destination are the same folder, or one lies in the other.")

    # The marks

    def is_marked(self, job_id: str) -> bool:
        """Tell whether all sides say that this job may take files away here."""
        if job_id not in _lines(self.source):
            return False
        return all(
            marker_of(path) is not None and _has_note(handle, job_id)
            for path, handle in zip(self._paths, self.destinations, strict=True)
        )

    def mark(self, job_id: str) -> None:
        """Mark all sides as this job's, durable; raises OSError."""
        if job_id not in _lines(self.source):
            _append(self.source, SOURCE_MARKER, job_id.encode() + b"\n")
        for path, handle in zip(self._paths, self.destinations, strict=True):
            if marker_of(path) is None:
                store = read_marker(self._own_data / "store.yaml")
                put_marker(path, Marker(store=store.store if store else "", job=job_id))
            folder = folder_in(handle, RECEIPTS)
            try:
                _append(folder, job_id.encode(), b"")
            finally:
                os.close(folder)


def _has_note(destination: int, job_id: str) -> bool:
    """Tell whether a destination has the file that says that a job has its copies there."""
    with contextlib.suppress(OSError):
        folder = os.open(RECEIPTS, FOLDER, dir_fd=destination)
        try:
            return stat.S_ISREG(os.stat(job_id, dir_fd=folder, follow_symlinks=False).st_mode)
        finally:
            os.close(folder)
    return False


def problems_between(source: Path, destination: Path | None, own_data: Path) -> dict[str, str]:
    """Return why nothing may be taken away from such a source, a sentence by field; empty is fine."""
    mounts = Mounts.here()
    if problem := problem_with_deleting_from(source, mounts):
        return {"source": problem}
    if destination is None:
        return problems_of("source", source, mounts, problem_with_source)
    return problems_with(source, destination, own_data, mounts)


def problem_with_deleting_from(source: Path, mounts: Mounts | None = None) -> str:
    """Return why nothing is ever taken away from a folder: the system lives in it."""
    mounts = mounts or Mounts.here()
    real = real_path(source)
    if belongs_to(real, system_folders(), mounts):
        return f"{real} belongs to the system; nothing is deleted there."
    if holds_any(real, (*SYSTEM, *HOLDERS), mounts):
        return f"{real} holds folders of the system; nothing is deleted there. Name a folder in it."
    return ""


def folder_in(above: int, name: bytes) -> int:
    """Return a handle on a folder of ours below another, made if missing, for us alone; raises OSError."""
    with contextlib.suppress(FileExistsError):
        os.mkdir(name, PRIVATE, dir_fd=above)
        os.fsync(above)
    return os.open(name, FOLDER, dir_fd=above)


def quarantine_in(source: int, run_id: str) -> int:
    """Return a handle on the quarantine of a run, made if missing.

    Raises Stopped where it is not ours, or not on the file system of the source.
    """
    above = _own_folder(source, QUARANTINE)
    try:
        return _own_folder(above, run_id.encode())
    finally:
        os.close(above)


def _own_folder(above: int, name: bytes) -> int:
    try:
        handle = folder_in(above, name)
    except OSError as error:
        raise Stopped(f"The quarantine at the source cannot be used: {in_words(error)}.") from error
    info = os.fstat(handle)
    if info.st_uid != os.geteuid() or info.st_dev != os.fstat(above).st_dev:
        os.close(handle)
        raise Stopped("The quarantine at the source is not a folder of Holdfast's own on the same disk.")
    if stat.S_IMODE(info.st_mode) & 0o077:
        os.fchmod(handle, PRIVATE)
    return handle


def _opened(path: Path, name: str) -> int:
    try:
        return os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        raise Stopped(f"The {name} {path} cannot be opened: {in_words(error)}.") from error


def _identity(handle: int) -> tuple[int, int]:
    info = os.fstat(handle)
    return info.st_dev, info.st_ino


def _ways_up(handle: int) -> Iterator[tuple[int, int]]:
    """Yield what a folder is and what every folder above it is, whatever mounts are on the way."""
    here = os.dup(handle)
    try:
        while True:
            yield _identity(here)
            above = os.open("..", ON_THE_WAY, dir_fd=here)
            if _identity(above) == _identity(here):
                os.close(above)
                return
            os.close(here)
            here = above
    finally:
        os.close(here)


def _check_still_there(path: Path, handle: int, name: str) -> None:
    with contextlib.suppress(OSError):
        if os.path.samestat(path.stat(), os.fstat(handle)):
            return
    raise Stopped(f"The {name} was unplugged or replaced meanwhile.")


def _lines(source: int) -> list[str]:
    """Return the jobs that the marker at the source names; none where it is no file of its own."""
    with contextlib.suppress(OSError):
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        with os.fdopen(os.open(SOURCE_MARKER, flags, dir_fd=source), "rb") as file:
            if stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                return file.read(LARGEST_MARKER).decode("utf-8", "replace").splitlines()
    return []


def _append(folder: int, name: bytes, text: bytes) -> None:
    flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    with os.fdopen(os.open(name, flags, 0o600, dir_fd=folder), "wb") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    os.fsync(folder)
