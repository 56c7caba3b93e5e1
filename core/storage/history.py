"""The runs of a job that are no longer at hand, one a line."""

import contextlib
import logging
import os
import threading
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator
from pathlib import Path
from typing import Final, NamedTuple

import msgspec

from core.errors import InvalidYaml
from core.models import Run
from core.storage import atomic
from core.storage.base import Problem
from core.storage.checked import Line, bad_lines, lines_of
from core.storage.folder import StoreFolder
from core.storage.lines import json_text, sealed, seed_of
from core.storage.reading import unreadable
from core.storage.records import frozen_run

log = logging.getLogger(__name__)

COMMENT: Final = (
    b"# Older runs: one a line, any YAML tool reads it. The last of an id counts. Not to be edited.\n"
)
AT_ONCE: Final = 64
"""How many files are open at once while runs of many jobs are written."""

run_of = msgspec.json.Decoder(Run).decode


class _Growing(NamedTuple):
    """A file that is being appended to, and how long it was."""

    descriptor: int
    length: int


class History:
    """Keeps the older runs; safe to use from several threads of the one process that writes.

    `tell` is told of what cannot be read, each piece of it once; it stays where it is.
    """

    def __init__(self, folder: StoreFolder, tell: Callable[[Problem], None]) -> None:
        self._folder = folder
        self._tell = tell
        self._told: set[tuple[str, str]] = set()
        self._lock = threading.Lock()

    def append(self, runs: Iterable[Run]) -> None:
        """Write runs of any jobs down, durable on return.

        Raises OSError; the files then are as they were, or have some of the runs, which is no harm.
        """
        by_job: defaultdict[str, list[Run]] = defaultdict(list)
        for run in runs:
            by_job[run.job_id].append(run)
        job_ids = list(by_job)
        with self._lock:
            for start in range(0, len(job_ids), AT_ONCE):
                self._append_some({job_id: by_job[job_id] for job_id in job_ids[start : start + AT_ONCE]})

    def read(self, job_id: str) -> tuple[Run, ...]:
        """Return every run that stands there, in no order."""
        return tuple(self._good(job_id, self._lines(job_id)).values())

    def keep_only(self, job_id: str, run_ids: Collection[str]) -> None:
        """Let go of every run but these; raises OSError, and then all are there."""
        with self._lock:
            lines = self._lines(job_id)
            good = self._good(job_id, lines)
            kept = [run for run in good.values() if run.id in run_ids]
            bad = [line.raw for line in lines if line.why]
            if len(kept) == len(lines):
                return
            if not kept and not bad:
                self._remove(job_id)
                return
            text = [COMMENT, *(raw + b"\n" for raw in bad), *self._text(job_id, kept)]
            atomic.write_whole(self._folder.history_path(job_id), b"".join(text))

    def remove(self, job_id: str) -> None:
        """Let go of every run of a job; raises OSError."""
        with self._lock:
            self._remove(job_id)

    def _remove(self, job_id: str) -> None:
        path = self._folder.history_path(job_id)
        try:
            path.unlink()
        except FileNotFoundError:
            return
        atomic.sync_folder(path.parent)

    def _append_some(self, by_job: dict[str, list[Run]]) -> None:
        """Write to all files first and flush them then: the disk has all it needs to do it in one go."""
        growing: list[_Growing] = []
        new: set[Path] = set()
        try:
            for job_id, runs in by_job.items():
                path = self._folder.history_path(job_id)
                growing.append(_opened(path, new))
                self._grow(growing[-1], b"".join(self._text(job_id, runs)))
            for file in growing:
                os.fdatasync(file.descriptor)
            for folder in new:
                atomic.sync_folder(folder)
        except BaseException:
            for file in growing:
                with contextlib.suppress(OSError):
                    os.ftruncate(file.descriptor, file.length)
            raise
        finally:
            for file in growing:
                os.close(file.descriptor)

    @staticmethod
    def _grow(file: _Growing, text: bytes) -> None:
        if file.length == 0:
            text = COMMENT + text
        elif os.pread(file.descriptor, 1, file.length - 1) != b"\n":
            text = b"\n" + text  # a write before this one was torn; what it left must not swallow ours
        atomic.write_all(file.descriptor, text)

    def _text(self, job_id: str, runs: Iterable[Run]) -> Iterator[bytes]:
        seed = self._seed(job_id)
        return (sealed(json_text(run), seed) for run in runs)

    def _seed(self, job_id: str) -> int:
        return seed_of(self._folder.store_id, f"runs-{job_id}")

    def _lines(self, job_id: str) -> list[Line]:
        path = self._folder.history_path(job_id)
        try:
            content = path.read_bytes()
        except FileNotFoundError:
            return []
        except OSError as error:
            self._name(
                Problem(path=self._folder.relative(path), message=str(unreadable(error)), job_id=job_id)
            )
            return []
        return list(lines_of(content, self._seed(job_id)))

    def _good(self, job_id: str, lines: list[Line]) -> dict[str, Run]:
        """Return the runs of a file, the last of each id; name the lines that are bad."""
        good: dict[str, Run] = {}
        for index, line in enumerate(lines):
            try:
                run = _run_from(line, job_id)
            except InvalidYaml as error:
                lines[index] = line._replace(why=str(error))
            else:
                good[run.id] = run
        path = self._folder.relative(self._folder.history_path(job_id))
        for bad in bad_lines(lines):
            message = f"{bad.words} Older runs of this job are not shown; what stands there stays as it is."
            self._name(Problem(path=path, line=bad.line, message=message, job_id=job_id))
        return good

    def _name(self, problem: Problem) -> None:
        piece = (problem.path, f"{problem.line} {problem.message}")
        if piece not in self._told:
            self._told.add(piece)
            self._tell(problem)


def _opened(path: Path, new: set[Path]) -> _Growing:
    """Open a file for appending; if it is a new one, its folder is among those to make durable."""
    if not path.exists():
        atomic.make_folder(path.parent)
        new.add(path.parent)
    flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
    descriptor = os.open(path, flags, 0o600)
    return _Growing(descriptor, os.fstat(descriptor).st_size)


def _run_from(line: Line, job_id: str) -> Run:
    if line.why:
        raise InvalidYaml(line.why)
    try:
        run = run_of(line.text)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise InvalidYaml(f"This is no run: {error}.") from None
    if run.job_id != job_id:
        raise InvalidYaml(f"This is a run of another job, {run.job_id}.")
    return frozen_run(run)
