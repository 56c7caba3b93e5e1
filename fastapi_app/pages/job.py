"""A job: what it does now, what it did last, how safe that is, and how it is set."""

from itertools import islice

from fastapi import APIRouter
from starlette.responses import HTMLResponse

from core.manager import JobManager
from core.models import NOTHING, Job, Run
from core.states import RunState
from fastapi_app.dependencies import Manager, TheHouse
from fastapi_app.house import House
from fastapi_app.pages.drawing import TheCanvas
from fastapi_app.pages.graph import drawn, overviews
from fastapi_app.pages.job_frame import Frame
from fastapi_app.places import JobId
from fastapi_app.presenters.breakers import BreakerView, breaker_views
from fastapi_app.presenters.evidence import evidence_of
from fastapi_app.presenters.job_page import MOST_RUNS, safety_of, settings_of
from fastapi_app.presenters.live_run import live_run_of
from fastapi_app.presenters.logs import coloured, log_view
from fastapi_app.presenters.notifications import late_after
from fastapi_app.presenters.questions import question_view
from fastapi_app.presenters.run_page import failure_view
from fastapi_app.presenters.runs import run_view
from fastapi_app.presenters.schedules import due_row
from fastapi_app.presenters.tide import tide_of
from fastapi_app.presenters.usual import foreseen, usual_of_run

router = APIRouter()

LINES = 60
BARS = 90


@router.get("/jobs/{job_id}")
def show(job_id: JobId, canvas: TheCanvas, manager: Manager, house: TheHouse) -> HTMLResponse:
    """Show the job as it is now."""
    frame = Frame(house, job_id, "now")
    job, planned = frame.overview.job, frame.planned
    shown = tuple(islice((run for run in frame.history if run.over), MOST_RUNS))
    not_over = sum(not run.over for run in manager.at_hand_of(job_id)[0])
    return canvas.draw(
        "pages/job.html",
        "jobs",
        **frame.context(),
        **(_latest(frame, frame.latest) if frame.latest else _no_run()),
        problems=NOTHING,
        runs=[run_view(run, job) for run in shown],
        older=max(len(frame.history) - not_over - len(shown), 0),
        tide=tide_of(frame.history, BARS),
        safety=safety_of(job, frame.history),
        late_after=late_after(job, frame.expected),
        settings=settings_of(job, names_after(manager, job)),
        due=due_row(planned) if planned else None,
        times=planned.coming if planned else (),
        graph=drawn(manager, job_id),
        breakers=_holding(house, frame.latest),
        outside=house.outside.change_of(job),
    )


def _latest(frame: Frame, run: Run) -> dict[str, object]:
    """Return what is shown of the latest run."""
    house, service = frame.house, frame.house.service
    latest = foreseen(run, frame.past, frame.now)
    ran = usual_of_run(latest, frame.past, service.histories.findings(latest), frame.now)
    asked = frame.manager.question(run.id)
    job = frame.overview.job
    versions = frame.manager.versions(job.id) if run.state == RunState.FAILED else ()
    return {
        "question": question_view(asked, run.id) if asked else None,
        "evidence": evidence_of(latest),
        "failure": failure_view(run, job, frame.history, versions, latest=True),
        "run": run_view(latest, job),
        "ran": ran,
        "pace": live_run_of(latest, house.courses.of(run.id)),
        "why": service.waiting_room.why(latest),
        "log": log_view(service.logs.tail(run.id, LINES), run.id),
        "coloured": coloured(run.kind),
    }


def _no_run() -> dict[str, None]:
    names = ("question", "evidence", "failure", "run", "ran", "pace", "why", "log", "coloured")
    return dict.fromkeys(names)


def names_after(manager: JobManager, job: Job) -> dict[str, str]:
    """Return the names of the jobs that it comes after."""
    return {item.job.id: item.job.name for item in overviews(manager, job.after)}


def _holding(house: House, run: Run | None) -> tuple[BreakerView, ...]:
    """Return the breakers that keep a run waiting."""
    if run is None or run.state not in {RunState.SCHEDULED, RunState.QUEUED}:
        return ()
    manager, now = house.service.manager, house.service.clock.now()
    views = breaker_views(manager.breakers(), now, only=run.reaches)
    return tuple(view for view in views if view.probe != run.id)
