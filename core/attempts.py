"""What workers tell of their attempts, and what follows from it.

A report of an attempt that was taken away is refused, so that a late worker changes nothing.
"""

import logging
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from enum import Enum
from typing import Any, Final

from msgspec.structs import replace

from core import flows, letters, questions
from core.breakers import Breaker
from core.clock import Clock
from core.deciding import BREAKER, QUEUE, Deciding, decided_again
from core.decisions import Decision
from core.dispatch.base import Dispatcher
from core.engines.base import EngineMaker
from core.errors import HoldfastError, InvalidOptions, LateReport, Unreachable
from core.events import EventBus, RunProgressed
from core.models import Attempt, Ending, Failure, OnInterrupt, Progress, Run, frozen
from core.queueing import Busy, holds, place_of, rules_of
from core.retries import wait_after
from core.states import AT_WORK, RunState
from core.storage.base import JobStore
from core.work import Outcome, Question

log = logging.getLogger(__name__)

PROGRESS_KEPT_EVERY: Final = 1.0
"""Seconds between two times that a run's progress goes to the store."""

LONGEST_REASON: Final = 1_000
"""Characters of a question that stand at its run."""

MOST_INTERRUPTED: Final = 5
"""How often in a row a run may be interrupted before it waits for a person: it may be what ends its worker."""

TELL_NOTHING: Final = frozenset({"timeout", "internal", InvalidOptions.code})
"""How an attempt fails that does not tell whether what it needs can be reached: it hung, or never got there."""

INTERRUPTED: Final = Failure(
    code="interrupted",
    message="Holdfast stopped while this was running, and the job is set to fail then.",
    hint="Start it again when you know what it had done.",
)
WAS_INTERRUPTED: Final = "It was interrupted, and must not be repeated without a person's word."
TOO_OFTEN: Final = (
    f"It was interrupted {MOST_INTERRUPTED} times in a row; perhaps it is what ends its worker."
)


class Fate(Enum):
    """What was found of a run at work whose worker is gone."""

    LOST = "lost"
    NEVER_BEGAN = "never-began"
    AT_WORK = "at-work"
    """Its program lives, or ended meanwhile with a status: whoever takes it up finds out how."""


