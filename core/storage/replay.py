"""What the journal says, carried out on the rows of a snapshot."""

from collections import defaultdict, deque
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from typing import Final

from core.models import Job, Run
from core.storage.base import Problem
from core.storage.placed import Placed
from core.storage.records import Moved, Record, frozen_job, frozen_run, run_after
from core.storage.rows import Rows
from core.storage.segments import Entry, Segment, Wound
from core.storage.shards import shard_of

STEPS: Final = 3
"""How many versions of a job before its last are remembered: a file may be that much behind."""


class Replay:
    """Applies records in order; each only to what the rows do not have yet.

    `stale` has the checksums of the texts that the definition of each changed job had on the way,
    as far as they were noted, and `gone` where the definitions of deleted jobs were.
    """

    def __init__(
        self,
        rows: Rows,
        placed: dict[str, Placed],
        file_of: Callable[[Job], str],
        of_shards: Mapping[str, int],
        of_jobs: Mapping[str, int],
    ) -> None:
        self.rows = rows
        self.placed = placed
        self.stale: defaultdict[str, set[int]] = defaultdict(set)
        self.before: defaultdict[str, deque[Job]] = defaultdict(lambda: deque(maxlen=STEPS))
        self.gone: dict[str, Placed | None] = {}
        self._file_of = file_of
        self._of_shards = of_shards
        self._of_jobs = of_jobs
        self._has_all = max((*of_shards.values(), *of_jobs.values()), default=0)
        self._strays: dict[str, list[tuple[Segment, Entry]]] = {}

    def apply(self, known: Iterable[tuple[Segment, Entry]]) -> None:
        """Carry out the records, which are in order."""
        for pair in known:
            record = pair[1].record
            for job in record.jobs:
                if self._is_news(job.id, record.n):
                    self._job(job, record)
            self._runs(record, pair)
            for job_id in record.gone_jobs:
                if self._is_news(job_id, record.n):
                    self._gone(job_id)
        self._forget_older_of_gone()

    def _runs(self, record: Record, pair: tuple[Segment, Entry]) -> None:
        for run in record.runs:
            if self._is_news(run.job_id, record.n) and not self._run(run):
                self._strays.setdefault(run.job_id, []).append(pair)
        for moved in record.moved:
            if self._is_news(moved.job_id, record.n) and not self._moved(moved):
                self._strays.setdefault(moved.job_id, []).append(pair)
        for run_id in record.gone_runs:
            self.rows.drop_run(run_id)

    @property
    def missing(self) -> Collection[str]:
        """Return the jobs that runs speak of and that are not there."""
        return [job_id for job_id in self._strays if job_id not in self.rows.jobs and job_id not in self.gone]

    def take_in(self, job: Job, placed: Placed) -> None:
        """Have a job of which no row is left."""
        self.rows.keep_job(job)
        self.placed[job.id] = placed

    def apply_again(self) -> None:
        """Carry out what could not be, now that more jobs are there."""
        again = [pair for job_id, found in self._strays.items() if job_id in self.rows.jobs for pair in found]
        self._strays = {
            job_id: found for job_id, found in self._strays.items() if job_id not in self.rows.jobs
        }
        self.apply(sorted(again, key=lambda pair: pair[1].record.n))

    @property
    def wounds(self) -> Iterator[Wound]:
        """Give what could not be applied, once for each job."""
        for job_id, found in self._strays.items():
            segment, entry = found[0]
            if job_id in self.rows.jobs:
                what = (
                    f"{len(found)} changes from here on are of runs of this job that are not there any more."
                )
            elif job_id not in self.gone:
                what = (
                    f"{len(found)} records from here on are of runs of the job {job_id}, which is not there."
                )
            else:
                continue
            raw = b"\n".join(found_segment.raw(found_entry.line) for found_segment, found_entry in found)
            message = f"{what} They are not shown."
            yield Wound(Problem(path=segment.name, line=entry.line, message=message, job_id=job_id), raw)

    def _is_news(self, job_id: str, n: int) -> bool:
        if n > self._has_all:
            return True
        known = self._of_jobs.get(job_id)
        return n > (self._of_shards[shard_of(job_id)] if known is None else known)

    def _job(self, job: Job, record: Record) -> None:
        before = self.rows.jobs.get(job.id)
        if before is not None:
            self.passed[job.id].append(before)
        self.rows.keep_job(frozen_job(job))
        self.gone.pop(job.id, None)
        known = self.placed.get(job.id)
        crc = record.was.get(job.id, known.crc if known else 0)
        if known is not None and known.crc != crc:
            self.stale[job.id].add(known.crc)
        file = known.file if known else self._file_of(job)
        self.placed[job.id] = Placed(file=file, crc=crc, behind=True)

    def _run(self, run: Run) -> bool:
        if run.job_id not in self.rows.jobs:
            return False
        self.rows.keep_run(frozen_run(run))
        return True

    def _moved(self, moved: Moved) -> bool:
        before = self.rows.runs.get(moved.id)
        if before is None:
            return False
        self.rows.keep_run(run_after(before, moved))
        return True

    def _gone(self, job_id: str) -> None:
        self.rows.drop_job(job_id)
        self.before.pop(job_id, None)
        self.stale.pop(job_id, None)
        self.gone[job_id] = self.placed.pop(job_id, None)

    def _forget_older_of_gone(self) -> None:
        if self.gone:
            for run_id in [run for run, job_id in self.rows.older.items() if job_id in self.gone]:
                del self.rows.older[run_id]
