"""A run: its stages, how it ended, what that calls for, what it said, and the proof to take away."""

import shlex
from collections.abc import Mapping
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Form
from msgspec.structs import replace
from starlette.responses import FileResponse, HTMLResponse, Response

from core.commands import commands_of
from core.engines.restic import ResticEngine
from core.errors import InvalidOptions, NotFound
from core.manager import JobManager
from core.models import NOTHING, Run
from core.repositories.reconciling import REGISTER as SNAPSHOTS
from core.repositories.reconciling import Standing, standing_of
from core.states import RunState
from fastapi_app.dependencies import Manager, Person, TheHouse, TheService
from fastapi_app.house import House
from fastapi_app.kept import kept_file
from fastapi_app.pages.drawing import Canvas, TheCanvas, see
from fastapi_app.pages.run_log import TheAsked, page_of
from fastapi_app.places import RunId
from fastapi_app.presenters.answers import answer_of
from fastapi_app.presenters.evidence import evidence_of
from fastapi_app.presenters.job_page import job_view
from fastapi_app.presenters.jobs import actions_on
from fastapi_app.presenters.live_run import live_run_of
from fastapi_app.presenters.logs import LATEST, Asked, coloured, log_view
from fastapi_app.presenters.questions import question_view
from fastapi_app.presenters.run_page import besides, facts_of, failure_view, neighbours
from fastapi_app.presenters.runs import run_view
from fastapi_app.presenters.stages import stages_of
from fastapi_app.presenters.usual import foreseen, usual_of_run

router = APIRouter(prefix="/runs/{run_id}")

Said = Annotated[str, Form(max_length=500)]


@router.get("")
def show(run_id: RunId, canvas: TheCanvas, house: TheHouse, asked: TheAsked) -> HTMLResponse:
    """Show the run."""
    return _shown(run_id, canvas, house, asked)


@router.post("")
def answer(  # who says what, to which question
    run_id: RunId,
    canvas: TheCanvas,
    house: TheHouse,
    person: Person,
    question: Said = "",
    answer: Said = "",
    typed: Said = "",
) -> Response:
    """Answer what the run asks; what was typed wrong is told beside it."""
    try:
        house.service.manager.answer(run_id, question, answer, typed=typed, asked_by=person.name)
    except InvalidOptions as error:
        return _shown(run_id, canvas, house, LATEST, HTTPStatus.UNPROCESSABLE_ENTITY, error.problems)
    return see(f"/runs/{run_id}")


@router.post("/again")
def again(run_id: RunId, manager: Manager, person: Person) -> Response:
    """Ask for a new run like this one, and lead there."""
    return see(f"/runs/{manager.requeue(run_id, asked_by=person.name).id}")


def _shown(
    run_id: str,
    canvas: Canvas,
    house: House,
    asked: Asked,
    status: int = HTTPStatus.OK,
    problems: Mapping[str, str] = NOTHING,
) -> HTMLResponse:
    """Return the run's page; `problems` are of an answer that was not taken."""
    run = house.service.manager.run(run_id)
    context = _context(house, run)
    page = page_of(house.service.logs, run_id, asked)
    log = log_view(page, run_id, asked)
    return canvas.draw("pages/run.html", "jobs", status, **context, problems=problems, log=log)


def _context(house: House, run: Run) -> dict[str, Any]:
    service = house.service
    manager = service.manager
    overview = manager.job(run.job_id)
    latest = overview.latest_run is not None and overview.latest_run.id == run.id
    then = replace(overview.job, kind=run.kind, options=run.options)
    past, now = service.histories.of(run.job_id), service.clock.now()
    history = manager.runs_of(run.job_id)
    before, after = neighbours(run, history)
    course = house.courses.of(run.id)
    question = manager.question(run.id)
    versions = manager.versions(run.job_id) if run.state == RunState.FAILED else ()
    return {
        "question": question_view(question, run.id) if question else None,
        "evidence": evidence_of(run, _standing(run, manager)),
        "commands": commands_of(manager.engine, run.kind, run.options, service.surroundings),
        "job": job_view(replace(overview, job=then), (), manager.mistakes.get(run.job_id)),
        "run": run_view(foreseen(run, past, now), then),
        "ran": usual_of_run(run, past, service.histories.findings(run), now),
        "pace": live_run_of(run, course),
        "stages": stages_of(run, course.stages, now),
        "besides": besides(run, past, service.logs.lines_at_hand(run.id)),
        "facts": facts_of(run),
        "failure": failure_view(run, overview.job, history, versions, latest=latest),
        "before": before,
        "after": after,
        "latest": latest,
        "why": service.waiting_room.why(run),
        "actions": actions_on(overview) if latest else (),
        "answer": answer_of(run),
        "coloured": coloured(run.kind),
        "manifest": _manifest(house, run),
    }


def _standing(run: Run, manager: JobManager) -> Standing | None:
    """Return what was found out of the run's snapshot since it ended; None for a run that made none."""
    result = run.result or {}
    reported = str(result.get("snapshot") or "")
    if not run.over or not (reported or run.kind == ResticEngine.kind):
        return None
    kept = manager.registers(SNAPSHOTS)
    place = SNAPSHOTS + str(result.get("repository", ""))
    registers = [kept[place]] if place in kept else list(kept.values())
    return standing_of(registers, run.id, reported, run.ended_at)


def _manifest(house: House, run: Run) -> dict[str, str] | None:
    """Return how the copy can be checked without us; None where the run left no digests."""
    if not run.over or not house.service.manifest(run.id).is_file():
        return None
    destination = str(run.options.get("destination", "the copy"))
    return {
        "about": "The digest of every file, in the format of b3sum. Check the copy without us:",
        "command": f"cd {shlex.quote(destination)}\nb3sum --check ~/Downloads/{_manifest_name(run.id)}",
    }


def _manifest_name(run_id: str) -> str:
    return f"holdfast-{run_id[:8]}.b3"


@router.get("/manifest")
def manifest(run_id: RunId, manager: Manager, service: TheService) -> Response:
    """Hand out the digests of the run's copy."""
    run = manager.run(run_id)
    path = service.manifest(run.id)
    if not path.is_file():
        raise NotFound("manifest of run", run.id)
    return FileResponse(path, media_type="application/octet-stream", filename=_manifest_name(run.id))


@router.get("/kept/{number}")
def kept(run_id: RunId, number: str, manager: Manager, service: TheService) -> Response:
    """Hand out a file that the run keeps."""
    return kept_file(manager.run(run_id), service.worker.workspace(run_id), number)
