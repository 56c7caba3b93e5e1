"""A real server whose disk fails under it: it says so in plain words, goes on, and loses nothing."""

import json
import os
import random
import signal
import sys
import time
from pathlib import Path
from typing import Any, Final

import httpx

from fastapi_app.cli.__main__ import main as holdfast
from tests.faults.children import KILLED, Child
from tests.faults.gate import guarded
from tests.faults.looking import found_in
from tests.faults.plans import ARMED, FailAt
from tests.faults.refusals import FULL, HEALED_WITHIN, TROUBLES, Trouble
from tests.faults.reports import Effort, Tally
from tests.faults.telling import Teller, Told

STARTS_WITHIN: Final = 60.0
CREATED: Final = 201
REFUSALS: Final = {True: (507, "storage-full"), False: (503, "storage-failed")}


def failing_under_a_server(effort: Effort, place: Path) -> Tally:
    """Let the disk of a real server fail, ask it for a change, heal the disk, ask again."""
    tally = Tally("system calls that fail under a real server")
    chance = random.Random(effort.seed)
    troubles = TROUBLES if effort.whole else chance.sample(TROUBLES, 1)
    for number, trouble in enumerate(troubles):
        folder = place / f"data-{number}"
        (place / "source").mkdir(exist_ok=True)
        plan = FailAt(1, trouble.error, again=True, concerns=trouble.concerns)
        code = guarded(lambda: _serve(folder, place), folder, place / f"told-{number}", plan)  # noqa: B023
        wrongs = _wrong_answers(plan.lines, trouble) + _wrong_contents(plan.lines, folder)
        if code != KILLED:
            wrongs.append(f"the server ended with {code}")
        tally.tried(wrongs, where=f"{trouble} from {plan.struck} on")
    return tally


def _serve(folder: Path, place: Path) -> None:
    """Be the server; a child of ours asks it and ends it."""
    told = place / f"told-{folder.name.removeprefix('data-')}"
    with Child(lambda: _ask_and_end(folder, place, Teller(told))):
        sys.argv = ["holdfast", "serve", "--port", "0", "--data", str(folder)]
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        os.dup2(1, 2)
        holdfast()


def _ask_and_end(folder: Path, place: Path, teller: Teller) -> None:
    try:
        _ask(folder, place, teller)
    finally:
        os.kill(os.getppid(), signal.SIGKILL)


def _ask(folder: Path, place: Path, teller: Teller) -> None:
    with _client_of(folder) as client:
        answers = [_create(client, place, "before")]
        teller.tell(**{ARMED: True})
        answers.append(_create(client, place, "meanwhile"))
        listed = client.get("/api/v1/jobs")
        teller.tell(**{ARMED: False})
        teller.tell(listed=[item["name"] for item in listed.json()["items"]], status=listed.status_code)
        until = time.monotonic() + HEALED_WITHIN
        while (after := _create(client, place, "after"))["status"] != CREATED and time.monotonic() < until:
            pass  # the server takes its time to answer
        for answer in (*answers, after):
            teller.tell(**answer)


def _client_of(folder: Path) -> httpx.Client:
    until = time.monotonic() + STARTS_WITHIN
    while time.monotonic() < until:
        try:
            door = json.loads((folder / "locks" / "door.json").read_bytes())
            key = {"Authorization": f"Bearer {door['token']}"}
            httpx.get(f"{door['address']}/livez", trust_env=False).raise_for_status()
        except (FileNotFoundError, httpx.HTTPError):
            time.sleep(0.05)
        else:
            return httpx.Client(base_url=door["address"], headers=key, timeout=30, trust_env=False)
    message = "The server did not come up."
    raise TimeoutError(message)


def _create(client: httpx.Client, place: Path, name: str) -> dict[str, Any]:
    options = {"source": str(place / "source"), "destination": str(place / name)}
    answer = client.post("/api/v1/jobs", json={"name": name, "kind": "copy", "options": options})
    body = answer.json()
    return {"name": name, "status": answer.status_code, "code": body.get("code"), "words": body.get("detail")}


def _wrong_answers(lines: list[Told], trouble: Trouble) -> list[str]:
    told = {line["name"]: line for line in lines if "name" in line}
    wanted = REFUSALS[trouble.error in FULL]
    wrongs = [
        f"{name!r} was answered {told.get(name)}"
        for name in ("before", "after")
        if told.get(name, {}).get("status") != CREATED
    ]
    meanwhile = told.get("meanwhile", {})
    if meanwhile.get("status") != CREATED and (meanwhile.get("status"), meanwhile.get("code")) != wanted:
        wrongs.append(f"'meanwhile' was answered {meanwhile}")
    listed = next((line["listed"] for line in lines if "listed" in line), None)
    if (
        listed is None
        or ("meanwhile" in listed) != (meanwhile.get("status") == CREATED)
        or "before" not in listed
    ):
        wrongs.append(f"while it failed the list showed {listed}")
    return wrongs


def _wrong_contents(lines: list[Told], folder: Path) -> list[str]:
    found = found_in(folder)
    names = {job["name"] for job in found.jobs.values()}
    wanted = {line["name"] for line in lines if line.get("status") == CREATED and "name" in line}
    wrongs = [f"{sorted(wanted)} were acknowledged and {sorted(names)} are there"] if names != wanted else []
    return wrongs + [f"a temporary file was left: {name}" for name in found.leftovers]
