"""Writers: they do everything that can be done to jobs and runs, and tell of it."""

import contextlib
import itertools
import random
import threading
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, Self

from core.clock import SystemClock
from core.dispatch.local import LocalDispatcher
from core.drafts import JobDraft, JobPatch
from core.edits import HandEdits
from core.errors import HoldfastError, NotFound
from core.events import EventBus
from core.listing import JobQuery
from core.manager import JobManager
from core.models import Failure, Job, Progress, Run
from core.states import AT_WORK, RunState
from core.storage.memory import MemoryStore
from core.storage.own_backup import sweep_backups
from core.storage.yaml_files import YamlFilesStore
from core.work import Outcome, Surroundings
from tests.doubles import make_scripted_engine
from tests.faults.telling import Teller

BROKEN = Failure(code="engine-failed", message="The script said so.")
LONGEST_WORD = 3_000
LOOK_EVERY = 0.005
CHECKPOINT_EVERY = 0.15
"""Seconds between two checkpoints, on average: often, so that many are under way when a fault comes."""


def fields_of(token: str, size: int) -> dict[str, Any]:
    """Return a job's fields that all carry the token, so that a mixture of two is seen."""
    return {
        "name": f"job {token}",
        "tags": (token,),
        "options": {"script": token, "word": f"{token}:{'x' * size}"},
    }


def is_whole(job: dict[str, Any]) -> bool:
    """Tell whether all fields of a job carry the same token."""
    token = job["options"]["script"]
    word, _, padding = job["options"]["word"].partition(":")
    return bool(
        job["name"] == f"job {token}" and job["tags"] == [token] and word == token and not padding.strip("x")
    )


class House:
    """A manager on the store in a folder, or on one `in_memory`, with those who take over edits by hand."""

    def __init__(self, folder: Path, in_memory: MemoryStore | None = None) -> None:
        clock = SystemClock()
        self.at_work = False
        self.events = EventBus()
        self.store = YamlFilesStore(folder, clock=clock)
        self.manager = JobManager(
            in_memory or self.store,
            self.events,
            clock,
            LocalDispatcher(1),
            make_scripted_engine,
            Surroundings(own_data=folder),
        )
        shelf = lambda: None if in_memory else self.store.shelf  # noqa: E731 - as is asked for
        self.edits = HandEdits(self.manager, self.events, clock, shelf)

    def open(self, *, at_work: bool = True) -> Self:
        """Take hold of the folder and read it."""
        self.manager.open(at_work=at_work)
        self.at_work = at_work
        if at_work:
            sweep_backups(self.store.folder / "backups" / "own-state")
            self.edits.catch_up()
            self.edits.start()
        return self

    def job_ids(self) -> list[str]:
        """Return the ids of all jobs."""
        return [item.job.id for item in self.manager.list_jobs(JobQuery(limit=None)).items]

    def close(self) -> None:
        """Let go of the folder."""
        self.edits.close()
        self.events.close()
        self.manager.close()


