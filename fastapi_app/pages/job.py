"""A job: what it does now, what it did, how safe that is, and how it is set."""

from fastapi import APIRouter
from starlette.responses import HTMLResponse

from core.manager import JobManager
from core.models import NOTHING, Job, Run
from core.queueing import Scope
from core.states import RunState
from core.storage.excerpts import line_of
from core.timetable import appointment
from fastapi_app.dependencies import Manager, TheHouse
from fastapi_app.house import House
from fastapi_app.pages.drawing import TheCanvas
from fastapi_app.pages.graph import drawn, overviews
from fastapi_app.pages.run import has_colours
from fastapi_app.places import JobId
from fastapi_app.presenters.breakers import BreakerView, breaker_views
from fastapi_app.presenters.evidence import evidence_of
from fastapi_app.presenters.job_page import MOST_RUNS, can_rehearse, job_view, safety_of, settings_of
from fastapi_app.presenters.mistakes import mistake_view
from fastapi_app.presenters.notifications import late_after, late_in_words
from fastapi_app.presenters.questions import question_view
from fastapi_app.presenters.runs import log_view, run_view
from fastapi_app.presenters.schedules import due_row, next_times
from fastapi_app.presenters.tide import tide_of
from fastapi_app.presenters.usual import foreseen, usual_of_job, usual_of_run

router = APIRouter()

LINES = 200
BARS = 90
MOST_TIMES = 5


@router.get("/jobs/{job_id}")
def show(job_id: JobId, canvas: TheCanvas, manager: Manager, house: TheHouse) -> HTMLResponse:
    """Show the job."""
    service = house.service
    overview, problem = manager.job(job_id), manager.mistakes.get(job_id)
    history, past = manager.runs_of(job_id), service.histories.of(job_id)
    now = service.clock.now()
    latest = foreseen(history[0], past, now) if history else None
    ended = [run for run in history if run.over]
    expected = service.notifications.rhythm.of(job_id)
    planned = appointment(manager, job_id, service.clock.now(), MOST_TIMES)
    asked = manager.question(latest.id) if latest else None
    return canvas.draw(
        "pages/job.html",
        "jobs",
        question=question_view(asked, latest.id) if asked and latest else None,
        problems=NOTHING,
        evidence=evidence_of(latest) if latest else None,
        may_try=can_rehearse(overview.job.kind),
        job=job_view(overview, history, problem),
        run=run_view(latest, overview.job) if latest else None,
        usual=usual_of_job(overview.job.kind, overview.job.options, past),
        ran=usual_of_run(latest, past, service.histories.findings(latest), now) if latest else None,
        why=service.waiting_room.why(latest) if latest else None,
        held=_is_held(house, job_id),
        log=log_view(service.logs.tail(latest.id, LINES)) if latest else None,
        coloured=latest is not None and has_colours(latest.kind),
        runs=[run_view(run, overview.job) for run in ended[:MOST_RUNS]],
        older=len(ended[MOST_RUNS:]),
        tide=tide_of(history, BARS),
        safety=safety_of(overview.job, history),
        late=late_in_words(expected, service.clock.now()),
        late_after=late_after(overview.job, expected),
        settings=settings_of(overview.job, _names(manager, overview.job)),
        due=due_row(planned) if planned else None,
        times=next_times(planned.schedule, planned.coming) if planned else (),
        graph=drawn(manager, job_id),
        breakers=_holding(house, latest),
        mistake=mistake_view(problem, line_of(service.data, problem)) if problem else None,
        outside=house.outside.change_of(overview.job),
    )


def _names(manager: JobManager, job: Job) -> dict[str, str]:
    """Return the names of the jobs that it comes after."""
    return {item.job.id: item.job.name for item in overviews(manager, job.after)}


def _holding(house: House, run: Run | None) -> tuple[BreakerView, ...]:
    """Return the breakers that keep a run waiting."""
    if run is None or run.state not in {RunState.SCHEDULED, RunState.QUEUED}:
        return ()
    manager, now = house.service.manager, house.service.clock.now()
    views = breaker_views(manager.breakers(), now, only=run.reaches)
    return tuple(view for view in views if view.probe != run.id)


def _is_held(house: House, job_id: str) -> bool:
    """Tell whether somebody paused the job, so that nothing new of it begins."""
    pause = house.service.manager.rules().pause(Scope.JOB, job_id)
    return pause is not None and pause.binds(house.service.clock.now())
