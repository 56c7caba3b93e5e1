"""Writing the definitions that are due: many at once, each whole or not at all, and no person's text lost."""

import contextlib
import logging
import threading
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from msgspec.structs import replace

from core.errors import InvalidOptions, InvalidYaml
from core.models import Job
from core.storage import atomic, exchanging
from core.storage.definitions import definition_from, definition_of, same, text_of_definition
from core.storage.folder import slug
from core.storage.looking import Seen, calm_signature, content
from core.storage.placed import Placed, Signature, crc_of
from core.storage.placing import Plan
from core.storage.splicing import text_after
from core.storage.standing import Due, Standing

log = logging.getLogger(__name__)

AT_ONCE: Final = 1_000
"""How many files are written and flushed together."""


class Writer:
    """Brings the files to what the jobs are."""

    def __init__(self, standing: Standing) -> None:
        self._standing = standing
        self._places = standing.places
        self._placed = standing.placed
        self._turn = threading.Lock()
        self._unflushed: set[str] = set()
        self._refusals: list[str] = []
        self.trouble = ""
        """Why something could not be written at the last try; empty when all could."""

    def write_due(self) -> None:
        """Write everything that is due; what the disk refuses stays due and is tried at the next call."""
        with self._turn:
            self._refusals = []
            job_ids = self._standing.due
            for start in range(0, len(job_ids), AT_ONCE):
                self._write(job_ids[start : start + AT_ONCE])
            self._remove_gone()
            first = self._refusals[0] if self._refusals else ""
            if first and first != self.trouble:
                log.warning("%s %d in all; they are tried again.", first, len(self._refusals))
            self.trouble = first

    @contextlib.contextmanager
    def _told(self, what: str) -> Iterator[None]:
        """Note the system's refusal, so that the others go on."""
        try:
            yield
        except OSError as error:
            self._refusals.append(str(atomic.storage_error(what, error)))

    def _write(self, job_ids: Iterable[str]) -> None:
        plans: list[tuple[Plan, Due]] = []
        for job_id in job_ids:
            with self._told(f"The definition of job {job_id} could not be written"), self._standing.files:
                if (planned := self._planned(job_id)) is not None:
                    plans.append(planned)
        with self._told("The definitions could not be written"):
            exchanging.flush(plan.temporary for plan, _ in plans)
            written = [planned for planned in plans if self._put(planned[0])]
            self._unflushed.update(plan.job.id for plan, _ in written)
            exchanging.flush({folder for plan, _ in written for folder in plan.folders})
            for plan, due in written:
                self._settle(plan, due)
            with self._standing.files:
                self._standing.note(plan.job for plan, _ in written if self._is_there(plan))
        for plan, _ in plans:
            self._places.discard(plan)

    def _planned(self, job_id: str) -> tuple[Plan, Due] | None:
        """Return the way of a job's text to its file; None where there is none to go."""
        due, job = self._standing.due_of(job_id), self._standing.job_of(job_id)
        if due is None or job is None or job_id in self._standing.held:
            return None
        try:
            seen = self._known_text(job)
            text, renamed = self._text(job, due, seen)
        except InvalidYaml:  # a person's; whoever looks at it says what becomes of it
            return None
        except InvalidOptions as error:
            log.warning("The definition of job %s cannot be written: %s", job_id, error)
            self._standing.settle(job_id, due)
            return None
        if seen and text == seen.text and job_id not in self._unflushed:
            self._standing.placed[job_id] = replace(
                self._placed[job_id], signature=calm_signature(seen.status), behind=False
            )
            self._standing.settle(job_id, due)
            return None
        plan = self._places.prepare(job, text, seen)
        plan.renamed = renamed
        return plan, due

    def _known_text(self, job: Job) -> Seen | None:
        """Return what is in the file, None without one; raises InvalidYaml when it is not what we know."""
        place = self._placed.get(job.id) or self._found(job)
        if place is None:
            return None
        try:
            seen = content(self._places.path(place.file))
        except FileNotFoundError:
            return None
        except InvalidYaml:
            self._standing.suspects.add(place.file)
            raise
        return self._checked(job, place, seen)

    def _checked(self, job: Job, place: Placed, seen: Seen) -> Seen | None:
        """Return what is in the file when it is the text last noted, what the job is, or from before a crash."""
        crc = crc_of(seen.text)
        if crc == place.crc:
            return seen
        if not self._standing.is_stale(job.id, seen.text):
            self._standing.suspects.add(place.file)
            definition = definition_from(seen.text)
            if place.behind and definition.id not in {None, job.id}:
                # After a crash its place was guessed from its name, and another job of that name is there.
                self._placed.pop(job.id, None)
                return None
            if not same(definition, definition_of(job)):
                raise InvalidYaml("A person changed it.")
        self._placed[job.id] = replace(place, crc=crc, signature=None, behind=True)
        return seen

    def _found(self, job: Job) -> Placed | None:
        """Return the place of a file that was written before a crash, and that nobody took note of."""
        for path in self._places.paths_for(job):
            with contextlib.suppress(InvalidYaml, FileNotFoundError):
                if definition_from(content(path).text).id == job.id:
                    return self._placed.setdefault(
                        job.id, Placed(file=self._places.file_of(path), crc=0, behind=True)
                    )
        return None

    def _text(self, job: Job, due: Due, seen: Seen | None) -> tuple[bytes, bool]:
        """Return the text to be written, and whether the job has another name than its file knows.

        Else the file keeps its name: a person may have given it that.
        """
        wanted = definition_of(job)
        if seen is None:
            return self._places.last_good(job), False
        before = definition_of(due.before) if due.before else None
        if before is not None and seen.text == text_of_definition(before):
            return text_of_definition(wanted), slug(before.name) != slug(job.name)
        before = definition_from(seen.text)
        if due.agreed == job.version:
            return text_after(seen.text, replace(before, id=job.id)), False
        return text_after(seen.text, wanted), slug(before.name) != slug(job.name)

    def _put(self, plan: Plan) -> bool:
        job_id = plan.job.id
        with self._told(f"The definition of job {job_id} could not be written"), self._standing.files:
            if job_id in self._standing.held or self._standing.job_of(job_id) is None:
                return False
            if self._places.carry_out(plan):
                return True
            self._standing.suspects.update(place.file for place in [self._placed.get(job_id)] if place)
        return False

    def _settle(self, plan: Plan, due: Due) -> None:
        """Take note of what was written."""
        job_id = plan.job.id
        self._unflushed.discard(job_id)
        with self._standing.files:
            place = self._placed.get(job_id)
            if place is not None and plan.ready is not None and place.crc == plan.crc:
                self._placed[job_id] = replace(place, signature=_signature(plan.ready), behind=False)
        self._standing.settle(job_id, due, plan.job)
        if job_id in self._standing.going or self._standing.job_of(job_id) is None:
            self._standing.drop(job_id)  # it was deleted while its file was written

    def _is_there(self, plan: Plan) -> bool:
        """Tell whether its text is still what was last seen in the file: else somebody noted more already."""
        place = self._placed.get(plan.job.id)
        return place is not None and place.crc == plan.crc

    def _remove_gone(self) -> None:
        folders: set[Path] = set()
        done = []
        for job_id, place in tuple(self._standing.going.items()):
            with self._told(f"The definition of job {job_id} could not be removed"), self._standing.files:
                path = self._places.path(place.file) if place else self._left_by(job_id)
                if path is not None and self._remove(job_id, path):
                    folders.add(path.parent)
                done.append((job_id, place))
        with self._told("The definitions could not be removed"):
            exchanging.flush(folders)
            for job_id, place in done:
                self._standing.removed(job_id, place)

    def _left_by(self, job_id: str) -> Path | None:
        """Return the file of a deleted job that was written before a crash, and that nobody took note of.

        It would stand for a new job otherwise, once nothing says any more that this one was deleted.
        """
        for path in (self._places.jobs / job_id[:2]).glob(f"*{job_id[:8]}*.yaml"):
            with contextlib.suppress(InvalidYaml, FileNotFoundError):
                if definition_from(content(path).text).id == job_id:
                    return path
        return None

    def _remove(self, job_id: str, path: Path) -> bool:
        """Move the file of a deleted job among the kept texts; whatever a person wrote into it is kept, too."""
        try:
            content(path)
            self._places.kept.take_in(job_id, path)
        except FileNotFoundError:
            return False
        except InvalidYaml as error:
            log.warning("%s stays where it is, though its job is deleted: %s", path, error)
            return False
        return True


def _signature(path: Path) -> Signature | None:
    """Return the signature of a file; None where it is to be looked at, as a person may have removed it already."""
    try:
        return calm_signature(path.stat())
    except OSError:
        return None
