"""A store in a folder of YAML files that people can read, edit and keep in git."""

import contextlib
import logging
import threading
from collections.abc import Iterable, Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Final

from core.clock import Clock
from core.errors import StorageFailed
from core.models import Job, Run
from core.storage import atomic
from core.storage.base import Changes, Contents, JobStore
from core.storage.documents import document_of
from core.storage.folder import GENERATIONS, Kind, StoreFolder
from core.storage.reading import Reader
from core.storage.replacing import Replacement, replace_all

log = logging.getLogger(__name__)

STRIPES: Final = 64
WHAT_FAILED: Final = "The change could not be saved"
PROBE: Final = b"#" * 65_536

DELETED_KEPT_FOR: Final = timedelta(days=30)
"""How long the generations of a deleted job can still be brought back by hand."""

Signature = tuple[int, int, int]
"""Which file it is, how long, and when it was last written."""


class YamlFilesStore(JobStore):
    """One file a job, one file a run; held by one process at a time."""

    def __init__(self, folder: Path, *, clock: Clock) -> None:
        self._folder = StoreFolder(folder, clock)
        self._clock = clock
        self._stripes = tuple(threading.Lock() for _ in range(STRIPES))
        self._paths: dict[str, Path] = {}
        self._seen: dict[str, Signature | None] = {}
        self._unsafe: set[str] = set()

    @property
    def folder(self) -> Path:
        """Return the folder that everything of this store lies in."""
        return self._folder.root

    def open(self) -> Contents:
        """Take hold of the folder and read all of it."""
        mended = self._folder.take()
        try:
            reader = Reader(self._folder)
            contents = reader.contents()
            reader.forget_deleted(self._clock.now() - DELETED_KEPT_FOR)
        except BaseException:
            self._folder.release()
            raise
        self._paths = reader.paths
        self._seen = {job_id: _signature(path) for job_id, path in self._paths.items()}
        self._unsafe = reader.damaged
        problems = (*mended, *contents.problems)
        for problem in problems:
            place = problem.path if problem.line is None else f"{problem.path}, line {problem.line}"
            log.warning("%s: %s", place, problem.message)
        return Contents(jobs=contents.jobs, runs=contents.runs, problems=problems)

    def tell_address(self, address: str) -> None:
        """Write down where this process can be called, for whoever finds the store in use."""
        self._folder.tell_address(address)

    def commit(self, changes: Changes, *, durable: bool = True) -> None:
        """Keep the changes, each file whole or not at all."""
        documents = {value.id: document_of(value) for value in _written(changes)}
        with self._locked(changes), atomic.storage_errors(WHAT_FAILED):
            if not self._folder.held:
                raise StorageFailed("The store is closed.")
            jobs = self._jobs(changes.jobs, documents)
            replacements = [
                *jobs.values(),
                *(self._run(run, documents[run.id]) for run in changes.runs),
                *(self._gone_run(run_id) for run_id in changes.gone_runs),
                *(self._gone_job(job_id) for job_id in changes.gone_jobs),
            ]
            replace_all(replacements, durable=durable)
            self._remember(changes, jobs, durable=durable)

    def check_writable(self) -> None:
        """Raise StorageFull or StorageFailed if a commit would fail now."""
        with atomic.storage_errors("Nothing can be saved at present"):
            if not self._folder.held:
                raise StorageFailed("The store is closed.")
            atomic.write_aside(self.folder / "jobs" / "probe", PROBE).unlink()

    def close(self) -> None:
        """Let go of the folder; changes under way are finished first."""
        with contextlib.ExitStack() as stack:
            for stripe in self._stripes:
                stack.enter_context(stripe)
            self._folder.release()

    @contextlib.contextmanager
    def _locked(self, changes: Changes) -> Iterator[None]:
        """Hold what is changed, in an order that lets no two wait for each other."""
        named = (
            *(value.id for value in _written(changes)),
            *changes.gone_jobs,
            *changes.gone_runs,
        )
        with contextlib.ExitStack() as stack:
            for index in sorted({hash(object_id[:8]) % STRIPES for object_id in named}):
                stack.enter_context(self._stripes[index])
            yield

    def _jobs(self, jobs: Iterable[Job], documents: Mapping[str, bytes]) -> dict[str, Replacement]:
        """Return each job's way to its file; two whose files would share a name get one each."""
        replaced: dict[str, Replacement] = {}
        taken: set[Path] = set()
        for job in jobs:
            present = self._present(job.id)
            target = self._folder.job_path(job)
            if target != present and (target in taken or target.exists()):
                target = target.with_name(f"{job.id}.yaml")
            taken.add(target)
            kept = self._generations("jobs", job.id)
            replaced[job.id] = Replacement(present, target, documents[job.id], kept)
        return replaced

    def _run(self, run: Run, document: bytes) -> Replacement:
        path = self._folder.run_path(run.id)
        return Replacement(path, path, document, self._generations("runs", run.id))

    def _gone_job(self, job_id: str) -> Replacement:
        kept = self._generations("jobs", job_id)
        return Replacement(self._present(job_id), None, b"", kept)

    def _gone_run(self, run_id: str) -> Replacement:
        kept = self._generations("runs", run_id)
        return Replacement(self._folder.run_path(run_id), None, b"", kept)

    def _present(self, job_id: str) -> Path | None:
        """Return where the definition is; what a person changed in it meanwhile is kept aside."""
        path = self._paths.get(job_id)
        if path is None or _signature(path) in {self._seen.get(job_id), None}:
            return path
        kept = self._folder.keep_aside(path)
        log.warning("%s was edited meanwhile; the edit is kept in %s", path, kept)
        return path

    def _generations(self, kind: Kind, object_id: str) -> tuple[Path, ...]:
        """Return where the present file goes.

        Nowhere when it is damaged or may be lost with the power: the generation kept stays.
        """
        if object_id in self._unsafe:
            return ()
        numbers = range(1, GENERATIONS[kind] + 1)
        return tuple(self._folder.previous(kind, object_id, number) for number in numbers)

    def _remember(
        self,
        changes: Changes,
        replaced: Mapping[str, Replacement],
        *,
        durable: bool,
    ) -> None:
        written = {value.id for value in _written(changes)}
        self._unsafe.difference_update(written, changes.gone_jobs, changes.gone_runs)
        if not durable:
            self._unsafe.update(written)
        for job_id, replacement in replaced.items():
            if replacement.target is not None:
                self._paths[job_id] = replacement.target
                self._seen[job_id] = _signature(replacement.target)
        for job_id in changes.gone_jobs:
            self._paths.pop(job_id, None)
            self._seen.pop(job_id, None)
        for run_id in changes.gone_runs:
            with contextlib.suppress(OSError):
                self._folder.previous("runs", run_id).unlink(missing_ok=True)


def _written(changes: Changes) -> tuple[Job | Run, ...]:
    return (*changes.jobs, *changes.runs)


def _signature(path: Path) -> Signature | None:
    """Return what changes when the file does; None when there is no file to be seen."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_ino, status.st_size, status.st_mtime_ns
