"""What the journal says, carried out on the rows of a snapshot."""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from msgspec import UNSET
from msgspec.structs import astuple, replace

from core.models import Job, Run
from core.storage.base import Problem
from core.storage.placed import Placed
from core.storage.records import Moved, Record, frozen_job, frozen_run, registers_of
from core.storage.rows import Rows
from core.storage.segments import Entry, Segment, Wound
from core.storage.shards import shard_of


class Bases(NamedTuple):
    """Up to which record the row of each shard, or of a single job, is; and all registers, or a single one."""

    of_shards: Mapping[str, int]
    of_jobs: Mapping[str, int]
    of_registers: int
    of_register: Mapping[str, int]


class Replay:
    """Applies records in order; each only to what the rows do not have yet.

    `stale` has the checksums of the texts that the definition of each changed job had on the way,
    as far as they were noted, and `gone` where the definitions of deleted jobs were. `before` has
    the versions of each that were left behind, the oldest first.
    """

    def __init__(
        self,
        rows: Rows,
        placed: dict[str, Placed],
        file_of: Callable[[Job], str],
        bases: Bases,
    ) -> None:
        self.rows = rows
        self.placed = placed
        self.stale: defaultdict[str, set[int]] = defaultdict(set)
        self.before: defaultdict[str, list[Job]] = defaultdict(list)
        self.gone: dict[str, Placed | None] = {}
        self._file_of = file_of
        self._bases = bases
        self._has_all = max((*bases.of_shards.values(), *bases.of_jobs.values()), default=0)
        self._gone_runs: set[str] = set()
        self._moving: dict[str, dict[str, Any]] = {}
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
            if record.registers:
                self._registers(record)
        self._settle_all()

    def _settle_all(self) -> None:
        for run_id in tuple(self._moving):
            self._settle(run_id)

    def _registers(self, record: Record) -> None:
        for register in registers_of(record):
            if record.n > self._bases.of_register.get(register.name, self._bases.of_registers):
                self.rows.keep_register(register)

    def _runs(self, record: Record, pair: tuple[Segment, Entry]) -> None:
        for run in record.runs:
            if self._is_news(run.job_id, record.n) and not self._run(run):
                self._keep_for_later(run.job_id, pair)
        for moved in record.moved:
            if self._is_news(moved.job_id, record.n) and not self._moved(moved):
                self._keep_for_later(moved.job_id, pair)
        for run_id in record.gone_runs:
            self._gone_runs.add(run_id)
            self._moving.pop(run_id, None)
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
        """Carry out what is said of runs whose jobs were not there and are by now; nothing else twice."""
        for job_id in [job_id for job_id in self._strays if job_id in self.rows.jobs]:
            for pair in self._strays.pop(job_id):
                self._runs_of(job_id, pair)
        self._settle_all()

    def _runs_of(self, job_id: str, pair: tuple[Segment, Entry]) -> None:
        record = pair[1].record
        for run in record.runs:
            if run.job_id == job_id and run.id not in self._gone_runs:
                self._run(run)
        for moved in record.moved:
            if moved.job_id == job_id and moved.id not in self._gone_runs and not self._moved(moved):
                self._keep_for_later(job_id, pair)

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

    def _keep_for_later(self, job_id: str, pair: tuple[Segment, Entry]) -> None:
        strays = self._strays.setdefault(job_id, [])
        if not strays or strays[-1] is not pair:
            strays.append(pair)

    def _is_news(self, job_id: str, n: int) -> bool:
        if n > self._has_all:
            return True
        known = self._bases.of_jobs.get(job_id)
        return n > (self._bases.of_shards[shard_of(job_id)] if known is None else known)

    def _job(self, job: Job, record: Record) -> None:
        before = self.rows.jobs.get(job.id)
        if before is not None:
            self.before[job.id].append(before)
        self.rows.keep_job(frozen_job(job))
        self.gone.pop(job.id, None)
        known = self.placed.get(job.id)
        crc = record.was.get(job.id, known.crc if known else 0)
        if known is not None and known.crc != crc:
            self.stale[job.id].add(known.crc)
        file = known.file if known else self._file_of(job)
        self.placed[job.id] = Placed(file=file, crc=crc, behind=True)

    def _run(self, run: Run) -> bool:
        job = self.rows.jobs.get(run.job_id)
        if job is None:
            return False
        self._moving.pop(run.id, None)
        self.rows.keep_run(frozen_run(run, job))
        return True

    def _moved(self, moved: Moved) -> bool:
        if moved.id not in self.rows.runs:
            return False
        self._moving.setdefault(moved.id, {}).update(changes_of(moved))
        return True

    def _settle(self, run_id: str) -> None:
        """Make one new run of all that moved it: most records are of the few runs that are at work."""
        before = self.rows.runs[run_id]
        after = replace(before, **self._moving.pop(run_id))
        self.rows.keep_run(frozen_run(after, self.rows.jobs.get(before.job_id)))

    def _gone(self, job_id: str) -> None:
        for run_id in self.rows.run_ids.get(job_id, ()):
            self._moving.pop(run_id, None)
        self.rows.drop_job(job_id)
        self.before.pop(job_id, None)
        self.stale.pop(job_id, None)
        self.gone[job_id] = self.placed.pop(job_id, None)


def changes_of(moved: Moved) -> dict[str, Any]:
    """Return the fields that changed."""
    values = zip(Moved.__struct_fields__, astuple(moved), strict=True)
    return {name: value for name, value in values if value is not UNSET}
