"""What workers tell of their attempts, and how a run changes.

A report of an attempt that was taken away is refused, so that a late worker changes nothing.
"""

import functools
import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Concatenate, Final, ParamSpec, TypeVar

from msgspec.structs import replace

from core.clock import Clock
from core.dispatch.base import Dispatcher
from core.engines.base import EngineMaker, Outcome
from core.errors import HoldfastError, LateReport, Overtaken, VersionConflict
from core.events import EventBus, RunMoved, RunProgressed
from core.ledger import Ledger
from core.models import Attempt, Ending, Failure, OnInterrupt, Progress, Run, frozen
from core.states import AT_WORK, RunState, check_move
from core.storage.base import JobStore
from core.storage.rows import Changes

log = logging.getLogger(__name__)

P = ParamSpec("P")
T = TypeVar("T")
Self_ = TypeVar("Self_")

PROGRESS_KEPT_EVERY: Final = 1.0
"""Seconds between two times that a run's progress goes to the store."""

OVERTAKEN_AT_MOST: Final = 100
"""How often a decision is made again because another process was first."""

INTERRUPTED: Final = Failure(
    code="interrupted",
    message="Holdfast stopped while this was running, and the job is set to fail then.",
    hint="Start it again when you know what it had done.",
)


def decided_again(command: Callable[Concatenate[Self_, P], T]) -> Callable[Concatenate[Self_, P], T]:
    """Decide again, on what is known then, as long as another process was first."""

    @functools.wraps(command)
    def again(self: Self_, /, *arguments: P.args, **named: P.kwargs) -> T:
        for _ in range(OVERTAKEN_AT_MOST):
            try:
                return command(self, *arguments, **named)
            except Overtaken:
                log.info("another process was first; deciding again")
        return command(self, *arguments, **named)

    return again


