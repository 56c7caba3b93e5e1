"""A run: its stages, how it ended, what it said, and the proof to take away."""

import shlex
from collections.abc import Mapping
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Form, Query
from msgspec.structs import replace
from starlette.responses import FileResponse, HTMLResponse, Response

from core.commands import commands_of
from core.engines import ENGINES
from core.engines.restic import ResticEngine
from core.errors import InvalidOptions, NotFound
from core.log_files import LEVELS
from core.manager import JobManager
from core.models import NOTHING, Run
from core.repositories.reconciling import REGISTER as SNAPSHOTS
from core.repositories.reconciling import Standing, standing_of
from core.service import Service
from fastapi_app.dependencies import Manager, Person, TheService
from fastapi_app.kept import kept_file, plain_log
from fastapi_app.pages.drawing import Canvas, TheCanvas, see
from fastapi_app.places import RunId
from fastapi_app.presenters.answers import answer_of
from fastapi_app.presenters.evidence import evidence_of
from fastapi_app.presenters.job_page import job_view
from fastapi_app.presenters.jobs import actions_on
from fastapi_app.presenters.questions import question_view
from fastapi_app.presenters.runs import lines_of, log_view, newest_that_fit, run_view
from fastapi_app.presenters.usual import foreseen, usual_of_run

router = APIRouter(prefix="/runs/{run_id}")

LINES = 500

Said = Annotated[str, Form(max_length=500)]


@router.get("")
def show(run_id: RunId, canvas: TheCanvas, service: TheService) -> HTMLResponse:
    """Show the run."""
    return _shown(run_id, canvas, service)


@router.post("")
def answer(  # who says what, to which question
    run_id: RunId,
    canvas: TheCanvas,
    service: TheService,
    person: Person,
    question: Said = "",
    answer: Said = "",
    typed: Said = "",
) -> Response:
    """Answer what the run asks; what was typed wrong is told beside it."""
    try:
        service.manager.answer(run_id, question, answer, typed=typed, asked_by=person.name)
    except InvalidOptions as error:
        return _shown(run_id, canvas, service, HTTPStatus.UNPROCESSABLE_ENTITY, error.problems)
    return see(f"/runs/{run_id}")


def _shown(
    run_id: str,
    canvas: Canvas,
    service: Service,
    status: int = HTTPStatus.OK,
    problems: Mapping[str, str] = NOTHING,
) -> HTMLResponse:
    """Return the run's page; `problems` are of an answer that was not taken."""
    manager = service.manager
    run = manager.run(run_id)
    overview = manager.job(run.job_id)
    latest = overview.latest_run is not None and overview.latest_run.id == run.id
    then = replace(overview.job, kind=run.kind, options=run.options)
    destination = str(run.options.get("destination", "the copy"))
    past, now = service.histories.of(run.job_id), service.clock.now()
    has_manifest = run.over and service.manifest(run.id).is_file()
    asked = manager.question(run_id)
    return canvas.draw(
        "pages/run.html",
        "jobs",
        status,
        question=question_view(asked, run_id) if asked else None,
        problems=problems,
        evidence=evidence_of(run, _standing(run, manager)),
        commands=commands_of(manager.engine, run.kind, run.options, service.surroundings),
        job=job_view(replace(overview, job=then), (), manager.mistakes.get(run.job_id)),
        run=run_view(foreseen(run, past, now), then),
        ran=usual_of_run(run, past, service.histories.findings(run), now),
        latest=latest,
        why=service.waiting_room.why(run),
        actions=actions_on(overview) if latest else (),
        answer=answer_of(run),
        coloured=has_colours(run.kind),
        log=log_view(service.logs.tail(run.id, LINES)),
        manifest=_check_by(destination, run.id) if has_manifest else None,
    )


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


def _check_by(destination: str, run_id: str) -> dict[str, str]:
    return {
        "about": "The digest of every file, in the format of b3sum. Check the copy without us:",
        "command": f"cd {shlex.quote(destination)}\nb3sum --check ~/Downloads/{_manifest_name(run_id)}",
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


@router.get("/log")
def log(
    run_id: RunId, manager: Manager, service: TheService, *, colours: Annotated[bool, Query()] = False
) -> Response:
    """Hand out all that the run said, as a text; `colours` leaves in those that its program gave."""
    run = manager.run(run_id)
    path = service.logs.path(run.id)
    if not path.is_file():
        return Response(status_code=HTTPStatus.NO_CONTENT)
    name = f"holdfast-{run.id[:8]}.log"
    if has_colours(run.kind) and not colours:
        return plain_log(path, name)
    return FileResponse(path, media_type="text/plain; charset=utf-8", filename=name)


def has_colours(kind: str) -> bool:
    """Tell whether what runs of a kind say may be coloured."""
    return kind in ENGINES and ENGINES[kind].uses_programs


@router.get("/kept/{number}")
def kept(run_id: RunId, number: str, manager: Manager, service: TheService) -> Response:
    """Hand out a file that the run keeps."""
    return kept_file(manager.run(run_id), service.worker.workspace(run_id), number)


@router.get("/lines")
def lines(  # each is one part of the question
    run_id: RunId,
    canvas: TheCanvas,
    manager: Manager,
    service: TheService,
    after: Annotated[int | None, Query(ge=0)] = None,
    before: Annotated[int | None, Query(ge=1)] = None,
    limit: Annotated[int, Query(ge=1, le=LINES)] = LINES,
    level: str = LEVELS[0],
) -> HTMLResponse:
    """Draw lines of the run's log after a number, else the last ones before one, of a level or worse."""
    run = manager.run(run_id)
    worst = level if level in LEVELS else None
    if after is not None:
        page = service.logs.read(run.id, after=after, limit=limit, level=worst)
    else:
        page = service.logs.tail(run.id, limit, before=before, level=worst)
        page = replace(page, lines=tuple(newest_that_fit(page.lines)))
    answer = canvas.piece("partials/log_lines.html", lines=lines_of(page.lines))
    answer.headers["Log-Total"] = str(page.total)
    answer.headers["Log-Fitting"] = str(page.fitting)
    return answer
