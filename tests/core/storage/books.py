"""A store's folder as its parts keep it, without what goes on in an open store."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from core.models import Job, frozen
from core.storage.definitions import definition_of, text_of_definition
from core.storage.folder import StoreFolder
from core.storage.history import History
from core.storage.journal import Journal
from core.storage.opening import Opened, open_state
from core.storage.placed import Placed, crc_of, signature_of
from core.storage.records import body_of
from core.storage.rows import Changes, Register, Rows
from core.storage.snapshot import Snapshots, View
from tests.builders import a_kept_job, a_kept_run
from tests.doubles import SettableClock

ANA = "3f2a1b4c-0000-4000-8000-000000000001"
BEN = "77aa0000-0000-4000-8000-000000000002"
CLEO = "c1e00000-0000-4000-8000-000000000003"


class Books:
    """An open folder: every change goes to the journal and to the rows."""

    def __init__(self, root: Path) -> None:
        self.folder = StoreFolder(root, SettableClock())
        self.mended = self.folder.take()
        with self.folder.alone() as alone:
            self.found: Opened = open_state(self.folder, alone=alone)
        self.rows: Rows = self.found.rows
        self.placed = self.found.placed
        self.told = list(self.found.problems)
        self.history = History(self.folder, self.told.append)
        self.snapshots = Snapshots(self.folder, self.found.generations, n=self.found.n)
        self.journal = Journal(
            root / "state",
            self.folder.lock_path("commit"),
            self.folder.store_id,
            segment=self.found.segment,
            length=self.found.length,
            n=self.found.n,
            t=self.found.t,
        )

    def change(self, changes: Changes) -> int:
        """Keep a change; returns its number."""
        was = {job_id: placed.crc for job_id, placed in self.placed.items()}
        n = self.journal.append([body_of(changes, was, self.rows.runs)], time.time_ns() // 1_000_000)
        self.rows.apply(changes)
        for job_id in (
            *(job.id for job in changes.jobs),
            *(run.job_id for run in changes.runs),
            *changes.gone_jobs,
        ):
            self.snapshots.touched(job_id, n)
        if changes.registers:
            self.snapshots.registers_touched(n)
        for job_id in changes.gone_jobs:
            self.placed.pop(job_id, None)
        return n

    def define(self, job: Job) -> Path:
        """Write the definition of a job."""
        path = self.folder.job_path(job)
        path.parent.mkdir(exist_ok=True)
        text = text_of_definition(definition_of(job))
        path.write_bytes(text)
        file = path.relative_to(self.folder.root / "jobs").as_posix()
        self.placed[job.id] = Placed(file=file, crc=crc_of(text), signature=signature_of(path.stat()))
        return path

    def checkpoint(self) -> int:
        """Write a snapshot; returns the first segment still needed."""
        segment = self.journal.roll()
        return self.snapshots.write(
            View.of(self.rows, self.placed, self.journal.n), segment=segment, t=self.journal.t
        )

    def close(self) -> None:
        """Leave in peace."""
        if self.folder.held:
            self.journal.leave()
            self.crash()

    def crash(self) -> None:
        """Let go of everything, saying nothing."""
        self.journal.close()
        self.folder.release()


@contextmanager
def books(root: Path) -> Iterator[Books]:
    """Open a folder, and close it at the end."""
    opened = Books(root)
    try:
        yield opened
    finally:
        opened.close()


def a_filled_store(root: Path) -> None:
    """Leave a store behind with three jobs, two generations, older runs and a journal that goes on."""
    with books(root) as store:
        jobs = (a_kept_job(ANA, name="ana"), a_kept_job(BEN, name="ben"), a_kept_job(CLEO, name="cleo"))
        store.change(Changes(jobs=jobs, registers=(kept("queue", slots=2), kept("letter/a0", code="old"))))
        for job in jobs:
            store.define(job)
        for number in (1, 2):
            store.change(
                Changes(
                    runs=(a_kept_run(f"a{number}", ANA, number=number),),
                    registers=(kept(f"letter/a{number}", code="x"),),
                )
            )
        store.checkpoint()
        ben = a_kept_job(BEN, name="ben", version=2)
        store.change(Changes(jobs=(ben,), registers=(Register(name="letter/a0", value=None),)))
        store.checkpoint()
        now = (kept("queue", slots=4), Register(name="letter/a1", value=None))
        store.change(Changes(runs=(a_kept_run("a2", ANA, number=2, version=2),), registers=now))
        store.change(Changes(jobs=(a_kept_job(CLEO, name="cleo", version=2),)))


def kept(name: str, **value: object) -> Register:
    """Return a register."""
    return Register(name=name, value=frozen(value))


def state_of(store: Books | Opened) -> dict[str, object]:
    """Return everything there is, as it can be compared."""
    runs = {f"run {run.id}": run for run in store.rows.runs.values()}
    return {
        **store.rows.jobs,
        **runs,
        **{f"register {name}": it for name, it in store.rows.registers.items()},
    }
