"""What is known: every job and run in memory, and the way a change becomes durable and seen.

There are two views. *Ahead* is what was accepted, durable or not: decisions look at it, so that
each follows the one before. *Shown* is what is durable: everybody else looks at it. The `RLock` is
held to decide and to publish, in memory only; whoever decided waits for the disk without it.
"""

import contextlib
import logging
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

from msgspec.structs import replace

from core.acting import actor
from core.ahead import Ahead
from core.clock import Clock
from core.collecting import undisturbed
from core.errors import HoldfastError
from core.events import (
    Event,
    EventBus,
    JobCreated,
    JobDeleted,
    JobEdited,
    RegisterChanged,
    RunMoved,
    RunsForgotten,
)
from core.models import Job, Run
from core.relations import Relations
from core.shown import GOING, Shown, found
from core.states import AT_WORK
from core.storage.base import Commitment, JobStore
from core.storage.rows import Changes

log = logging.getLogger(__name__)

Follower = Callable[[Changes], None]
"""Is told of every change that is durable, whoever made it."""

T = TypeVar("T")


class Note:
    """What is told of when a change is durable."""

    __slots__ = ("events",)

    def __init__(self, events: tuple[Event, ...]) -> None:
        self.events = events


class _Mine(threading.local):
    """What this thread is deciding: how deep, what it committed, and whether it waits for that itself."""

    def __init__(self) -> None:
        self.depth = 0
        self.commitments: list[Commitment] = []
        self.waits = True
        self.rehearses = False


class Rehearsed(Exception):
    """It was decided, and is not kept."""


