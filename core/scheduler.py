"""The ticker: knows when something is next due, and wakes it then.

It keeps no truth of its own. What is due follows from the jobs, their registers and the runs that wait; it hears of
changes, and looks at everything again when the clock was set or when it was too slow to hear.
"""

import heapq
import logging
import math
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Final

from core.clock import Clock
from core.errors import HoldfastError, NotFound
from core.events import (
    Event,
    EventBus,
    EventsMissed,
    JobChangedOutside,
    JobCreated,
    JobDeleted,
    JobEdited,
    LogGrew,
    RegisterChanged,
    RunMoved,
    RunProgressed,
    RunUnusual,
    Subscription,
)
from core.firing import SCHEDULE, look_at
from core.manager import JobManager
from core.models import Run
from core.shown import GOING
from core.states import RunState

log = logging.getLogger(__name__)

LONGEST_NAP: Final = 30.0
"""Seconds between two looks at the clock, so that one that was set is noticed."""

JUMP: Final = timedelta(seconds=2)
"""How far the clock may stray from the seconds that passed before it counts as set."""

AGAIN_AFTER: Final = timedelta(seconds=5)
"""How long until the next try of what could not be kept."""

SOON: Final = timedelta(seconds=1)

PACE: Final = 0.01
"""Seconds in which what happens is gathered."""

RIPENS: Final = frozenset({RunState.SCHEDULED, RunState.BLOCKED})


class Agenda:
    """What is to be looked at, and when: by the clock on the wall, or after so many seconds. Not thread-safe."""

    def __init__(self) -> None:
        self._heap: list[tuple[float, str]] = []
        self._planned: dict[str, float] = {}

    def __len__(self) -> int:
        return len(self._planned)

    def __contains__(self, what: str) -> bool:
        return what in self._planned

    def put(self, what: str, at: float | None) -> None:
        """Plan it for then, and no longer for when it was planned before; None is not at all."""
        if at is None:
            self._planned.pop(what, None)
        elif self._planned.get(what) != at:
            self._planned[what] = at
            heapq.heappush(self._heap, (at, what))

    def next_at(self) -> float | None:
        """Return when the first of them is planned."""
        while self._heap and self._planned.get(self._heap[0][1]) != self._heap[0][0]:
            heapq.heappop(self._heap)
        return self._heap[0][0] if self._heap else None

    def soonest(self, most: int) -> tuple[str, ...]:
        """Return what is planned first; costs as much as that is, not as much as is planned."""
        first: list[str] = []
        nearest = [(self._heap[0], 0)] if self._heap else []
        while nearest and len(first) < most:
            (at, what), place = heapq.heappop(nearest)
            if self._planned.get(what) == at and what not in first:
                first.append(what)
            below = (2 * place + 1, 2 * place + 2)
            for child in below:
                if child < len(self._heap):
                    heapq.heappush(nearest, (self._heap[child], child))
        return tuple(first)

    def take(self, until: float) -> list[str]:
        """Return what is planned by then, the earliest first; it is planned no longer."""
        taken = []
        while (at := self.next_at()) is not None and at <= until:
            _, what = heapq.heappop(self._heap)
            del self._planned[what]
            taken.append(what)
        return taken

    def clear(self) -> None:
        """Plan nothing any more."""
        self._heap.clear()
        self._planned.clear()


