"""What is known of the definition files at present: what was last seen there, and what is to become of it."""

import contextlib
import threading
from collections.abc import Callable, Collection, Iterable, Mapping
from contextlib import AbstractContextManager

from msgspec.structs import replace

from core.errors import InvalidYaml
from core.models import Job
from core.storage.definitions import definition_from, definition_of, same
from core.storage.filing import Filed, Filing
from core.storage.folder import StoreFolder
from core.storage.placed import Placed, crc_of
from core.storage.placing import Places

Settled = Callable[[], AbstractContextManager[None]]


class Due:
    """A job whose file is to be written."""

    __slots__ = ("agreed", "before")

    def __init__(self, before: Job | None, agreed: int | None = None) -> None:
        self.before = before
        """The job that the file has, where that is known."""
        self.agreed = agreed
        """The version of the job that the file's text stands for, whatever it leaves out."""


class Standing:
    """Shared by those who write definitions and those who look at them.

    `job_of` answers the job as it is now. `stale` has the checksums of texts that a job's file
    may have because a crash kept changes from it, `before` the versions it may be of, and `gone` where the
    files of deleted jobs may still be. `settled` keeps commits away meanwhile, so that what is shown
    and what is due fit together.
    """

    def __init__(
        self,
        folder: StoreFolder,
        placed: dict[str, Placed],
        job_of: Callable[[str], Job | None],
        stale: Mapping[str, Collection[int]],
        gone: Mapping[str, Placed | None],
        before: Mapping[str, Collection[Job]],
        settled: Settled,
    ) -> None:
        self.placed = placed
        self.places = Places(folder, placed)
        self.filing = Filing(folder)
        self.job_of = job_of
        self.files = threading.RLock()
        """Held while one file goes from one text to the next, or is looked at; never during a flush."""
        self.settled = settled
        self.going: dict[str, Placed | None] = dict(gone)
        """Where the files of deleted jobs are; None where none is known."""
        self.held: set[str] = set()
        """The jobs whose file is being taken in; nothing is written there meanwhile."""
        self.suspects: set[str] = set()
        """Files that were not as known when they were to be written."""
        self.wrong: set[str] = set()
        """What was last found not to be as it should; see `Found.key`."""
        self._lock = threading.Lock()  # nothing is waited for while it is held
        filed = self._learn()
        self._due = {
            job_id: Due(_of_version(before.get(job_id, ()), filed.get(job_id)))
            for job_id, place in placed.items()
            if place.behind
        }
        # Of a file that was brought up to its job, anything older is a person's.
        self._stale = {job_id: stale.get(job_id, ()) for job_id in self._due}
        self._versions = {
            job_id: [job for job in before.get(job_id, ()) if job.version >= filed.get(job_id, 0)]
            for job_id in self._due
        }

    def is_stale(self, job_id: str, text: bytes) -> bool:
        """Tell whether a text is of before changes that a crash kept from the file.

        It is where it says exactly what the job was at a version on the way: which words it has for
        that, and whether it was noted as written, a crash leaves open.
        """
        if job_id not in self._stale:
            return False
        if crc_of(text) in self._stale[job_id]:
            return True
        with contextlib.suppress(InvalidYaml):
            definition = definition_from(text)
            return any(same(definition, definition_of(job)) for job in self._versions[job_id])
        return False

    def _learn(self) -> dict[str, int]:
        """Take what was noted of files of which the snapshot knows less; return which versions they have."""
        known = self.filing.known()
        for job_id, filed in known.items():
            job, place = self.job_of(job_id), self.placed.get(job_id)
            if job is not None and (place is None or place.behind):
                behind = job.version != filed.version
                self.placed[job_id] = Placed(file=filed.file, crc=filed.crc, behind=behind)
        return {job_id: filed.version for job_id, filed in known.items()}

    def note(self, jobs: Iterable[Job]) -> None:
        """Note that the files of these jobs have what they are."""
        places = ((job, self.placed.get(job.id)) for job in jobs)
        self.filing.note(
            Filed(job=job.id, file=place.file, crc=place.crc, version=job.version)
            for job, place in places
            if place
        )

    @property
    def due(self) -> tuple[str, ...]:
        """Return the jobs whose files are to be written."""
        with self._lock:
            return tuple(self._due)

    def due_of(self, job_id: str) -> Due | None:
        """Return what is to be written of a job."""
        return self._due.get(job_id)

    @property
    def waiting(self) -> int:
        """Return how many files are to be written or removed."""
        return len(self._due) + len(self.going)

    def mark_all(self, job_ids: Iterable[str]) -> None:
        """Take note that the files of these jobs are to be written."""
        with self._lock:
            self._due.update((job_id, Due(None)) for job_id in job_ids if job_id not in self._due)

    def mark(self, job_id: str, before: Job | None) -> None:
        """Take note that a file is to be written; what it has in truth stays known."""
        with self._lock:
            waiting = self._due.get(job_id)
            is_older = waiting is not None and waiting.agreed is None
            self._due[job_id] = Due(waiting.before if waiting and is_older else before)
            self._behind(job_id)

    def drop(self, job_id: str) -> None:
        """Take note that a job is gone: its file goes, too."""
        with self._lock:
            self._due.pop(job_id, None)
            self.going[job_id] = self.placed.pop(job_id, None) or self.going.get(job_id)

    def removed(self, job_id: str, place: Placed | None) -> None:
        """Take note that the file of a deleted job is no longer there."""
        with self._lock:
            if self.going.get(job_id) is place:
                self.going.pop(job_id, None)

    def arrived(self, job_id: str, before: Job, agreed: int | None) -> None:
        """Take note of what a file stands for now, by a person's hand, and that more is to be written."""
        with self._lock:
            self._due[job_id] = Due(before, agreed)
            self._behind(job_id)

    def settle(self, job_id: str, due: Due | None, written: Job | None = None) -> None:
        """Take note that what was due is done; the file has `written`, if more has become due meanwhile."""
        with self._lock:
            now_due = self._due.get(job_id)
            if now_due is due:
                self._due.pop(job_id, None)
                self._stale.pop(job_id, None)
                self._versions.pop(job_id, None)
                self._up_to_date(job_id)
            elif now_due is not None:
                self._behind(job_id)
                if written is not None:
                    now_due.before = written

    def _behind(self, job_id: str) -> None:
        place = self.placed.get(job_id)
        if place is not None and not place.behind:
            self.placed[job_id] = replace(place, behind=True)

    def _up_to_date(self, job_id: str) -> None:
        """Have nothing count as on its way that nobody will write: its absence would never be noticed."""
        place = self.placed.get(job_id)
        if place is not None and place.behind:
            self.placed[job_id] = replace(place, behind=False)


def _of_version(jobs: Collection[Job], version: int | None) -> Job | None:
    return next((job for job in jobs if job.version == version), None)