class Attempts:
    """Changes runs, for workers and for whoever decides about runs."""

    def __init__(
        self,
        store: JobStore,
        events: EventBus,
        clock: Clock,
        dispatcher: Dispatcher,
        make_engine: EngineMaker,
    ) -> None:
        self._ledger = Ledger(store, events, clock, self._enqueue)
        self._clock = clock
        self._dispatcher = dispatcher
        self._make_engine = make_engine
        self._progress_kept_at: dict[str, float] = {}
        self._lost: dict[str, int] = {}

    @decided_again
    def claim(self, run_id: str, worker: str) -> Run | None:
        """Begin an attempt; None when the run is not queued any more."""
        with self._holding(run_id, None) as run:
            if run.state != RunState.QUEUED:
                return None
            now = self._clock.now()
            attempt = Attempt(number=run.attempt + 1, worker=worker, started_at=now)
            return self._move(
                run,
                RunState.RUNNING,
                attempt=attempt.number,
                attempts=(*run.attempts, attempt),
                started_at=run.started_at or now,
                worker=worker,
                error=None,
            )

    def report(
        self,
        run_id: str,
        attempt: int,
        progress: Progress,
        checkpoint: Mapping[str, Any] | None = None,
    ) -> None:
        """Show how far a run is; raises LateReport when the attempt is not the run's any more."""
        shown = False
        while not shown:
            self._ledger.settle(run_id)
            with self._of_attempt(run_id, attempt) as run:
                shown = not self._ledger.is_unsettled(run_id)
                if shown:
                    self._show_progress(run, progress, checkpoint)

    def _show_progress(self, run: Run, progress: Progress, checkpoint: Mapping[str, Any] | None) -> None:
        kept = run.checkpoint if checkpoint is None else frozen(checkpoint)
        further = replace(run, progress=progress, checkpoint=kept)
        self._ledger.show_progress(further, RunProgressed(run=further))
        self._keep_progress_now_and_then(further)

    def _keep_progress_now_and_then(self, run: Run) -> None:
        now = self._clock.monotonic()
        if now - self._progress_kept_at.get(run.id, float("-inf")) < PROGRESS_KEPT_EVERY:
            return
        self._progress_kept_at[run.id] = now
        try:
            self._ledger.remember(run)
        except HoldfastError as error:  # progress is not worth a run; what matters is written again
            log.warning("the progress of run %s could not be kept: %s", run.id, error)

    @decided_again
    def complete(self, run_id: str, attempt: int, outcome: Outcome) -> Run:
        """End a run that did what was asked, also where a wish to stop came too late."""
        with self._of_attempt(run_id, attempt) as run:
            return self._end(
                run,
                RunState.COMPLETED,
                Ending.COMPLETED,
                result=frozen(outcome.result),
                warnings=outcome.warnings,
            )

    @decided_again
    def fail(
        self,
        run_id: str,
        attempt: int,
        failure: Failure,
        outcome: Outcome | None = None,
    ) -> Run:
        """End a run whose attempt failed; `outcome` is what it has to show all the same."""
        with self._of_attempt(run_id, attempt) as run:
            cancelled = run.state == RunState.CANCELLING
            state = RunState.CANCELLED if cancelled else RunState.FAILED
            return self._end(
                run,
                state,
                Ending.FAILED,
                error=failure,
                result=frozen(outcome.result) if outcome else None,
                warnings=outcome.warnings if outcome else (),
            )

    @decided_again
    def stopped(self, run_id: str, attempt: int) -> Run:
        """Take note that the engine let go: asked to cancel, to pause, or because its worker leaves."""
        with self._of_attempt(run_id, attempt) as run:
            if run.state == RunState.CANCELLING:
                return self._end(run, RunState.CANCELLED, Ending.CANCELLED)
            if run.state == RunState.PAUSING:
                return self._set_down(run, RunState.PAUSED, Ending.PAUSED)
            return self._interrupted(run)

    def recover(self) -> tuple[Run, ...]:
        """Decide what becomes of runs that lost their worker before `open`, and queue what is due.

        Call it before any worker claims. A decision that the store refuses is left for the next
        call, while `still_lost` says so. Returns the runs that were decided.
        """
        decided = []
        for run_id, attempt in tuple(self._lost.items()):
            try:
                decided.append(self.stopped(run_id, attempt))
            except LateReport:  # a person cancelled it meanwhile
                log.info("run %s was decided by a person", run_id)
            except HoldfastError as error:
                log.warning("what becomes of run %s could not be kept yet: %s", run_id, error)
                continue
            del self._lost[run_id]
        queued = [run for run in self._ledger.runs_at_hand() if run.state == RunState.QUEUED]
        for run in sorted(queued, key=lambda run: (run.due_at or run.created_at, run.number)):
            self._dispatcher.enqueue(run.id, run.priority)
        return tuple(decided)

    @property
    def still_lost(self) -> bool:
        """Tell whether `recover` has more to decide."""
        return bool(self._lost)

    def _interrupted(self, run: Run) -> Run:
        match self._after_interruption(run):
            case OnInterrupt.RESUME:
                return self._set_down(run, RunState.QUEUED, Ending.INTERRUPTED)
            case OnInterrupt.PAUSE:
                check_move(run.state, RunState.PAUSING)
                return self._set_down(
                    replace(run, state=RunState.PAUSING), RunState.PAUSED, Ending.INTERRUPTED
                )
            case OnInterrupt.FAIL:
                return self._end(run, RunState.FAILED, Ending.INTERRUPTED, error=INTERRUPTED)

    def _after_interruption(self, run: Run) -> OnInterrupt:
        """Return what the job wants; a kind that must not be repeated by itself is paused at least."""
        wanted = self._ledger.job_ahead(run.job_id).on_interrupt
        if wanted != OnInterrupt.RESUME:
            return wanted
        try:
            repeatable = self._make_engine(run.kind, run.options).repeatable
        except HoldfastError:  # its kind is gone or its options are no longer good: a person decides
            repeatable = False
        return OnInterrupt.RESUME if repeatable else OnInterrupt.PAUSE

    # How a run changes

    @contextmanager
    def _holding(self, run_id: str, version: int | None) -> Iterator[Run]:
        """Let nobody else change the run meanwhile; raises NotFound or VersionConflict."""
        with self._ledger.deciding():
            run = self._ledger.run_ahead(run_id)
            check_version(f"Run {run.number}", version, run.version)
            yield run

    @contextmanager
    def _of_attempt(self, run_id: str, attempt: int) -> Iterator[Run]:
        """Let only the attempt that holds the run change it; raises LateReport."""
        with self._holding(run_id, None) as run:
            if run.attempt != attempt or run.state not in AT_WORK:
                message = f"Attempt {attempt} of run {run.number} was taken away; the run is {run.state}."
                raise LateReport(message)
            yield run

    def _move(
        self,
        run: Run,
        state: RunState,
        effect: Callable[[Run], None] | None = None,
        **changes: Any,  # noqa: ANN401 - fields of Run
    ) -> Run:
        check_move(run.state, state)
        moved = replace(run, state=state, version=run.version + 1, **changes)
        self._ledger.commit(
            Changes(runs=(moved,)),
            RunMoved(run=moved, was=run.state),
            effect=None if effect is None else functools.partial(effect, moved),
        )
        return moved

    def _enqueue(self, run: Run) -> None:
        self._dispatcher.enqueue(run.id, run.priority)

    def _set_down(self, run: Run, state: RunState, ending: Ending) -> Run:
        """Take the run from its worker without ending it."""
        self._progress_kept_at.pop(run.id, None)
        return self._move(run, state, worker=None, attempts=self._closed(run, ending, None))

    def _end(self, run: Run, state: RunState, ending: Ending, **changes: Any) -> Run:  # noqa: ANN401
        self._progress_kept_at.pop(run.id, None)
        attempts = self._closed(run, ending, changes.get("error"))
        return self._move(run, state, ended_at=self._clock.now(), attempts=attempts, **changes)

    def _closed(self, run: Run, ending: Ending, error: Failure | None) -> tuple[Attempt, ...]:
        *earlier, last = run.attempts
        return (*earlier, replace(last, ended_at=self._clock.now(), ending=ending, error=error))


def check_version(name: str, expected: int | None, actual: int) -> None:
    """Raise VersionConflict where a version was named that is not the present one."""
    if expected is not None and expected != actual:
        raise VersionConflict(name, expected, actual)
