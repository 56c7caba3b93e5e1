"""A store while it is open: the journal, and what is written from it when nobody waits."""

import contextlib
import logging
import threading
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from datetime import timedelta
from typing import Final

from core.clock import Clock
from core.errors import StorageFailed
from core.models import Job, Value
from core.storage import atomic
from core.storage.base import Audience
from core.storage.committer import Committer
from core.storage.folder import StoreFolder
from core.storage.following import Follower
from core.storage.history import History
from core.storage.journal import Journal
from core.storage.old_segments import archive_segments
from core.storage.opening import Opened
from core.storage.pieces import has_pieces_of_runs
from core.storage.reach import tell_reach
from core.storage.records import Record
from core.storage.rows import Changes
from core.storage.shelf import Shelf
from core.storage.snapshot import Snapshots, View
from core.storage.tending import Tender

log = logging.getLogger(__name__)

PROBE: Final = b"#" * 65_536
SEGMENT_SIZE: Final = 16_000_000
"""How long a segment gets, in bytes, before a checkpoint makes it old."""

QUIET: Final = 60.0
"""Seconds without a change after which what changed goes into a checkpoint."""

WORTH_A_CHECKPOINT: Final = 1_000
"""How many changes a store is closed with before the next start is worth one."""

AT_HAND: Final = timedelta(days=1)
"""How long ago a run that is not the latest of its job ended when it is put away."""


class Position(Value, frozen=True, kw_only=True):
    """How far the journal reaches: record `n`, at `t`, in the first `length` bytes of `segment`."""

    n: int
    t: int
    segment: int
    length: int


