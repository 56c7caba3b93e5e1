"""What a folder of format 1 holds: a file a job, a file a run, older generations of both.

Read so that one bad file costs nothing but itself. Nothing is written but copies of what is bad.
"""

import contextlib
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Generic, TypeVar
from zlib import crc32

from core.errors import InvalidYaml, StoreUnreadable
from core.models import Job, Run
from core.storage import atomic
from core.storage.base import Problem
from core.storage.definitions import is_damage
from core.storage.documents import job_from, run_from
from core.storage.folder import StoreFolder
from core.storage.placed import Placed
from core.storage.reading import HINT, content_of, unreadable

Kept = TypeVar("Kept", Job, Run)

FORMAT: Final = 1
LENGTH_OF_AN_ID: Final = 36
PLACES: Final = ("jobs", "runs", "backups/jobs", "backups/runs")
"""Everything that only this format has, or has in another way."""


@dataclass
class FormatOne:
    """What was found: jobs, their runs, where their definitions are, and what is bad."""

    jobs: dict[str, Job] = field(default_factory=dict)
    runs: dict[str, Run] = field(default_factory=dict)
    placed: dict[str, Placed] = field(default_factory=dict)
    """Each definition is to be written anew, unless somebody edits it meanwhile."""
    problems: list[Problem] = field(default_factory=list)


class _Found(Generic[Kept]):
    """What the files of one kind hold: the good, where each lies, and the bad."""

    def __init__(self) -> None:
        self.values: dict[str, Kept] = {}
        self.paths: dict[str, Path] = {}
        self.sums: dict[Path, int] = {}
        self.bad: list[tuple[Path, InvalidYaml]] = []


def read_format_one(folder: StoreFolder, *, touch: bool = True) -> FormatOne:
    """Return everything that a folder of format 1 holds; what is bad is kept aside, unless told not to `touch`.

    Raises StoreUnreadable where all of one kind cannot be read.
    """
    return _Reader(folder, touch=touch).read()


class _Reader:
    def __init__(self, folder: StoreFolder, *, touch: bool) -> None:
        self._folder = folder
        self._touch = touch
        self._problems: list[Problem] = []

    def read(self) -> FormatOne:
        jobs = self._read("jobs", job_from, self._check_job_name)
        runs = self._read("runs", run_from, self._check_run_name)
        found = FormatOne(jobs=jobs.values, problems=self._problems)
        for job_id, path in jobs.paths.items():
            file = path.relative_to(self._folder.root / "jobs").as_posix()
            found.placed[job_id] = Placed(file=file, crc=jobs.sums[path], behind=True)
        for run in runs.values.values():
            if run.job_id in jobs.values:
                found.runs[run.id] = run
            else:
                self._without_a_job(run, runs.paths[run.id])
        return found

    def _read(
        self,
        kind: str,
        parse: Callable[[bytes], Kept],
        check_name: Callable[[Path, Kept], None],
    ) -> _Found[Kept]:
        found: _Found[Kept] = _Found()
        for path in self._files(kind):
            try:
                content = content_of(path)
                value = parse(content)
                check_name(path, value)
            except InvalidYaml as error:
                found.bad.append((path, error))
            else:
                found.sums[path] = crc32(content)
                self._admit(found, path, value)
        for path, trouble in found.bad:
            self._fall_back(found, kind, parse, path, trouble)
        return found

    def _files(self, kind: str) -> Iterator[Path]:
        """Give every document of a kind, in order; sweep what a killed process left between them."""
        for folder in self._folders(kind):
            try:
                if self._touch:
                    atomic.sweep(folder)
                paths = sorted(folder.iterdir())
            except OSError as error:
                self._tell(folder, unreadable(error))
                continue
            yield from (path for path in paths if path.suffix == ".yaml" and path.name[0] != ".")

    def _folders(self, kind: str) -> tuple[Path, ...]:
        """Return the folders that documents lie in; raises StoreUnreadable."""
        top = self._folder.root / kind
        try:
            os.stat(f"{top}/.")  # noqa: PTH116 - a Path drops the dot, which asks for the right to enter
            inner = [entry for entry in sorted(top.iterdir()) if entry.is_dir() and entry.name[0] != "."]
        except OSError as error:
            reason = str(atomic.storage_error(f"The folder {top} cannot be read", error))
            raise StoreUnreadable(reason, hint=HINT) from error
        return (top, *inner)

    def _admit(self, found: _Found[Kept], path: Path, value: Kept) -> None:
        """Take a good value in; of two with one id the newer, and the other is kept aside."""
        other = found.paths.get(value.id)
        if other is None:
            found.values[value.id], found.paths[value.id] = value, path
            return
        newer = value.version > found.values[value.id].version
        used, unused = (path, other) if newer else (other, path)
        self._tell(
            unused, InvalidYaml(f"It has the same id as {self._folder.relative(used)}, which is used.")
        )
        if newer:
            found.values[value.id], found.paths[value.id] = value, path

    def _fall_back(
        self,
        found: _Found[Kept],
        kind: str,
        parse: Callable[[bytes], Kept],
        path: Path,
        error: InvalidYaml,
    ) -> None:
        """Name a bad file, and use the generation before it if there is one."""
        for generation in self._generations(kind, path):
            try:
                content = content_of(generation)
                value = parse(content)
            except InvalidYaml:
                continue
            if value.id in found.values:
                break
            found.values[value.id], found.paths[value.id] = value, path
            found.sums[path] = _sum_to_write_over(path, content)
            self._tell(path, error, " The version before it is used.")
            return
        self._tell(path, error)

    def _generations(self, kind: str, path: Path) -> list[Path]:
        """Return the older generations of what should be at a path, the youngest first."""
        stem = path.stem if kind == "runs" or len(path.stem) == LENGTH_OF_AN_ID else path.stem[-8:]
        folder = self._folder.root / "backups" / kind / stem[:2]
        kept = [older for older in _names(folder) if older.startswith(stem)]
        return [folder / name for name in sorted(kept, key=lambda name: name.split(".")[1])]

    def _tell(self, path: Path, error: InvalidYaml, more: str = "") -> None:
        """Name a bad file and keep its content aside."""
        kept = self._folder.keep_aside(path) if self._touch else None
        told = f" What is there is kept in {kept}." if kept else ""
        self._problems.append(
            Problem(
                path=self._folder.relative(path),
                message=f"{error}{more}{told}",
                line=error.line,
                column=error.column,
                kept=kept,
            ),
        )

    def _without_a_job(self, run: Run, path: Path) -> None:
        self._tell(path, InvalidYaml(f"Its job {run.job_id} is not there, or could not be read."))

    def _check_job_name(self, path: Path, job: Job) -> None:
        if not (path.stem.endswith(f"-{job.id[:8]}") or path.stem.endswith(job.id)):
            message = f"Its id is {job.id}, and its file's name must end in {job.id[:8]}."
            raise InvalidYaml(message, line=1, column=1)

    def _check_run_name(self, path: Path, run: Run) -> None:
        right = f"runs/{run.id[:2]}/{run.id}.yaml"
        if self._folder.relative(path) != right:
            raise InvalidYaml(f"Its id is {run.id}, and its place is {right}.", line=1, column=1)


def _sum_to_write_over(path: Path, generation: bytes) -> int:
    """Return the checksum of what may be written over: remains of a fault, never what a person wrote."""
    with contextlib.suppress(OSError):
        content = path.read_bytes()
        if is_damage(content):
            return crc32(content)
    return crc32(generation)


def _names(folder: Path) -> list[str]:
    try:
        return [entry.name for entry in os.scandir(folder)]
    except OSError:
        return []
