"""The Holdfast that a command talks to.

It is the one that runs on the data folder or, when none does, one that the command opens for itself.
"""

import contextlib
import os
import queue
import threading
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, ClassVar, Final

from core.acting import Actor, acting_as
from core.clearing.quarantines import Quarantines
from core.dead_letters import LetterQuery
from core.drafts import JobDraft, JobPatch
from core.errors import WrongState
from core.events import Event, RunMoved, RunProgressed
from core.imports.desk import Imports
from core.listing import JobPage, JobQuery
from core.log_files import LogPage
from core.manager import JobManager
from core.models import Job, JobOverview, Priority, Run
from core.queueing import Scope
from core.rehearsals import Rehearsals
from core.service import Service
from core.settings import Settings
from core.states import AT_WORK, RunState
from core.suggestions.desk import Suggestions
from core.timetable import Scheduled, timetable
from core.work import Question, Surroundings
from fastapi_app.cli.letter_rows import GroupRow, LetterRow, RequeuedRows
from fastapi_app.cli.terminal import note

LOOK_EVERY: Final = 1.0
"""Seconds after which a follower looks whether anybody still works at its run."""


HURRIED: Final = frozenset({RunState.SCHEDULED, RunState.BLOCKED})
"""What a run does not wait for any longer that somebody starts."""
COMMAND_LINE: Final = Actor(name="cli", origin="command line")
"""Who decides what a command asks for; the runs that it carries out are nobody's decisions."""


class House(ABC):
    """What a command may ask, wherever the answer comes from.

    `ends_here` says that a run cannot go on after the command has ended.
    """

    ends_here: ClassVar[bool] = False

    @abstractmethod
    def list_jobs(self, query: JobQuery) -> JobPage:
        """Return a page of jobs."""

    @abstractmethod
    def job(self, job_id: str) -> JobOverview:
        """Return the job with its latest run."""

    @abstractmethod
    def create(self, draft: JobDraft, *, key: str = "") -> Job:
        """Keep a new job; the same key again answers with the job that it made."""

    @abstractmethod
    def edit(self, job_id: str, patch: JobPatch, *, version: int) -> Job:
        """Change a job that is at this version."""

    @abstractmethod
    def start(self, job_id: str, *, key: str = "") -> Run:
        """Ask for a run of the job; the same key again answers with the run that it made."""

    @abstractmethod
    def delete(self, job_id: str) -> None:
        """Delete the job and its runs."""

    @abstractmethod
    def runs_of(self, job_id: str) -> tuple[Run, ...]:
        """Return the job's runs, the newest first."""

    @abstractmethod
    def run(self, run_id: str) -> Run:
        """Return the run."""

    @abstractmethod
    def act(self, run_id: str, verb: str) -> Run:
        """Cancel, pause, resume or requeue a run."""

    @abstractmethod
    def question(self, run_id: str) -> Question | None:
        """Return what a run asks a person; None where it asks nothing."""

    @abstractmethod
    def answer(self, run_id: str, question: str, answer: str, typed: str) -> Run:
        """Answer what a run asks, and let it go on."""

    @abstractmethod
    def prioritise(self, run_id: str, priority: Priority) -> Run:
        """Give a run that waits another priority."""

    @abstractmethod
    def waiting(self, run: Run) -> Mapping[str, Any] | None:
        """Return why a run is not running, as the API says it; None for one that is at work or over."""

    @abstractmethod
    def queue(self) -> Mapping[str, Any]:
        """Return how the queue is, as the API says it."""

    @abstractmethod
    def workers(self) -> Mapping[str, Any]:
        """Return who carries runs out, as the API says it."""

    @abstractmethod
    def tell_queue(self, verb: str, body: Mapping[str, Any]) -> Mapping[str, Any]:
        """Pause, resume or limit (`limits`) what the body names; return how the queue is then."""

    @abstractmethod
    def follow(self, run_id: str) -> Iterator[Run]:
        """Yield the run each time it changed, at least once, until it is over or paused."""

    @abstractmethod
    def log(self, run_id: str, after: int, level: str | None = None) -> LogPage:
        """Return the run's log lines after that number, of a level or worse."""

    @abstractmethod
    def schedules(self) -> tuple[Scheduled, ...]:
        """Return when each job that has a schedule is due next, the first of them first."""

    @abstractmethod
    def dead_letters(self, query: LetterQuery) -> tuple[LetterRow, ...]:
        """Return the failed runs that wait for somebody and match, the newest first."""

    @abstractmethod
    def failure_groups(self) -> tuple[GroupRow, ...]:
        """Return them with those of the same error together, the largest group first."""

    @abstractmethod
    def requeue_letters(self, run_ids: tuple[str, ...]) -> RequeuedRows:
        """Ask for a new run of each job that is meant."""

    @abstractmethod
    def discard_letters(self, run_ids: tuple[str, ...], reason: str) -> tuple[str, ...]:
        """Give failed runs up; return the ids of those that were among the dead letters."""

    @abstractmethod
    def note_failure(self, group: str, text: str) -> None:
        """Note something about an error; an empty text takes the note away."""


