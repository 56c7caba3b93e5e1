"""When every job is due: as a list, as a timeline beside the last day, and as a calendar."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import islice
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Form, Query
from pydantic import AwareDatetime
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from core.absences import Absence
from core.drafts import JobPatch
from core.errors import NotFound
from core.event_log import EventQuery
from core.events import Event, RegisterChanged, RunMoved
from core.firing import SCHEDULE
from core.happenings import Happening
from core.models import LARGEST, Run
from core.plans import moment_of
from core.queueing import Scope
from core.rollup_files import HOURS_KEPT
from core.service import Service
from core.states import AT_WORK, RunState
from core.timetable import Appointment
from fastapi_app.dependencies import Manager, TheService
from fastapi_app.house import House
from fastapi_app.pages.drawing import TheCanvas, see
from fastapi_app.pages.zones import TheZone, Zone
from fastapi_app.parts import is_change
from fastapi_app.places import JobId
from fastapi_app.presenters import lanes, month, timeline
from fastapi_app.presenters.month import DueThen, Month
from fastapi_app.presenters.schedules import (
    CALENDAR,
    LIST,
    TIMELINE,
    VIEWS,
    Pauses,
    says,
    schedules_list,
    with_words,
)
from fastapi_app.presenters.timeline import DAY, SPANS, WEEK, Timeline

router = APIRouter(prefix="/schedules")

HERE: Final = "/schedules"
TOPIC: Final = "schedules"
RULES: Final = "queue"
"""The register that says which jobs are paused."""

COOKIE: Final = "schedules"
"""In which the browser keeps which view was chosen last."""

A_YEAR: Final = 365 * 86_400
A_DAY: Final = timedelta(days=1)
MOST_OF_A_DAY: Final = 30

Word = Annotated[str, Query(max_length=200)]


@dataclass(kw_only=True)
class Asked:
    """What the address asks for: which view, and what of it."""

    view: Word = ""
    q: Word = ""
    sort: Word = ""
    begin: Annotated[int, Query(alias="from", ge=0, le=LARGEST)] = 0
    span: Word = WEEK
    month: Word = ""
    day: Word = ""


@router.get("")
def show(
    request: Request,
    canvas: TheCanvas,
    service: TheService,
    zone: TheZone,
    asked: Annotated[Asked, Depends()],
) -> HTMLResponse:
    """Show when every job is due, in the view that is asked for, else in the one that was looked at last."""
    views = [name for name, _, _ in VIEWS]
    kept = request.cookies.get(COOKIE, "")
    chosen = next((name for name in (asked.view, kept) if name in views), LIST)
    found = service.outlook.appointments()
    about = _view(service, found, zone, asked, chosen) if found else {}
    answer = canvas.draw(
        "pages/schedules.html",
        "schedules",
        says=says(found),
        views=VIEWS,
        chosen=chosen,
        words=asked.q,
        spans=SPANS,
        **about,
    )
    if asked.view in views and kept != asked.view:
        answer.set_cookie(COOKIE, asked.view, max_age=A_YEAR, httponly=True, samesite="lax", path=HERE)
    return answer


def _view(
    service: Service, found: tuple[Appointment, ...], zone: Zone, asked: Asked, chosen: str
) -> dict[str, Any]:
    """Return what the chosen view shows, under its name."""
    if chosen == TIMELINE:
        return {"timeline": timeline_of(service, found, zone, asked.q, asked.span)}
    if chosen == CALENDAR:
        return {"month": month_of(service, found, zone, asked.month, asked.day)}
    return {"list": schedules_list(found, asked.q, asked.sort, asked.begin, pauses_of(service))}


def pauses_of(service: Service) -> Pauses:
    """Return what tells whether people paused a job."""
    rules = service.manager.rules()
    return lambda job_id: rules.pause(Scope.JOB, job_id) is not None


def add_parts(house: House) -> None:
    """Keep what is said first, and the beginning of the list, up to date for those who look at it."""
    service = house.service

    def concerns(event: Event) -> bool:
        if isinstance(event, RunMoved):
            return service.outlook.knows(event.run.job_id)
        if isinstance(event, RegisterChanged):
            return event.name.startswith((SCHEDULE, RULES))
        return is_change(event)

    def first() -> str:
        return house.templates.render(
            "partials/schedules_says.html", says=says(service.outlook.appointments())
        )

    def rows() -> str:
        found = schedules_list(service.outlook.appointments(), "", "", 0, pauses_of(service))
        return house.templates.render("partials/schedules_rows.html", list=found)

    house.parts.add(TOPIC, "schedules-says", first, concerns=concerns)
    house.parts.add(TOPIC, "schedules-rows", rows, concerns=concerns)


def timeline_of(
    service: Service, found: tuple[Appointment, ...], zone: Zone, words: str, span: str
) -> Timeline:
    """Return the timeline of the jobs that have these words."""
    now = service.clock.now()
    span = span if span in {WEEK, DAY} else WEEK
    frame = lanes.day_ahead(now, zone.zone) if span == DAY else lanes.week_ahead(now, zone.zone)
    plan = service.plans.over(frame.start, frame.end)
    those = with_words(found, words)
    slots = service.dispatcher.load().slots
    behind = lanes.day_behind(now, zone.zone)
    return Timeline(
        ahead=timeline.ahead_of(those, plan, frame, zone.zone, slots, now, service.plans.usual_seconds),
        behind=timeline.behind_of(
            _ran_since(service, behind.start),
            service.absences.since(behind.start),
            lambda job_id: _name_of(service, job_id, words),
            behind,
            now,
        ),
        span=span,
        zone=zone.name,
        zone_of_browser=zone.of_browser,
    )


def _ran_since(service: Service, moment: datetime) -> Iterator[Run]:
    """Give the runs that ended since then, and those at work."""
    manager = service.manager
    yield from (run for run in manager.runs_ended_since(moment) if run.started_at is not None)
    yield from (run for run in manager.unfinished() if run.state in AT_WORK)


def _name_of(service: Service, job_id: str, words: str) -> str | None:
    """Return the name of a job that has these words; None for one that has not, or is gone."""
    try:
        name = service.manager.job(job_id).job.name
    except NotFound:
        return None
    said = f"{name} {job_id}".casefold()
    return name if all(word in said for word in words.casefold().split()) else None


def month_of(
    service: Service, found: tuple[Appointment, ...], zone: Zone, asked: str, asked_day: str
) -> Month:
    """Return the month that is asked for, and the day of it."""
    now = service.clock.now()
    first = month.month_in(asked, now, zone.zone)
    days = month.grid_of(first)
    midnights = [month.midnight(day, zone.zone) for day in days]
    due, left_out = service.plans.by_day(midnights) if midnights[-1] > now else ((0,) * (len(days) - 1), 0)
    hourly = midnights[0] >= now - HOURS_KEPT
    tallies = service.metrics.between(
        midnights[0], min(midnights[-1], now + A_DAY), "hour" if hourly else "day"
    )
    chosen = month.day_in(asked_day)
    grid = month.month_of(
        first,
        month.tallied(tallies, zone.zone if hourly else lanes.UTC_ZONE),
        service.absences.since(midnights[0]),
        dict(zip(days[:-1], due, strict=True)),
        now,
        zone.zone,
        chosen=chosen,
        zone_of_browser=zone.of_browser,
        left_out=left_out,
    )
    if chosen is None or not days[0] <= chosen < days[-1]:
        return grid
    return month.with_day(grid, _day_in_full(service, found, chosen, zone))


def _day_in_full(service: Service, found: tuple[Appointment, ...], day: date, zone: Zone) -> month.DayInFull:
    begins, ends = month.midnight(day, zone.zone), month.midnight(day + A_DAY, zone.zone)
    now = service.clock.now()
    ended: list[Happening] = []
    away: tuple[Absence, ...] = ()
    if begins <= now:
        for state in (RunState.FAILED, RunState.COMPLETED):
            asked = EventQuery(kind=f"run.{state}", since=begins, until=ends)
            ended += islice(service.event_log.matching(asked), MOST_OF_A_DAY)
        away = tuple(one for one in service.absences.since(begins) if one.at < ends)
    due = list(_due_then(service, found, begins, ends)) if ends > now else []
    return month.day_in_full(day, ended, away, sorted(due, key=lambda one: one.at), MOST_OF_A_DAY)


def _due_then(
    service: Service, found: tuple[Appointment, ...], begins: datetime, ends: datetime
) -> Iterator[DueThen]:
    plan = service.plans.over(begins, ends)
    for one in found:
        for at in plan.jobs[one.job.id].begins if one.job.id in plan.jobs else ():
            if begins.timestamp() <= at < ends.timestamp():
                yield DueThen(job_id=one.job.id, name=one.job.name, at=moment_of(at))


@router.post("/{job_id}/skip")
def skip(job_id: JobId, manager: Manager, due_at: Annotated[AwareDatetime, Form()]) -> Response:
    """Leave the next due time out."""
    manager.skip_next(job_id, due_at)
    return see(HERE)


@router.post("/{job_id}/keep")
def keep(job_id: JobId, manager: Manager) -> Response:
    """Leave nothing out after all."""
    manager.skip_next(job_id, None)
    return see(HERE)


@router.post("/{job_id}/on")
def switch_on(job_id: JobId, manager: Manager) -> Response:
    """Let the job be due again."""
    manager.edit(job_id, JobPatch(enabled=True), version=None)
    return see(HERE)


@router.post("/{job_id}/off")
def switch_off(job_id: JobId, manager: Manager) -> Response:
    """Let the job be due no more, until it is switched on again."""
    manager.edit(job_id, JobPatch(enabled=False), version=None)
    return see(HERE)
