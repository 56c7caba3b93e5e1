"""How quickly changes become durable, beside the disk itself and SQLite."""

import contextlib
import os
import statistics
import time
import uuid
from collections.abc import Awaitable, Callable, Iterator
from itertools import count
from pathlib import Path
from typing import Any, Final

from core.bench.rows import Beside, Row, at_least, at_most
from core.bench.workshop import ROUNDS, a_draft, a_manager, in_loop, rate, seconds
from core.bench.yardsticks import ADD, CHANGE, Batches, Disk, Sqlite, Work
from core.manager import JobManager
from core.models import Run
from core.storage.lines import json_text

ALONE: Final = 500
"""How many changes one client makes, one after the other."""
MANY: Final = 256
FEW: Final = 16
SLOWER: Final = 0.010
"""By how many seconds the disk is slower than it is, where that is asked for."""

Act = Callable[[int], Awaitable[object]]


class Toggling:
    """Jobs, one for each writer, that are started and cancelled in turn: each is one durable change."""

    def __init__(self, manager: JobManager, writers: int) -> None:
        self._manager = manager
        self._jobs = [manager.create(a_draft(number)).id for number in range(writers)]
        self._queued: dict[int, str] = {}

    def once(self, writer: int) -> Run:
        """Make the writer's next change."""
        run_id = self._queued.pop(writer, None)
        if run_id is not None:
            return self._manager.cancel(run_id)
        run = self._manager.start(self._jobs[writer])
        self._queued[writer] = run.id
        return run

    async def later(self, writer: int) -> Run:
        """Make the writer's next change without a thread that waits."""
        return await self._manager.later(lambda: self.once(writer))


class Rows:
    """The same jobs as rows of SQLite."""

    def __init__(self, folder: Path, body: bytes, writers: int) -> None:
        self.database = Sqlite(folder / f"{uuid.uuid4()}.sqlite")
        self._body = body
        self._jobs = [str(uuid.uuid4()) for _ in range(writers)]
        self.database.many(ADD, [(body, job_id) for job_id in self._jobs])

    def work(self, writer: int) -> Work:
        """Return the writer's next change."""
        return self._body, self._jobs[writer]

    def once(self, writer: int) -> None:
        """Make the writer's next change in a transaction of its own."""
        self.database.one(CHANGE, self.work(writer))


def measure(folder: Path) -> tuple[Row, ...]:
    """Return the figures for single changes; `folder` is for scratch."""
    with a_manager(folder / "data") as (manager, _):
        return (
            *_alone(manager, folder),
            in_loop(_together(manager, folder)),
            in_loop(_slow(manager)),
            in_loop(_bytes(manager, folder)),
            in_loop(_created(manager, folder)),
        )


def _alone(manager: JobManager, folder: Path) -> tuple[Row, ...]:
    toggling, disk = Toggling(manager, 1), Disk(folder)
    rows = Rows(folder, _body_of(toggling.once(0)), 1)
    ours, bare, theirs = [], [], []
    for _ in range(ALONE):
        ours.append(seconds(lambda: toggling.once(0)) * 1e3)
        bare.append(seconds(disk.append) * 1e3)
        theirs.append(seconds(lambda: rows.once(0)) * 1e3)
    disk.close()
    median, name = statistics.median, "durable change, one client"
    flush = Beside(figure=median(bare), name="append and fdatasync", times=2.5)
    full = Beside(figure=median(theirs), name="SQLite FULL", times=1.3)
    slowest = Beside(figure=_p99(bare), name="append and fdatasync, p99", times=5)
    return (
        at_most(f"{name}, p50", median(ours), "ms", None, flush),
        at_most(f"{name}, p50", median(ours), "ms", None, full),
        at_most(f"{name}, p99", _p99(ours), "ms", None, slowest),
    )


async def _together(manager: JobManager, folder: Path) -> Row:
    toggling = Toggling(manager, MANY)
    rows = Rows(folder, _body_of(toggling.once(0)), MANY)
    ours, theirs = [], []
    with Batches(lambda group: rows.database.many(CHANGE, group)) as batches:
        for _ in range(ROUNDS):
            ours.append(await rate(MANY, toggling.later))
            theirs.append(await rate(MANY, lambda writer: batches.durable(rows.work(writer))))
    beside = Beside(figure=statistics.median(theirs), name="SQLite FULL, batched, bare", times=0.5)
    name = f"durable changes through the manager, {MANY} waiting"
    return at_least(name, statistics.median(ours), "/s", 40_000, beside)


async def _slow(manager: JobManager) -> Row:
    toggling = Toggling(manager, MANY)
    with slower_disk():
        ours = await rate(MANY, toggling.later)
    beside = Beside(figure=1 / SLOWER, name="one at a time at best", times=100)
    return at_least(f"the same with {SLOWER * 1000:g} ms slower flushes", ours, "/s", 10_000, beside)


async def _bytes(manager: JobManager, folder: Path) -> Row:
    toggling = Toggling(manager, FEW)
    rows = Rows(folder, _body_of(toggling.once(0)), FEW)
    written, done = written_bytes(), count()

    async def ours(writer: int) -> None:
        await toggling.later(writer)
        next(done)

    await rate(FEW, ours)
    each = (written_bytes() - written) / next(done)
    written = written_bytes()
    for number in range(ALONE):
        rows.once(number % FEW)
    theirs = (written_bytes() - written) / ALONE
    beside = Beside(figure=theirs, name="SQLite FULL, one by one", times=0.1)
    return at_most(f"bytes to the device for a durable change, {FEW} writers", each, "B", 1_500, beside)


async def _created(manager: JobManager, folder: Path) -> Row:
    numbers = count()
    body = json_text(manager.create(a_draft(0)))
    rows = Rows(folder, body, 1)
    ours, theirs = [], []

    async def create(_writer: int) -> None:
        await manager.later(lambda: manager.create(a_draft(next(numbers))))

    with Batches(lambda group: rows.database.many(ADD, group)) as batches:
        for _ in range(ROUNDS):
            ours.append(await rate(FEW, create))
            theirs.append(await rate(FEW, lambda _: batches.durable((body, str(uuid.uuid4())))))
    beside = Beside(figure=statistics.median(theirs), name="SQLite FULL, batched, bare", times=0.6)
    return at_least(f"jobs created, {FEW} writers", statistics.median(ours), "/s", 3_000, beside)


@contextlib.contextmanager
def slower_disk() -> Iterator[None]:
    """Make every flush of this process slower, as on a disk that turns."""
    flush = os.fdatasync

    def slow_flush(descriptor: Any) -> None:  # noqa: ANN401 - a descriptor, or what has one
        time.sleep(SLOWER)
        flush(descriptor)

    os.fdatasync = slow_flush  # type: ignore[assignment]
    try:
        yield
    finally:
        os.fdatasync = flush


def written_bytes() -> int:
    """Return how many bytes this process has had written to a device."""
    lines = Path("/proc/self/io").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("write_bytes:"))


def _body_of(run: Run) -> bytes:
    return json_text(run)


def _p99(spans: list[float]) -> float:
    return statistics.quantiles(spans, n=100)[98]
