"""A Holdfast whose clock stands still and whose runs are played: what its pages show is the same on every machine.

The engines have the options, stages and words of the real ones, and do what the next play of their job says.
"""

import queue
import threading
import time
import uuid
from collections import defaultdict, deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import uvloop

from core.accounts import Accounts
from core.clock import Clock
from core.drafts import JobDraft
from core.engines import engine_for
from core.engines.base import Engine
from core.errors import EngineFailed
from core.models import Job, Progress, Run, Trigger
from core.passwords import Passwords
from core.people import Role
from core.places.drafts import DestinationDraft
from core.service import Service
from core.settings import Settings
from core.states import RunState
from core.work import Outcome, Question, RunContext, RunHeld, Surroundings
from fastapi_app.app import create_app
from fastapi_app.server import listening_socket
from tests.doubles import SettableClock
from tests.fastapi_app.conftest import ThreadedServer

NOW = datetime(2026, 11, 21, 7, 42, tzinfo=UTC)
PASSWORD = "nine blue herons over Orkney"
SLOTS = 3
HOST = "keeper"
PATIENCE = 60
AT_REST = frozenset({RunState.PAUSED, RunState.SCHEDULED})

WOULD_DO = {
    "sentence": "3 files are new, 1 has changed, and 2 would be removed at the destination.",
    "new": 3,
    "changed": 1,
    "removed": 2,
    "bytes": 41_000_000,
    "changes": [
        ["new", "2026/11/IMG_2041.JPG"],
        ["new", "2026/11/IMG_2042.JPG"],
        ["new", "2026/11/<b>not bold</b>.JPG"],
        ["changed", "albums.db"],
        ["removed", "2019/blurred.JPG"],
        ["removed", "2019/blurred (1).JPG"],
    ],
}

Play = Callable[["Theatre", RunContext], Outcome]


class Theatre:
    """The house, and what its people do."""

    def __init__(self, folder: Path, *, slots: int = SLOTS, clock: Clock | None = None) -> None:
        self.clock: Any = clock or SettableClock(NOW)
        self.folder = folder
        settings = Settings(
            data=folder / "data", slots=slots, port=0, grace=0, shell="on", own_backup="off", ping_url=""
        )
        (settings.data / "locks").mkdir(parents=True)
        self.service = Service(settings, clock=self.clock, make_engine=self._player)
        self.accounts = Accounts(settings.data / "auth", self.clock, passwords=Passwords(memory_kib=64))
        self.accounts.open()
        self.app = create_app(settings, service=self.service, accounts=self.accounts)
        self.settings = settings
        self.url = self.said = ""
        self.service.worker.name = HOST
        self.app.state.house.templates._environment.globals.update(host=HOST, release="1.0")
        self.plays: defaultdict[str, deque[Play]] = defaultdict(deque)
        self.on_stage: dict[str, Play] = {}

    @property
    def manager(self) -> Any:
        return self.service.manager

    def _player(self, kind: str, options: Mapping[str, Any]) -> Engine:
        real = engine_for(kind, options)
        return played(type(real), self).model_construct(
            **{name: getattr(real, name) for name in type(real).model_fields}
        )

    # What people do

    def set_up(self) -> None:
        self.accounts.set_up(self.accounts.set_up_code(), "ada", PASSWORD)

    def cookie(self, name: str = "ada") -> str:
        return self.accounts.open_session(self.accounts.authenticate(name, PASSWORD, "127.0.0.1"))

    def a_person(self, name: str, role: Role) -> None:
        self.accounts.add_user(name, PASSWORD, role)

    def a_job(self, name: str, kind: str = "copy", **fields: Any) -> Job:
        """Return a new job; its options are those of a copy unless others are given."""
        options = fields.pop("options", None) or {
            "source": f"/srv/{slug(name)}",
            "destination": f"/mnt/disk/{slug(name)}",
        }
        draft = JobDraft(name=name, kind=kind, options=options, **fields)
        job: Job = self.manager.define(str(uuid.uuid5(uuid.NAMESPACE_OID, name)), draft, owner="ada")
        return job

    def a_destination(
        self, name: str, kind: Any, secrets: Mapping[str, str] | None = None, **settings: Any
    ) -> str:
        draft = DestinationDraft(name=name, type=kind, settings=settings, secrets=secrets or {})
        return self.service.destinations.create(draft).id

    def start(self, job: Job, play: Play, *, trigger: Trigger = Trigger.SCHEDULE) -> Run:
        """Return a run that was asked for, and will be played like this."""
        self.plays[job.id].append(play)
        run: Run = self.manager.start(
            job.id, trigger=trigger, asked_by="" if trigger == Trigger.SCHEDULE else "ada"
        )
        return run

    def perform(self, job: Job, play: Play, *, trigger: Trigger = Trigger.SCHEDULE) -> Run:
        """Return the run of the job that was played like this, at its end or where it waits for somebody."""
        run = self.start(job, play, trigger=trigger)
        until(lambda: self.run(run.id).over or self.run(run.id).state in AT_REST)
        until(lambda: run.id not in self.service.worker.carried)
        return self.run(run.id)

    def run(self, run_id: str) -> Run:
        run: Run = self.manager.run(run_id)
        return run

    def until_reported(self, run: Run) -> None:
        """Return once the run has told how far it is."""
        until(lambda: self.run(run.id).progress.stage)

    def until_over(self, run: Run) -> None:
        until(lambda: self.run(run.id).over)

    def until_state(self, run: Run, state: str) -> None:
        until(lambda: self.run(run.id).state == state and run.id not in self.service.worker.carried)

    def ago(self, **span: float) -> None:
        """Go to a time before the present of the scene."""
        self.clock.set(NOW - timedelta(**span))

    # Its life

    @contextmanager
    def open(self) -> Iterator["Theatre"]:
        """Serve it for as long as this lasts."""
        said: queue.Queue[str] = queue.Queue()
        loop = uvloop.new_event_loop()
        with listening_socket(self.settings) as listener:
            server = ThreadedServer(self.app, listener, said.put)
            thread = threading.Thread(target=lambda: loop.run_until_complete(server.live()))
            thread.start()
            first = said.get(timeout=60)
            self.url = "/".join(first.split("/")[:3])
            self.said = first
            try:
                yield self
            finally:
                loop.call_soon_threadsafe(server._end)
                thread.join()
                loop.close()


