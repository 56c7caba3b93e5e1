"""One decision: everything that one command changes, gathered, and committed as a whole.

It is made under the ledger's lock. What it looks at is what was accepted, with its own changes on top.
"""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any, Final

from msgspec.structs import replace

from core.clock import Clock
from core.events import Event, JobDeleted, RunMoved, RunsForgotten
from core.ledger import Ledger
from core.models import Job, Run, frozen
from core.shown import GOING
from core.states import RunState, check_move, is_final
from core.storage.rows import Changes, Register

QUESTION: Final = "question/"
ANSWER: Final = "answer/"
"""The registers of what a run asks a person, and of what was answered."""


class Decision:
    """What a command changes; nothing happens before `commit`."""

    def __init__(
        self, ledger: Ledger, clock: Clock, reached_by: Callable[[Run], tuple[str, ...]], *, why: str = ""
    ) -> None:
        self.now = clock.now()
        self._ledger = ledger
        self._reached_by = reached_by
        self.why = why
        self._jobs: dict[str, Job] = {}
        self._runs: dict[str, Run] = {}
        self._registers: dict[str, Mapping[str, Any] | None] = {}
        self._gone_jobs: tuple[str, ...] = ()
        self._gone_runs: tuple[str, ...] = ()
        self._events: list[Event] = []
        self._seen: set[str] = set()

    # What it sees

    def job(self, job_id: str) -> Job:
        """Return the job; raises NotFound."""
        return self._jobs.get(job_id) or self._ledger.job_ahead(job_id)

    def run(self, run_id: str) -> Run:
        """Return the run; raises NotFound."""
        return self._runs.get(run_id) or self._ledger.run_ahead(run_id)

    def unfinished(self, job_id: str) -> tuple[Run, ...]:
        """Return the runs of the job that are not over, the oldest first: at most one begun, one waiting."""
        runs = {run.id: run for run in self._ledger.unfinished_ahead(job_id)}
        runs |= {run.id: run for run in self._runs.values() if run.job_id == job_id}
        return tuple(sorted((run for run in runs.values() if not run.over), key=lambda run: run.number))

    def begun(self, job_id: str) -> Run | None:
        """Return the run of the job that has an attempt and is not over."""
        return next((run for run in self.unfinished(job_id) if run.attempt), None)

    def waiting(self, job_id: str) -> Run | None:
        """Return the run of the job that waits for its first attempt."""
        return next((run for run in self.unfinished(job_id) if not run.attempt), None)

    def at_hand(self, job_id: str) -> tuple[Run, ...]:
        """Return the runs of the job that are not over, its latest, and those of the last day, in no order."""
        mine = (run for run in self._runs.values() if run.job_id == job_id)
        return (*mine, *(run for run in self._ledger.at_hand_ahead(job_id) if run.id not in self._runs))

    def latest(self, job_id: str) -> Run | None:
        """Return the newest run of the job."""
        mine = [run for run in self._runs.values() if run.job_id == job_id]
        known = self._ledger.latest_ahead(job_id)
        if known is not None:
            mine.append(self._runs.get(known.id, known))
        return max(mine, key=lambda run: run.number, default=None)

    def register(self, name: str) -> Mapping[str, Any] | None:
        """Return what a register has."""
        return self._registers[name] if name in self._registers else self._ledger.register_ahead(name)

    def may_begin(self, job: Job) -> bool:
        """Tell whether runs of the job may be made: it is switched on, and nobody is deleting it."""
        return job.enabled and self.register(GOING + job.id) is None

    def below(self, job_id: str) -> tuple[Job, ...]:
        """Return the jobs that come after the job directly."""
        found = {job.id: job for job in self._ledger.below_ahead(job_id)}
        found |= self._jobs
        return tuple(job for job in found.values() if job_id in job.after)

    def look_at(self, job_ids: Iterable[str]) -> None:
        """Note that the decision depends on how these jobs are."""
        self._seen.update(job_ids)

    # What it changes

    def keep_job(self, job: Job, event: Event) -> None:
        """Have a job as it will be."""
        self._jobs[job.id] = job
        self._events.append(event)

    def drop_job(self, job_id: str, run_ids: tuple[str, ...]) -> None:
        """Have a job and its runs gone."""
        self._gone_jobs = (*self._gone_jobs, job_id)
        self._gone_runs = (*self._gone_runs, *run_ids)
        self._events.append(JobDeleted(job_id=job_id, run_ids=run_ids))

    def forget(self, run_ids: tuple[str, ...]) -> None:
        """Have runs gone that are over."""
        self._gone_runs = (*self._gone_runs, *run_ids)
        self._events.append(RunsForgotten(run_ids=run_ids))

    def add(self, run: Run) -> Run:
        """Have a new run."""
        self._runs[run.id] = run
        self._events.append(RunMoved(run=run, was=None))
        return run

    def move(self, run: Run, state: RunState, **changes: Any) -> Run:  # noqa: ANN401 - fields of Run
        """Have the run in another state; raises WrongState where the table does not allow it."""
        check_move(run.state, state)
        moved = replace(run, state=state, version=run.version + 1, **changes)
        self._runs[run.id] = moved
        self._events.append(RunMoved(run=moved, was=run.state))
        if state == RunState.QUEUED or is_final(
            state
        ):  # who goes on asks again, and who is over waits no more
            self.set(QUESTION + run.id, None)
        if is_final(state):
            self.set(ANSWER + run.id, None)
        return moved

    def into_line(self, run: Run, *, reason: str = "", due_at: datetime | None = None) -> Run:
        """Have a run that waits in line, with what it reaches, for the breakers."""
        return self.move(
            run,
            RunState.QUEUED,
            due_at=due_at or self.now,
            reason=reason,
            reaches=self._reached_by(run),
        )

    def alter(self, run: Run, **changes: Any) -> Run:  # noqa: ANN401 - fields of Run
        """Have the run in the same state, changed otherwise."""
        altered = replace(run, version=run.version + 1, **changes)
        self._runs[run.id] = altered
        self._events.append(RunMoved(run=altered, was=run.state))
        return altered

    def set(self, name: str, value: Mapping[str, Any] | None) -> None:
        """Have a register as it will be; None takes it away."""
        if self.register(name) != value:
            self._registers[name] = None if value is None else frozen(value)

    def commit(self) -> None:
        """Accept all of it; nothing where nothing changes."""
        if not (self._jobs or self._runs or self._registers or self._gone_jobs or self._gone_runs):
            return
        registers = (Register(name=name, value=value) for name, value in self._registers.items())
        changes = Changes(
            jobs=tuple(self._jobs.values()),
            runs=tuple(self._runs.values()),
            gone_jobs=self._gone_jobs,
            gone_runs=self._gone_runs,
            registers=tuple(registers),
            why=self.why,
            seen=tuple(sorted(self._seen)),
        )
        self._ledger.commit(changes, *self._events)
