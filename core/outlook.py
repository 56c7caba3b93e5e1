"""Who is due next, kept up to date as things change: looking at it costs what changed, not how many jobs there are."""

import threading
from datetime import datetime, timedelta
from itertools import takewhile
from typing import Final

from core.clock import Clock
from core.errors import NotFound
from core.events import (
    Event,
    EventsMissed,
    JobChangedOutside,
    JobCreated,
    JobDeleted,
    JobEdited,
    RegisterChanged,
    RunMoved,
)
from core.firing import SCHEDULE
from core.manager import JobManager
from core.timetable import Appointment, appointment

SET_BACK: Final = timedelta(minutes=1)
"""A clock that goes back by more makes everything due at other times than were worked out."""


class Outlook:
    """Every job that has a schedule, the next due first. Safe to use from several threads."""

    def __init__(self, manager: JobManager, clock: Clock) -> None:
        self._manager = manager
        self._clock = clock
        self._noting = threading.Lock()
        self._reading = threading.Lock()
        self._everything = True
        self._changed: set[str] = set()
        self._known: dict[str, Appointment] = {}
        self._sorted: tuple[Appointment, ...] = ()
        self._skipping: tuple[Appointment, ...] = ()
        self._read_at: datetime | None = None
        self.edition = 0
        """Another number whenever something is due at another time, or was when it was last looked at."""

    def hear(self, event: Event) -> None:
        """Take note of what has to be looked at anew; returns at once."""
        match event:
            case JobCreated(job=job) | JobEdited(job=job) | JobChangedOutside(job=job):
                self._note(job.id)
            case JobDeleted(job_id=job_id):
                self._note(job_id)
            case RegisterChanged(name=name) if name.startswith(SCHEDULE):
                self._note(name.removeprefix(SCHEDULE))
            case RunMoved(run=run) if run.job_id in self._known:
                self._note(run.job_id)
            case EventsMissed():
                with self._noting:
                    self._everything = True

    def _note(self, job_id: str) -> None:
        with self._noting:
            self._changed.add(job_id)

    def knows(self, job_id: str) -> bool:
        """Tell whether the job had a schedule when somebody looked last."""
        return job_id in self._known

    def appointments(self) -> tuple[Appointment, ...]:
        """Return what is known of each job's next due time; those that are due no more are at the end, by name."""
        with self._reading:
            now = self._clock.now()
            changed = self._to_look_at(now)
            self._read_at = now
            if changed:
                for job_id in changed:
                    self._look_at(job_id, now)
                self._sorted = tuple(sorted(self._known.values(), key=_order))
                self._skipping = tuple(one for one in self._sorted if one.skip is not None)
                self.edition += 1
            return self._sorted

    def _to_look_at(self, now: datetime) -> set[str]:
        """Return what changed, and what has come due since somebody looked."""
        with self._noting:
            changed, self._changed = self._changed, set()
            everything, self._everything = self._everything, False
        if everything or (self._read_at is not None and now < self._read_at - SET_BACK):
            self._known.clear()
            return changed | {job.id for job in self._manager.scheduled_jobs()}
        come = takewhile(lambda one: _is_over(one.next_at, now), self._sorted)
        return changed | {
            one.job.id
            for one in (*come, *self._skipping)
            if _is_over(one.next_at, now) or _is_over(one.skip, now)
        }

    def _look_at(self, job_id: str, now: datetime) -> None:
        try:
            found = appointment(self._manager, job_id, now, 1)
        except NotFound:
            found = None
        if found is None:
            self._known.pop(job_id, None)
        else:
            self._known[job_id] = found


def _is_over(moment: datetime | None, now: datetime) -> bool:
    return moment is not None and moment <= now


def _order(one: Appointment) -> tuple[bool, float, str, str]:
    at = one.next_at
    return at is None, at.timestamp() if at else 0.0, one.job.name, one.job.id
