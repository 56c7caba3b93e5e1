"""Runs: how they are, what they say, and what can be done to them."""

from typing import Annotated, Final, Literal

from fastapi import APIRouter, Query, Response

from fastapi_app.api.entries import AnswerEntry, PriorityEntry
from fastapi_app.api.values import LogOut, QuestionOut, RunOut, WaitingOut
from fastapi_app.dependencies import Manager, Person, TheService
from fastapi_app.kept import kept_file
from fastapi_app.places import RunId

router = APIRouter(prefix="/runs/{run_id}", tags=["runs"])

MOST_LINES: Final = 5_000
LAST_LINE: Final = 2**53


@router.get("")
def show(run_id: RunId, service: TheService) -> RunOut:
    """Return the run; where it waits, with the reason."""
    run = service.manager.run(run_id)
    why = service.waiting_room.why(run)
    question = service.manager.question(run_id)
    return RunOut.of(
        run,
        WaitingOut.of(why, service.clock.now()) if why else None,
        QuestionOut.of(question) if question else None,
    )


@router.patch("")
def prioritise(run_id: RunId, entry: PriorityEntry, manager: Manager) -> RunOut:
    """Give a run that waits another priority."""
    return RunOut.of(manager.prioritise(run_id, entry.priority, version=entry.version))


@router.get("/log")
def log(
    run_id: RunId,
    service: TheService,
    after: Annotated[int, Query(ge=0, le=LAST_LINE)] = 0,
    limit: Annotated[int, Query(ge=1, le=MOST_LINES)] = 1_000,
    level: Annotated[Literal["info", "warn", "error"] | None, Query()] = None,
) -> LogOut:
    """Return lines of the run's log that follow the line `after`, of a level or worse."""
    service.manager.run(run_id)
    return LogOut.of(service.logs.read(run_id, after=after, limit=limit, level=level))


@router.get("/kept/{number}", response_class=Response)
def kept(run_id: RunId, number: str, manager: Manager, service: TheService) -> Response:
    """Return a file that the run keeps; its result lists them, counted from 1."""
    return kept_file(manager.run(run_id), service.worker.workspace(run_id), number)


@router.post("/cancel", status_code=202)
async def cancel(run_id: RunId, manager: Manager) -> RunOut:
    """Stop the run for good."""
    return RunOut.of(await manager.later(lambda: manager.cancel(run_id)))


@router.post("/pause", status_code=202)
def pause(run_id: RunId, manager: Manager) -> RunOut:
    """Ask the run to stop half-way."""
    return RunOut.of(manager.pause(run_id))


@router.post("/resume", status_code=202)
async def resume(run_id: RunId, manager: Manager) -> RunOut:
    """Let a paused run go on."""
    return RunOut.of(await manager.later(lambda: manager.resume(run_id)))


@router.post("/answer", status_code=202)
def answer(run_id: RunId, entry: AnswerEntry, manager: Manager, person: Person) -> RunOut:
    """Answer what the run asks, and let it go on; `question` is the id of what was read."""
    given = manager.answer(run_id, entry.question, entry.answer, typed=entry.typed, asked_by=person.name)
    return RunOut.of(given)


@router.post("/requeue", status_code=202)
def requeue(run_id: RunId, manager: Manager, person: Person) -> RunOut:
    """Ask for a new run like one that is over."""
    return RunOut.of(manager.requeue(run_id, asked_by=person.name))
