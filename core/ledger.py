"""What is known: every job and run in memory, and the way a change becomes durable and seen.

The `RLock` is held for decisions in memory only. Whoever changes a job or its runs holds that
job (`holding`) from decision to publication, so its changes and their events follow each other;
other jobs, and every reader, go on meanwhile, also while the disk is slow.
"""

import logging
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from typing import Final

from core.clock import Clock
from core.errors import NotFound
from core.events import Event, EventBus
from core.listing import JobPage, JobQuery, Listing
from core.models import Job, JobOverview, Run
from core.storage.base import Changes, JobStore, Problem

log = logging.getLogger(__name__)

STRIPES: Final = 64
OLDEST_PAGE: Final = 1.0
"""How old, in seconds, a list may be while nothing but progress has changed."""


class Ledger:
    """Holds what the store holds, ready for questions."""

    def __init__(self, store: JobStore, events: EventBus, clock: Clock) -> None:
        self._store = store
        self._events = events
        self._clock = clock
        self._lock = threading.RLock()
        self._stripes = tuple(threading.RLock() for _ in range(STRIPES))
        self._jobs: dict[str, Job] = {}
        self._runs: dict[str, Run] = {}
        self._run_ids: dict[str, tuple[str, ...]] = {}
        self._listing = Listing()
        self._changed: set[str] = set()
        self._dirty = False
        self._refreshed_at = float("-inf")
        self.problems: tuple[Problem, ...] = ()

    def open(self) -> None:
        """Read the store; raises what `JobStore.open` raises."""
        contents = self._store.open()
        with self._lock:
            self.problems = contents.problems
            self._jobs = {job.id: job for job in contents.jobs}
            # By number, not by time: a clock that was set back must not hide the newest run.
            for run in sorted(contents.runs, key=lambda run: (run.number, run.created_at)):
                self._keep_run(run)
            self._changed.update(self._jobs)
            self._dirty = True

    def close(self) -> None:
        """Let go of the store."""
        self._store.close()

    def check_writable(self) -> None:
        """Raise StorageFailed if a change could not be kept now."""
        self._store.check_writable()

    @contextmanager
    def holding(self, job_id: str) -> Iterator[None]:
        """Let nobody else change this job or its runs."""
        with self._stripes[hash(job_id) % STRIPES]:
            yield

    def commit(self, changes: Changes, *events: Event) -> None:
        """Make the changes durable, then show them, then tell of them; the job must be held."""
        self._store.commit(changes)
        self._show(changes)
        for event in events:
            self._events.publish(event)

    def remember(self, run: Run) -> None:
        """Keep a run's progress where a loss of power may take it."""
        self._store.commit(Changes(runs=(run,)), durable=False)

    def show_progress(self, run: Run, event: Event) -> None:
        """Show a run that only got further; nothing is written."""
        with self._lock:
            self._runs[run.id] = run
            self._changed.add(run.job_id)
        self._events.publish(event)

    def _show(self, changes: Changes) -> None:
        with self._lock:
            for job in changes.jobs:
                self._jobs[job.id] = job
                self._changed.add(job.id)
            for run in changes.runs:
                self._keep_run(run)
            for run_id in changes.gone_runs:
                self._drop_run(run_id)
            for job_id in changes.gone_jobs:
                self._jobs.pop(job_id, None)
                self._run_ids.pop(job_id, None)
                self._changed.add(job_id)
            self._dirty = True

    def _keep_run(self, run: Run) -> None:
        if run.id not in self._runs:
            self._run_ids[run.job_id] = (*self._run_ids.get(run.job_id, ()), run.id)
        self._runs[run.id] = run
        self._changed.add(run.job_id)

    def _drop_run(self, run_id: str) -> None:
        run = self._runs.pop(run_id, None)
        if run is not None:
            rest = tuple(other for other in self._run_ids.get(run.job_id, ()) if other != run_id)
            self._run_ids[run.job_id] = rest
            self._changed.add(run.job_id)

    def job(self, job_id: str) -> Job:
        """Return the job; raises NotFound."""
        job = self._jobs.get(job_id)
        if job is None:
            what = "job"
            raise NotFound(what, job_id)
        return job

    def run(self, run_id: str) -> Run:
        """Return the run; raises NotFound."""
        run = self._runs.get(run_id)
        if run is None:
            what = "run"
            raise NotFound(what, run_id)
        return run

    def runs_of(self, job_id: str) -> tuple[Run, ...]:
        """Return every run of the job, the newest first; raises NotFound."""
        with self._lock:
            self.job(job_id)
            return tuple(self._runs[run_id] for run_id in reversed(self._run_ids.get(job_id, ())))

    def latest_run(self, job_id: str) -> Run | None:
        """Return the job's newest run, None before the first."""
        with self._lock:
            run_ids = self._run_ids.get(job_id)
            return self._runs[run_ids[-1]] if run_ids else None

    def runs(self) -> tuple[Run, ...]:
        """Return every run, in no order that means anything."""
        with self._lock:
            return tuple(self._runs.values())

    def runs_ended_since(self, moment: datetime) -> tuple[Run, ...]:
        """Return the runs that ended at that moment or later, in no order.

        A job has one run after the other, so nobody looks at those before its last that ended earlier.
        """
        with self._lock:
            histories = tuple(self._run_ids.values())
        found = []
        for run_ids in histories:
            for run_id in reversed(run_ids):
                run = self._runs.get(run_id)
                if run is None or run.ended_at is None:  # it went meanwhile, or is not over
                    continue
                if run.ended_at < moment:
                    break
                found.append(run)
        return tuple(found)

    def overview(self, job_id: str) -> JobOverview:
        """Return the job with its latest run; raises NotFound."""
        with self._lock:
            return JobOverview(job=self.job(job_id), latest_run=self.latest_run(job_id))

    def page(self, query: JobQuery) -> JobPage:
        """Return a page of jobs, from the cache while nothing changed.

        Progress alone shows up when the cache is a second old, every other change at once.
        """
        with self._lock:
            self._refresh()
            return self._listing.page(query)

    def counts(self) -> Mapping[str, int]:
        """Return how many jobs show each state."""
        with self._lock:
            self._refresh()
            return self._listing.counts()

    def _refresh(self) -> None:
        age = self._clock.monotonic() - self._refreshed_at
        if not self._changed or not (self._dirty or age >= OLDEST_PAGE):
            return
        for job_id in self._changed:
            if job_id in self._jobs:
                self._listing.put(self.overview(job_id))
            else:
                self._listing.drop(job_id)
        self._changed.clear()
        self._dirty = False
        self._refreshed_at = self._clock.monotonic()
