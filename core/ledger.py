"""What is known: every job and run in memory, and the way a change becomes durable and seen.

There are two views. *Ahead* is what was accepted, durable or not: decisions look at it, so that
each follows the one before. *Shown* is what is durable: everybody else looks at it. The `RLock` is
held to decide and to publish, in memory only; whoever decided waits for the disk without it.
"""

import logging
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from types import MappingProxyType
from typing import Final, TypeVar

from msgspec.structs import replace

from core.ahead import Ahead
from core.clock import Clock
from core.collecting import undisturbed
from core.errors import HoldfastError, NotFound
from core.events import Event, EventBus, JobCreated, JobDeleted, JobEdited, RunMoved, RunsForgotten
from core.listing import JobPage, JobQuery, Listing
from core.models import Job, JobOverview, Run
from core.states import AT_WORK, RunState
from core.storage.base import Commitment, JobStore, Problem
from core.storage.rows import Changes, Rows

log = logging.getLogger(__name__)

OLDEST_PAGE: Final = 1.0
"""How old, in seconds, a list may be while nothing but progress has changed."""

HISTORIES_KEPT: Final = 128
"""How many jobs' older runs stay in memory once they were asked for."""

Effect = Callable[[], None]

T = TypeVar("T")


class Note:
    """What follows when a change is durable: events are told, then something is done."""

    __slots__ = ("effect", "events")

    def __init__(self, events: tuple[Event, ...], effect: Effect | None) -> None:
        self.events = events
        self.effect = effect


class _Mine(threading.local):
    """What this thread is deciding: how deep, what it committed, and whether it waits for that itself."""

    def __init__(self) -> None:
        self.depth = 0
        self.commitments: list[Commitment] = []
        self.waits = True


