"""Everything a folder holds, read so that one bad file costs nothing but itself."""

import contextlib
import logging
import os
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Final, Generic, TypeVar

from core.errors import InvalidYaml, StoreUnreadable
from core.models import Job, Run
from core.storage import atomic, yaml_text
from core.storage.base import Contents, Problem
from core.storage.documents import job_from, run_from
from core.storage.folder import Kind, StoreFolder, is_regular

log = logging.getLogger(__name__)

Kept = TypeVar("Kept", Job, Run)

LENGTH_OF_AN_ID: Final = 36
HINT: Final = "Give it back to the user that Holdfast runs as, or mend the disk. Nothing in it was changed."


class Found(Generic[Kept]):
    """What the files of one kind hold: the good, where each lies, and the bad."""

    def __init__(self) -> None:
        self.values: dict[str, Kept] = {}
        self.paths: dict[str, Path] = {}
        self.bad: list[tuple[Path, InvalidYaml]] = []


class Reader:
    """Reads a folder that is held."""

    def __init__(self, folder: StoreFolder) -> None:
        self._folder = folder
        self.problems: list[Problem] = []
        self.damaged: set[str] = set()
        """The ids of what is known from an older generation only; what is in its file is kept aside."""
        self.paths: dict[str, Path] = {}
        """Where each job's definition lies."""
        self._known: set[str] = set()
        self._bad: list[str] = []
        self._hidden = False
        """Whether a folder could not be read, so that what is known may not be all there is."""

    def contents(self) -> Contents:
        """Return what is good, and name what is not; raises StoreUnreadable for all of one kind."""
        jobs = self._read("jobs", job_from, self._check_job_name)
        runs = self._read("runs", run_from, self._check_run_name)
        self.paths = jobs.paths
        self._known = {*jobs.values, *runs.values}
        self._bad = [path.stem for path, _ in (*jobs.bad, *runs.bad)]
        return Contents(
            jobs=tuple(jobs.values.values()),
            runs=tuple(self._with_a_job(runs, jobs)),
            problems=tuple(self.problems),
        )

    def forget_deleted(self, before: datetime) -> None:
        """Remove the older generations of what has been gone since before a time.

        None is removed while something may be there that could not be read.
        """
        if self._hidden:
            return
        try:
            backups = sorted((self._folder.root / "backups").glob("*/*/*.yaml"))
        except OSError as error:
            log.warning("The older generations could not be looked through: %s", error)
            return
        for kept in backups:
            object_id = kept.name.split(".")[0]
            if object_id in self._known or any(object_id[:8] in stem for stem in self._bad):
                continue
            with contextlib.suppress(OSError):
                if kept.stat().st_ctime < before.timestamp():
                    kept.unlink()

    def _read(
        self,
        kind: Kind,
        parse: Callable[[bytes], Kept],
        check_name: Callable[[Path, Kept], None],
    ) -> Found[Kept]:
        found: Found[Kept] = Found()
        for path in self._files(kind):
            try:
                value = parse(content_of(path))
                check_name(path, value)
            except InvalidYaml as error:
                found.bad.append((path, error))
            else:
                self._admit(found, path, value)
        for path, trouble in found.bad:
            self._fall_back(found, kind, parse, path, trouble)
        return found

    def _files(self, kind: Kind) -> Iterator[Path]:
        """Give every definition, in order; sweep what a killed process left between them."""
        for folder in self._folders(kind):
            try:
                atomic.sweep(folder)
                paths = sorted(folder.iterdir())
            except OSError as error:
                self._hidden = True
                self._tell(folder, unreadable(error))
                continue
            yield from (path for path in paths if path.suffix == ".yaml" and path.name[0] != ".")

    def _folders(self, kind: Kind) -> tuple[Path, ...]:
        """Return the folders that definitions lie in; raises StoreUnreadable."""
        top = self._folder.root / kind
        try:
            os.stat(f"{top}/.")  # noqa: PTH116 - a Path drops the dot, which asks for the right to enter
            inner = [entry for entry in sorted(top.iterdir()) if entry.is_dir() and entry.name[0] != "."]
        except OSError as error:
            reason = str(atomic.storage_error(f"The folder {top} cannot be read", error))
            raise StoreUnreadable(reason, hint=HINT) from error
        return (top, *inner)

    def _admit(self, found: Found[Kept], path: Path, value: Kept) -> None:
        """Take a good value in; of two with one id the newer, and the other is kept aside."""
        other = found.paths.get(value.id)
        if other is None:
            found.values[value.id], found.paths[value.id] = value, path
            return
        known = found.values[value.id].version
        if value.version > known:
            found.values[value.id], found.paths[value.id] = value, path
        used = found.paths[value.id]
        loser = other if used == path else path
        error = InvalidYaml(f"It has the same id as {self._folder.relative(used)}, which is used.")
        if self._tell(loser, error) and value.version != known:
            with contextlib.suppress(OSError):
                loser.unlink()  # a rename that was cut short leaves the older one behind

    def _fall_back(
        self,
        found: Found[Kept],
        kind: Kind,
        parse: Callable[[bytes], Kept],
        path: Path,
        error: InvalidYaml,
    ) -> None:
        """Name a bad file, and use the generation before it if there is one."""
        for generation in self._generations(kind, path):
            try:
                value = parse(content_of(generation))
            except InvalidYaml:
                continue
            if value.id in found.values:
                break
            found.values[value.id], found.paths[value.id] = value, path
            if self._tell(path, error, " The version before it is used."):
                self.damaged.add(value.id)
            return
        self._tell(path, error)

    def _generations(self, kind: Kind, path: Path) -> list[Path]:
        """Return the older generations of what should be at a path, the youngest first."""
        stem = path.stem if kind == "runs" or len(path.stem) == LENGTH_OF_AN_ID else path.stem[-8:]
        folder = self._folder.root / "backups" / kind / stem[:2]
        kept = [older for older in _names(folder) if older.startswith(stem)]
        return [folder / name for name in sorted(kept, key=lambda name: name.split(".")[1])]

    def _tell(self, path: Path, error: InvalidYaml, more: str = "") -> bool:
        """Name a bad file and keep its content aside; returns whether that could be done."""
        kept = self._folder.keep_aside(path)
        told = f" What is there is kept in {kept}." if kept else ""
        self.problems.append(
            Problem(
                path=self._folder.relative(path),
                message=f"{error}{more}{told}",
                line=error.line,
                column=error.column,
            ),
        )
        return kept is not None

    def _check_job_name(self, path: Path, job: Job) -> None:
        if not (path.stem.endswith(f"-{job.id[:8]}") or path.stem.endswith(job.id)):
            raise InvalidYaml(
                f"Its id is {job.id}, and its file's name must end in {job.id[:8]}.",
                line=1,
                column=1,
            )

    def _check_run_name(self, path: Path, run: Run) -> None:
        if path != self._folder.run_path(run.id):
            right = self._folder.relative(self._folder.run_path(run.id))
            raise InvalidYaml(f"Its id is {run.id}, and its place is {right}.", line=1, column=1)

    def _with_a_job(self, runs: Found[Run], jobs: Found[Job]) -> Iterator[Run]:
        """Give the runs whose job is there; the others stay where they are, and are named."""
        hurt = {path.stem[-8:] for path, _ in jobs.bad}
        for run in runs.values.values():
            if run.job_id in jobs.values:
                yield run
            elif run.job_id[:8] not in hurt:
                path = self._folder.relative(runs.paths[run.id])
                message = (
                    f"Its job {run.job_id} is not there. The run stays where it is; "
                    "put the job's definition back to see it."
                )
                self.problems.append(Problem(path=path, message=message))


def content_of(path: Path) -> bytes:
    """Return what is in a file; raises InvalidYaml when that cannot be read."""
    try:
        if not is_regular(path):
            raise InvalidYaml("It is not a file.")
        if path.stat().st_size > yaml_text.LONGEST_TEXT:
            raise InvalidYaml(f"It is longer than {yaml_text.LONGEST_TEXT:,} bytes.")
        content = path.read_bytes()
    except OSError as error:
        raise unreadable(error) from error
    if not content.strip(b"\x00 \t\r\n"):
        raise InvalidYaml("It is empty.", line=1, column=1)
    return content


def unreadable(error: OSError) -> InvalidYaml:
    """Return what the system's refusal to read a file means."""
    return InvalidYaml(f"It could not be read: {os.strerror(error.errno or 0).lower()}.")


def _names(folder: Path) -> list[str]:
    try:
        return [entry.name for entry in os.scandir(folder)]
    except OSError:
        return []