class Scheduler:
    """Makes runs of what schedules are due for, and lets runs go whose time has come."""

    def __init__(self, manager: JobManager, events: EventBus, clock: Clock) -> None:
        self._manager = manager
        self._events = events
        self._clock = clock
        self._changed = threading.Condition()
        self._jobs = Agenda()
        self._runs = Agenda()
        self._waits = Agenda()
        """The waits of retries by the seconds that passed: a clock that is set must not make them longer."""
        self._held: set[str] = set()
        """Jobs with something due that waits for their run to be over."""
        self._starting: set[str] = set()
        """Jobs to be told that Holdfast starts."""
        self._firing = ""
        """The job whose due times are being settled."""
        self._seen_at = (clock.now(), clock.monotonic())
        self._stopping = False
        self._subscription: Subscription | None = None
        self._thread: threading.Thread | None = None

    def begin(self) -> None:
        """Plan everything, as at a start of Holdfast; `start` does it too."""
        jobs = self._manager.scheduled_jobs()
        with self._changed:
            self._starting = {job.id for job in jobs if job.schedule is not None and job.schedule.on_start}
        self._plan_everything()

    def start(self) -> None:
        """Begin to listen and to wake what is due."""
        self._subscription = self._events.subscribe("scheduler", self.hear, _plans, pace=PACE)
        self.begin()
        self._thread = threading.Thread(target=self._tick_on, name="scheduler", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Wake nothing more."""
        with self._changed:
            self._stopping = True
            self._changed.notify_all()
        if self._subscription is not None:
            self._events.unsubscribe(self._subscription)
        if self._thread is not None:
            self._thread.join()

    def is_working(self) -> bool:
        """Tell whether it is awake, or was never started."""
        return self._thread is None or self._thread.is_alive()

    def plans(self, run_id: str) -> bool:
        """Tell whether a run will be let go when its time has come."""
        with self._changed:
            return run_id in self._runs

    def soonest(self, most: int) -> tuple[str, ...]:
        """Return the ids of the jobs that are due next, the first in front."""
        with self._changed:
            return self._jobs.soonest(most)

    def plans_job(self, job_id: str) -> bool:
        """Tell whether a job will be looked at when it is due, or when its run is over."""
        with self._changed:
            return job_id in self._jobs or job_id in self._held

    def _tick_on(self) -> None:
        while self._nap():
            self.tick()

    def _nap(self) -> bool:
        """Wait until something is due, or it is time to look at the clock; tell whether to go on."""
        with self._changed:
            if not self._stopping:
                self._changed.wait(max(0.0, min(LONGEST_NAP, self._until_due())))
            return not self._stopping

    def _until_due(self) -> float:
        """Return in how many seconds something is due."""
        now, passed = self._clock.now().timestamp(), self._clock.monotonic()
        by_the_clock = [at - now for at in (self._jobs.next_at(), self._runs.next_at()) if at is not None]
        wait_ends = self._waits.next_at()
        return min([math.inf, *by_the_clock, *([] if wait_ends is None else [wait_ends - passed])])

    def next_at(self) -> datetime | None:
        """Return when something is due by the clock on the wall; None is never."""
        with self._changed:
            planned = [at for at in (self._jobs.next_at(), self._runs.next_at()) if at is not None]
        return datetime.fromtimestamp(min(planned), UTC) if planned else None

    # What has come due

    def tick(self) -> None:
        """Wake everything that is due by now."""
        self._notice_a_jump()
        while (due := self._take_due()) != ([], []):
            jobs, runs = due
            for job_id in jobs:
                self._survive(job_id, self._fire, self._jobs)
            for run_id in runs:
                self._survive(run_id, self._ripen, self._runs)

    def _take_due(self) -> tuple[list[str], list[str]]:
        with self._changed:
            now = self._clock.now().timestamp()
            jobs, runs = self._jobs.take(now), self._runs.take(now)
            for run_id in self._waits.take(self._clock.monotonic()):
                if run_id in self._runs:
                    self._runs.put(run_id, None)
                    runs.append(run_id)
            return jobs, runs

    def _survive(self, what: str, wake: Callable[[str], None], agenda: Agenda) -> None:
        """Wake one; what cannot be done for it now is tried again, and keeps nothing else from being done."""
        try:
            wake(what)
        except NotFound:
            log.info("%s is gone, and nothing is due for it any more", what)
        except HoldfastError as error:
            log.warning("what was due for %s could not be kept, trying again: %s", what, error)
            self._try_again(what, agenda)
        except Exception:  # one job must not end the others' schedules
            log.exception("what was due for %s failed", what)
            self._try_again(what, agenda)

    def _try_again(self, what: str, agenda: Agenda) -> None:
        with self._changed:
            agenda.put(what, (self._clock.now() + AGAIN_AFTER).timestamp())

    def _fire(self, job_id: str) -> None:
        self._firing = job_id
        try:
            self._fire_all(job_id)
        finally:
            self._firing = ""
        self._plan_job(job_id, just_looked=True)

    def _fire_all(self, job_id: str) -> None:
        at_start = job_id in self._starting
        while True:
            fired = self._manager.fire(job_id, self._clock.now(), at_start=at_start)
            at_start = False
            with self._changed:
                self._starting.discard(job_id)
            if not fired.again:
                return

    def _ripen(self, run_id: str) -> None:
        # A run that has its time behind it and still waits for others is their business from now on.
        self._manager.ripen(run_id)
        with self._changed:
            self._waits.put(run_id, None)

    # When to look again

    def hear(self, event: Event) -> None:
        """Take note of a change."""
        match event:
            case JobCreated(job=job) | JobEdited(job=job) | JobChangedOutside(job=job):
                self._plan_job(job.id)
            case JobDeleted(job_id=job_id):
                self._plan_job(job_id)
            case RegisterChanged(name=name) if name.startswith(SCHEDULE):
                job_id = name.removeprefix(SCHEDULE)
                if job_id != self._firing:  # it is planned as soon as that is done, by what is known then
                    self._plan_job(job_id)
            case RegisterChanged(name=name) if name.startswith(GOING):
                self._plan_job(name.removeprefix(GOING))
            case RunMoved(run=run):
                self._plan_run(run)
            case EventsMissed():
                with self._changed:
                    self._waits.clear()
                    self._plan_everything()
            case _:
                pass

    def _plan_everything(self) -> None:
        """Plan all of it anew, but the waits of retries: they go on by the seconds that passed."""
        with self._changed:
            self._jobs.clear()
            self._runs.clear()
            self._held.clear()
            for job in self._manager.scheduled_jobs():
                self._plan_job(job.id)
            for run in self._manager.waiting_runs():
                self._plan_run(run)
            self._changed.notify_all()

    def _plan_job(self, job_id: str, *, just_looked: bool = False) -> None:
        """Plan when to look at a job next; what waits until its run is over is looked at then."""
        # It is read under the lock, so that whoever plans last has seen the latest.
        with self._changed:
            self._held.discard(job_id)
            try:
                at = self._due_at(job_id)
            except NotFound:
                self._starting.discard(job_id)
                at = None
            now = self._clock.now()
            if just_looked and at is not None and at <= now:
                if self._manager.unfinished_of(job_id):
                    self._held.add(job_id)
                    at = None
                else:  # its run was over just now
                    at = now + SOON
            self._put(self._jobs, job_id, at)

    def _due_at(self, job_id: str) -> datetime | None:
        overview = self._manager.job(job_id)
        if overview.going is not None:
            return None
        job, now = overview.job, self._clock.now()
        return (
            now if job_id in self._starting else look_at(job, self._manager.register(SCHEDULE + job_id), now)
        )

    def _plan_run(self, run: Run) -> None:
        with self._changed:
            if run.over:
                self._drop_run(run.id)
                if run.job_id in self._held:
                    self._plan_job(run.job_id)
                return
            # The event may be old by now: what counts is how the run is.
            try:
                run = self._manager.run(run.id)
            except NotFound:
                self._drop_run(run.id)
                return
            if run.state not in RIPENS or run.due_at is None:
                self._drop_run(run.id)
                return
            self._put(self._runs, run.id, run.due_at)
            if run.attempts and run.id not in self._waits:
                self._put(self._waits, run.id, self._clock.monotonic() + self._span_of(run, run.due_at))

    def _span_of(self, run: Run, due_at: datetime) -> float:
        """Return how many seconds a retry has to wait yet, at most as many as were decided."""
        since = run.attempts[-1].ended_at or due_at
        return min(due_at - self._clock.now(), due_at - since).total_seconds()

    def _drop_run(self, run_id: str) -> None:
        self._runs.put(run_id, None)
        self._waits.put(run_id, None)

    def _put(self, agenda: Agenda, what: str, at: datetime | float | None) -> None:
        first = agenda.next_at()
        agenda.put(what, at.timestamp() if isinstance(at, datetime) else at)
        if agenda.next_at() != first:
            self._changed.notify_all()

    def _notice_a_jump(self) -> None:
        """Look at everything again when the clock on the wall was set."""
        (was, passed_then), (now, passed) = self._seen_at, (self._clock.now(), self._clock.monotonic())
        self._seen_at = now, passed
        jumped = now - was - timedelta(seconds=passed - passed_then)
        if abs(jumped) > JUMP:
            log.warning("the clock jumped by %.0f s; everything is planned anew", jumped.total_seconds())
            self._plan_everything()


def _plans(event: Event) -> bool:
    """Tell whether an event may change what is due: most runs that move wait for no moment."""
    if isinstance(event, RunMoved):
        return event.run.over or event.run.state in RIPENS or event.was in RIPENS
    return not isinstance(event, RunProgressed | LogGrew | RunUnusual)