@cache
def _played(kind: type[Engine], theatre: "Theatre") -> type[Engine]:
    def check(self: Engine, surroundings: Surroundings) -> None:
        """Take every folder for good: nothing is read from any."""

    def run(self: Engine, context: RunContext) -> Outcome:
        to_come = theatre.plays[context.job_id]
        if to_come:
            theatre.on_stage[context.job_id] = to_come.popleft()
        return theatre.on_stage[context.job_id](theatre, context)

    def rehearse(self: Engine, context: RunContext) -> Outcome:
        """Find what a run would do, without looking."""
        return Outcome(result=WOULD_DO)

    doing = {"check": check, "run": run, "rehearse": rehearse, "__module__": __name__}
    return type(f"Played{kind.__name__}", (kind,), doing)


def played(kind: type[Engine], theatre: Theatre) -> type[Engine]:
    """Return the kind as it is played."""
    return _played(kind, theatre)


def until(holds: Callable[[], object]) -> None:
    """Return once it holds; what takes too long never will."""
    pause = threading.Event()
    give_up = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < give_up, "It never came true."
        pause.wait(0.003)


def slug(name: str) -> str:
    return (
        "".join(letter if letter.isascii() and letter.isalnum() else "-" for letter in name)[:40].strip("-")
        or "files"
    )


# Plays


def good(  # what it copied
    files: int = 1_204,
    size: int = 4_812_000_000,
    *,
    minutes: float = 6,
    copied: int = 31,
    warnings: tuple[str, ...] = (),
    **more: Any,
) -> Play:
    """Return a run that copied and read everything back."""

    def play(theatre: Theatre, context: RunContext) -> Outcome:
        context.info("Looking at what there is to copy.")
        theatre.clock.pass_by(timedelta(minutes=minutes / 4))
        context.info(f"{copied} files are new or changed.")
        theatre.clock.pass_by(timedelta(minutes=minutes / 4))
        for words in warnings:
            context.warn(words)
        context.info("Comparing the destination with the source.")
        theatre.clock.pass_by(timedelta(minutes=minutes / 2))
        return Outcome(result=result_of(files, size, copied) | more, warnings=warnings)

    return play


def result_of(files: int, size: int, copied: int) -> dict[str, Any]:
    return {
        "files": files,
        "bytes": size,
        "copied": copied,
        "copied_bytes": size * copied // files,
        "unchanged": files - copied,
        "verified": True,
        "verification": {
            "mode": "full",
            "verified": True,
            "sentence": f"Every one of {files:,} files was read back and is equal to its source.",
            "files": files,
            "bytes": size,
            "proved": files,
            "proved_bytes": size,
        },
        "seconds": {"scan": 14.2, "copy": 180.5, "verify": 161.1},
    }


def bad(message: str, hint: str = "", *, transient: bool = False, minutes: float = 2) -> Play:
    """Return a run that fails."""

    def play(theatre: Theatre, context: RunContext) -> Outcome:
        context.info("Looking at what there is to copy.")
        theatre.clock.pass_by(timedelta(minutes=minutes))
        context.error(message)
        raise EngineFailed(message, hint=hint, transient=transient)

    return play


def at_work(progress: Progress, *lines: str, minutes: float = 0) -> Play:
    """Return a run that is this far, and stays there until it is asked to stop."""

    def play(theatre: Theatre, context: RunContext) -> Outcome:
        for line in lines:
            context.info(line)
        theatre.clock.pass_by(timedelta(minutes=minutes))
        context.report(progress)
        while True:
            context.wait(60)

    return play


def asking(question: Question) -> Play:
    """Return a run that asks a person something."""

    def play(theatre: Theatre, context: RunContext) -> Outcome:
        context.info("Everything was read back; now it is about the source.")
        theatre.clock.pass_by(timedelta(minutes=3))
        raise RunHeld(question)

    return play
