"""`holdfast run command` and `holdfast job command`: what a person would type to do the same."""

from typing import Annotated
from urllib.parse import quote

import typer

from core.commands import Commands, commands_of
from core.errors import WrongState
from core.models import Job, Run
from fastapi_app.cli.finding import Which, find_job
from fastapi_app.cli.house import House, OwnHouse, the_house
from fastapi_app.cli.terminal import Data, say, shown


def of_run(
    run_id: Annotated[str, typer.Argument(help="The run's id.", show_default=False)], data: Data = None
) -> None:
    """Show what to type to do the same without Holdfast; no secret is in it."""
    with the_house(data) as house:
        found = _asked(house, f"/runs/{quote(run_id, safe='')}/commands", house.run(run_id))
    _say(found)


def of_job(which: Which, data: Data = None) -> None:
    """Show what to type to do the same without Holdfast; no secret is in it."""
    with the_house(data) as house:
        job = find_job(house, which).job
        found = _asked(house, f"/jobs/{quote(job.id, safe='')}/commands", job)
    _say(found)


def _asked(house: House, path: str, which: Job | Run) -> Commands:
    if isinstance(house, OwnHouse):
        return commands_of(house.manager.engine, which.kind, which.options, house.surroundings)
    from fastapi_app.cli.door import RemoteHouse  # noqa: PLC0415 - only where a server runs

    assert isinstance(house, RemoteHouse)  # noqa: S101 - there are two kinds of houses
    answer = house.ask("GET", path)
    return Commands(lines=tuple(answer["commands"]), about=answer["about"])


def _say(found: Commands) -> None:
    if not found.lines:
        raise WrongState(found.about)
    for line in found.lines:
        say(shown(line))
