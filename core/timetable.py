"""When every job is next due, what was left out, and what a schedule comes to before it is saved."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final

from core.errors import NotFound
from core.firing import SCHEDULE, Cursor, coming
from core.manager import JobManager
from core.models import Job, Run, Schedule, Value
from core.schedules import conditions, due_between, end_of_blackout, in_words, notes_about

SHOWN: Final = 10
"""How many due times are shown of one schedule."""
YEAR: Final = timedelta(days=366)
FAR: Final = timedelta(days=366 * 50)


class Preview(Value, frozen=True, kw_only=True):
    """What a schedule comes to: in words, with its next due times and what the changes of the clocks do to it.

    A due time in a blackout stands at the end of it.
    """

    words: str
    conditions: tuple[str, ...]
    due: tuple[datetime, ...]
    notes: tuple[str, ...]


class Scheduled(Value, frozen=True, kw_only=True):
    """An appointment in short, as a command lists it."""

    job_id: str
    job: str
    enabled: bool
    words: str
    next_at: datetime | None = None
    skip: datetime | None = None
    left_out: int = 0
    left_out_at: datetime | None = None
    reason: str = ""


class Appointment(Value, frozen=True, kw_only=True):
    """A job that has a schedule: when it is due next, and what is known of its due times.

    `coming` leaves out `skip`, which somebody asked to be left out. `left_out` counts all that ever were.
    """

    job: Job
    schedule: Schedule
    words: str
    coming: tuple[datetime, ...]
    latest_run: Run | None
    skip: datetime | None = None
    left_out: int = 0
    left_out_at: datetime | None = None
    reason: str = ""

    @property
    def next_at(self) -> datetime | None:
        """Return when it is due next; None when never again."""
        return self.coming[0] if self.coming else None

    def short(self) -> Scheduled:
        """Return it in short."""
        alike = ("words", "next_at", "skip", "left_out", "left_out_at", "reason")
        fields = {name: getattr(self, name) for name in alike}
        return Scheduled(job_id=self.job.id, job=self.job.name, enabled=self.job.enabled, **fields)


def preview(
    schedule: Schedule, now: datetime, *, anchor: datetime | None = None, most: int = SHOWN
) -> Preview:
    """Return what a schedule comes to from now on; intervals are counted from `anchor`, else from now."""
    due = due_between(schedule, now, now + FAR, anchor=anchor or now, most=most)
    begins = dict.fromkeys(end_of_blackout(schedule, moment) or moment for moment in due)
    return Preview(
        words=in_words(schedule),
        conditions=conditions(schedule),
        due=tuple(begins),
        notes=notes_about(schedule, now, now + YEAR),
    )


def appointment(manager: JobManager, job_id: str, now: datetime, most: int = SHOWN) -> Appointment | None:
    """Return what is known of a job's due times; None when it has no schedule. Raises NotFound."""
    overview = manager.job(job_id)
    job, schedule = overview.job, overview.job.schedule
    if schedule is None:
        return None
    kept = manager.register(SCHEDULE + job_id)
    cursor = Cursor.of_job(job, kept)
    return Appointment(
        job=job,
        schedule=schedule,
        words=in_words(schedule),
        coming=coming(job, kept, now, most),
        latest_run=overview.latest_run,
        skip=cursor.skip if cursor.skip is not None and cursor.skip > now else None,
        left_out=cursor.left_out,
        left_out_at=cursor.left_out_at,
        reason=cursor.reason,
    )


def appointments(manager: JobManager, job_ids: Iterable[str], now: datetime) -> tuple[Appointment, ...]:
    """Return what is known of the due times of these jobs; those that are gone or due no more are left out."""
    found = []
    for job_id in job_ids:
        try:
            one = appointment(manager, job_id, now, 1)
        except NotFound:
            continue
        if one is not None and one.next_at is not None:
            found.append(one)
    return tuple(found)


def timetable(manager: JobManager, now: datetime, most: int = 1) -> tuple[Appointment, ...]:
    """Return every job that has a schedule, the next due first; those that are due no more at the end, by name."""
    found = (appointment(manager, job.id, now, most) for job in manager.scheduled_jobs())
    return tuple(sorted((one for one in found if one is not None), key=_order))


def _order(one: Appointment) -> tuple[bool, float, str]:
    at = one.next_at
    return at is None, at.timestamp() if at else 0.0, one.job.name