class OpenStore:
    """Everything that is open."""

    def __init__(
        self, folder: StoreFolder, clock: Clock, audience: Audience, opened: Opened, *, at_work: bool
    ) -> None:
        self._folder = folder
        self._clock = clock
        self._audience = audience
        self._at_work = at_work
        self._hurt = bool(opened.wounds)  # then a job that is not there may only be hidden
        self._to_heal = self._hurt  # by a generation that is whole
        self._unread = opened.unread
        self._still = threading.RLock()  # held by whoever writes what the journal says, or lets nobody do so
        self._changed_at = clock.monotonic()
        self.history = History(folder, lambda problem: log.warning("%s: %s", problem.path, problem.message))
        self.shelf = Shelf(
            folder,
            opened.placed,
            self._job,
            stale=opened.stale,
            gone=opened.gone,
            before=opened.before,
            unplaced=opened.rows.jobs.keys() - opened.placed.keys(),
            settled=self._between,
        )
        self._snapshots = Snapshots(folder, opened.generations, n=opened.n)
        self._journal = Journal(
            folder.root / "state",
            folder.lock_path("commit"),
            folder.store_id,
            segment=opened.segment,
            length=opened.length,
            n=opened.n,
            t=opened.t,
            unsure=not opened.clean,
        )
        self.committer = Committer(self._journal, audience, clock, self.shelf.crc_of, self._durable)
        self._told = opened.n
        self._follower = Follower(folder.root, folder.store_id)
        self._tender: Tender | None = None

    def tend(self) -> None:
        """Do from now on, in a thread, what nobody waits for."""
        chores = (self.committer.look, self.committer.commit, self._write_definitions, self._tell_reach)
        self._tender = Tender((*chores, self._checkpoint_when_due) if self._at_work else chores)

    def _between(self) -> AbstractContextManager[None]:
        return self.committer.between()

    def _job(self, job_id: str) -> Job | None:
        return self._audience.rows.jobs.get(job_id)

    def _durable(
        self, changes: Changes, job_ids: frozenset[str], n: int, before: Mapping[str, Job] | None
    ) -> None:
        self._changed_at = self._clock.monotonic()
        for job_id in job_ids:
            self._snapshots.touched(job_id, n)
        if changes.registers:
            self._snapshots.registers_touched(n)
        if before is not None:
            for job in changes.jobs:
                self.shelf.due(job, before.get(job.id))
            for job_id in changes.gone_jobs:
                self.shelf.gone(job_id)

    @property
    def reach(self) -> int:
        """Return the number of the last change that is known to be durable."""
        return self._journal.n

    def records(self, after: int) -> Iterator[Record]:
        """Give what is durable after the change of this number, in order, as far as the journal has it."""
        return self._follower.records(after, self._journal.n)

    @contextlib.contextmanager
    def quiet(self) -> Iterator[Position]:
        """Let nobody commit meanwhile, in any process; hands out how far the journal reaches."""
        with self.committer.quiet():
            journal = self._journal
            yield Position(n=journal.n, t=journal.t, segment=journal.segment, length=journal.length)

    @contextlib.contextmanager
    def still(self) -> Iterator[None]:
        """Let nothing be written meanwhile that the journal has already; changes go on."""
        with self._still:
            yield

    def count(self) -> tuple[int, int]:
        """Return how many jobs and runs there are."""
        with self._audience.lock:
            rows = self._audience.rows
            return len(rows.jobs), len(rows.runs) + len(rows.older)

    def _write_definitions(self) -> None:
        if self._still.acquire(blocking=False):
            try:
                self.shelf.write_due()
            finally:
                self._still.release()

    def _tell_reach(self) -> None:
        if self._journal.n != self._told:
            self._told = self._journal.n
            tell_reach(self._folder.root / "state", self._folder.store_id, self._told)

    def _checkpoint_when_due(self) -> None:
        if not self._still.acquire(blocking=False):
            return
        try:
            self._checkpoint_if_worth_it()
        finally:
            self._still.release()

    def _checkpoint_if_worth_it(self) -> None:
        newest = self._snapshots.newest
        changed = newest is None or self._journal.n > newest.n
        quiet = self._clock.monotonic() - self._changed_at >= QUIET
        if self._unread:
            return  # what could not be read now must keep its place in the journal
        if self._to_heal or self._journal.length >= SEGMENT_SIZE or (changed and quiet):
            self.checkpoint()
            self._to_heal = False

    def checkpoint(self) -> None:
        """Write all rows down, so that the journal before is needed no more; raises StorageFailed."""
        if self._unread:
            message = (
                "What the store holds cannot be written down: a part of it could not be read at the start."
            )
            raise StorageFailed(message, hint="Give it back to the user of Holdfast, then restart Holdfast.")
        with self._still, atomic.storage_errors("The snapshot could not be written"):
            self.shelf.write_due()
            self._put_old_runs_away()
            filed = self.shelf.turn_over()
            with self.committer.quiet():
                segment = self._journal.roll()
                with self._audience.lock:
                    view = View.of(self._audience.rows, self.shelf.placed, self._journal.n)
            # What was deleted since is in no journal then: its file must not be there to stand for a new job.
            self.shelf.write_due()
            needed = self._snapshots.write(view, segment=segment, t=self._journal.t)
            self.shelf.drop(filed)
            archive_segments(self._folder, needed)

    def compact(self) -> None:
        """Let go of everything that no start needs: older generations, runs that are gone, the old journal.

        Raises StorageFull or StorageFailed.
        """
        with self._still, atomic.storage_errors("The store could not be compacted"):
            self.checkpoint()
            self._let_go_of_runs()
            self.checkpoint()

    def _let_go_of_runs(self) -> None:
        """Remove what the older runs' files hold of runs and jobs that are gone.

        Nothing goes that may only be hidden: not while something was lost, at this start or at one before.
        """
        if self._hurt or has_pieces_of_runs(self._folder.root):
            log.info("older runs that are gone stay: pieces in quarantine may belong to them")
            return
        for path in (self._folder.root / "runs").glob("*/*.yaml"):
            with self._audience.lock:
                rows = self._audience.rows
                run_ids = frozenset(rows.older_ids.get(path.stem, ())) if path.stem in rows.jobs else None
            if run_ids is not None:
                self.history.keep_only(path.stem, run_ids)
            elif rows.jobs:
                self.history.remove(path.stem)

    def _put_old_runs_away(self) -> None:
        rows = self._audience.rows
        with self._audience.lock:
            old = tuple(rows.ended_before(self._clock.now() - AT_HAND))
        if not old:
            return
        self.history.append(old)
        with self._audience.lock:
            for run in old:
                rows.put_away(run)

    @property
    def troubles(self) -> tuple[str, ...]:
        """Return what is behind because the disk refuses it, and why."""
        said = self._tender.troubles if self._tender else ()
        return (*said, *filter(None, (self.shelf.trouble,)))

    def check_writable(self) -> None:
        """Raise StorageFull or StorageFailed if a change would fail now."""
        with atomic.storage_errors("Nothing can be saved at present"):
            atomic.write_aside(self._folder.root / "state" / "probe", PROBE).unlink()

    def close(self) -> None:
        """Settle what was accepted, write what is due as far as the disk lets us, and let go."""
        if self._tender is not None:
            self._tender.stop()
        try:
            with atomic.storage_errors("Definitions could not be written"):
                self.committer.commit()
                self.shelf.write_due()
                if self._at_work and self._is_worth_a_checkpoint():
                    self.checkpoint()
        except StorageFailed as error:  # the next start writes them from the journal
            log.warning("%s", error)
        self._tell_reach()
        self.committer.close()

    def _is_worth_a_checkpoint(self) -> bool:
        newest = self._snapshots.newest
        return not self._unread and self._journal.n - (newest.n if newest else 0) >= WORTH_A_CHECKPOINT
