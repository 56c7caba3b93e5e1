"""What is durable, ready for questions: every job and run in memory, and older runs on demand."""

import threading
from collections import OrderedDict
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from datetime import datetime
from types import MappingProxyType
from typing import Any, Final, TypeVar

import msgspec

from core.clock import Clock
from core.errors import NotFound
from core.events import EventBus, JobEdited
from core.firing import SCHEDULE
from core.listing import JobPage, JobQuery, Listing
from core.models import Going, Job, JobOverview, Run
from core.packed import thawed
from core.states import RunState
from core.storage.base import JobStore, Problem
from core.storage.rows import Rows

OLDEST_PAGE: Final = 1.0
"""How old, in seconds, a list may be while nothing but progress has changed."""

GOING: Final = "going/"
"""The register of a job that is being deleted, and can be kept after all."""

HISTORIES_KEPT: Final = 128
"""How many jobs' older runs stay in memory once they were asked for."""

WAITING: Final = frozenset({RunState.SCHEDULED, RunState.BLOCKED, RunState.QUEUED})

T = TypeVar("T")


class Shown:
    """Answers questions from what is durable; `lock` is held for moments only."""

    def __init__(self, store: JobStore, events: EventBus, clock: Clock) -> None:
        self.lock = threading.RLock()
        self.rows = Rows()
        self._store = store
        self._events = events
        self._clock = clock
        self._listing = Listing()
        self._changed: set[str] = set()
        self._dirty = False
        self._refreshed_at = float("-inf")
        self._histories: OrderedDict[str, tuple[frozenset[str], tuple[Run, ...]]] = OrderedDict()
        self._problems: tuple[Problem, ...] = ()
        self._mistakes: Mapping[str, Problem] = MappingProxyType({})

    def job(self, job_id: str) -> Job:
        """Return the job; raises NotFound."""
        return found(self.rows.jobs.get(job_id), "job", job_id)

    def run(self, run_id: str) -> Run:
        """Return the run; raises NotFound."""
        run = self.rows.runs.get(run_id)
        if run is None and (job_id := self.rows.older.get(run_id)) is not None:
            run = next((older for older in self._older_runs(job_id) if older.id == run_id), None)
        return found(run, "run", run_id)

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

    def at_hand_of(self, job_id: str) -> tuple[tuple[Run, ...], bool]:
        """Return the runs of a job that are at hand, the newest first, and whether it has others; none for no job."""
        with self.lock:
            return self.rows.runs_at_hand(job_id), bool(self.rows.older_ids.get(job_id))

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

    def unfinished(self) -> tuple[Run, ...]:
        """Return the runs that are not over, in no order."""
        with self.lock:
            return tuple(self.rows.runs[run_id] for ids in self.rows.unfinished.values() for run_id in ids)

    def unfinished_of(self, job_id: str) -> tuple[Run, ...]:
        """Return the runs of a job that are not over."""
        with self.lock:
            return tuple(self.rows.runs[run_id] for run_id in self.rows.unfinished.get(job_id, ()))

    def waiting(self) -> tuple[Run, ...]:
        """Return the runs that wait: scheduled, blocked, queued; in no order."""
        return tuple(run for run in self.unfinished() if run.state in WAITING)

    def scheduled_jobs(self) -> tuple[Job, ...]:
        """Return the jobs that have a schedule, and those that had one of which something is kept; in no order."""
        with self.lock:
            had = (name.removeprefix(SCHEDULE) for name in self.rows.registers if name.startswith(SCHEDULE))
            kept = (job for job_id in had if (job := self.rows.jobs.get(job_id)) and job.schedule is None)
            return (*(job for job in self.rows.jobs.values() if job.schedule is not None), *kept)

    def register(self, name: str) -> Mapping[str, Any] | None:
        """Return what a register has; None where there is none."""
        return self.rows.registers.get(name)

    def registers(self, beginning: str) -> dict[str, Mapping[str, Any]]:
        """Return the registers whose names begin like that."""
        with self.lock:
            return {name: value for name, value in self.rows.registers.items() if name.startswith(beginning)}

    def count_registers(self, beginning: str) -> int:
        """Return how many registers have names that begin like that."""
        with self.lock:
            return sum(name.startswith(beginning) for name in self.rows.registers)

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
            return self._overview_of(self.job(job_id))

    def _overview_of(self, job: Job) -> JobOverview:
        going = self.rows.registers.get(GOING + job.id)
        return JobOverview(
            job=job,
            latest_run=self.rows.latest_run(job.id),
            going=None if going is None else msgspec.convert(thawed(going), Going),
            late=job.id in self._listing.late,
            held=job.id in self._listing.held,
        )

    def note(self, late: AbstractSet[str], held: AbstractSet[str]) -> None:
        """Take note of which jobs are late, and which somebody paused; the same sets again cost nothing."""
        with self.lock:
            if late is not self._listing.late or held is not self._listing.held:
                self._refresh()
                self._listing.note(late, held)

    def facets(self) -> Mapping[str, tuple[str, ...]]:
        """Return the kinds, tags and owners that jobs have, of each those of most jobs first."""
        with self.lock:
            self._refresh()
            return self._listing.facets()

    def asides(self) -> Mapping[str, int]:
        """Return how many jobs are late, how many somebody paused, and how many ended well with warnings."""
        with self.lock:
            self._refresh()
            listing = self._listing
            late = len(listing.late & self.rows.jobs.keys())
            return {"late": late, "held": listing.held_beside(), "warned": listing.warned}

    def prepare_search(self, most: int) -> bool:
        """Make up to so many jobs ready to be searched; tell whether all are."""
        with self.lock:
            self._refresh()
            return not self._listing.prepare(most)

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

    def warned(self) -> int:
        """Return how many jobs' latest runs ended well, with warnings."""
        with self.lock:
            self._refresh()
            return self._listing.warned

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


def found(value: T | None, what: str, name: str) -> T:
    """Return what is there; raises NotFound where nothing is."""
    if value is None:
        raise NotFound(what, name)
    return value
