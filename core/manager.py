"""JobManager: the one door to jobs and runs.

Commands decide what becomes of a job or a run and keep it by the ledger; each is durable when it
returns. Queries answer from memory and never write. A change that names an old version is
refused; a report of an attempt that was taken away is refused too.
"""

import logging
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from typing import Any, Final

from msgspec.structs import replace

from core.clock import Clock
from core.dispatch.base import Dispatcher
from core.drafts import JobDraft, JobPatch, checked, draft_of, patched
from core.engines.base import Engine, EngineMaker, Outcome, Surroundings
from core.errors import (
    AlreadyRunning,
    HoldfastError,
    LateReport,
    NothingToAct,
    VersionConflict,
    WrongState,
)
from core.events import EventBus, JobCreated, JobDeleted, JobEdited, RunMoved, RunProgressed
from core.ledger import Ledger
from core.listing import JobPage, JobQuery
from core.models import (
    Attempt,
    Ending,
    Failure,
    Job,
    JobOverview,
    OnInterrupt,
    Progress,
    Run,
    Trigger,
    frozen,
)
from core.states import AT_WORK, RunState, check_move
from core.storage.base import Changes, JobStore, Problem

log = logging.getLogger(__name__)

PROGRESS_KEPT_EVERY: Final = 2.0
"""Seconds between two times that a run's progress goes to the store."""

INTERRUPTED: Final = Failure(
    code="interrupted",
    message="Holdfast stopped while this was running, and the job is set to fail then.",
    hint="Start it again when you know what it had done.",
)


