"""Putting a definition's text in its place, which a person may be writing to at the same moment."""

import contextlib
import logging
import os
import secrets
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from core.errors import InvalidYaml
from core.models import Job
from core.storage import atomic, exchanging
from core.storage.definitions import definition_from, definition_of, text_of_definition
from core.storage.folder import StoreFolder
from core.storage.kept_texts import KeptTexts
from core.storage.looking import Seen, content
from core.storage.placed import Placed, crc_of
from core.storage.splicing import text_after

log = logging.getLogger(__name__)

LONGEST_TAIL: Final = 180


class Plan:
    """A text on its way: written beside its place, not seen yet."""

    __slots__ = ("crc", "job", "known", "present", "ready", "renamed", "temporary", "used")

    def __init__(
        self, job: Job, text: bytes, temporary: Path, known: Placed | None, present: Path | None
    ) -> None:
        self.job = job
        self.temporary = temporary
        self.used = False
        """Whether what is in the temporary file has found its place, so that it is not there any more."""
        self.crc = crc_of(text)
        self.known = known
        """What was there when this was planned."""
        self.present = present
        """The file that stands there; None where there is none."""
        self.renamed = False
        """Whether the file is to follow the job's name."""
        self.ready: Path | None = None
        """Where the file is at last."""

    @property
    def folders(self) -> set[Path]:
        """Return the folders in which names changed, and where one may be new, what it lies in."""
        if self.ready is None:
            return set()
        if self.present is not None and self.present.parent == self.ready.parent:
            return {self.ready.parent}
        known = {self.present.parent} if self.present is not None else set()
        return {self.ready.parent, self.ready.parent.parent, *known}


