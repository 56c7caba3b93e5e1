"""The dashboard: in one sentence, what needs you, what runs, how old each copy is."""

from datetime import datetime
from typing import Final

from fastapi import APIRouter
from starlette.responses import HTMLResponse

from core.listing import JobQuery
from core.models import JobOverview
from core.service import Service
from core.timetable import appointments
from fastapi_app.dependencies import Manager, TheService
from fastapi_app.pages.drawing import TheCanvas
from fastapi_app.presenters.dashboard import A_DAY, MOST_JOBS, dashboard_of, is_at_work
from fastapi_app.presenters.interrupted import interrupted_of
from fastapi_app.presenters.notifications import late_in_words
from fastapi_app.presenters.schedules import DueRow, due_row
from fastapi_app.presenters.throughput import throughput_of
from fastapi_app.presenters.usual import overview_foreseen

router = APIRouter()

MOST_NEXT: Final = 5


@router.get("/")
def dashboard(canvas: TheCanvas, manager: Manager, service: TheService) -> HTMLResponse:
    """Show how things stand."""
    now = service.clock.now()
    listed = manager.list_jobs(JobQuery(sort="-last-run", limit=None)).items
    jobs = [_foreseen(service, item, now) if is_at_work(item) else item for item in listed]
    histories = [(overview, manager.runs_of(overview.job.id)) for overview in jobs[:MOST_JOBS]]
    late = {each.job_id: late_in_words(each, now) for each in service.notifications.rhythm.late()}
    view = dashboard_of(jobs, histories, manager.counts(), manager.runs_ended_since(now - A_DAY), now, late)
    interrupted = interrupted_of(manager.interrupted_runs(), manager.job)
    day, alert_at = service.metrics.last_day(), service.settings.failure_alert
    return canvas.draw(
        "pages/dashboard.html",
        "dashboard",
        view=view,
        interrupted=interrupted,
        held=service.waiting_room.is_paused(),
        next_up=_next_up(service),
        throughput=throughput_of(day, service.dispatcher.load(), alert_at),
    )


def _foreseen(service: Service, overview: JobOverview, now: datetime) -> JobOverview:
    """Return a job whose run is at work with the time that it still needs, from history where nobody says."""
    return overview_foreseen(overview, service.histories.of(overview.job.id), now)


def _next_up(service: Service) -> tuple[DueRow, ...]:
    """Return the jobs that are due next, as far as the ticker has planned."""
    soonest = service.scheduler.soonest(MOST_NEXT)
    return tuple(map(due_row, appointments(service.manager, soonest, service.clock.now())))
