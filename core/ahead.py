"""What was accepted and is not durable yet."""

from collections.abc import Iterator, Mapping
from typing import Any

from core.models import Job, Run
from core.storage.base import Commitment


class Ahead:
    """Lies over what is durable, for whoever decides. Not thread-safe: its owner holds a lock.

    None stands for what will be gone.
    """

    def __init__(self) -> None:
        self.jobs: dict[str, tuple[Job | None, Commitment]] = {}
        self.runs: dict[str, tuple[Run | None, Commitment]] = {}
        self.registers: dict[str, tuple[Mapping[str, Any] | None, Commitment]] = {}
        self._new_runs: dict[str, tuple[str, ...]] = {}

    def accept(self, commitment: Commitment) -> None:
        """Look at things as they will be."""
        changes = commitment.changes
        for job in changes.jobs:
            self.jobs[job.id] = job, commitment
        for run in changes.runs:
            if run.id not in self.runs:
                self._new_runs[run.job_id] = (*self._new_runs.get(run.job_id, ()), run.id)
            self.runs[run.id] = run, commitment
        for job_id in changes.gone_jobs:
            self.jobs[job_id] = None, commitment
        for run_id in changes.gone_runs:
            self.runs[run_id] = None, commitment
        for register in changes.registers:
            self.registers[register.name] = register.value, commitment

    def settle(self, commitment: Commitment) -> None:
        """Forget what is durable by now, unless something newer was accepted since."""
        changes = commitment.changes
        for job_id in (*(job.id for job in changes.jobs), *changes.gone_jobs):
            if self.jobs.get(job_id, (None, None))[1] is commitment:
                del self.jobs[job_id]
        for run_id in (*(run.id for run in changes.runs), *changes.gone_runs):
            if self.runs.get(run_id, (None, None))[1] is commitment:
                del self.runs[run_id]
        for register in changes.registers:
            if self.registers.get(register.name, (None, None))[1] is commitment:
                del self.registers[register.name]
        for run in changes.runs:
            self._forget_new(run)

    def refuse(self, commitment: Commitment) -> None:
        """Forget what will never be, and everything that was accepted on top of it."""
        changes = commitment.changes
        for job_id in (*(job.id for job in changes.jobs), *changes.gone_jobs):
            self.jobs.pop(job_id, None)
        for run_id in (*(run.id for run in changes.runs), *changes.gone_runs):
            self.runs.pop(run_id, None)
        for register in changes.registers:
            self.registers.pop(register.name, None)
        for run in changes.runs:
            self._forget_new(run)

    def runs_of(self, job_id: str) -> Iterator[Run]:
        """Give the runs of a job that are not settled, in the order in which they were accepted."""
        for run_id in self._new_runs.get(job_id, ()):
            run = self.runs[run_id][0]
            if run is not None:
                yield run

    def _forget_new(self, run: Run) -> None:
        if run.id in self.runs or run.id not in self._new_runs.get(run.job_id, ()):
            return
        rest = tuple(other for other in self._new_runs[run.job_id] if other != run.id)
        if rest:
            self._new_runs[run.job_id] = rest
        else:
            del self._new_runs[run.job_id]
