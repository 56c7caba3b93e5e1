"""What one attempt may ask for while it works; see `core.engines.base.RunContext`."""

import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from msgspec.structs import replace

from core.clock import Clock
from core.deadlines import Deadlines
from core.errors import NotFound, StorageFailed
from core.executing import Follower, Transcript
from core.leaving import Leaving
from core.logs import RunLogs
from core.manager import JobManager
from core.models import NOTHING, Progress, Run
from core.processes.orders import Exit, Hide, OnLatest, OnLine, Order
from core.processes.program import Program, Standing
from core.states import RunState
from core.work import Answer, Asked, LeftAtWork, RunStopped, Surroundings

LOOK_EVERY: Final = 0.1
"""Seconds between two looks at what an engine is asked while it waits."""

ASKED_BY_STATE: Final[Mapping[RunState, Asked]] = {
    RunState.CANCELLING: "cancel",
    RunState.PAUSING: "pause",
}


class _Hearing(threading.local):
    """What each thread of an attempt hears at present: one follows one program."""

    transcript: Transcript | None = None


class WorkContext:
    """One attempt at a run, as its engine sees it."""

    def __init__(  # its collaborators, each a promise of its own
        self,
        run: Run,
        workspace: Path,
        manager: JobManager,
        logs: RunLogs,
        surroundings: Surroundings,
        clock: Clock,
        leaving: Leaving,
    ) -> None:
        self._run = run
        self._manager = manager
        self._logs = logs
        self._clock = clock
        self._leaving = leaving
        self._hearing = _Hearing()
        self.deadlines = Deadlines(manager.job(run.job_id).job, run, clock, _at_work_for(run, workspace))
        self.run_id = run.id
        self._workspace = workspace
        self._has_workspace = False
        self.job_id = run.job_id
        self.attempt = run.attempt
        self.surroundings = surroundings
        self.checkpoint = run.checkpoint

    @property
    def workspace(self) -> Path:
        """Return a folder of the run's own, made when it is first asked for; raises StorageFailed."""
        if not self._has_workspace:
            try:
                self._workspace.mkdir(mode=0o700, parents=True, exist_ok=True)
            except OSError as error:
                message = f"The run has no place to work in: {error.strerror}."
                raise StorageFailed(message) from error
            self._has_workspace = True
        return self._workspace

    @property
    def asked(self) -> Asked | None:
        """Return what the engine is asked to do, if anything."""
        return self._asked_by_person or ("leave" if self._leaving.begun else None)

    @property
    def _asked_by_person(self) -> Asked | None:
        try:
            run = self._manager.run(self.run_id)
        except NotFound:
            return "cancel"
        if run.attempt != self._run.attempt:
            return "cancel"
        return ASKED_BY_STATE.get(run.state) or ("timeout" if self.deadlines.passed else None)

    def answer(self, question_id: str) -> Answer | None:
        """Return what a person answered to that question."""
        given = self._manager.answered(self.run_id)
        return given if given is not None and given.question == question_id else None

    def note(self, name: str) -> Mapping[str, Any]:
        """Return what earlier runs of the job noted under a name."""
        kept = self._manager.memory(self.job_id).get(name, NOTHING)
        return kept if isinstance(kept, Mapping) else NOTHING

    def take_note(self, name: str, note: Mapping[str, Any]) -> None:
        """Note something for later runs of the job."""
        self._manager.remember(self.job_id, name, note)

    def raise_if_asked(self) -> None:
        """Raise RunStopped if the engine is asked to stop."""
        if (asked := self.asked) is not None:
            raise RunStopped(asked)

    def wait(self, seconds: float) -> None:
        """Wait, or raise RunStopped as soon as the engine is asked to stop."""
        until = self._clock.monotonic() + seconds
        self.raise_if_asked()
        while (left := until - self._clock.monotonic()) > 0:
            self._leaving.wait(min(left, LOOK_EVERY))
            self.raise_if_asked()

    def execute(
        self,
        order: Order,
        on_line: OnLine | None = None,
        *,
        name: str = "program",
        hide: Hide | None = None,
        on_latest: OnLatest | None = None,
    ) -> Exit:
        """Run a program to its end, or take it up."""
        folder = programs_of(self.workspace, self._run.attempt) / name
        program = Program(folder, mark_of(self._run))
        limits = [limit for limit in (order.time_limit, self.deadlines.left) if limit is not None]
        order = replace(order, time_limit=min(limits, default=None))
        if self._begins_nothing_new(program):
            raise LeftAtWork
        try:
            transcript = Transcript(self._logs, self._clock, self.run_id, folder, on_line, hide, on_latest)
            self._hearing.transcript = transcript
            return Follower(program, order, transcript, self._wish).follow()
        except OSError as error:
            message = f"The program cannot be kept: {error.strerror}."
            raise StorageFailed(message) from error
        finally:
            self._hearing.transcript = None

    def _begins_nothing_new(self, program: Program) -> bool:
        """Tell whether the worker leaves before a program began: whoever is next finds that nothing was done."""
        if not self._leaving.begun or self._asked_by_person is not None:
            return False
        return program.standing() is Standing.NEVER_BEGAN

    def _wish(self) -> Asked | None:
        """Return what a program is asked to do: it has the grace of a worker that leaves, or stays without it."""
        if (asked := self._asked_by_person) is not None:
            return asked
        match self._leaving.programs:
            case "stay":
                raise LeftAtWork
            case "end":
                return "leave"
        return None

    def report(self, progress: Progress, checkpoint: Mapping[str, object] | None = None) -> None:
        """Tell how far it is."""
        transcript = self._hearing.transcript
        if transcript is None or not transcript.replaying:
            self._manager.report(self.run_id, self._run.attempt, progress, checkpoint)

    def info(self, message: str) -> None:
        """Write a line to the run's log."""
        self._say("info", message)

    def warn(self, message: str) -> None:
        """Write a warning to the run's log."""
        self._say("warn", message)

    def error(self, message: str) -> None:
        """Write an error to the run's log."""
        self._say("error", message)

    def _say(self, level: str, message: str) -> None:
        if (transcript := self._hearing.transcript) is not None:
            transcript.say(level, message)
        else:
            self._logs.write(self.run_id, level, message)


def programs_of(workspace: Path, attempt: int) -> Path:
    """Return where the programs of an attempt have their folders."""
    return workspace / f"attempt-{attempt}"


def _at_work_for(run: Run, workspace: Path) -> float | None:
    """Return for how many seconds the programs of an attempt have been at work; None where it had none so far."""
    folders = programs_of(workspace, run.attempt).glob("*")
    ages = [Program(folder, mark_of(run)).age for folder in folders]
    return max((age for age in ages if age is not None), default=None)


def mark_of(run: Run) -> str:
    """Return what marks whatever the programs of a run's present attempt start."""
    return f"{run.id}:{run.attempt}"
