"""What there is, in memory: every job, the runs at hand, and where older runs are."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any

from core.models import Job, Run, Value


class Register(Value, frozen=True, kw_only=True):
    """A small thing worth keeping that is neither a job nor a run, under a name such as "queue" or "breaker/nas-02".

    None as the value takes it away. The part of the name before the slash says what it is.
    """

    name: str
    value: Mapping[str, Any] | None


class Changes(Value, frozen=True, kw_only=True):
    """What one command changes, kept or refused as a whole.

    A job that is gone takes its runs with it; name them too. `by` is who asked for it, empty for Holdfast itself,
    `origin` from where, and `why` what made it happen, in a few words. `seen` is what else the decision looked at, as
    `about` has it: where another process changed some of that first, it is made again.
    """

    jobs: tuple[Job, ...] = ()
    runs: tuple[Run, ...] = ()
    gone_jobs: tuple[str, ...] = ()
    gone_runs: tuple[str, ...] = ()
    registers: tuple[Register, ...] = ()
    by: str = ""
    origin: str = ""
    why: str = ""
    seen: tuple[str, ...] = ()

    def about(self) -> Iterator[str]:
        """Give what it changes or looked at: jobs by id, registers by names that no job's id begins like."""
        yield from (job.id for job in self.jobs)
        yield from (run.job_id for run in self.runs)
        yield from self.gone_jobs
        yield from (f"register:{register.name}" for register in self.registers)
        yield from self.seen


class Rows:
    """The truth in memory. Not thread-safe: its owner holds a lock.

    `runs` has the runs at hand: of each job the latest and those that are not over at least. `older`
    leads from the id of every other run to its job.
    """

    def __init__(self) -> None:
        self.jobs: dict[str, Job] = {}
        self.runs: dict[str, Run] = {}
        self.run_ids: dict[str, tuple[str, ...]] = {}
        """The runs at hand of each job, by number."""
        self.unfinished: dict[str, tuple[str, ...]] = {}
        """The runs of each job that are not over; of most jobs none."""
        self.older: dict[str, str] = {}
        self.older_ids: dict[str, list[str]] = {}
        """The same the other way round: the older runs of each job."""
        self.registers: dict[str, Mapping[str, Any]] = {}

    def keep_job(self, job: Job) -> None:
        """Have the job as it now is."""
        self.jobs[job.id] = job

    def keep_run(self, run: Run) -> None:
        """Have the run as it now is."""
        if run.id not in self.runs:
            self.run_ids[run.job_id] = self._with(run)
            self._drop_older(run.id)
        self.runs[run.id] = run
        self._count(run, over=run.over)

    def _count(self, run: Run, *, over: bool) -> None:
        known = self.unfinished.get(run.job_id, ())
        if over == (run.id not in known):
            return
        rest = tuple(other for other in known if other != run.id) if over else (*known, run.id)
        if rest:
            self.unfinished[run.job_id] = rest
        else:
            del self.unfinished[run.job_id]

    def _with(self, run: Run) -> tuple[str, ...]:
        known = self.run_ids.get(run.job_id, ())
        if not known or self.runs[known[-1]].number < run.number:
            return (*known, run.id)
        # By number, not by time: a clock that was set back must not hide the newest run.
        numbers = {run_id: self.runs[run_id].number for run_id in known}
        return tuple(sorted((*known, run.id), key=lambda run_id: numbers.get(run_id, run.number)))

    def keep_older(self, run_ids: Iterable[str], job_id: str) -> None:
        """Know of runs that are not at hand."""
        for run_id in run_ids:
            if run_id not in self.runs and run_id not in self.older:
                self.older[run_id] = job_id
                self.older_ids.setdefault(job_id, []).append(run_id)

    def drop_run(self, run_id: str) -> Run | None:
        """Forget a run; return it if it was at hand."""
        self._drop_older(run_id)
        run = self.runs.pop(run_id, None)
        if run is not None:
            self._count(run, over=True)
            rest = tuple(other for other in self.run_ids[run.job_id] if other != run_id)
            if rest:
                self.run_ids[run.job_id] = rest
            else:
                del self.run_ids[run.job_id]
        return run

    def drop_job(self, job_id: str) -> None:
        """Forget a job and its runs."""
        self.jobs.pop(job_id, None)
        for run_id in self.older_ids.pop(job_id, ()):
            self.older.pop(run_id, None)
        for run_id in self.run_ids.get(job_id, ()):
            self.runs.pop(run_id, None)
        self.run_ids.pop(job_id, None)
        self.unfinished.pop(job_id, None)

    def put_away(self, run: Run) -> None:
        """Have a run that is over no longer at hand; it is among the older ones."""
        if self.runs.get(run.id) is run:
            self.drop_run(run.id)
            self.keep_older((run.id,), run.job_id)

    def _drop_older(self, run_id: str) -> None:
        job_id = self.older.pop(run_id, None)
        if job_id is not None:
            self.older_ids[job_id].remove(run_id)
            if not self.older_ids[job_id]:
                del self.older_ids[job_id]

    def apply(self, changes: Changes) -> None:
        """Take in a whole change."""
        for job in changes.jobs:
            self.keep_job(job)
        for run in changes.runs:
            self.keep_run(run)
        for run_id in changes.gone_runs:
            self.drop_run(run_id)
        for job_id in changes.gone_jobs:
            self.drop_job(job_id)
        for register in changes.registers:
            self.keep_register(register)

    def keep_register(self, register: Register) -> None:
        """Have a register as it now is."""
        if register.value is None:
            self.registers.pop(register.name, None)
        else:
            self.registers[register.name] = register.value

    def job_of(self, run_id: str) -> str | None:
        """Return the id of the job that a run belongs to; None for an unknown one."""
        run = self.runs.get(run_id)
        return run.job_id if run is not None else self.older.get(run_id)

    def runs_at_hand(self, job_id: str) -> tuple[Run, ...]:
        """Return the runs of a job that are at hand, the newest first."""
        return tuple(self.runs[run_id] for run_id in reversed(self.run_ids.get(job_id, ())))

    def latest_run(self, job_id: str) -> Run | None:
        """Return the newest run of a job; None before the first."""
        run_ids = self.run_ids.get(job_id)
        return self.runs[run_ids[-1]] if run_ids else None

    def ended_before(self, moment: datetime) -> Iterator[Run]:
        """Give the runs at hand that ended before a moment and are not the latest of their job."""
        # Of most jobs one run is at hand; whoever asks holds the lock, so the others are picked out first.
        for run_ids in [run_ids for run_ids in self.run_ids.values() if len(run_ids) > 1]:
            for run_id in run_ids[:-1]:
                run = self.runs[run_id]
                if run.over and run.ended_at is not None and run.ended_at < moment:
                    yield run