class Ledger(Shown):
    """Holds what the store holds, ready for questions; see `core.storage.base.Audience`."""

    def __init__(self, store: JobStore, events: EventBus, clock: Clock, follower: Follower) -> None:
        super().__init__(store, events, clock)
        self._follower = follower
        self._ahead = Ahead()
        self._relations = Relations()
        self._mine = _Mine()
        self._further: set[str] = set()
        """The runs at work of which this process knows best how far they are."""

    def open(self, *, at_work: bool) -> None:
        """Read the store; raises what `JobStore.open` raises."""
        with self.lock, undisturbed():
            contents = self._store.open(self, at_work=at_work)
            self._problems = contents.problems
            for job in self.rows.jobs.values():
                self._relations.put(job)
            self._listing.fill(map(self._overview_of, self.rows.jobs.values()))
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

    @contextmanager
    def rehearsed(self) -> Iterator[None]:
        """Let this thread decide without anything of it being kept; what is refused raises all the same."""
        mine = self._mine
        mine.rehearses = True
        try:
            with contextlib.suppress(Rehearsed):
                yield
        finally:
            mine.rehearses = False

    def commit(self, changes: Changes, *events: Event) -> None:
        """Accept the changes of a decision; once they are durable they are shown and told of.

        They bear the name of whoever is acting, unless they say another.
        """
        if self._mine.rehearses:
            raise Rehearsed
        someone = actor()
        if someone.name and not changes.by:
            changes = replace(changes, by=someone.name, origin=someone.origin)
        if changes.by or changes.why:
            events = tuple(replace(event, by=changes.by, why=changes.why) for event in events)
        if stands_on := [one for one in self._mine.commitments if not one.settled]:
            # Where one of those is overtaken, so is this: it was decided on what never was.
            grounds = {name for one in stands_on for name in one.changes.about()}
            changes = replace(changes, seen=tuple(grounds.union(changes.seen)))
        commitment = self._store.submit(changes, Note(events))
        self._ahead.accept(commitment)
        self._mine.commitments.append(commitment)

    def job_ahead(self, job_id: str) -> Job:
        """Return the job as decisions see it; raises NotFound."""
        if (unsettled := self._ahead.jobs.get(job_id)) is None:
            return found(self.rows.jobs.get(job_id), "job", job_id)
        self._depends_on(unsettled[1])
        return found(unsettled[0], "job", job_id)

    def run_ahead(self, run_id: str) -> Run:
        """Return the run as decisions see it; raises NotFound."""
        if (unsettled := self._ahead.runs.get(run_id)) is None:
            return self.run(run_id)
        self._depends_on(unsettled[1])
        return found(unsettled[0], "run", run_id)

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

    def unfinished_ahead(self, job_id: str) -> tuple[Run, ...]:
        """Return the runs of the job that are not over, as decisions see it, the oldest first."""
        known = (self.ahead(run_id) for run_id in self.rows.unfinished.get(job_id, ()))
        runs = {run.id: run for run in (*known, *self._ahead.runs_of(job_id)) if run and not run.over}
        for run_id in runs.keys() & self._ahead.runs.keys():
            self._depends_on(self._ahead.runs[run_id][1])
        return tuple(sorted(runs.values(), key=_number_of))

    def at_hand_ahead(self, job_id: str) -> tuple[Run, ...]:
        """Return the runs of the job that are at hand, as decisions see it, in no order."""
        known = (self.ahead(run_id) for run_id in self.rows.run_ids.get(job_id, ()))
        return tuple({run.id: run for run in (*known, *self._ahead.runs_of(job_id)) if run}.values())

    def after_ahead(self) -> Mapping[str, tuple[str, ...]]:
        """Return, for each job that comes after others, their ids, as decisions see it."""
        if not self._ahead.jobs:
            return self._relations.after
        unsettled = {job_id: job.after if job else () for job_id, (job, _) in self._ahead.jobs.items()}
        return {**self._relations.after, **unsettled}

    def below_ahead(self, job_id: str) -> tuple[Job, ...]:
        """Return the jobs that come after the job directly, as decisions see it."""
        known = self._relations.below(job_id)
        if not known and not self._ahead.jobs:
            return ()
        jobs = {child: self.rows.jobs.get(child) for child in known}
        for unsettled, (job, commitment) in self._ahead.jobs.items():
            if unsettled in jobs or (job is not None and job_id in job.after):
                self._depends_on(commitment)
                jobs[unsettled] = job
        return tuple(job for job in jobs.values() if job is not None and job_id in job.after)

    def children_of(self, job_id: str) -> tuple[Job, ...]:
        """Return the jobs that come after the job directly."""
        with self.lock:
            return tuple(self.rows.jobs[child] for child in self._relations.below(job_id))

    def relations(self) -> Mapping[str, tuple[str, ...]]:
        """Return, for each job that comes after others, their ids."""
        with self.lock:
            return dict(self._relations.after)

    def register_ahead(self, name: str) -> Mapping[str, Any] | None:
        """Return what a register has, as decisions see it."""
        if (unsettled := self._ahead.registers.get(name)) is None:
            return self.rows.registers.get(name)
        self._depends_on(unsettled[1])
        return unsettled[0]

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
                self._tell(commitment.note.events, commitment.changes)

    def _tell(self, events: Iterable[Event], changes: Changes) -> None:
        for event in events:
            self._events.publish(event)
        for register in changes.registers:
            self._events.publish(
                RegisterChanged(name=register.name, value=register.value, by=changes.by, why=changes.why)
            )
        self._follower(changes)

    def other(self, changes: Changes, number: int) -> None:  # noqa: ARG002 - as above
        """Show what another process changed, and tell of it."""
        changes = replace(changes, runs=tuple(map(self._as_far_as_known, changes.runs)))
        events = tuple(self._events_of(changes))
        self._show(changes)
        self._tell(events, changes)

    def refused(self, group: Sequence[Commitment]) -> None:
        """Forget what will never be."""
        for commitment in group:
            self._ahead.refuse(commitment)

    def _events_of(self, changes: Changes) -> Iterator[Event]:
        for job in changes.jobs:
            kind = JobEdited if job.id in self.rows.jobs else JobCreated
            yield kind(job=job, by=changes.by, why=changes.why)
        for run in changes.runs:
            known = self.rows.runs.get(run.id)
            yield RunMoved(run=run, was=known.state if known else None, by=changes.by, why=changes.why)
        if changes.gone_runs and not changes.gone_jobs:
            yield RunsForgotten(run_ids=changes.gone_runs)
        for job_id in changes.gone_jobs:
            yield JobDeleted(job_id=job_id, run_ids=self.run_ids(job_id), by=changes.by, why=changes.why)

    def _show(self, changes: Changes) -> None:
        touched = {job_id for run_id in changes.gone_runs if (job_id := self.rows.job_of(run_id))}
        touched.update(
            (*(job.id for job in changes.jobs), *(run.job_id for run in changes.runs), *changes.gone_jobs)
        )
        touched.update(
            register.name.removeprefix(GOING)
            for register in changes.registers
            if register.name.startswith(GOING)
        )
        self.rows.apply(changes)
        for job in changes.jobs:
            self._relations.put(job)
        for job_id in changes.gone_jobs:
            self._relations.drop(job_id)
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


def _number_of(run: Run | None) -> int:
    return run.number if run is not None else 0
