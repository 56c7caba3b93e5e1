"""Schedules: when every job is due next, and what a schedule would come to."""

from datetime import datetime
from typing import Annotated, Final

from fastapi import APIRouter, Query
from pydantic import AwareDatetime

from core.drafts import problems_of_schedule
from core.errors import InvalidOptions, WrongState
from core.models import Job
from core.timetable import Appointment, Preview, appointment, preview, timetable
from fastapi_app.api.entries import Entry, ScheduleEntry
from fastapi_app.api.values import Out, RunOut, ScheduleOut
from fastapi_app.dependencies import Manager, TheService
from fastapi_app.places import JobId

router = APIRouter(tags=["schedules"])

MOST: Final = 100
COMING: Final = 3


class PreviewEntry(Entry):
    """A schedule that is still being entered."""

    schedule: ScheduleEntry


class PreviewOut(Out):
    """What a schedule comes to: in words, its next due times, and what the changes of the clocks do to it."""

    words: str
    conditions: list[str]
    due: list[datetime]
    notes: list[str]

    @classmethod
    def of(cls, shown: Preview) -> "PreviewOut":
        """Return it as JSON says it."""
        return cls.model_validate(shown)


class AppointmentOut(Out):
    """A job that has a schedule, when it is due next, and what was left out of its due times.

    `skip` is a due time that somebody asked to be left out.
    """

    job_id: str
    job: str
    enabled: bool
    schedule: ScheduleOut
    words: str
    next_at: datetime | None
    coming: list[datetime]
    skip: datetime | None
    left_out: int
    left_out_at: datetime | None
    reason: str
    latest_run: RunOut | None

    @classmethod
    def of(cls, one: Appointment) -> "AppointmentOut":
        """Return it as JSON says it."""
        alike = ("words", "next_at", "skip", "left_out", "left_out_at", "reason")
        return cls.model_construct(
            job_id=one.job.id,
            job=one.job.name,
            enabled=one.job.enabled,
            schedule=ScheduleOut.of(one.schedule),
            coming=list(one.coming),
            latest_run=RunOut.of(one.latest_run) if one.latest_run else None,
            **{name: getattr(one, name) for name in alike},
        )


class AppointmentsOut(Out):
    """Every job that has a schedule, the next due first; `total` counts them all."""

    items: list[AppointmentOut]
    total: int


class SkipEntry(Entry):
    """The due time to leave out."""

    due_at: AwareDatetime


@router.get("/schedules")
def list_(
    manager: Manager, service: TheService, limit: Annotated[int, Query(ge=1, le=1_000)] = MOST
) -> AppointmentsOut:
    """Return the jobs that have a schedule, the next due first."""
    found = timetable(manager, service.clock.now(), COMING)
    return AppointmentsOut.model_construct(
        items=[AppointmentOut.of(one) for one in found[:limit]], total=len(found)
    )


@router.post("/schedules/preview")
def show(entry: PreviewEntry, service: TheService) -> PreviewOut:
    """Return what the schedule would come to; 422 names every field that is wrong."""
    schedule = entry.schedule.value()
    if found := problems_of_schedule(schedule):
        raise InvalidOptions(found)
    return PreviewOut.of(preview(schedule, service.clock.now()))


@router.get("/jobs/{job_id}/schedule")
def of_job(job_id: JobId, manager: Manager, service: TheService) -> AppointmentOut:
    """Return when the job is due next."""
    return _of_job(manager.job(job_id).job, manager, service)


@router.post("/jobs/{job_id}/schedule/skip")
def skip(job_id: JobId, entry: SkipEntry, manager: Manager, service: TheService) -> AppointmentOut:
    """Leave the next due time out."""
    manager.skip_next(job_id, entry.due_at)
    return _of_job(manager.job(job_id).job, manager, service)


@router.delete("/jobs/{job_id}/schedule/skip")
def do_not_skip(job_id: JobId, manager: Manager, service: TheService) -> AppointmentOut:
    """Leave nothing out after all."""
    manager.skip_next(job_id, None)
    return _of_job(manager.job(job_id).job, manager, service)


def _of_job(job: Job, manager: Manager, service: TheService) -> AppointmentOut:
    found = appointment(manager, job.id, service.clock.now())
    if found is None:
        message = f"{job.name!r} has no schedule."
        raise WrongState(message, hint="Give it one first; then it is due by itself.")
    return AppointmentOut.of(found)