class Places:
    """Writes definitions into `jobs/`; every text that it replaces goes to the kept ones.

    `placed` says which text was last seen where, and is told before a file changes: another text
    than that is a person's.
    """

    def __init__(self, folder: StoreFolder, placed: dict[str, Placed]) -> None:
        self.root = folder.root
        self.jobs = folder.root / "jobs"
        self.placed = placed
        self.kept = KeptTexts(folder)
        self._made: set[Path] = set()
        self.on_the_way: set[Path] = set()
        """The temporary files that this process is about to use."""
        self._job_path: Callable[[Job], Path] = folder.job_path

    def path(self, file: str) -> Path:
        """Return where a file of `placed` is."""
        return self.jobs / file

    def file_of(self, path: Path) -> str:
        """Return a path as `placed` has it."""
        return path.relative_to(self.jobs).as_posix()

    def prepare(self, job: Job, text: bytes, seen: Seen | None) -> Plan:
        """Write the text beside its place; raises OSError, and then nothing is left."""
        known = self.placed.get(job.id)
        present = self.path(known.file) if known is not None and seen is not None else None
        beside = self.path(known.file) if known is not None else self._job_path(job)
        self.make(beside.parent)
        temporary = exchanging.write_new(beside, text, seen.status if seen else None)
        self.on_the_way.add(temporary)
        return Plan(job, text, temporary, known, present)

    def make(self, folder: Path) -> None:
        """See that a folder is there; the flush of what it lies in comes with that of the file."""
        if folder not in self._made or not folder.exists():
            for part in (*reversed(folder.parents), folder):
                if part.is_relative_to(self.jobs):
                    atomic.make_folder(part, durable=False)
            self._made.add(folder)

    def carry_out(self, plan: Plan) -> bool:
        """Put the text in its place; False when a person saved in between, and theirs is there again."""
        before = self.placed.get(plan.job.id)
        try:
            done = _is_one(before, plan.known) and (
                self._replace(plan, plan.present) if plan.present else self._begin(plan)
            )
        except BaseException:
            self._forget(plan, before)
            raise
        if not done:
            self._forget(plan, before)
        return done

    def discard(self, plan: Plan) -> None:
        """Remove what was written beside the place; never what a person wrote."""
        self.on_the_way.discard(plan.temporary)
        if not plan.used and _says(plan.temporary, plan.crc):
            with contextlib.suppress(OSError):  # the next start sweeps it
                plan.temporary.unlink()

    def _forget(self, plan: Plan, before: Placed | None) -> None:
        self.discard(plan)
        if before is not None:
            self.placed[plan.job.id] = before
        else:
            self.placed.pop(plan.job.id, None)

    def _expect(self, plan: Plan, path: Path) -> None:
        """Say what is about to be there, so that whoever looks knows it for ours."""
        self.placed[plan.job.id] = Placed(file=self.file_of(path), crc=plan.crc, behind=True)

    def _begin(self, plan: Plan) -> bool:
        """Put a file where there is none."""
        known = [self.path(plan.known.file)] if plan.known is not None else []
        for target in (*known, *self.paths_for(plan.job)):
            self._expect(plan, target)
            self.make(target.parent)
            try:
                exchanging.move(plan.temporary, target)
            except FileExistsError:
                if _is_of(target, plan.job.id):  # another process was first; it is looked at anew
                    return False
            else:
                plan.used, plan.ready = True, target
                return True
        log.warning("%s is taken by a file that is not known", self._job_path(plan.job))
        return False

    def _replace(self, plan: Plan, present: Path) -> bool:
        self._expect(plan, present)
        exchanging.exchange(plan.temporary, present)
        if plan.known is None or not _says(plan.temporary, plan.known.crc):
            self._give_back(plan, plan.temporary, present)
            return False
        plan.ready = present
        self._keep(plan.job.id, plan.temporary)
        plan.used = True
        if plan.renamed:
            self._rename(plan)
        return True

    def _give_back(self, plan: Plan, theirs: Path, present: Path) -> None:
        """Put back what a person saved; if they saved once more meanwhile, that, and keep the other."""
        exchanging.exchange(theirs, present)
        if not _says(theirs, plan.crc):
            exchanging.exchange(theirs, present)
            self.put_aside(theirs, present)
            plan.used = True

    def _keep(self, job_id: str, path: Path) -> None:
        try:
            self.kept.take_in(job_id, path)
        except OSError as error:
            log.warning("the text before could not be kept of job %s: %s", job_id, error)
            with contextlib.suppress(OSError):
                path.unlink()

    def _rename(self, plan: Plan) -> None:
        """Let the file have the name of its job, as far as that is free."""
        for target in self.paths_for(plan.job):
            if target == plan.ready:
                return
            self.make(target.parent)
            self._expect(plan, target)
            try:
                exchanging.move(plan.ready or target, target)
            except FileExistsError:
                continue
            plan.ready = target
            return
        self._expect(plan, plan.ready or plan.present or self.jobs)

    def paths_for(self, job: Job) -> tuple[Path, Path]:
        """Return where a job's file belongs: by its name, and where that is taken, by its whole id."""
        path = self._job_path(job)
        return path, path.with_name(f"{job.id}.yaml")

    def last_good(self, job: Job) -> bytes:
        """Return the last text that says what the job is, or the plain one; raises InvalidOptions."""
        wanted = definition_of(job)
        for text in self.kept.texts(job.id):
            with contextlib.suppress(InvalidYaml):
                definition_from(text)
                return text_after(text, wanted)
        return text_of_definition(wanted)

    def force(self, temporary: Path, path: Path, text: bytes) -> str | None:
        """Put a text in its place whatever is there, which goes to quarantine; returns its name there."""
        try:
            exchanging.move(temporary, path)
        except FileExistsError:
            exchanging.exchange(temporary, path)
            if _says(temporary, crc_of(text)):
                temporary.unlink()
                return None
            return self.put_aside(temporary, path)
        return None

    def put_aside(self, path: Path, original: Path) -> str:
        """Move whatever is at a path to quarantine and return its name there; raises OSError."""
        stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
        tail = original.relative_to(self.root).as_posix().replace("/", "-")[-LONGEST_TAIL:]
        name = f"{stamp}-{secrets.token_hex(4)}-{tail}"
        os.rename(path, self.root / "quarantine" / name)  # noqa: PTH104 - a folder or a pipe may move, too
        return f"quarantine/{name}"


def _is_one(one: Placed | None, other: Placed | None) -> bool:
    """Tell whether two are the same text in the same place, whatever else was learnt of it."""
    if one is None or other is None:
        return one is other
    return (one.file, one.crc) == (other.file, other.crc)


def _is_of(path: Path, job_id: str) -> bool:
    """Tell whether a file is the definition of this job."""
    try:
        return definition_from(content(path).text).id == job_id
    except (FileNotFoundError, InvalidYaml):
        return False


def _says(path: Path, crc: int) -> bool:
    """Tell whether a file holds the text with this checksum."""
    try:
        return crc_of(content(path).text) == crc
    except (InvalidYaml, OSError):
        return False
