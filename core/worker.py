"""A worker: carries out runs, hands each to its engine, and tells the manager how it went."""

import logging
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final, TypeVar

from core.clock import Clock
from core.engines.base import Asked, Outcome, RunStopped, Surroundings
from core.errors import EngineFailed, HoldfastError, InvalidOptions, LateReport, StorageFailed
from core.logs import RunLogs
from core.manager import JobManager
from core.models import Failure, Progress, Run
from core.states import RunState

log = logging.getLogger(__name__)

T = TypeVar("T")

LOOK_EVERY: Final = 0.1
"""Seconds between two looks at what an engine is asked while it waits."""

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

ASKED_BY_STATE: Final[Mapping[RunState, Asked]] = {
    RunState.CANCELLING: "cancel",
    RunState.PAUSING: "pause",
}


class WorkContext:
    """What one attempt may ask for; see `core.engines.base.RunContext`."""

    def __init__(self, worker: "Worker", run: Run, workspace: Path) -> None:
        self._worker = worker
        self._run = run
        self.run_id = run.id
        self.workspace = workspace
        self.surroundings = worker.surroundings
        self.checkpoint = run.checkpoint

    @property
    def asked(self) -> Asked | None:
        """Return what the engine is asked to do, if anything."""
        run = self._worker.manager.run(self.run_id)
        if run.attempt != self._run.attempt:
            return "cancel"
        return ASKED_BY_STATE.get(run.state) or ("leave" if self._worker.leaving.is_set() else None)

    def raise_if_asked(self) -> None:
        """Raise RunStopped if the engine is asked to stop."""
        if (asked := self.asked) is not None:
            raise RunStopped(asked)

    def wait(self, seconds: float) -> None:
        """Wait, or raise RunStopped as soon as the engine is asked to stop."""
        until = self._worker.clock.monotonic() + seconds
        self.raise_if_asked()
        while (left := until - self._worker.clock.monotonic()) > 0:
            self._worker.leaving.wait(min(left, LOOK_EVERY))
            self.raise_if_asked()

    def report(self, progress: Progress, checkpoint: Mapping[str, Any] | None = None) -> None:
        """Tell how far it is."""
        self._worker.manager.report(self.run_id, self._run.attempt, progress, checkpoint)

    def info(self, message: str) -> None:
        """Write a line to the run's log."""
        self._worker.logs.write(self.run_id, "info", message)

    def warn(self, message: str) -> None:
        """Write a warning to the run's log."""
        self._worker.logs.write(self.run_id, "warn", message)

    def error(self, message: str) -> None:
        """Write an error to the run's log."""
        self._worker.logs.write(self.run_id, "error", message)


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
        self.leaving = threading.Event()
        self.workspaces = workspaces

    def leave(self) -> None:
        """Ask every engine at work to give its slot back; their runs go on at the next start."""
        self.leaving.set()

    def workspace(self, run_id: str) -> Path:
        """Return the folder that is a run's own."""
        return self.workspaces / run_id[:2] / run_id

    def carry_out(self, run_id: str) -> None:
        """Make one attempt at the run, if it is still to be made."""
        if self.leaving.is_set():
            return
        run = self._settle(lambda: self.manager.claim(run_id, self.name))
        if run is None:
            return
        self.logs.write(run_id, "info", f"Attempt {run.attempt} began on {self.name}.")
        ended = self._tell(run, self._attempt(run))
        if ended is not None:
            self._log_ending(ended)

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

    def _attempt(self, run: Run) -> Callable[[], Run]:
        """Let the engine work; return what is to be told to the manager."""
        tell, run_id, attempt = self.manager, run.id, run.attempt
        try:
            outcome = self._work(run)
        except RunStopped:
            return lambda: tell.stopped(run_id, attempt)
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

    def _work(self, run: Run) -> Outcome:
        engine = self.manager.engine(run.kind, run.options)
        workspace = self.workspace(run.id)
        try:
            workspace.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            message = f"The run has no place to work in: {error.strerror}."
            raise StorageFailed(message) from error
        return engine.run(WorkContext(self, run, workspace))

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
