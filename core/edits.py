"""What people do to the definition files, taken over into the jobs while Holdfast runs.

A change that parses and is valid becomes the job's next version. One that is not changes nothing
and is named at the job until it is put right or discarded. Nobody's change is lost without a word.
"""

import logging
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Final

from msgspec.structs import replace

from core.clock import Clock
from core.drafts import JobDraft
from core.errors import (
    HoldfastError,
    InvalidOptions,
    NotFound,
    Overtaken,
    StorageFailed,
    VersionConflict,
    WrongState,
)
from core.events import EventBus, JobChangedOutside
from core.manager import JobManager
from core.models import Job
from core.storage import yaml_text
from core.storage.base import Problem
from core.storage.definitions import Definition, definition_of
from core.storage.looking import Found, Kind, is_being_written, line_of, printable
from core.storage.merging import Merged, differences, merged
from core.storage.missing import Missing
from core.storage.shelf import Shelf
from core.storage.watching import changes

log = logging.getLogger(__name__)

QUIET: Final = timedelta(milliseconds=100)
"""How long a file has been left alone when it is taken over: editors write in several steps."""

QUIET_WHEN_EMPTY: Final = timedelta(seconds=2)
"""How long an empty one has, before that is taken for damage: some editors empty it first."""

SWEEP_EVERY: Final = 30.0
"""Seconds between two looks at every file, as not every change is told."""

FORGET_EVERY: Final = 86_400.0
AT_ONCE: Final = 500
MANY: Final = 16

ALL_GONE: Final = "jobs"
"""Under what it is noted that too many files are gone at once."""

Arrived = Callable[[Found, Job], None]