class NobodyWorks(WrongState):
    """A run waits, and nothing carries it out."""

    code = "nobody-works"
    hint = "Start it with `holdfast job start`, or run `holdfast serve`."

    def __init__(self, run: Run) -> None:
        super().__init__(f"Run {run.number} is {run.state}, and no Holdfast is running to carry it out.")


class OwnHouse(House):
    """A Holdfast opened by this command; it carries out only what the command asks for."""

    ends_here: ClassVar[bool] = True

    def __init__(self, service: Service) -> None:
        self._service = service
        self._manager = service.manager
        self._threads: dict[str, threading.Thread] = {}

    def list_jobs(self, query: JobQuery) -> JobPage:
        """Return a page of jobs."""
        return self._manager.list_jobs(query)

    def job(self, job_id: str) -> JobOverview:
        """Return the job with its latest run."""
        return self._manager.job(job_id)

    def create(self, draft: JobDraft, *, key: str = "") -> Job:
        """Keep a new job; the same key again answers with the job that it made."""
        return self._manager.create(draft, asked_by="cli", key=key)

    def edit(self, job_id: str, patch: JobPatch, *, version: int) -> Job:
        """Change a job that is at this version."""
        return self._manager.edit(job_id, patch, version=version)

    def start(self, job_id: str, *, key: str = "") -> Run:
        """Ask for a run of the job, or go on with the one that was interrupted, and begin at once."""
        latest = self._manager.job(job_id).latest_run
        if key or latest is None or latest.over or latest.state in HURRIED:
            return self._carry_out(self._manager.start(job_id, asked_by="cli", key=key))
        return self._carry_out(self._manager.resume(latest.id) if latest.state == RunState.PAUSED else latest)

    @property
    def manager(self) -> JobManager:
        """Return whom to ask about what is not asked of every house."""
        return self._manager

    @property
    def surroundings(self) -> Surroundings:
        """Return what engines may know about this house."""
        return self._service.surroundings

    @property
    def rehearsals(self) -> Rehearsals:
        """Return who tries jobs without writing."""
        return self._service.rehearsals

    @property
    def imports(self) -> Imports:
        """Return who turns what people have into destinations and jobs."""
        return self._service.imports

    @property
    def suggestions(self) -> Suggestions:
        """Return who looks at the machine."""
        return self._service.suggestions

    @property
    def quarantines(self) -> Quarantines:
        """Return what runs have taken away."""
        return self._service.quarantines

    def carry_out(self, run: Run) -> Run:
        """Begin with a run that waits for a slot, and return when its engine has let go."""
        self._carry_out(run)
        self._threads[run.id].join()
        return self._manager.run(run.id)

    def _carry_out(self, run: Run) -> Run:
        """Begin with a run that waits for a slot, or take one up whose worker is gone; others stay as they are."""
        left_alone = run.state in AT_WORK and not self._service.another_is_at_work
        if run.state == RunState.QUEUED or (left_alone and run.id not in self._threads):
            thread = threading.Thread(target=self._service.worker.carry_out, args=(run.id,), name="slot-1")
            self._threads[run.id] = thread
            thread.start()
        return run

    def delete(self, job_id: str) -> None:
        """Delete the job and its runs."""
        self._manager.delete(job_id)

    def runs_of(self, job_id: str) -> tuple[Run, ...]:
        """Return the job's runs, the newest first."""
        return self._manager.runs_of(job_id)

    def run(self, run_id: str) -> Run:
        """Return the run."""
        return self._manager.run(run_id)

    def act(self, run_id: str, verb: str) -> Run:
        """Cancel, pause, resume or requeue a run; one that waits for a slot then begins at once."""
        run: Run = getattr(self._manager, verb)(run_id)
        return self._carry_out(run)

    def question(self, run_id: str) -> Question | None:
        """Return what a run asks a person; None where it asks nothing."""
        return self._manager.question(run_id)

    def answer(self, run_id: str, question: str, answer: str, typed: str) -> Run:
        """Answer what a run asks; it goes on at once."""
        return self._carry_out(self._manager.answer(run_id, question, answer, typed=typed, asked_by="cli"))

    def prioritise(self, run_id: str, priority: Priority) -> Run:
        """Give a run that waits another priority."""
        return self._manager.prioritise(run_id, priority)

    def waiting(self, run: Run) -> Mapping[str, Any] | None:
        """Return why a run is not running, as the API says it; None for one that is at work or over."""
        from fastapi_app.api.values import WaitingOut  # noqa: PLC0415 - only where somebody asks

        why = self._service.waiting_room.why(run, elsewhere=self._service.another_is_at_work)
        return WaitingOut.of(why, self._service.clock.now()).model_dump(mode="json") if why else None

    def queue(self) -> Mapping[str, Any]:
        """Return how the queue is, as the API says it."""
        from fastapi_app.api.queue import SHOWN, QueueOut  # noqa: PLC0415 - as above

        return QueueOut.of(self._service.waiting_room.queue(SHOWN)).model_dump(mode="json")

    def workers(self) -> Mapping[str, Any]:
        """Return who carries runs out: nobody, as Holdfast is not running."""
        from fastapi_app.api.workers import WorkersOut  # noqa: PLC0415 - as above

        return WorkersOut.of(()).model_dump(mode="json")

    def tell_queue(self, verb: str, body: Mapping[str, Any]) -> Mapping[str, Any]:
        """Pause, resume or limit (`limits`) what the body names; return how the queue is then."""
        scope, name = Scope(body["scope"]), body["name"]
        match verb:
            case "pause":
                until = datetime.fromisoformat(body["until"]) if body["until"] else None
                self._manager.pause_line(scope, name, by="cli", reason=body["reason"], until=until)
            case "resume":
                self._manager.resume_line(scope, name)
            case "limits":
                self._manager.limit(scope, name, body["most"])
        return self.queue()

    def follow(self, run_id: str) -> Iterator[Run]:
        """Yield the run each time it changed, at least once, until it is over or paused.

        Raises NobodyWorks where nothing will ever change it.
        """
        changed: queue.SimpleQueue[None] = queue.SimpleQueue()

        def listen(event: Event) -> None:
            if isinstance(event, RunMoved | RunProgressed) and event.run.id == run_id:
                changed.put(None)

        subscription = self._service.events.subscribe("follow", listen)
        try:
            while True:
                ours = run_id in self._threads and self._threads[run_id].is_alive()
                works = ours or self._service.another_is_at_work
                run = self._manager.run(run_id)
                yield run
                if run.over or run.state == RunState.PAUSED:
                    return
                if not works and not self._tries_again(run):
                    raise NobodyWorks(run)
                with contextlib.suppress(queue.Empty):
                    changed.get(timeout=LOOK_EVERY)
        finally:
            self._service.events.unsubscribe(subscription)

    def dead_letters(self, query: LetterQuery) -> tuple[LetterRow, ...]:
        """Return the failed runs that wait for somebody and match, the newest first."""
        return tuple(map(LetterRow.of, self._service.dead_letters.find(query)))

    def failure_groups(self) -> tuple[GroupRow, ...]:
        """Return them with those of the same error together, the largest group first."""
        desk = self._service.dead_letters
        return tuple(map(GroupRow.of, desk.groups(desk.find())))

    def requeue_letters(self, run_ids: tuple[str, ...]) -> RequeuedRows:
        """Ask for a new run of each job that is meant."""
        done = self._service.dead_letters.requeue(run_ids, asked_by="cli")
        return RequeuedRows(made=tuple(run.id for run in done.made), covered=done.covered, kept=done.kept)

    def discard_letters(self, run_ids: tuple[str, ...], reason: str) -> tuple[str, ...]:
        """Give failed runs up; return the ids of those that were among the dead letters."""
        return self._service.dead_letters.discard(run_ids, by="cli", reason=reason)

    def note_failure(self, group: str, text: str) -> None:
        """Note something about an error; an empty text takes the note away."""
        self._service.dead_letters.keep_note(group, text, by="cli")

    def _tries_again(self, run: Run) -> bool:
        """Tell whether the run is one of this command's that waits for its next attempt; begin that when it is due."""
        if run.state != RunState.SCHEDULED or run.id not in self._threads:
            return False
        if run.due_at is None or run.due_at <= self._service.clock.now():
            self._carry_out(self._manager.ripen(run.id))
        return True

    def log(self, run_id: str, after: int, level: str | None = None) -> LogPage:
        """Return the run's log lines after that number, of a level or worse."""
        return self._service.logs.read(run_id, after=after, level=level)

    def schedules(self) -> tuple[Scheduled, ...]:
        """Return when each job that has a schedule is due next, the first of them first."""
        return tuple(one.short() for one in timetable(self._manager, self._service.clock.now()))

    def leave(self) -> None:
        """Ask the engines that this command started to let go; their runs go on the next time."""
        self._service.worker.leave()

    def wait(self) -> None:
        """Wait until the engines that this command started have let go."""
        for thread in self._threads.values():
            thread.join()