class JobManager:
    """Knows every job and run, and is the only one to change them."""

    def __init__(  # its collaborators, each a promise of its own
        self,
        store: JobStore,
        events: EventBus,
        clock: Clock,
        dispatcher: Dispatcher,
        make_engine: EngineMaker,
        surroundings: Surroundings,
    ) -> None:
        self._ledger = Ledger(store, events, clock)
        self._clock = clock
        self._dispatcher = dispatcher
        self._make_engine = make_engine
        self._surroundings = surroundings
        self._progress_kept_at: dict[str, float] = {}
        self._lost: dict[str, int] = {}

    def open(self) -> None:
        """Read the store; raises StoreInUse or StoreUnreadable."""
        self._ledger.open()
        self._lost = {run.id: run.attempt for run in self._ledger.runs() if run.state in AT_WORK}

    def close(self) -> None:
        """Let go of the store."""
        self._ledger.close()

    # Queries

    def job(self, job_id: str) -> JobOverview:
        """Return the job with its latest run; raises NotFound."""
        return self._ledger.overview(job_id)

    def run(self, run_id: str) -> Run:
        """Return the run; raises NotFound."""
        return self._ledger.run(run_id)

    def runs_of(self, job_id: str) -> tuple[Run, ...]:
        """Return every run of the job, the newest first; raises NotFound."""
        return self._ledger.runs_of(job_id)

    def runs(self) -> tuple[Run, ...]:
        """Return every run there is, in no order."""
        return self._ledger.runs()

    def runs_ended_since(self, moment: datetime) -> tuple[Run, ...]:
        """Return the runs that ended at that moment or later, in no order."""
        return self._ledger.runs_ended_since(moment)

    def list_jobs(self, query: JobQuery = JobQuery()) -> JobPage:  # noqa: B008 - a frozen value
        """Return a page of jobs; at most a second old where only progress changed."""
        return self._ledger.page(query)

    def counts(self) -> Mapping[str, int]:
        """Return how many jobs show each state, and "never"."""
        return self._ledger.counts()

    def engine(self, kind: str, options: Mapping[str, Any]) -> Engine:
        """Return the engine with these options; raises NotFound or InvalidOptions."""
        return self._make_engine(kind, options)

    @property
    def problems(self) -> tuple[Problem, ...]:
        """Return what could not be read when the store was opened."""
        return self._ledger.problems

    def check_writable(self) -> None:
        """Raise StorageFailed if a change could not be kept now."""
        self._ledger.check_writable()

    # Commands of people

    def create(self, draft: JobDraft, *, asked_by: str = "") -> Job:
        """Keep a new job; raises InvalidOptions naming every field that is wrong."""
        good = checked(draft, self._make_engine, self._surroundings)
        now = self._clock.now()
        fields = {name: getattr(good, name) for name in JobDraft.__struct_fields__}
        job = Job(id=str(uuid.uuid4()), owner=asked_by, created_at=now, updated_at=now, **fields)
        with self._ledger.holding(job.id):
            self._ledger.commit(Changes(jobs=(job,)), JobCreated(job=job))
        return job

    def edit(self, job_id: str, patch: JobPatch, *, version: int | None) -> Job:
        """Change a job; raises VersionConflict when it is not at `version` any more; None is any.

        What leaves it as it is raises no version.
        """
        with self._ledger.holding(job_id):
            job = self._ledger.job(job_id)
            _check_version(repr(job.name), version, job.version)
            draft = draft_of(job)
            if (wanted := patched(draft, patch)) == draft:
                return job
            good = checked(wanted, self._make_engine, self._surroundings)
            fields = {name: getattr(good, name) for name in JobDraft.__struct_fields__}
            edited = replace(job, version=job.version + 1, updated_at=self._clock.now(), **fields)
            self._ledger.commit(Changes(jobs=(edited,)), JobEdited(job=edited))
            return edited

    def delete(self, job_id: str, *, version: int | None = None) -> None:
        """Delete a job and its runs; raises WrongState while one of them is not over."""
        with self._ledger.holding(job_id):
            job = self._ledger.job(job_id)
            _check_version(repr(job.name), version, job.version)
            runs = self._ledger.runs_of(job_id)
            if any(not run.over for run in runs):
                message = f"{job.name!r} has a run that is not over."
                raise WrongState(message, hint="Cancel the run first, then delete the job.")
            gone = tuple(run.id for run in runs)
            changes = Changes(gone_jobs=(job_id,), gone_runs=gone)
            self._ledger.commit(changes, JobDeleted(job_id=job_id, run_ids=gone))

    def start(self, job_id: str, *, trigger: Trigger = Trigger.MANUAL, asked_by: str = "") -> Run:
        """Ask for a run of the job; raises AlreadyRunning while the one before is not over."""
        with self._ledger.holding(job_id):
            job = self._ledger.job(job_id)
            runs = self._ledger.runs_of(job_id)
            _check_startable(job, runs)
            now = self._clock.now()
            run = Run(
                id=str(uuid.uuid4()),
                job_id=job_id,
                number=runs[0].number + 1 if runs else 1,
                kind=job.kind,
                options=job.options,
                state=RunState.QUEUED,
                trigger=trigger,
                asked_by=asked_by,
                priority=job.priority,
                created_at=now,
                due_at=now,
            )
            self._ledger.commit(Changes(runs=(run,)), RunMoved(run=run, was=None))
        self._dispatcher.enqueue(run.id, run.priority)
        return run

    def cancel(self, run_id: str, *, version: int | None = None) -> Run:
        """Stop a run for good; at once where no engine is at work, else as soon as it lets go."""
        with self._holding(run_id, version) as run:
            if run.state == RunState.CANCELLING:
                return run
            if run.state in AT_WORK:
                return self._move(run, RunState.CANCELLING)
            cancelled = self._move(run, RunState.CANCELLED, ended_at=self._clock.now())
            self._dispatcher.withdraw(run_id)
            return cancelled

    def pause(self, run_id: str, *, version: int | None = None) -> Run:
        """Ask a run to stop half-way; raises WrongState where its kind cannot."""
        with self._holding(run_id, version) as run:
            if run.state in {RunState.PAUSING, RunState.PAUSED}:
                return run
            check_move(run.state, RunState.PAUSING)
            if not self._make_engine(run.kind, run.options).can_pause:
                message = f"Jobs of kind {run.kind!r} cannot be paused."
                raise WrongState(message, hint="Cancel the run instead.")
            return self._move(run, RunState.PAUSING)

    def resume(self, run_id: str, *, version: int | None = None) -> Run:
        """Let a paused run go on from where it was."""
        with self._holding(run_id, version) as run:
            if run.state != RunState.PAUSED:
                message = f"A run that is {run.state} cannot be resumed; only one that is paused."
                raise WrongState(message)
            queued = self._move(run, RunState.QUEUED)
        self._dispatcher.enqueue(run_id, queued.priority)
        return queued

    @contextmanager
    def present_run(self, job_id: str, verb: str) -> Iterator[Run]:
        """Hold the run that the job has at present; raises NothingToAct, saying what could not be done."""
        with self._ledger.holding(job_id):
            overview = self.job(job_id)
            if overview.latest_run is None or overview.latest_run.over:
                raise NothingToAct(overview.job.name, verb)
            yield overview.latest_run

    def requeue(self, run_id: str, *, asked_by: str = "") -> Run:
        """Ask for a new run like one that failed or was cancelled; its history stays."""
        run = self._ledger.run(run_id)
        if not run.over:
            message = f"A run that is {run.state} cannot be run again yet."
            raise WrongState(message)
        return self.start(run.job_id, trigger=Trigger.REQUEUE, asked_by=asked_by)

    # Commands of workers

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
        with self._of_attempt(run_id, attempt) as run:
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
        queued = [run for run in self._ledger.runs() if run.state == RunState.QUEUED]
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
        wanted = self._ledger.job(run.job_id).on_interrupt
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
        with self._ledger.holding(self._ledger.run(run_id).job_id):
            run = self._ledger.run(run_id)
            _check_version(f"Run {run.number}", version, run.version)
            yield run

    @contextmanager
    def _of_attempt(self, run_id: str, attempt: int) -> Iterator[Run]:
        """Let only the attempt that holds the run change it; raises LateReport."""
        with self._holding(run_id, None) as run:
            if run.attempt != attempt or run.state not in AT_WORK:
                message = f"Attempt {attempt} of run {run.number} was taken away; the run is {run.state}."
                raise LateReport(message)
            yield run

    def _move(self, run: Run, state: RunState, **changes: Any) -> Run:  # noqa: ANN401 - fields of Run
        check_move(run.state, state)
        moved = replace(run, state=state, version=run.version + 1, **changes)
        self._ledger.commit(Changes(runs=(moved,)), RunMoved(run=moved, was=run.state))
        return moved

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


def _check_startable(job: Job, runs: tuple[Run, ...]) -> None:
    unfinished = next((run for run in runs if not run.over), None)
    if unfinished is not None:
        message = f"{job.name!r} has a run that is {unfinished.state}."
        raise AlreadyRunning(message)
    if not job.enabled:
        message = f"{job.name!r} is switched off."
        raise WrongState(message, hint="Switch it on first, then start it.")


def _check_version(name: str, expected: int | None, actual: int) -> None:
    if expected is not None and expected != actual:
        raise VersionConflict(name, expected, actual)