class Ledger:
    """Holds what the store holds, ready for questions; see `core.storage.base.Audience`.

    `arrived` is told of each queued run that another process asked for.
    """

    def __init__(
        self, store: JobStore, events: EventBus, clock: Clock, arrived: Callable[[Run], None]
    ) -> None:
        self.lock = threading.RLock()
        self.rows = Rows()
        self._store = store
        self._events = events
        self._clock = clock
        self._arrived = arrived
        self._ahead = Ahead()
        self._mine = _Mine()
        self._listing = Listing()
        self._changed: set[str] = set()
        self._further: set[str] = set()
        """The runs at work of which this process knows best how far they are."""
        self._dirty = False
        self._refreshed_at = float("-inf")
        self._histories: OrderedDict[str, tuple[frozenset[str], tuple[Run, ...]]] = OrderedDict()
        self._problems: tuple[Problem, ...] = ()
        self._mistakes: Mapping[str, Problem] = MappingProxyType({})

    def open(self, *, at_work: bool) -> None:
        """Read the store; raises what `JobStore.open` raises."""
        with self.lock, undisturbed():
            contents = self._store.open(self, at_work=at_work)
            self._problems = contents.problems
            latest_run = self.rows.latest_run
            self._listing.fill(
                JobOverview(job=job, latest_run=latest_run(job_id)) for job_id, job in self.rows.jobs.items()
            )
            self._changed.clear()

    def close(self) -> None:
        """Let go of the store."""
        self._store.close()

    def check_writable(self) -> None:
        """Raise StorageFailed if a change could not be kept now."""
        self._store.check_writable()

    # Deciding

    @contextmanager
    def deciding(self) -> Iterator[None]:
        """Let nobody else decide meanwhile; what was committed is durable, or refused, on the way out.

        Raises StorageFailed or Overtaken there.
        """
        mine = self._mine
        mine.depth += 1
        try:
            with self.lock:
                yield
        except BaseException:
            if mine.depth == 1:
                mine.commitments = []
            raise
        finally:
            mine.depth -= 1
        if mine.depth == 0 and mine.waits:
            commitments, mine.commitments = mine.commitments, []
            for commitment in commitments:
                commitment.wait()

    @contextmanager
    def unwaited(self) -> Iterator[list[Commitment]]:
        """Let this thread decide without waiting; what it committed is handed out, to be waited for."""
        mine = self._mine
        mine.waits = False
        given: list[Commitment] = []
        try:
            yield given
        finally:
            given += mine.commitments
            mine.commitments = []
            mine.waits = True

    def commit(self, changes: Changes, *events: Event, effect: Effect | None = None) -> None:
        """Accept the changes of a decision; once they are durable they are shown and told of."""
        commitment = self._store.submit(changes, Note(events, effect))
        self._ahead.accept(commitment)
        self._mine.commitments.append(commitment)

    def job_ahead(self, job_id: str) -> Job:
        """Return the job as decisions see it; raises NotFound."""
        if (unsettled := self._ahead.jobs.get(job_id)) is None:
            return _found(self.rows.jobs.get(job_id), "job", job_id)
        self._depends_on(unsettled[1])
        return _found(unsettled[0], "job", job_id)

    def run_ahead(self, run_id: str) -> Run:
        """Return the run as decisions see it; raises NotFound."""
        if (unsettled := self._ahead.runs.get(run_id)) is None:
            return self.run(run_id)
        self._depends_on(unsettled[1])
        return _found(unsettled[0], "run", run_id)

    def _depends_on(self, commitment: Commitment) -> None:
        """Wait for that too before this decision is answered: it may be that there is nothing more to do."""
        if commitment not in self._mine.commitments:
            self._mine.commitments.append(commitment)

    def latest_ahead(self, job_id: str) -> Run | None:
        """Return the newest run of a job, as decisions see it."""
        latest = self.rows.latest_run(job_id)
        if not self._ahead.runs:
            return latest
        known = None if latest is None else self.ahead(latest.id)
        newest = max((known, *self._ahead.runs_of(job_id)), key=_number_of)
        if newest is not None and newest.id in self._ahead.runs:
            self._depends_on(self._ahead.runs[newest.id][1])
        return newest

    def unfinished_ahead(self, job_id: str) -> Run | None:
        """Return a run of the job that is not over, as decisions see it."""
        known = (self.ahead(run_id) for run_id in self.rows.unfinished.get(job_id, ()))
        return next((run for run in (*known, *self._ahead.runs_of(job_id)) if run and not run.over), None)

    def run_ids(self, job_id: str) -> tuple[str, ...]:
        """Return the ids of every run of a job."""
        known = (*self.rows.older_ids.get(job_id, ()), *self.rows.run_ids.get(job_id, ()))
        return tuple(dict.fromkeys((*known, *(run.id for run in self._ahead.runs_of(job_id)))))

    # What the store tells (core.storage.base.Audience)

    def ahead(self, run_id: str) -> Run | None:
        """Return a run at hand as it was last accepted."""
        if run_id in self._ahead.runs:
            return self._ahead.runs[run_id][0]
        return self.rows.runs.get(run_id)

    def kept(self, group: Sequence[Commitment], first: int) -> None:  # noqa: ARG002 - the order is enough
        """Show what is durable now, then tell of it."""
        with self.lock:
            for commitment in group:
                if isinstance(commitment.note, Note):
                    self._show(commitment.changes)
                self._ahead.settle(commitment)
        for commitment in group:
            if isinstance(commitment.note, Note):
                self._tell(commitment.note)

    def _tell(self, note: Note) -> None:
        for event in note.events:
            self._events.publish(event)
        if note.effect is not None:
            note.effect()

    def other(self, changes: Changes, number: int) -> None:  # noqa: ARG002 - as above
        """Show what another process changed, and tell of it."""
        changes = replace(changes, runs=tuple(map(self._as_far_as_known, changes.runs)))
        events = tuple(self._events_of(changes))
        self._show(changes)
        for event in events:
            self._events.publish(event)
            if isinstance(event, RunMoved) and event.run.state == RunState.QUEUED:
                self._arrived(event.run)

    def refused(self, group: Sequence[Commitment]) -> None:
        """Forget what will never be."""
        for commitment in group:
            self._ahead.refuse(commitment)

    def _events_of(self, changes: Changes) -> Iterator[Event]:
        for job in changes.jobs:
            yield JobEdited(job=job) if job.id in self.rows.jobs else JobCreated(job=job)
        for run in changes.runs:
            known = self.rows.runs.get(run.id)
            yield RunMoved(run=run, was=known.state if known else None)
        if changes.gone_runs and not changes.gone_jobs:
            yield RunsForgotten(run_ids=changes.gone_runs)
        for job_id in changes.gone_jobs:
            yield JobDeleted(job_id=job_id, run_ids=self.run_ids(job_id))

    def _show(self, changes: Changes) -> None:
        touched = {job_id for run_id in changes.gone_runs if (job_id := self.rows.job_of(run_id))}
        touched.update(
            (*(job.id for job in changes.jobs), *(run.job_id for run in changes.runs), *changes.gone_jobs)
        )
        self.rows.apply(changes)
        self._further -= {run.id for run in changes.runs if run.state not in AT_WORK}
        for job_id in (*touched, *changes.gone_jobs):
            self._histories.pop(job_id, None)
        self._changed |= touched
        self._dirty = True

    # Progress, which is shown before it is durable

    def show_progress(self, run: Run, event: Event) -> None:
        """Show a run that only got further; the lock is held, and nothing about the run is unsettled."""
        self.rows.runs[run.id] = run
        self._further.add(run.id)
        self._changed.add(run.job_id)
        self._events.publish(event)

    def _as_far_as_known(self, run: Run) -> Run:
        """Return a run that another process changed, as far as its engine told us that it is."""
        known = self.rows.runs.get(run.id)
        if known is None or run.id not in self._further:
            return run
        return replace(run, progress=known.progress, checkpoint=known.checkpoint)

    def remember(self, run: Run) -> None:
        """Let a run's progress be written with the next change; a loss of power may take it."""
        self._store.submit(Changes(runs=(run,)))

    def is_history(self, run_id: str) -> bool:
        """Tell whether a run is over and not the latest of its job."""
        run = self.ahead(run_id)
        if run is None:
            return run_id in self.rows.older
        latest = self.latest_ahead(run.job_id)
        return run.over and latest is not None and latest.id != run_id

    def is_unsettled(self, run_id: str) -> bool:
        """Tell whether a change of the run is accepted and not durable yet."""
        return run_id in self._ahead.runs

    def settle(self, run_id: str) -> None:
        """Wait until nothing about the run is unsettled, kept or refused."""
        while (unsettled := self._ahead.runs.get(run_id)) is not None:
            try:
                unsettled[1].wait()
            except HoldfastError as error:
                log.info("a change of run %s was refused: %s", run_id, error)

    def settle_job(self, job_id: str) -> None:
        """Wait until nothing about the job itself is unsettled, kept or refused."""
        while (unsettled := self._ahead.jobs.get(job_id)) is not None:
            try:
                unsettled[1].wait()
            except HoldfastError as error:
                log.info("a change of job %s was refused: %s", job_id, error)

    # Questions

    def job(self, job_id: str) -> Job:
        """Return the job; raises NotFound."""
        return _found(self.rows.jobs.get(job_id), "job", job_id)

    def run(self, run_id: str) -> Run:
        """Return the run; raises NotFound."""
        run = self.rows.runs.get(run_id)
        if run is None and (job_id := self.rows.older.get(run_id)) is not None:
            run = next((older for older in self._older_runs(job_id) if older.id == run_id), None)
        return _found(run, "run", run_id)

    def runs_of(self, job_id: str) -> tuple[Run, ...]:
        """Return every run of the job, the newest first; raises NotFound."""
        with self.lock:
            self.job(job_id)
            at_hand = self.rows.runs_at_hand(job_id)
            known = {run.id for run in at_hand}
        return (*at_hand, *(run for run in self._older_runs(job_id) if run.id not in known))

    def _older_runs(self, job_id: str) -> tuple[Run, ...]:
        """Return the runs of a job that are not at hand, the newest first."""
        with self.lock:
            wanted = frozenset(self.rows.older_ids.get(job_id, ()))
            asked_for, history = self._histories.get(job_id, (frozenset(), ()))
        if wanted == asked_for:
            return history
        found = sorted(self._store.older_runs(job_id), key=lambda run: -run.number)
        history = tuple(run for run in found if run.id in wanted)
        if len(history) < len(wanted):  # perhaps the disk is not well; asked again the next time
            return history
        with self.lock:
            self._histories[job_id] = wanted, history
            self._histories.move_to_end(job_id)
            while len(self._histories) > HISTORIES_KEPT:
                self._histories.popitem(last=False)
        return history

    def latest_run(self, job_id: str) -> Run | None:
        """Return the job's newest run, None before the first."""
        with self.lock:
            return self.rows.latest_run(job_id)

    def runs_at_hand(self) -> tuple[Run, ...]:
        """Return the runs at hand, in no order: those not over, the latest of each job, the last day's."""
        with self.lock:
            return tuple(self.rows.runs.values())

    def knows_run(self, run_id: str) -> bool:
        """Tell whether there is such a run."""
        return self.rows.job_of(run_id) is not None

    def runs_ended_since(self, moment: datetime) -> tuple[Run, ...]:
        """Return the runs at hand that ended at that moment or later, in no order.

        A job has one run after the other, so nobody looks at those before its last that ended earlier.
        """
        with self.lock:
            histories = tuple(self.rows.run_ids.values())
        found = []
        for run_ids in histories:
            for run_id in reversed(run_ids):
                run = self.rows.runs.get(run_id)
                if run is None or run.ended_at is None:  # it went meanwhile, or is not over
                    continue
                if run.ended_at < moment:
                    break
                found.append(run)
        return tuple(found)

    def count_runs(self) -> tuple[int, int]:
        """Return how many runs are at hand, and how many more there are."""
        with self.lock:
            return len(self.rows.runs), len(self.rows.older)

    def crowded(self, many: int) -> tuple[str, ...]:
        """Return the jobs that have more than so many runs."""
        with self.lock:
            at_hand, older = dict(self.rows.run_ids), dict(self.rows.older_ids)
        return tuple(
            job_id for job_id, run_ids in at_hand.items() if len(run_ids) + len(older.get(job_id, ())) > many
        )

    def overview(self, job_id: str) -> JobOverview:
        """Return the job with its latest run; raises NotFound."""
        with self.lock:
            return JobOverview(job=self.job(job_id), latest_run=self.rows.latest_run(job_id))

    def page(self, query: JobQuery) -> JobPage:
        """Return a page of jobs, from the cache while nothing changed.

        Progress alone shows up when the cache is a second old, every other change at once.
        """
        with self.lock:
            self._refresh()
            return self._listing.page(query)

    def counts(self) -> Mapping[str, int]:
        """Return how many jobs show each state."""
        with self.lock:
            self._refresh()
            return self._listing.counts()

    def _refresh(self) -> None:
        age = self._clock.monotonic() - self._refreshed_at
        if not self._changed or not (self._dirty or age >= OLDEST_PAGE):
            return
        for job_id in self._changed:
            if job_id in self.rows.jobs:
                self._listing.put(self.overview(job_id))
            else:
                self._listing.drop(job_id)
        self._changed.clear()
        self._dirty = False
        self._refreshed_at = self._clock.monotonic()

    # What is wrong

    @property
    def problems(self) -> tuple[Problem, ...]:
        """Return what could not be read when the store was opened, and the mistakes in definitions."""
        return (*self._problems, *self._mistakes.values())

    @property
    def mistakes(self) -> Mapping[str, Problem]:
        """Return what is wrong with the definition that a person edited, by the id of its job."""
        return self._mistakes

    def note_mistake(self, job_id: str, problem: Problem | None) -> None:
        """Remember a mistake in a definition, or that there is none any more."""
        with self.lock:
            if self._mistakes.get(job_id) == problem:
                return
            rest = {known: mistake for known, mistake in self._mistakes.items() if known != job_id}
            self._mistakes = MappingProxyType(rest if problem is None else {**rest, job_id: problem})
            job = self.rows.jobs.get(job_id)
        if job is not None:
            self._events.publish(JobEdited(job=job))


def _found(value: T | None, what: str, name: str) -> T:
    if value is None:
        raise NotFound(what, name)
    return value


def _number_of(run: Run | None) -> int:
    return run.number if run is not None else 0
