"""`holdfast job try`: what a run would do, found out without writing."""

import time
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import quote

import typer

from core.rehearsals import Rehearsals
from fastapi_app.cli.finding import Which, find_job
from fastapi_app.cli.house import House, OwnHouse, the_house
from fastapi_app.cli.terminal import AsJson, Data, say, say_json, shown
from fastapi_app.presenters.trials import counted

LOOK_EVERY: Final = 0.2
FAILED: Final = 1


def try_(which: Which, data: Data = None, as_json: AsJson = False) -> None:
    """Find out what a run would do, and write nothing."""
    with the_house(data) as house:
        found = _tried(house, find_job(house, which).job.id)
    if as_json:
        say_json(found)
    else:
        _say(found)
    if found["state"] != "done":
        raise typer.Exit(FAILED)


def _tried(house: House, job_id: str) -> Mapping[str, Any]:
    trial = _ask(house, "POST", f"/jobs/{quote(job_id, safe='')}/try")
    try:
        while trial["ended_at"] is None:
            time.sleep(LOOK_EVERY)
            trial = _ask(house, "GET", f"/trials/{trial['id']}")
    except KeyboardInterrupt:
        _ask(house, "POST", f"/trials/{trial['id']}/cancel")
        raise
    return trial


def _ask(house: House, method: str, path: str) -> Mapping[str, Any]:
    if isinstance(house, OwnHouse):
        return _own(house.rehearsals, path)
    from fastapi_app.cli.door import RemoteHouse  # noqa: PLC0415 - only where a server runs

    assert isinstance(house, RemoteHouse)  # noqa: S101 - there are two kinds of houses
    answer: Mapping[str, Any] = house.ask(method, path)
    return answer


def _own(rehearsals: Rehearsals, path: str) -> Mapping[str, Any]:
    from fastapi_app.api.trials import TrialOut  # noqa: PLC0415 - only where no server runs

    _, what, which, *verb = path.split("/")
    if what == "jobs":
        return TrialOut.of(rehearsals.of_job(which, by="cli")).model_dump(mode="json")
    found = rehearsals.cancel(which) if verb else rehearsals.show(which)
    return TrialOut.of(found).model_dump(mode="json")


def _say(trial: Mapping[str, Any]) -> None:
    for warning in trial["warnings"]:
        say(f"Warning: {shown(warning)}")
    if trial["error"] is not None:
        say(shown(f"{trial['error']['message']} {trial['error']['hint']}"))
        return
    result = trial["result"]
    for what, path in result.get("changes", ()):
        say(f"{shown(str(what)):8} {shown(str(path))}")
    say(shown(str(result.get("sentence") or counted(result))))
