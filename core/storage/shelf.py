"""The definition files of an open store: written a moment after the commit, and looked at for edits."""

import contextlib
import logging
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from itertools import chain
from pathlib import Path

from msgspec.structs import replace

from core.errors import NotFound, StorageFailed
from core.models import Job
from core.storage import atomic, exchanging
from core.storage.definitions import FIELDS, definition_from
from core.storage.folder import StoreFolder
from core.storage.looking import Found
from core.storage.placed import Placed, crc_of
from core.storage.standing import Settled, Standing
from core.storage.survey import Survey
from core.storage.writing import Writer

log = logging.getLogger(__name__)


class Shelf:
    """Owns the files below `jobs/`.

    `placed` is shared with whoever keeps it; `job_of` answers the job as it is now. `stale` has the
    checksums of texts that files may have because a crash kept changes from them, `gone` where the
    files of deleted jobs may still be, `unplaced` the jobs without a file, `before` what jobs were until a moment ago. `settled` keeps commits
    away for a moment, so that what is shown and what is due fit together.
    """

    def __init__(
        self,
        folder: StoreFolder,
        placed: dict[str, Placed],
        job_of: Callable[[str], Job | None],
        *,
        stale: Mapping[str, Collection[int]] | None = None,
        gone: Mapping[str, Placed | None] | None = None,
        unplaced: Iterable[str] = (),
        before: Mapping[str, Collection[Job]] | None = None,
        settled: Settled = contextlib.nullcontext,
    ) -> None:
        self._standing = Standing(folder, placed, job_of, stale or {}, gone or {}, before or {}, settled)
        self._standing.mark_all(unplaced)
        self._writer = Writer(self._standing)
        self._survey = Survey(self._standing)
        self._places = self._standing.places

    @property
    def folder(self) -> Path:
        """Return the folder that the files are in."""
        return self._places.jobs

    # What is told at each commit

    def crc_of(self, job_id: str) -> int | None:
        """Return the checksum of the text last seen or written; None where there is none."""
        place = self._standing.placed.get(job_id)
        return None if place is None else place.crc

    def due(self, job: Job, before: Job | None = None) -> None:
        """Take note that the file of a job is to be written; `before` is the job as it was until now."""
        self._standing.mark(job.id, before)

    def gone(self, job_id: str) -> None:
        """Take note that a job is deleted."""
        self._standing.drop(job_id)

    # Writing

    def write_due(self) -> None:
        """Write everything that is due; what the disk refuses stays due and is tried at the next call."""
        self._writer.write_due()

    @property
    def waiting(self) -> int:
        """Return how many files are to be written or removed."""
        return self._standing.waiting

    @property
    def trouble(self) -> str:
        """Return why definitions could not be written at the last try; empty when they could."""
        return self._writer.trouble

    def turn_over(self) -> int:
        """Begin anew to note what is in which file; returns a number for `drop`."""
        return self._standing.filing.turn_over()

    def drop(self, before: int) -> None:
        """Let go of what was noted before: a snapshot that began after `turn_over` has it."""
        self._standing.filing.drop(before)

    # Looking

    def look(self, paths: Iterable[Path] | None = None) -> tuple[Found, ...]:
        """Return what is not as Holdfast left it at these paths, or in them; None is everywhere."""
        return tuple(chain.from_iterable(self.sweep())) if paths is None else self._survey.at(paths)

    def sweep(self, *, tidy: bool = False) -> Iterator[tuple[Found, ...]]:
        """Give what is not as Holdfast left it, in slices; with `tidy`, clear up after a killed process."""
        if tidy:
            self._places.kept.sweep()
        return self._survey.everywhere(tidy=tidy)

    # What becomes of it

    @contextlib.contextmanager
    def taking(self, job_id: str) -> Iterator[None]:
        """Write nothing into the file of this job meanwhile."""
        with self._standing.files:
            self._standing.held.add(job_id)
        try:
            yield
        finally:
            with self._standing.files:
                self._standing.held.discard(job_id)

    def taken(self, found: Found, job: Job) -> None:
        """Take note that a job is what its file says, now that somebody looked.

        What the text leaves out goes without saying, and is not written into it.
        """
        self._arrived(found, job, agreed=job.version)

    def merged(self, found: Found, job: Job) -> None:
        """Take note that a job has what its file says and more; the file is to be written."""
        self._arrived(found, job, agreed=None)

    def _arrived(self, found: Found, job: Job, *, agreed: int | None) -> None:
        with self._standing.files:
            place = self._standing.placed.get(job.id)
            if place is not None:
                self._survey.keep_texts(job.id, place, found.base, found.text)
            complete = agreed is not None and definition_from(found.text).id is not None
            self._standing.placed[job.id] = Placed(
                file=found.file, crc=crc_of(found.text), behind=not complete
            )
            self._standing.wrong.discard(found.key)
            if complete and self._standing.job_of(job.id) == job:
                self._standing.settle(job.id, self._standing.due_of(job.id))
            else:
                self._standing.arrived(job.id, _as_filed(job, found), agreed)
            if complete:
                self._standing.note([job])

    @property
    def placed(self) -> dict[str, Placed]:
        """Return where each job's definition is."""
        return self._standing.placed

    def put_back(self, job_id: str) -> str | None:
        """Write the last good text of a job; returns where in quarantine is what stood there, if anything.

        Raises NotFound, or StorageFailed.
        """
        job = self._standing.job_of(job_id)
        if job is None:
            what = "job"
            raise NotFound(what, job_id)
        with atomic.storage_errors("The definition could not be written"), self._standing.files:
            aside = self._write_over(job)
        self._standing.wrong.discard(job_id)
        return aside

    def _write_over(self, job: Job) -> str | None:
        place, due = self._standing.placed.get(job.id), self._standing.due_of(job.id)
        path = self._places.path(place.file) if place else self._places.paths_for(job)[0]
        text = self._places.last_good(job)
        self._places.make(path.parent)
        temporary = exchanging.write_new(path, text, None)
        exchanging.flush([temporary])
        self._standing.placed[job.id] = Placed(file=self._places.file_of(path), crc=crc_of(text))
        aside = self._places.force(temporary, path, text)
        exchanging.flush([path.parent])
        self._standing.settle(job.id, due)
        self._standing.note([job])
        return aside

    def write_again(self, job_ids: Iterable[str]) -> None:
        """Write the files of these jobs, which are gone; raises StorageFailed."""
        for job_id in job_ids:
            if (job := self._standing.job_of(job_id)) is not None:
                self._standing.mark(job_id, job)
                self._standing.wrong.discard(job_id)
        self.write_due()
        if self.trouble:
            raise StorageFailed(self.trouble)

    def put_aside(self, file: str) -> str:
        """Move a file that belongs to no job to quarantine, and return its name there; raises StorageFailed."""
        path = self._places.path(file)
        with atomic.storage_errors("The file could not be put aside"), self._standing.files:
            kept = self._places.put_aside(path, path)
            exchanging.flush([path.parent])
        self._standing.wrong.discard(f"jobs/{file}")
        return kept

    def keep_text(self, job: Job) -> None:
        """Keep the text of a job whose file a person removed, so that they find it when they regret it."""
        try:
            self._places.kept.keep(job.id, self._places.last_good(job))
        except OSError as error:
            log.warning("the text of job %s could not be kept: %s", job.id, error)

    def forget_deleted(self) -> None:
        """Let go of the texts of jobs that were deleted long ago; raises StorageFailed."""
        with atomic.storage_errors("The texts of deleted jobs could not be removed"):
            self._places.kept.forget(frozenset(self._standing.placed))


def _as_filed(job: Job, found: Found) -> Job:
    """Return the job that the file stands for."""
    fields = {name: getattr(found.definition, name) for name in FIELDS if name != "id"}
    return replace(job, **fields)