@contextlib.contextmanager
def the_house(data: Path | None, *, at_work: bool = False) -> Iterator[House]:
    """Enter the Holdfast on this data folder, `at_work` to carry runs out.

    Raises StoreInUse when another command is at work there and no server can be asked to be.
    """
    from fastapi_app.cli.door import RemoteHouse, open_door  # noqa: PLC0415 - only where a server runs

    settings = settings_for(data)
    door = open_door(settings.data)
    if door is not None:
        with door:
            yield RemoteHouse(door)
        return
    if not (settings.data / "store.yaml").exists():
        note(f"Holdfast keeps its data in {settings.data.absolute()}.")
    service = Service(settings)
    with service.opened(at_work=at_work):
        _note_problems(len(service.manager.problems))
        house = OwnHouse(service)
        try:
            with acting_as(COMMAND_LINE):
                yield house
        except BaseException:
            house.leave()
            raise
        finally:
            house.wait()


def _note_problems(count: int) -> None:
    """Say beside the answer that it may not be the whole truth: no page says so where no server runs."""
    if count:
        what, which = ("problem", "it") if count == 1 else ("problems", "them")
        note(f"{count} {what} in the store; `holdfast store check` names {which}.")


def settings_for(data: Path | None) -> Settings:
    """Return the settings of the environment, with the folder that was named."""
    named = {} if data is None else {"HOLDFAST_DATA": str(data)}
    return Settings.from_environment({**os.environ, **named})
