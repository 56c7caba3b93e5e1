"""How quickly runs come to be, get a slot and follow one another: a whole Holdfast, with runs that do nothing."""

import contextlib
import statistics
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from pathlib import Path
from typing import Any, ClassVar, Final

from core.bench.rows import Beside, Row, at_least, at_most
from core.bench.workshop import ROUNDS, in_loop, rate, seconds
from core.bench.yardsticks import ADD, CHANGE, Batches, Sqlite
from core.drafts import JobDraft
from core.engines.base import Engine
from core.events import Event, RunMoved
from core.listing import JobQuery
from core.models import Job
from core.queueing import Scope
from core.service import Service
from core.settings import Settings
from core.states import RunState
from core.storage.lines import json_text
from core.work import Outcome, RunContext, Surroundings

SLOTS: Final = 8
WRITERS: Final = 256
RUNS: Final = 1_500
STARTS: Final = 100
QUEUED: Final = 10_000
LOOKS: Final = 100
BETWEEN: Final = 0.02
"""Seconds between two looks, for some runs to begin and end."""
CHAIN: Final = 10
FAN: Final = 50
STEPS: Final = 3
"""How often a run changes from its start to its end: queued, running, completed."""

PATIENCE: Final = 300.0


class Nothing(Engine):
    """Is done at once."""

    kind: ClassVar[str] = "nothing"
    label: ClassVar[str] = "Do nothing"
    began: ClassVar[dict[str, float]] = {}

    def check(self, surroundings: Surroundings) -> None:
        """Find nothing wrong."""

    def run(self, context: RunContext) -> Outcome:
        """Note when it began."""
        self.began[context.run_id] = time.perf_counter()
        return Outcome()


def _make(_kind: str, _options: Mapping[str, Any]) -> Engine:
    return Nothing()


@contextlib.contextmanager
def _at_work(data: Path) -> Iterator[Service]:
    service = Service(Settings(data=data, slots=SLOTS, own_backup="off"), make_engine=_make)
    service.start()
    try:
        yield service
    finally:
        service.stop()


class _Ended:
    """Waits until so many runs have ended."""

    def __init__(self, service: Service, many: int) -> None:
        self._service = service
        self._left = many
        self._all = threading.Event()
        service.events.tell_at_once("bench", self._hear)

    def _hear(self, event: Event) -> None:
        if isinstance(event, RunMoved) and event.run.state == RunState.COMPLETED:
            self._left -= 1
            if self._left == 0:
                self._all.set()

    def wait(self) -> None:
        """Return when they have."""
        if not self._all.wait(PATIENCE):
            raise TimeoutError("The runs of the bench did not end.")
        self._service.events.tell_no_more(self._hear)


def measure(folder: Path) -> tuple[Row, ...]:
    """Return the figures of the queue; `folder` is for scratch."""
    with _at_work(folder / "data") as service:
        jobs = _jobs(service, RUNS)
        carried = _carried(service, folder, jobs)
        alone = (*_begun(service, jobs[0]), _chain(service), _fan(service))
        created = in_loop(
            _created(service, folder)
        )  # last: the files of so many jobs are written for a while after
    return (created, carried, *alone, *_crowd(folder / "crowd"))


def _draft(number: int, **fields: Any) -> JobDraft:  # noqa: ANN401 - fields of a draft
    return JobDraft(name=f"Nothing {number:06}", kind="nothing", **fields)


def _jobs(service: Service, many: int) -> list[Job]:
    """Make many jobs, several at a time."""

    def make(number: int) -> Job:
        return service.manager.create(_draft(number))

    with ThreadPoolExecutor(WRITERS) as pool:
        return list(pool.map(make, range(many)))


async def _created(service: Service, folder: Path) -> Row:
    numbers = count(1_000_000)
    database = Sqlite(folder / "created.sqlite")
    body = json_text(service.manager.create(_draft(0)))
    ours, theirs = [], []

    async def create(_writer: int) -> None:
        await service.manager.later(lambda: service.manager.create(_draft(next(numbers))))

    with Batches(lambda group: database.many(ADD, group)) as batches:
        for _ in range(ROUNDS):
            ours.append(await rate(WRITERS, create))
            theirs.append(await rate(WRITERS, lambda _: batches.durable((body, str(uuid.uuid4())))))
    database.close()
    beside = Beside(figure=statistics.median(theirs), name="SQLite FULL, batched, bare")
    return at_least(f"jobs created, {WRITERS} waiting", statistics.median(ours), "/s", 5_000, beside)