class Attempts(Deciding):
    """Changes runs, for workers and for whoever decides about runs."""

    def __init__(
        self,
        store: JobStore,
        events: EventBus,
        clock: Clock,
        dispatcher: Dispatcher,
        make_engine: EngineMaker,
    ) -> None:
        super().__init__(store, events, clock, dispatcher, make_engine)
        self._progress_kept_at: dict[str, float] = {}
        self._lost: dict[str, int] = {}

    @decided_again
    def claim(self, run_id: str, worker: str) -> Run | None:
        """Begin an attempt; None when the run is not queued any more, or is held back after all."""
        with self._about(run_id, None) as (decision, run):
            if run.state != RunState.QUEUED:
                return None
            begun = decision.begun(run.job_id)
            if begun is not None and begun.id != run.id:  # it comes into line when that one is over
                return None
            if self._is_held(decision, run):
                self._enqueue(run)
                return None
            for name in run.reaches:
                self._change_breaker(decision, name, lambda breaker: breaker.probed(run_id))
            attempt = Attempt(
                number=run.attempt + 1, worker=worker, started_at=decision.now, waited=_waited(run)
            )
            return decision.move(
                run,
                RunState.RUNNING,
                attempt=attempt.number,
                attempts=(*run.attempts, attempt),
                started_at=run.started_at or decision.now,
                worker=worker,
                error=None,
                reason="",
            )

    def _is_held(self, decision: Decision, run: Run) -> bool:
        """Tell whether the rules hold the run back; places at work are the line's to count."""
        breakers = {name: Breaker.of(decision.register(BREAKER + name)) for name in run.reaches}
        rules = rules_of(decision.register(QUEUE), breakers)
        return holds(rules, place_of(run), Busy(), decision.now) is not None

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
            with self._of_attempt(run_id, attempt) as (_, run):
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
        with self._of_attempt(run_id, attempt) as (decision, run):
            self._reached(decision, run)
            return self._end(
                decision,
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
        """Take note that an attempt failed: another follows after a wait, or the run has failed for good.

        `outcome` is what it has to show all the same.
        """
        with self._of_attempt(run_id, attempt, why=failure.code) as (decision, run):
            probing = self._not_reached(decision, run, failure)
            if run.state != RunState.CANCELLING:
                again_at = self._again_at(decision, run, failure, probing=probing)
                if again_at is not None:
                    return self._try_again(decision, run, failure, again_at, counted=not probing)
            return self._end(
                decision,
                run,
                RunState.CANCELLED if run.state == RunState.CANCELLING else RunState.FAILED,
                Ending.FAILED,
                error=failure,
                result=frozen(outcome.result) if outcome else None,
                warnings=outcome.warnings if outcome else (),
            )

    def _again_at(self, decision: Decision, run: Run, failure: Failure, *, probing: bool) -> datetime | None:
        """Return when the next attempt may begin; None is never."""
        job = decision.job(run.job_id)
        if not failure.transient:
            return None
        if probing:
            untils = (Breaker.of(decision.register(BREAKER + name)).until for name in run.reaches)
            again_at = max((until for until in untils if until is not None), default=decision.now)
        else:
            used = sum(one.counted and one.ending in {None, Ending.FAILED} for one in run.attempts)
            wait = wait_after(job.retry, used, run.attempts[-1].waited, self._draw)
            if wait is None:
                return None
            again_at = decision.now + timedelta(seconds=wait)
        ends_at = ends_by(run, job.run_timeout)
        return again_at if ends_at is None or again_at < ends_at else None

    def _try_again(
        self, decision: Decision, run: Run, failure: Failure, again_at: datetime, *, counted: bool
    ) -> Run:
        self._progress_kept_at.pop(run.id, None)
        attempts = self._closed(decision, run, Ending.FAILED, failure, counted=counted)
        if run.state == RunState.PAUSING:
            return decision.move(run, RunState.PAUSED, worker=None, attempts=attempts, error=failure)
        return decision.move(
            run, RunState.SCHEDULED, worker=None, attempts=attempts, error=failure, due_at=again_at
        )

    @decided_again
    def stopped(self, run_id: str, attempt: int, *, lost: bool = False) -> Run:
        """Take note that the engine let go: asked to cancel, to pause, or because its worker leaves or is lost."""
        with self._of_attempt(run_id, attempt) as (decision, run):
            self._unanswered(decision, run)
            if run.state == RunState.CANCELLING:
                return self._end(decision, run, RunState.CANCELLED, Ending.CANCELLED)
            if run.state == RunState.PAUSING:
                return self._set_down(decision, run, RunState.PAUSED, Ending.PAUSED)
            return self._interrupted(decision, run, lost=lost)

    @decided_again
    def hold(self, run_id: str, attempt: int, question: Question) -> Run:
        """Pause a run whose engine asks a person something; one that was cancelled meanwhile is cancelled."""
        with self._of_attempt(run_id, attempt, why=question.about) as (decision, run):
            if run.state == RunState.CANCELLING:
                return self.stopped(run_id, attempt)
            self._reached(decision, run)
            pausing = decision.move(run, RunState.PAUSING) if run.state == RunState.RUNNING else run
            questions.ask(decision, run_id, question)
            reason = question.sentence[:LONGEST_REASON]
            return self._set_down(decision, pausing, RunState.PAUSED, Ending.PAUSED, reason=reason)

    @decided_again
    def adopt(self, run_id: str, worker: str) -> Run | None:
        """Take a run up that is at work in a program; no new attempt. None when it is not at work any more."""
        with self._about(run_id, None) as (decision, run):
            if run.state not in AT_WORK:
                return None
            return run if run.worker == worker else decision.alter(run, worker=worker)

    def recover(self, fate_of: Callable[[Run], Fate] = lambda _: Fate.LOST) -> tuple[Run, ...]:
        """Decide what becomes of runs that lost their worker before `open`, and queue what is due.

        Call it before any worker claims. `fate_of` says what was found of each; those at work are carried at once,
        for somebody to take up. A decision that the store refuses is left for the next call, while `still_lost`
        says so. Returns the runs that were decided.
        """
        decided = []
        for run_id, attempt in tuple(self._lost.items()):
            try:
                decided.append(self._decide_lost(run_id, attempt, fate_of))
            except LateReport:  # a person cancelled it meanwhile
                log.info("run %s was decided by a person", run_id)
            except HoldfastError as error:
                log.warning("what becomes of run %s could not be kept yet: %s", run_id, error)
                continue
            del self._lost[run_id]
        self._dispatcher.govern(self.rules())
        for run in self._ledger.unfinished():
            if run.state == RunState.QUEUED:
                self._enqueue(run)
        return tuple(decided)

    def _decide_lost(self, run_id: str, attempt: int, fate_of: Callable[[Run], Fate]) -> Run:
        run = self._ledger.run(run_id)
        match fate_of(run):
            case Fate.AT_WORK:
                self._dispatcher.enqueue(place_of(run, adopted=True))
                return run
            case Fate.NEVER_BEGAN:
                return self._never_began(run_id, attempt)
            case Fate.LOST:
                return self.stopped(run_id, attempt, lost=True)

    def judge(self, run_id: str, attempt: int, fate_of: Callable[[Run], Fate]) -> Run:
        """Decide what becomes of a run that nobody carries although it is at work; raises LateReport."""
        return self._decide_lost(run_id, attempt, fate_of)

    @decided_again
    def _never_began(self, run_id: str, attempt: int) -> Run:
        """Queue a run again whose program was never started: whatever its class, nothing was done."""
        with self._of_attempt(run_id, attempt) as (decision, run):
            if run.state != RunState.RUNNING:
                return self.stopped(run_id, attempt)
            self._unanswered(decision, run)
            return self._set_down(decision, run, RunState.QUEUED, Ending.INTERRUPTED)

    def interrupted_runs(self) -> tuple[Run, ...]:
        """Return the runs that were interrupted and wait for a person, the oldest first."""
        found = [run for run in self._ledger.unfinished() if run.state == RunState.PAUSED]
        interrupted = [run for run in found if run.attempts and run.attempts[-1].ending == Ending.INTERRUPTED]
        return tuple(sorted(interrupted, key=lambda run: run.created_at))

    @property
    def still_lost(self) -> bool:
        """Tell whether `recover` has more to decide."""
        return bool(self._lost)

    def _interrupted(self, decision: Decision, run: Run, *, lost: bool) -> Run:
        match self._after_interruption(decision, run):
            case OnInterrupt.FAIL:
                return self._end(decision, run, RunState.FAILED, Ending.INTERRUPTED, error=INTERRUPTED)
            case OnInterrupt.RESUME if lost and _too_often(run):
                return self._pause_interrupted(decision, run, TOO_OFTEN)
            case OnInterrupt.RESUME:
                return self._set_down(decision, run, RunState.QUEUED, Ending.INTERRUPTED)
            case OnInterrupt.PAUSE:
                return self._pause_interrupted(decision, run, WAS_INTERRUPTED)

    def _pause_interrupted(self, decision: Decision, run: Run, reason: str) -> Run:
        pausing = decision.move(run, RunState.PAUSING)
        return self._set_down(decision, pausing, RunState.PAUSED, Ending.INTERRUPTED, reason=reason)

    def _after_interruption(self, decision: Decision, run: Run) -> OnInterrupt:
        """Return what the job wants; a kind that must not be repeated by itself is paused at least."""
        wanted = decision.job(run.job_id).on_interrupt
        if wanted != OnInterrupt.RESUME:
            return wanted
        try:
            repeatable = self._make_engine(run.kind, run.options).may_repeat
        except HoldfastError:  # its kind is gone or its options are no longer good: a person decides
            repeatable = False
        return OnInterrupt.RESUME if repeatable else OnInterrupt.PAUSE

    # How a run ends, and what that means for others

    def _set_down(  # what is taken, where it goes, and why
        self, decision: Decision, run: Run, state: RunState, ending: Ending, *, reason: str = ""
    ) -> Run:
        """Take the run from its worker without ending it."""
        self._progress_kept_at.pop(run.id, None)
        attempts = self._closed(decision, run, ending, None)
        return decision.move(run, state, worker=None, attempts=attempts, reason=reason)

    def _end(
        self,
        decision: Decision,
        run: Run,
        state: RunState,
        ending: Ending,
        **changes: Any,  # noqa: ANN401 - fields of Run
    ) -> Run:
        self._progress_kept_at.pop(run.id, None)
        attempts = self._closed(decision, run, ending, changes.get("error"))
        ended = decision.move(run, state, ended_at=decision.now, attempts=attempts, **changes)
        if state == RunState.FAILED:
            letters.leave(decision, ended)
        flows.let_go(decision, ended)
        return ended

    def _closed(
        self, decision: Decision, run: Run, ending: Ending, error: Failure | None, *, counted: bool = True
    ) -> tuple[Attempt, ...]:
        *earlier, last = run.attempts
        closed = replace(last, ended_at=decision.now, ending=ending, error=error, counted=counted)
        return (*earlier, closed)

    def _reached(self, decision: Decision, run: Run) -> None:
        for name in run.reaches:
            self._change_breaker(decision, name, lambda breaker: breaker.succeeded(run.id))

    def _not_reached(self, decision: Decision, run: Run, failure: Failure) -> bool:
        """Tell the breakers how an attempt failed; tell whether it only tried for the others."""
        if failure.code != Unreachable.code:
            was_cut_off = run.state != RunState.RUNNING or failure.code in TELL_NOTHING
            (self._unanswered if was_cut_off else self._reached)(decision, run)
            return False
        probing = False
        for name in run.reaches:
            breaker = Breaker.of(decision.register(BREAKER + name))
            probing = probing or breaker.probe == run.id
            failed = breaker.failed(run.id, failure.message, decision.now)
            decision.set(BREAKER + name, failed.mapping())
        return probing and decision.job(run.job_id).retry.max_attempts > 1

    def _unanswered(self, decision: Decision, run: Run) -> None:
        for name in run.reaches:
            self._change_breaker(decision, name, lambda breaker: breaker.let_go(run.id))

    def _change_breaker(self, decision: Decision, name: str, change: Callable[[Breaker], Breaker]) -> None:
        before = Breaker.of(decision.register(BREAKER + name))
        after = change(before)
        if after != before:
            decision.set(BREAKER + name, after.mapping())


def ends_by(run: Run, run_timeout: float | None) -> datetime | None:
    """Return when the time of a whole run is over; None is never."""
    if run_timeout is None or run.started_at is None:
        return None
    return run.started_at + timedelta(seconds=run_timeout)


def _waited(run: Run) -> float:
    """Return how many seconds were to pass since the attempt before, where that failed."""
    last = run.attempts[-1] if run.attempts else None
    if last is None or last.ending != Ending.FAILED or last.ended_at is None or run.due_at is None:
        return 0.0
    return max(0.0, (run.due_at - last.ended_at).total_seconds())


def _too_often(run: Run) -> bool:
    last = run.attempts[-MOST_INTERRUPTED:]
    earlier = [attempt.ending == Ending.INTERRUPTED for attempt in last[:-1]]
    return len(last) == MOST_INTERRUPTED and all(earlier)
