"""The dashboard: in one sentence, what needs you, what runs, how old each copy is."""

from fastapi import APIRouter
from starlette.responses import HTMLResponse

from core.listing import JobQuery
from fastapi_app.dependencies import Manager, TheService
from fastapi_app.pages.drawing import TheCanvas
from fastapi_app.presenters.dashboard import A_DAY, MOST_JOBS, dashboard_of
from fastapi_app.presenters.interrupted import interrupted_of
from fastapi_app.presenters.notifications import late_in_words

router = APIRouter()


@router.get("/")
def dashboard(canvas: TheCanvas, manager: Manager, service: TheService) -> HTMLResponse:
    """Show how things stand."""
    jobs = manager.list_jobs(JobQuery(sort="-last-run", limit=None)).items
    histories = [(overview, manager.runs_of(overview.job.id)) for overview in jobs[:MOST_JOBS]]
    now = service.clock.now()
    late = {each.job_id: late_in_words(each, now) for each in service.notifications.rhythm.late()}
    view = dashboard_of(jobs, histories, manager.counts(), manager.runs_ended_since(now - A_DAY), now, late)
    interrupted = interrupted_of(manager.interrupted_runs(), manager.job)
    return canvas.draw("pages/dashboard.html", "dashboard", view=view, interrupted=interrupted)
