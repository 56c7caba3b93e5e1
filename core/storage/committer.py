"""Makes changes durable, all who wait in one flush, and refuses what cannot be kept.

Whoever waits for a change commits for all when nobody else is at it, so that one alone loses no
time to another thread. The order of locks: the turn, the commit lock, the audience's lock.
"""

import contextlib
import logging
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Final, Protocol

from core.clock import Clock
from core.errors import HoldfastError, Overtaken, StorageFailed
from core.models import Job
from core.storage import atomic
from core.storage.base import Audience
from core.storage.records import Record, body_of, changes_of
from core.storage.rows import Changes

log = logging.getLogger(__name__)

WHAT_FAILED: Final = "The change could not be saved"
CLOSED: Final = "The store is closed."

Was = Callable[[str], int | None]
"""Answers the checksum of a job's definition as it is known, None where there is none."""

Durable = Callable[[Changes, frozenset[str], int, Mapping[str, Job] | None], None]
"""Is told of each durable change: what changed, the jobs it concerns, its number.

And the jobs that it changed as they were when it was accepted; None where another process decided.
"""


class Tape(Protocol):
    """What changes are written to; `core.storage.journal.Journal` says more."""

    n: int

    @property
    def is_grown(self) -> bool:
        """Tell whether another process appended."""
        ...

    def append(self, bodies: Sequence[bytes], now: int) -> int:
        """Make the changes durable, in order; return the number of the first."""
        ...

    def others(self) -> list[Record]:
        """Return what other processes appended since the last look."""
        ...

    def locked(self) -> AbstractContextManager[None]:
        """Keep other processes from appending meanwhile."""
        ...

    def leave(self) -> None:
        """Say that whoever appended last left in peace."""
        ...

    def close(self) -> None:
        """Let go of it."""
        ...


class Pending:
    """A change that was accepted; see `core.storage.base.Commitment`."""

    __slots__ = (
        "_committer",
        "_error",
        "before",
        "body",
        "changes",
        "job_ids",
        "looked_at",
        "note",
        "number",
        "settled",
    )

    def __init__(self, committer: "Committer", changes: Changes, body: bytes, note: object) -> None:
        self.changes = changes
        self.note = note
        self.body = body
        self.job_ids: frozenset[str] = frozenset()
        self.looked_at: frozenset[str] = frozenset()
        """What nobody else may have changed meanwhile: jobs by id, registers by name."""
        self.before: Mapping[str, Job] = {}
        self.number = 0
        self.settled = False
        self._committer = committer
        self._error: HoldfastError | None = None

    def wait(self) -> int:
        """Return the number of the change once it is durable; raises why it will never be."""
        while not self.settled:
            self._committer.commit(until=self)
        if self._error is not None:
            raise self._error
        return self.number

    def settle(self, number: int) -> None:
        """Be durable."""
        self.number = number
        self.settled = True

    def refuse(self, error: HoldfastError) -> None:
        """Be refused for good."""
        self._error = error
        self.settled = True