class HandEdits:
    """Takes over what people do to the files; `shelf` answers None where the store has none."""

    def __init__(
        self, manager: JobManager, events: EventBus, clock: Clock, shelf: Callable[[], Shelf | None]
    ) -> None:
        self._manager = manager
        self._events = events
        self._clock = clock
        self._find_shelf = shelf
        self._missing = Missing(clock)
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None
        self._turn = threading.RLock()
        self._again: set[Path] = set()
        self._noted: set[str] = set()
        self._swept_at = self._forgot_at = float("-inf")

    # Its life

    def catch_up(self, *, tidy: bool = True) -> None:
        """Take over what was done while nobody looked; to be called before anything is carried out.

        With `tidy`, what a killed process had in hand is cleared away: for whoever is at work.
        """
        shelf = self._find_shelf()
        if shelf is not None:
            with self._turn:
                self._sweep(shelf, calm=False, tidy=tidy)

    def start(self) -> None:
        """Take over what is done from now on, in a thread of its own."""
        shelf = self._find_shelf()
        if shelf is not None:
            self._thread = threading.Thread(target=self._watch, args=(shelf,), name="hand-edits", daemon=True)
            self._thread.start()

    def close(self) -> None:
        """Stop looking; what is under way is finished."""
        self._stopping.set()
        if self._thread is not None:
            self._thread.join()

    def _watch(self, shelf: Shelf) -> None:
        for told in changes(shelf.folder, self._stopping):
            try:
                self.take_over(told)
            except Exception:  # one edit that we cannot cope with must not end the others
                log.exception("edits by hand could not be taken over")

    def take_over(self, told: Iterable[Path] | None) -> None:
        """Take over what was done at these paths (None: anywhere), and decide about files that are gone."""
        shelf = self._shelf()
        now = self._clock.monotonic()
        with self._turn:
            if told is None or now - self._swept_at >= SWEEP_EVERY:
                self._sweep(shelf)
            else:
                self._look(shelf, told)
            self._decide_about_missing(shelf)
            self._forget_deleted()
            if now - self._forgot_at >= FORGET_EVERY:
                self._forgot_at = now
                shelf.forget_deleted()

    def _sweep(self, shelf: Shelf, *, calm: bool = True, tidy: bool = False) -> None:
        """Look at everything, in slices."""
        unseen = set(self._noted)
        for found in shelf.sweep(tidy=tidy):
            unseen.difference_update(one.key for one in found)
            self._take_all(shelf, found, calm=calm)
            if self._stopping.is_set():
                return
        for key in unseen:
            if "/" in key:  # a file of no job that is no longer there, or was put right
                self._put_right(key)
        self._swept_at = self._clock.monotonic()

    def _look(self, shelf: Shelf, told: Iterable[Path]) -> None:
        paths = sorted({*told, *self._again})
        self._again.clear()
        for start in range(0, max(1, len(paths)), AT_ONCE):
            self._take_all(shelf, shelf.look(paths[start : start + AT_ONCE]), calm=True)

    def _take_all(self, shelf: Shelf, found: Sequence[Found], *, calm: bool) -> None:
        """Take over what was found; of many, several at a time, so that they are made durable together."""
        if len(found) < MANY:
            for one in found:
                self._take(shelf, one, calm=calm)
            return
        with ThreadPoolExecutor(MANY, "hand-edits") as several:
            for done in [several.submit(self._take, shelf, one, calm=calm) for one in found]:
                done.result()

    # One finding

    def _take(self, shelf: Shelf, found: Found, *, calm: bool) -> None:
        if found.kind != Kind.GONE and found.job_id is not None:
            self._missing.back(found.job_id)
        path = shelf.folder / found.file
        if (calm and not _is_quiet(found)) or (found.kind == Kind.DAMAGED and is_being_written(path)):
            self._again.add(path)
            return
        try:
            self._take_over(shelf, found)
        except (VersionConflict, Overtaken, StorageFailed) as error:  # looked at anew, as it is then
            log.info("jobs/%s is taken over later: %s", printable(found.file), error)
            self._again.add(shelf.folder / found.file)

    def _take_over(self, shelf: Shelf, found: Found) -> None:
        match found.kind:
            case Kind.EDITED:
                self._edited(shelf, found)
            case Kind.NEW:
                self._new(shelf, found)
            case Kind.MISTAKEN:
                self._note(found.key, found.problem, found.text)
            case Kind.DAMAGED:
                self._damaged(shelf, found)
            case Kind.GONE:
                self._gone(found)
            case Kind.HEALED:
                self._put_right(found.key)

    def _edited(self, shelf: Shelf, found: Found) -> None:
        try:
            job = self._manager.job(found.job_id or "").job
        except NotFound:  # it was deleted since
            return
        theirs = found.definition or definition_of(job)
        outcome = merged(found.said, theirs, found.base, definition_of(job))
        if outcome.clashes:
            self._clash(shelf, found, job, outcome)
            return
        arrived = shelf.merged if outcome.more else shelf.taken
        after = self._define(shelf, found, outcome.definition, job, arrived)
        if after is not None:
            self._put_right(job.id)
            self._tell(found, after, differences(definition_of(job), definition_of(after)))

    def _new(self, shelf: Shelf, found: Found) -> None:
        job = found.definition and self._define(shelf, found, found.definition, None, shelf.taken)
        if job is not None:
            self._put_right(f"jobs/{found.file}")
            log.info("jobs/%s is a new job: %s", printable(found.file), job.name)

    def _define(
        self, shelf: Shelf, found: Found, definition: Definition, job: Job | None, arrived: Arrived
    ) -> Job | None:
        """Let the job be what the definition says; None when it cannot be, which is noted."""
        fields = {name: getattr(definition, name) for name in JobDraft.__struct_fields__}
        job_id = found.job_id or ""
        try:
            with shelf.taking(job_id):
                after = self._manager.define(
                    job_id, JobDraft(**fields), version=job.version if job else None, owner=definition.owner
                )
                arrived(found, after)
        except (VersionConflict, Overtaken, StorageFailed):
            raise
        except InvalidOptions as error:
            self._note(_key_of(found, job), _invalid(found, error), found.text)
        except HoldfastError as error:
            problem = Problem(path=f"jobs/{printable(found.file)}", message=f"{error} {error.hint}".strip())
            self._note(_key_of(found, job), problem, found.text)
        else:
            return after
        return None

    def _clash(self, shelf: Shelf, found: Found, job: Job, outcome: Merged) -> None:
        """Keep what was done in the browser, put the person's text aside, and name both."""
        both = "; ".join(
            f"{clash.field} is {clash.ours} here and {clash.theirs} there" for clash in outcome.clashes
        )
        kept = shelf.put_back(job.id)
        message = (
            "The file was edited while the job was changed in Holdfast, and both changed the same: "
            f"{both}. Holdfast keeps its own; what the file said is in {kept}."
        )
        path = f"jobs/{printable(found.file)}"
        self._note(job.id, Problem(path=path, message=message, job_id=job.id, kept=kept), b"")

    def _damaged(self, shelf: Shelf, found: Found) -> None:
        kept = shelf.put_back(found.job_id or "")
        log.warning(
            "jobs/%s was damaged and is restored; what was left is in %s", printable(found.file), kept
        )
        self._put_right(found.key)

    def _gone(self, found: Found) -> None:
        if found.job_id is not None and self._missing.gone(found.job_id, found.file):
            log.warning("jobs/%s is gone", printable(found.file))

    def _tell(self, found: Found, job: Job, changed: tuple[str, ...]) -> None:
        if changed:
            log.info("jobs/%s was changed outside: %s", printable(found.file), "; ".join(changed))
            self._events.publish(JobChangedOutside(job=job, changes=changed))

    # Mistakes

    def _note(self, key: str, problem: Problem | None, text: bytes) -> None:
        if problem is not None and self._manager.mistakes.get(key) != problem:
            line = line_of(text, problem.line).strip()
            place = problem.path if problem.line is None else f"{problem.path}, line {problem.line}"
            log.warning("%s: %s%s", place, problem.message, f" It says: {line:.120}" if line else "")
            self._manager.note_mistake(key, problem)
        self._noted.add(key)

    def _put_right(self, key: str) -> None:
        self._noted.discard(key)
        if key in self._manager.mistakes:
            log.info("%s is put right", key)
            self._manager.note_mistake(key, None)

    def _forget_deleted(self) -> None:
        """Let go of the mistakes of jobs that are deleted."""
        for key in tuple(self._noted):
            if "/" not in key and key != ALL_GONE and not self._is_there(key):
                self._missing.back(key)
                self._put_right(key)

    def _is_there(self, job_id: str) -> bool:
        try:
            self._manager.job(job_id)
        except NotFound:
            return False
        return True

    def discard(self, key: str) -> str | None:
        """Put a person's text aside and write the last good one; returns where in quarantine theirs is.

        `key` is a job's id, or the path of a file without a job as its mistake names it. Raises
        NotFound, or StorageFailed.
        """
        shelf = self._shelf()
        with self._turn:
            if key.startswith("jobs/"):
                kept: str | None = shelf.put_aside(key.removeprefix("jobs/"))
            else:
                kept = shelf.put_back(key)
                self._missing.back(key)
            self._put_right(key)
            return kept

    # Files that are gone

    @property
    def missing(self) -> tuple[str, ...]:
        """Return the jobs whose files are gone, and which are not deleted before somebody says so."""
        if not self._missing.all:
            return ()
        folder = self._shelf().folder
        with_folders = any(not (folder / file).parent.is_dir() for file in self._missing.files)
        return self._missing.withheld(self._jobs_in_all(), with_folders=with_folders)

    def put_back(self) -> None:
        """Write back every file that is gone; raises StorageFailed."""
        shelf = self._shelf()
        with self._turn:
            job_ids = self._missing.all
            shelf.write_again(job_ids)
            for job_id in job_ids:
                self._missing.back(job_id)
                self._put_right(job_id)
            self._put_right(ALL_GONE)

    def _decide_about_missing(self, shelf: Shelf) -> None:
        """Delete the jobs whose files have been gone long enough, unless there are too many of them."""
        if any(self._missing.due()):  # not everything is told: the file may be back, or all others gone, too
            self._sweep(shelf)
        if withheld := self.missing:
            message = (
                f"The files of {len(withheld)} of {self._jobs_in_all()} jobs are gone at once. None of them is "
                "deleted: bring the files back, or have Holdfast write them again."
            )
            self._note(ALL_GONE, Problem(path="jobs", message=message), b"")
        else:
            self._put_right(ALL_GONE)
        for job_id, file in self._missing.new():
            message = "The file is gone. The job is deleted in a minute, unless the file comes back."
            problem = Problem(path=f"jobs/{printable(file)}", message=message, job_id=job_id)
            self._note(job_id, problem, b"")
        for job_id in self._missing.due():
            try:
                self._delete(shelf, job_id)
            except StorageFailed as error:
                log.warning("job %s is deleted later: %s", job_id, error)

    def _delete(self, shelf: Shelf, job_id: str) -> None:
        try:
            job = self._manager.job(job_id).job
            shelf.keep_text(job)
            self._manager.delete(job_id)
            log.warning("job %s is deleted, as its file is gone: %s", job_id, job.name)
        except NotFound:
            log.info("job %s is deleted already", job_id)
        except WrongState as error:
            shelf.put_back(job_id)
            log.warning("the file of job %s is written back: %s", job_id, error)
        self._missing.back(job_id)
        self._put_right(job_id)

    def _jobs_in_all(self) -> int:
        return sum(self._manager.counts().values())

    def _shelf(self) -> Shelf:
        shelf = self._find_shelf()
        if shelf is None:
            message = "This store has no files that could be edited."
            raise WrongState(message, hint="")
        return shelf


def _is_quiet(found: Found) -> bool:
    """Tell whether nobody touched the file for a moment; a time to come is not waited for."""
    wanted = QUIET_WHEN_EMPTY if found.kind == Kind.DAMAGED else QUIET
    return not 0 <= time.time_ns() - found.written_ns < wanted.total_seconds() * 1e9


def _key_of(found: Found, job: Job | None) -> str:
    return job.id if job else f"jobs/{found.file}"


def _invalid(found: Found, error: InvalidOptions) -> Problem:
    """Return the first thing that the kind of job does not take, and where it stands."""
    field, sentence = next(iter(error.problems.items()), ("", str(error)))
    places = yaml_text.places(found.text)
    way: tuple[str | int, ...] = tuple(field.split("."))
    while way and way not in places:
        way = way[:-1]
    line, column = places.get(way, (None, None)) if way else (None, None)
    problem = Problem(path=f"jobs/{printable(found.file)}", message=sentence, line=line, column=column)
    return replace(problem, job_id=found.definition.id if found.definition else None)
