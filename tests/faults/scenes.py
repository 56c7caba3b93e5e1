"""What is done while calls are counted: each command alone, on a folder that was prepared once."""

import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from core.models import Run
from tests.faults.children import ChildFailed, answer_of
from tests.faults.gate import guarded
from tests.faults.looking import found_in
from tests.faults.model import Found
from tests.faults.plans import ARMED
from tests.faults.telling import Teller
from tests.faults.verdicts import Plan
from tests.faults.working import House, Writer

JOBS = 4


@dataclass
class Stage:
    """A house that is open, and what of it a scene may use."""

    house: House
    teller: Teller
    writer: Writer
    idle: str
    queued: Run
    running: Run
    over: Run


Scene = Callable[[Stage], object]


def _everything(stage: Stage) -> None:
    job = stage.writer.create()
    stage.writer.edit(stage.idle)
    stage.writer.delete(stage.over.job_id)
    if job is not None:
        stage.writer.start(job.id)
    stage.house.close()


SCENES: Mapping[str, Scene] = {
    "create": lambda stage: stage.writer.create(),
    "edit": lambda stage: stage.writer.edit(stage.idle),
    "start": lambda stage: stage.writer.start(stage.idle),
    "claim": lambda stage: stage.writer.claim(stage.queued),
    "report": lambda stage: stage.writer.report(stage.running),
    "complete": lambda stage: stage.writer.complete(stage.running),
    "cancel": lambda stage: stage.writer.cancel(stage.queued),
    "delete": lambda stage: stage.writer.delete(stage.over.job_id),
    "checkpoint": lambda stage: stage.house.store.checkpoint(),
    "close": lambda stage: stage.house.close(),
    "create, edit, delete and close": _everything,
}


def prepare(folder: Path, seed: str, *, close: bool) -> Found:
    """Make a store with a job for each scene; return what is in it."""

    def work() -> None:
        house = House(folder).open()
        writer = Writer(house, Teller(folder.with_name(f"{folder.name}-told")), seed)
        for number in range(JOBS):
            job = writer.create()
            if job is None or not number:
                continue
            run = writer.start(job.id)
            if run is not None and number > 1:
                run = writer.claim(run)
            if run is not None and number > 2:
                writer.complete(run)
        if close:
            house.close()

    answer_of(work)
    return _good(found_in(folder))


def _good(found: Found) -> Found:
    """Return what was found, unless something is wrong before anything was done to it."""
    if found.dead or found.problems:
        message = found.dead or "\n".join(found.problems)
        raise ChildFailed(message)
    return found


def play(scene: Scene, folder: Path, plan: Plan) -> int:
    """Do what the scene says in a child behind the gate, armed; return how the child ended."""
    told = folder.with_name(f"{folder.name}-told")
    told.unlink(missing_ok=True)

    def work() -> None:
        teller = Teller(told)
        stage = stage_in(folder, teller)
        teller.tell(**{ARMED: True})
        scene(stage)
        teller.tell(**{ARMED: False})

    return guarded(work, folder, told, plan)


def stage_in(folder: Path, teller: Teller) -> Stage:
    """Open a prepared store."""
    house = House(folder).open()
    runs = {run.state.value: run for run in house.manager.runs_at_hand()}
    busy = {run.job_id for run in runs.values()}
    found = house.manager.list_jobs().items
    idle = next(item.job.id for item in found if item.job.id not in busy)
    writer = Writer(house, teller, "scene")
    return Stage(house, teller, writer, idle, runs["queued"], runs["running"], runs["completed"])


def copy_of(prepared: Path, folder: Path) -> Path:
    """Put a fresh copy of a prepared store into a folder."""
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(prepared, folder, symlinks=True)
    return folder
