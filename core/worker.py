"""A worker: carries out runs, hands each to its engine, and tells the manager how it went."""

import logging
import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, TypeVar

from core.clock import Clock
from core.context import WorkContext, programs_of
from core.errors import EngineFailed, HoldfastError, InvalidOptions, LateReport, StorageFailed
from core.leaving import Leaving
from core.logs import RunLogs
from core.manager import JobManager
from core.models import Failure, Run
from core.states import AT_WORK
from core.work import LeftAtWork, Outcome, ProgramLost, RunHeld, RunStopped, Surroundings

log = logging.getLogger(__name__)

T = TypeVar("T")

STORE_RETRY: Final = 1.0
"""Seconds between two tries to keep how a run ended, while the disk refuses."""

OUR_MISTAKE: Final = Failure(
    code="internal",
    message="Holdfast itself made a mistake in this run.",
    hint="What the run had done stays as it is. The server's log has the details; please report them.",
)

LOOK_AT_THE_PLACES: Final = (
    "Look whether the disk is mounted and the folders are there, then start it again. "
    "If the job names the wrong ones, edit it first."
)
"""What to do when options that were good once do not work any more: nobody is entering them now."""


class RunOutOfTime(RunStopped):
    """The attempt, or the whole run, has taken longer than it may."""

    def __init__(self, failure: Failure) -> None:
        super().__init__("timeout")
        self.failure = failure