class Writer:
    """Gives commands, one after the other, on jobs that it may share with others."""

    def __init__(self, house: House, teller: Teller, seed: str) -> None:
        self._manager = house.manager
        self._teller = teller
        self._chance = random.Random(seed)
        self._tokens = (f"{seed}-{number}" for number in itertools.count(1))

    def create(self) -> Job | None:
        """Keep a new job."""
        token = next(self._tokens)
        draft = JobDraft(kind="scripted", **fields_of(token, self._size()))
        return self._teller.ask("create", lambda: self._manager.create(draft), token=token)

    def edit(self, job_id: str) -> Job | None:
        """Change every field of a job."""
        token = next(self._tokens)
        patch = JobPatch(**fields_of(token, self._size()))
        command = lambda: self._manager.edit(job_id, patch, version=None)  # noqa: E731 - as the others
        return self._teller.ask("edit", command, job=job_id, token=token)

    def delete(self, job_id: str) -> None:
        """Delete a job and its runs."""
        self._teller.ask("delete", lambda: self._manager.delete(job_id), job=job_id)

    def start(self, job_id: str) -> Run | None:
        """Ask for a run."""
        return self._teller.ask("start", lambda: self._manager.start(job_id), job=job_id)

    def cancel(self, run: Run) -> Run | None:
        """Stop a run for good."""
        return self._on_run("cancel", run, lambda: self._manager.cancel(run.id))

    def pause(self, run: Run) -> Run | None:
        """Ask a run to stop half-way."""
        return self._on_run("pause", run, lambda: self._manager.pause(run.id))

    def resume(self, run: Run) -> Run | None:
        """Let a run go on."""
        return self._on_run("resume", run, lambda: self._manager.resume(run.id))

    def claim(self, run: Run) -> Run | None:
        """Begin an attempt."""
        return self._on_run("claim", run, lambda: self._manager.claim(run.id, "here"))

    def report(self, run: Run) -> None:
        """Show how far a run is."""
        done = run.progress.done + 1
        progress = Progress(stage="one", percent=min(done, 100), done=done, total=100)
        told = lambda: self._manager.report(run.id, run.attempt, progress, {"at": done})  # noqa: E731
        self._on_run("report", run, told)

    def complete(self, run: Run) -> Run | None:
        """End a run well."""
        outcome = Outcome(result={"verified": True}, warnings=("It was hot.",))
        return self._on_run("complete", run, lambda: self._manager.complete(run.id, run.attempt, outcome))

    def fail(self, run: Run) -> Run | None:
        """End a run badly."""
        return self._on_run("fail", run, lambda: self._manager.fail(run.id, run.attempt, BROKEN))

    def stopped(self, run: Run) -> Run | None:
        """Let go of a run."""
        return self._on_run("stopped", run, lambda: self._manager.stopped(run.id, run.attempt))

    def go_on(self, run: Run) -> None:
        """Do something that fits the state of the run."""
        if run.state == RunState.QUEUED:
            self._one_of(self.claim, self.claim, self.claim, self.cancel)(run)
        elif run.state == RunState.PAUSED:
            self._one_of(self.resume, self.cancel)(run)
        elif run.state == RunState.RUNNING:
            further = (self.report, self.report, self.report, self.complete, self.complete, self.fail)
            self._one_of(*further, self.pause, self.cancel, self.stopped)(run)
        elif run.state in AT_WORK:
            self._one_of(self.stopped, self.complete)(run)

    def anything(self, job_ids: list[str], most: int) -> None:
        """Do something to one of the jobs, or add one while there are fewer than `most`."""
        if not job_ids or (len(job_ids) < most and self._chance.random() < 0.2):
            job = self.create()
            if job is not None:
                job_ids.append(job.id)
            return
        job_id = self._chance.choice(job_ids)
        try:
            run = self._manager.job(job_id).latest_run
        except NotFound:
            return
        if run is not None and not run.over and self._chance.random() < 0.8:
            self.go_on(run)
        elif self._chance.random() < 0.1:
            self.delete(job_id)
            if job_id in job_ids:
                job_ids.remove(job_id)
        else:
            self._one_of(self.start, self.start, self.edit)(job_id)

    def _on_run(self, verb: str, run: Run, command: Callable[[], Run | None]) -> Run | None:
        return self._teller.ask(verb, command, job=run.job_id, run=run.id)

    def _one_of(self, *commands: Callable[[Any], object]) -> Callable[[Any], object]:
        return self._chance.choice(commands)

    def _size(self) -> int:
        return int(LONGEST_WORD ** self._chance.random())


def work_for_ever(house: House, teller: Teller, seed: str, *, writers: int, most: int = 40) -> None:
    """Let many writers work on the same jobs until the process ends; others look on, or write checkpoints."""
    job_ids = house.job_ids()

    def write(number: int) -> None:
        writer = Writer(house, teller, f"{seed}.{number}")
        while True:
            writer.anything(job_ids, most)

    at_work: list[Callable[[], None]] = [partial(write, number) for number in range(writers)]
    at_work.append(lambda: _look_for_ever(house, teller, job_ids))
    if house.at_work:
        at_work.append(lambda: _write_checkpoints_for_ever(house, random.Random(seed)))
    threads = [threading.Thread(target=work, daemon=True) for work in at_work]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def _look_for_ever(house: House, teller: Teller, job_ids: list[str]) -> None:
    """Tell what is shown: nobody may see what a loss of power can take back."""
    for at in itertools.count():
        time.sleep(LOOK_EVERY)
        try:
            seen = house.manager.job(job_ids[at % len(job_ids)]) if job_ids else None
        except (NotFound, IndexError, ZeroDivisionError):  # it was deleted between the two
            continue
        if seen is not None:
            teller.tell(saw=seen.job)
        if seen is not None and seen.latest_run is not None:
            teller.tell(saw=seen.latest_run)


def _write_checkpoints_for_ever(house: House, chance: random.Random) -> None:
    while True:
        time.sleep(chance.uniform(0, 2 * CHECKPOINT_EVERY))
        with contextlib.suppress(HoldfastError):  # its disk is being hurt
            house.store.checkpoint()
