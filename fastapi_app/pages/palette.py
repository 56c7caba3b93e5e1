"""The palette's answers: whatever may be meant by what was typed, as JSON."""

from collections.abc import Iterator
from typing import Annotated, Final

import msgspec
from fastapi import APIRouter, Query
from starlette.responses import Response

from core.errors import InvalidOptions, NotFound
from core.listing import JobQuery
from core.manager import JobManager
from core.models import JobOverview, Run
from core.people import Role
from core.queueing import Scope
from fastapi_app.auth import Person as SomePerson
from fastapi_app.dependencies import Person, TheService
from fastapi_app.places import UUID
from fastapi_app.presenters import palette
from fastapi_app.presenters.palette import Asked, Found
from fastapi_app.presenters.sections import sections_for

router = APIRouter(prefix="/palette")

LOOKED_AT: Final = 200
"""How many of the jobs that match are compared by how near their names are."""

Typed = Annotated[str, Query(max_length=200)]


@router.get("")
def find(service: TheService, person: Person, q: Typed = "") -> Response:
    """Return what was meant, the likeliest first."""
    found = list(_found(service, person, palette.asked_in(q)))[: palette.MOST]
    return Response(msgspec.json.encode(found), media_type="application/json")


def _found(service: TheService, person: SomePerson, asked: Asked) -> Iterator[Found]:
    always = _always(service, person)
    if not asked.text:
        yield from always
        return
    may_act, manager = person.may(Role.OPERATOR), service.manager
    if may_act and (command := palette.command_in(asked)):
        yield from palette.job_commands(_jobs(manager, command), command.verb)
    yield from palette.run_lines(_runs(manager, asked))
    near = palette.nearest(always, asked)
    jobs = _jobs(manager, asked)
    yield from (each for each in near if palette.is_near(each, asked))
    yield from palette.job_lines(jobs)
    if may_act:
        yield from palette.job_commands(jobs[: palette.ACTED_ON])
    yield from palette.nearest(palette.destination_lines(service.destinations.list()), asked)
    yield from (each for each in near if not palette.is_near(each, asked))


def _always(service: TheService, person: SomePerson) -> list[Found]:
    """Return what is there whatever is typed: pages, settings, commands."""
    may_rule = person.may(Role.ADMIN)
    sections = sections_for(may_rule=may_rule, took_away=service.quarantines.has_any).all
    paused = service.manager.rules().pause(Scope.QUEUE) is not None
    commands = palette.commands(may_act=person.may(Role.OPERATOR), may_rule=may_rule, paused=paused)
    return [*palette.page_lines(sections), *commands, *palette.setting_lines(may_rule=may_rule)]


def _jobs(manager: JobManager, asked: Asked) -> list[JobOverview]:
    """Return the jobs that match, the nearest first; none for a search that is not finished yet."""
    try:
        page = manager.list_jobs(JobQuery(text=asked.text, sort="name", limit=LOOKED_AT))
    except InvalidOptions:
        return []
    return palette.jobs_found(page.items, asked)


def _runs(manager: JobManager, asked: Asked) -> Iterator[tuple[str, Run]]:
    """Return runs, each with its job's name: the one of that id, or the newest of that number."""
    if UUID.fullmatch(asked.text.casefold()):
        yield from _run(manager, asked.text.casefold())
    if (wanted := palette.run_in(asked)) is None:
        return
    if wanted.text:
        jobs = _jobs(manager, wanted)
        runs = [
            run for each in jobs for run in manager.at_hand_of(each.job.id)[0] if run.number == wanted.number
        ]
    else:
        runs = [run for run in manager.runs_at_hand() if run.number == wanted.number]
    newest = sorted(runs, key=lambda run: run.created_at, reverse=True)
    for run in newest[: palette.MOST_RUNS]:
        yield from _run(manager, run.id)


def _run(manager: JobManager, run_id: str) -> Iterator[tuple[str, Run]]:
    """Return the run with its job's name; nothing where either is gone."""
    try:
        run = manager.run(run_id)
        yield manager.job(run.job_id).job.name, run
    except NotFound:
        return