class Worker:
    """Carries out one run after another in each slot that a dispatcher brings them to."""

    def __init__(  # its collaborators, each a promise of its own
        self,
        name: str,
        manager: JobManager,
        logs: RunLogs,
        workspaces: Path,
        surroundings: Surroundings,
        clock: Clock,
    ) -> None:
        self.name = name
        self.manager = manager
        self.logs = logs
        self.surroundings = surroundings
        self.clock = clock
        self.leaving = Leaving()
        self.workspaces = workspaces
        self._carried: set[str] = set()
        self._lock = threading.Lock()

    def leave(self, *, grace: float = 0.0, programs_stay: bool = False) -> None:
        """Ask every engine at work to give its slot back; their runs go on at the next start.

        Programs have the grace to end by themselves, or stay at work to be taken up at the next start.
        """
        self.leaving.begin(grace=grace, programs_stay=programs_stay)

    @property
    def carried(self) -> frozenset[str]:
        """Return the ids of the runs that a slot of this worker has in hand."""
        with self._lock:
            return frozenset(self._carried)

    def workspace(self, run_id: str) -> Path:
        """Return the folder that is a run's own."""
        return self.workspaces.joinpath(run_id[:2], run_id)

    def carry_out(self, run_id: str) -> None:
        """Make one attempt at the run, if it is still to be made, or go on with one that has a program at work."""
        if self.leaving.begun:
            return
        with self._in_hand(run_id):
            run = self._settle(lambda: self._begin(run_id))
            if run is None:
                return
            ending = self._attempt(run)
            ended = None if ending is None else self._tell(run, ending)
            if ended is not None:
                self._log_ending(ended)
                self._let_go_of_programs(ended)

    @contextmanager
    def _in_hand(self, run_id: str) -> Iterator[None]:
        with self._lock:
            self._carried.add(run_id)
        try:
            yield
        finally:
            with self._lock:
                self._carried.discard(run_id)

    def _begin(self, run_id: str) -> Run | None:
        """Return the run in its new attempt, or in the one that goes on; None when there is nothing to do."""
        if self.manager.run(run_id).state in AT_WORK:
            run = self.manager.adopt(run_id, self.name)
            words = f"Attempt {run.attempt if run else 0} goes on: it was at work while Holdfast was not."
        else:
            run = self.manager.claim(run_id, self.name)
            words = f"Attempt {run.attempt if run else 0} began on {self.name}."
        if run is not None:
            self.logs.write(run_id, "info", words)
        return run

    def _tell(self, run: Run, ending: Callable[[], Run]) -> Run | None:
        """Tell the manager how the attempt ended; None when nobody wants to know any more."""
        try:
            return self._settle(ending)
        except LateReport as error:
            log.warning("%s", error)
            return None
        except HoldfastError:
            log.exception("run %s: what its engine has to show cannot be kept", run.id)
            return self._settle(lambda: self.manager.fail(run.id, run.attempt, OUR_MISTAKE))

    def _attempt(self, run: Run) -> Callable[[], Run] | None:
        """Let the engine work; return what is to be told to the manager, None when the attempt is not over."""
        tell, run_id, attempt = self.manager, run.id, run.attempt
        try:
            outcome = self._work(run)
        except RunStopped as error:
            return self._after_stop(run, error)
        except LateReport as error:
            late = error
            return lambda: _raise(late)
        except EngineFailed as error:
            failure, shown = failure_of(error), Outcome(result=error.result or {}, warnings=error.warnings)
            return lambda: tell.fail(run_id, attempt, failure, shown)
        except HoldfastError as error:
            failure = failure_of(error)
            return lambda: tell.fail(run_id, attempt, failure)
        except Exception:  # one run must not end the others'; its own failure is kept and logged
            log.exception("run %s: its engine failed in a way that nobody foresaw", run_id)
            return lambda: tell.fail(run_id, attempt, OUR_MISTAKE)
        return lambda: tell.complete(run_id, attempt, outcome)

    def _after_stop(self, run: Run, error: RunStopped) -> Callable[[], Run] | None:
        """Return what to tell of an attempt that stopped; None when its program is at work and taken up later."""
        match error:
            case LeftAtWork():
                return None
            case RunHeld(question=question):
                return lambda: self.manager.hold(run.id, run.attempt, question)
            case RunOutOfTime(failure=failure):
                return lambda: self.manager.fail(run.id, run.attempt, failure)
            case _:
                lost = isinstance(error, ProgramLost)
                return lambda: self.manager.stopped(run.id, run.attempt, lost=lost)

    def _work(self, run: Run) -> Outcome:
        engine = self.manager.engine(run.kind, run.options)
        workspace = self.workspace(run.id)
        context = WorkContext(
            run, workspace, self.manager, self.logs, self.surroundings, self.clock, self.leaving
        )
        try:
            return engine.run(context)
        except RunStopped as error:
            if error.asked == "timeout":
                raise RunOutOfTime(context.deadlines.failure) from error
            raise

    def _let_go_of_programs(self, run: Run) -> None:
        """Remove what an attempt's programs left, as all of it is in the log now; what a person kept aside stays."""
        programs = programs_of(self.workspace(run.id), run.attempt)
        if programs.exists():
            shutil.rmtree(programs, ignore_errors=True)

    def _settle(self, tell: Callable[[], T]) -> T | None:
        """Tell the manager, again and again while the store refuses; None when leaving before it took it."""
        while True:
            try:
                return tell()
            except StorageFailed as error:
                log.warning("a change of a run could not be kept, trying again: %s", error)
                if self.leaving.wait(STORE_RETRY):
                    return None

    def _log_ending(self, run: Run) -> None:
        if run.error is not None:
            self.logs.write(run.id, "error", " ".join(filter(None, (run.error.message, run.error.hint))))
        for warning in run.warnings:
            self.logs.write(run.id, "warn", warning)
        self.logs.write(run.id, "info", f"Attempt {run.attempt} ended; the run is {run.state}.")
        self.logs.close(run.id)


def failure_of(error: HoldfastError) -> Failure:
    """Return the error as a run keeps it."""
    transient = isinstance(error, EngineFailed) and error.transient
    hint = LOOK_AT_THE_PLACES if isinstance(error, InvalidOptions) else error.hint
    return Failure(code=error.code, message=str(error), hint=hint, transient=transient)


def _raise(error: HoldfastError) -> Run:
    raise error