class Committer:
    """Takes changes in and writes them to the journal."""

    def __init__(self, journal: Tape, audience: Audience, clock: Clock, was: Was, durable: Durable) -> None:
        self._journal = journal
        self._durable = durable
        self._audience = audience
        self._clock = clock
        self._was = was
        self._turn = threading.Lock()
        self._accepted: list[Pending] = []
        self._closed = False

    def accept(self, changes: Changes, note: object) -> Pending:
        """Take a change in; raises InvalidOptions, or StorageFailed when closed."""
        with self._audience.lock:
            if self._closed:
                raise StorageFailed(CLOSED)
            pending = Pending(self, changes, self._body(changes), note)
            pending.job_ids = self._jobs_of(changes)
            pending.looked_at = pending.job_ids.union(changes.about())
            known = self._audience.rows.jobs
            pending.before = {job.id: known[job.id] for job in changes.jobs if job.id in known}
            self._accepted.append(pending)
            return pending

    def _body(self, changes: Changes) -> bytes:
        was = {job.id: crc for job in changes.jobs if (crc := self._was(job.id)) is not None}
        before = {
            run.id: known for run in changes.runs if (known := self._audience.ahead(run.id)) is not None
        }
        jobs = self._audience.rows.jobs
        names = {job_id: jobs[job_id].name for job_id in changes.gone_jobs if job_id in jobs}
        return body_of(changes, was, before, names)

    def _jobs_of(self, changes: Changes) -> frozenset[str]:
        found = {job.id for job in changes.jobs}
        found.update(run.job_id for run in changes.runs)
        found.update(changes.gone_jobs)
        for run_id in changes.gone_runs:
            job_id = self._audience.rows.job_of(run_id)
            if job_id is not None:
                found.add(job_id)
        return frozenset(found)

    @property
    def idle(self) -> bool:
        """Tell whether nothing waits to be written."""
        return not self._accepted

    def commit(self, *, until: Pending | None = None) -> None:
        """Write whatever was accepted, unless `until` is settled by the time it is our turn."""
        with self._turn:
            if until is None or not until.settled:
                self._commit()

    @contextlib.contextmanager
    def between(self) -> Iterator[None]:
        """Let no change be shown meanwhile, so that what is shown and what was told of it fit together."""
        with self._turn:
            yield

    def look(self) -> None:
        """Take in what other processes changed; raises StorageFailed."""
        if not self._journal.is_grown:
            return
        with (
            self._turn,
            atomic.storage_errors("What others changed could not be read"),
            self._journal.locked(),
        ):
            self._take_in(self._journal.others())

    @contextlib.contextmanager
    def quiet(self) -> Iterator[None]:
        """Let nobody commit meanwhile, in any process; everything accepted is settled before."""
        with self._turn:
            self._commit()
            with self._journal.locked():
                self._take_in(self._journal.others())
                yield

    def close(self) -> None:
        """Settle what was accepted, say so in the journal, and let go."""
        with self._audience.lock:
            if self._closed:
                return
            self._closed = True
        with self._turn:
            self._commit()
            try:
                with self._journal.locked():
                    self._take_in(self._journal.others())
                    self._journal.leave()
            except (OSError, StorageFailed) as error:  # the next one to open takes more care then
                log.warning("the journal could not be closed in peace: %s", error)
            self._journal.close()

    def _commit(self) -> None:
        group: list[Pending] = []
        try:
            with self._audience.lock:
                group, self._accepted = self._accepted, []
            if not group:
                return
            with self._journal.locked():
                self._take_in(self._journal.others(), group)
                group = [pending for pending in group if not pending.settled]
                first = self._append(group)
        except OSError as error:
            refusal = atomic.storage_error(WHAT_FAILED, error)
            self._refuse_all(group, type(refusal), str(refusal))
            return
        except StorageFailed as error:
            self._refuse_all(group, type(error), str(error))
            return
        except BaseException:  # whoever waits must not wait for ever, whatever this is
            self._refuse_all(group, StorageFailed, f"{WHAT_FAILED}, as Holdfast itself made a mistake.")
            raise
        try:
            self._audience.kept(group, first)
            for number, pending in enumerate(group, start=first):
                self._durable(pending.changes, pending.job_ids, number, pending.before)
        finally:
            for number, pending in enumerate(group, start=first):
                pending.settle(number)

    def _append(self, group: Sequence[Pending]) -> int:
        if not group:
            return self._journal.n + 1
        now = int(self._clock.now().timestamp() * 1_000)
        return self._journal.append([pending.body for pending in group], now)

    def _take_in(self, records: Sequence[Record], group: Sequence[Pending] = ()) -> None:
        """Show what others changed; refuse what was decided here without knowing of it."""
        if not records:
            return
        known = frozenset(group)
        with self._audience.lock:
            touched: set[str] = set()
            for record in records:
                changes = changes_of(record, self._audience.rows.runs)
                job_ids = self._jobs_of(changes)
                touched |= job_ids.union(changes.about())
                self._audience.other(changes, record.n)
                self._durable(changes, job_ids, record.n, None)
            overtaken, accepted = [], []
            for pending in (*group, *self._accepted):
                if not touched.isdisjoint(pending.looked_at):
                    touched |= pending.looked_at
                    overtaken.append(pending)
                elif pending not in known:
                    accepted.append(pending)
            self._accepted = accepted
            self._audience.refused(overtaken)
        for pending in overtaken:
            pending.refuse(Overtaken("Another command changed this at the same moment."))

    def _refuse_all(self, group: Sequence[Pending], kind: type[StorageFailed], message: str) -> None:
        """Refuse a group, and what was accepted since: it may have been decided on what now never was."""
        with self._audience.lock:
            refused = [pending for pending in (*group, *self._accepted) if not pending.settled]
            self._accepted = []
            self._audience.refused(refused)
        for pending in refused:
            pending.refuse(kind(message))
