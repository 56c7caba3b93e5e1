"""What is measured in a process of its own: `python -m core.bench.children NAME FOLDER …` answers in JSON.

Memory, a start and a sudden end are those of a whole process.
"""

import time

BEGAN = time.perf_counter()

import asyncio  # noqa: E402 - how long the imports take is measured too
import gc  # noqa: E402
import json  # noqa: E402
import os  # noqa: E402
import statistics  # noqa: E402
import subprocess  # noqa: E402
import sys  # noqa: E402
import threading  # noqa: E402
from collections.abc import Callable  # noqa: E402
from functools import partial  # noqa: E402
from pathlib import Path  # noqa: E402
from typing import Any, Final  # noqa: E402

from core.bench.changes import MANY, Toggling  # noqa: E402
from core.bench.workshop import a_manager, in_loop, make_unchecked, seconds  # noqa: E402
from core.drafts import JobPatch  # noqa: E402
from core.errors import VersionConflict  # noqa: E402
from core.listing import JobQuery  # noqa: E402
from core.manager import JobManager  # noqa: E402
from core.models import JobOverview  # noqa: E402
from core.service import Service  # noqa: E402
from core.settings import Settings  # noqa: E402

IMPORTED: Final = time.perf_counter() - BEGAN
WRITES: Final = 1_000
"""How many jobs change before the list is asked for again."""
LOOKS: Final = 200
EVERY: Final = 0.001
"""Seconds between two looks at whether the event loop is free."""
NEARLY_FULL: Final = 15_800_000
"""Bytes of journal: a little less than what begins the next segment."""
WRITERS: Final = 8
SPAN: Final = 3.0


def run(name: str, *arguments: object) -> dict[str, Any]:
    """Return what a child answers."""
    argv = [sys.executable, "-m", "core.bench.children", name, *map(str, arguments)]
    answer = subprocess.run(argv, check=False, stdout=subprocess.PIPE)
    lines = answer.stdout.splitlines()
    found: dict[str, Any] = json.loads(lines[-1])
    return found


def memory() -> float:
    """Return the megabytes of memory that are this process's share."""
    lines = Path("/proc/self/smaps_rollup").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("Pss:")) * 1024 / 1e6


def start(data: Path) -> None:
    """Start and answer the first question; say how long that took and what it weighs."""
    began = time.perf_counter()
    service = Service(Settings(data=data, port=0), make_engine=make_unchecked)
    service.start()
    page = service.manager.list_jobs()
    took = time.perf_counter() - began
    _say({"took": took, "imports": IMPORTED, "memory": memory(), "jobs": page.total})
    service.stop()


def settle(data: Path) -> None:
    """Be a server for a moment, which looks at every file and changes something of many jobs."""
    service = Service(Settings(data=data, port=0), make_engine=make_unchecked)
    with service.opened(at_work=True):
        service.edits.catch_up()
        _refresh(service.manager)
        _refresh(service.manager)
    _say({})


def crowd(data: Path) -> None:
    """Say how quick lists are, how long everything stops at most, and what is refreshed, with very many jobs."""
    with a_manager(data) as (manager, store):
        manager.list_jobs()
        page = statistics.median(seconds(manager.list_jobs) for _ in range(LOOKS))
        refresh = statistics.median([_refresh(manager) for _ in range(3)])
        stops = in_loop(_stops(store.checkpoint))
        idle = in_loop(_stops(partial(time.sleep, sum(stops) + len(stops) * EVERY)))
        collection = statistics.median(seconds(gc.collect) for _ in range(5))
        answer = {
            "page": page,
            "refresh": refresh,
            "p99.9": stops[int(len(stops) * 0.999)],
            "idle": idle[int(len(idle) * 0.999)],
            "collection": collection,
        }
        _say(answer)


def _refresh(manager: JobManager) -> float:
    """Return how long the first list takes after many changes."""
    items = manager.list_jobs(JobQuery(limit=WRITES)).items

    async def change() -> None:
        await asyncio.gather(*(manager.later(partial(_toggle, manager, item)) for item in items))

    in_loop(change())
    return seconds(manager.list_jobs)


def _toggle(manager: JobManager, item: JobOverview) -> object:
    run = item.latest_run
    return manager.start(item.job.id) if run is None or run.over else manager.cancel(run.id)


async def _stops(work: Callable[[], None]) -> list[float]:
    """Return by how much each short sleep was too long while a thread worked, the shortest first."""
    thread = threading.Thread(target=work)
    late = []
    thread.start()
    while thread.is_alive():
        began = time.perf_counter()
        await asyncio.sleep(EVERY)
        late.append(time.perf_counter() - began - EVERY)
    return sorted(late)


def fill(data: Path) -> None:
    """Fill a segment of the journal, and end as suddenly as can be."""
    with a_manager(data) as (manager, _):
        toggling = Toggling(manager, MANY)

        async def write() -> None:
            while _journal(data) < NEARLY_FULL:
                await asyncio.gather(*(toggling.later(writer) for writer in range(MANY)))

        in_loop(write())
        _say({"bytes": _journal(data)})
        os.kill(os.getpid(), 9)


def _journal(data: Path) -> int:
    """Return how long the segment is that is appended to."""
    segments = (data / "state").glob("journal-*.yaml")
    return max((path.stat() for path in segments), key=lambda status: status.st_mtime_ns).st_size


def counting(data: Path, at_work: str, end: str) -> None:
    """Add 1 to numbers that others add to as well, until the time comes; say how often it was done."""
    with a_manager(data, at_work=at_work == "at-work") as (manager, _):
        jobs = [item.job.id for item in manager.list_jobs(JobQuery(limit=None)).items]
        done = [0] * WRITERS

        def count(writer: int) -> None:
            turn = writer
            while time.time() < float(end):
                turn += 1
                done[writer] += _add_one(manager, jobs[turn * 7 % len(jobs)])

        threads = [threading.Thread(target=count, args=(writer,)) for writer in range(WRITERS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        _say({"done": sum(done)})


def _add_one(manager: JobManager, job_id: str) -> int:
    """Add 1 to the number that is the job's tag; return 0 where somebody else was first."""
    job = manager.job(job_id).job
    try:
        manager.edit(job_id, JobPatch(tags=(str(int(job.tags[0]) + 1),)), version=job.version)
    except VersionConflict:
        return 0
    return 1


def _say(answer: dict[str, float]) -> None:
    sys.stdout.write(json.dumps(answer) + "\n")
    sys.stdout.flush()


CHILDREN: Final[dict[str, Callable[..., None]]] = {
    "start": start,
    "settle": settle,
    "crowd": crowd,
    "fill": fill,
    "counting": counting,
}

if __name__ == "__main__":
    CHILDREN[sys.argv[1]](Path(sys.argv[2]), *sys.argv[3:])