def _carried(service: Service, folder: Path, jobs: list[Job]) -> Row:
    """Measure runs from being asked for to their end, all asked for at once."""
    ended = _Ended(service, len(jobs))
    began = time.perf_counter()
    with ThreadPoolExecutor(SLOTS) as pool:
        list(pool.map(lambda job: service.manager.start(job.id), jobs))
        ended.wait()
    ours = len(jobs) / (time.perf_counter() - began)
    beside = Beside(figure=_bare(folder, len(jobs)), name=f"{SLOTS} threads, SQLite FULL at each step")
    return at_least(f"runs from start to end, {SLOTS} slots", ours, "/s", 500, beside)


def _bare(folder: Path, many: int) -> float:
    """Return how many such runs a second a pool of threads does that keeps each step in SQLite."""
    database, lock = Sqlite(folder / "carried.sqlite"), threading.Lock()
    ids = [str(uuid.uuid4()) for _ in range(min(many, RUNS))]
    database.many(ADD, [(b"x" * 600, one) for one in ids])

    def carry(one: str) -> None:
        for _ in range(STEPS):
            with lock:
                database.one(CHANGE, (b"x" * 600, one))

    with ThreadPoolExecutor(SLOTS) as pool:
        took = seconds(lambda: list(pool.map(carry, ids)))
    database.close()
    return len(ids) / took


def _begun(service: Service, job: Job) -> tuple[Row, ...]:
    """Measure how long a run waits for its slot while nothing else is going on."""
    waits, bare = [], []
    with ThreadPoolExecutor(1) as pool:
        for _ in range(STARTS):
            ended = _Ended(service, 1)
            asked = time.perf_counter()
            run = service.manager.start(job.id)
            ended.wait()
            waits.append((Nothing.began[run.id] - asked) * 1e3)
            asked = time.perf_counter()
            bare.append((pool.submit(time.perf_counter).result() - asked) * 1e3)
    beside = Beside(figure=_p95(bare), name="a bare thread pool, p95")
    name = "from asking for a run to its beginning, nothing else going on"
    return (
        at_most(f"{name}, p50", statistics.median(waits), "ms", None, beside),
        at_most(f"{name}, p95", _p95(waits), "ms", 50, beside),
    )


def _chain(service: Service) -> Row:
    jobs: list[Job] = []
    for number in range(CHAIN):
        after = (jobs[-1].id,) if jobs else ()
        jobs.append(service.manager.create(_draft(number, after=after)))
    took = statistics.median(_flow(service, jobs[0], CHAIN) for _ in range(ROUNDS))
    return at_most(f"chain of {CHAIN}, a step", took / CHAIN * 1e3, "ms", 50)


def _fan(service: Service) -> Row:
    first = service.manager.create(_draft(0))
    for number in range(FAN):
        service.manager.create(_draft(number, after=(first.id,)))
    took = statistics.median(_flow(service, first, FAN + 1) for _ in range(ROUNDS))
    return at_most(f"one job and {FAN} that come after it", took, "s", 1)


def _flow(service: Service, first: Job, many: int) -> float:
    ended = _Ended(service, many)

    def carry() -> None:
        service.manager.start(first.id)
        ended.wait()

    return seconds(carry)


def _crowd(folder: Path) -> tuple[Row, ...]:
    """Measure lists while ten thousand runs that were queued before the start are carried out."""
    folder.mkdir()
    with _at_work(folder / "data") as service:
        service.manager.pause_line(Scope.QUEUE)
        jobs = _jobs(service, QUEUED)
        with ThreadPoolExecutor(WRITERS) as pool:
            list(pool.map(lambda job: service.manager.start(job.id), jobs))
    with _at_work(folder / "data") as service:
        paused = _looks(lambda: service.waiting_room.queue(50))
        service.manager.resume_line(Scope.QUEUE)
        listed = _looks(lambda: service.manager.list_jobs(JobQuery(sort="-last-run")))
        queue = _looks(lambda: service.waiting_room.queue(50))
        service.manager.pause_line(Scope.QUEUE)
    name = f"{QUEUED:,} queued at the start"
    return (
        at_most(f"{name}: first page of jobs while they are carried out, p95", _p95(listed), "ms", 200),
        at_most(f"{name}: the whole queue with reasons, paused, p95", _p95(paused), "ms", 200),
        at_most(f"{name}: the same while they are carried out, p95", _p95(queue), "ms", 200),
    )


def _looks(look: Callable[[], object]) -> list[float]:
    """Return how long each of many looks took, in milliseconds; something happens between them."""
    found = []
    for _ in range(LOOKS):
        time.sleep(BETWEEN)
        found.append(seconds(look) * 1e3)
    return found


def _p95(figures: list[float]) -> float:
    return statistics.quantiles(figures, n=20)[18]
