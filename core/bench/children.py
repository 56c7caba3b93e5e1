"""What is measured in a process of its own: `python -m core.bench.children NAME FOLDER …` answers in JSON.

Memory, a start and a sudden end are those of a whole process.
"""

import time

BEGAN = time.perf_counter()

import asyncio  # noqa: E402 - how long the imports take is measured too
import json  # noqa: E402
import os  # noqa: E402
import statistics  # noqa: E402
import subprocess  # noqa: E402
import sys  # noqa: E402
import threading  # noqa: E402
from collections.abc import Callable  # noqa: E402
from pathlib import Path  # noqa: E402
from typing import Any, Final  # noqa: E402

from core.bench.changes import MANY, Toggling  # noqa: E402
from core.bench.workshop import a_manager, in_loop, seconds  # noqa: E402
from core.drafts import JobPatch  # noqa: E402
from core.errors import VersionConflict  # noqa: E402
from core.listing import JobQuery  # noqa: E402
from core.manager import JobManager  # noqa: E402

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


def start(data: Path) -> dict[str, float]:
    """Open the folder and answer the first question; say how long that took and what it weighs."""
    began = time.perf_counter()
    with a_manager(data) as (manager, _):
        page = manager.list_jobs()
        took = time.perf_counter() - began
        return {"took": took, "imports": IMPORTED, "memory": memory(), "jobs": page.total}


def crowd(data: Path) -> dict[str, float]:
    """Say how quick lists are, how long everything stops at most, and what is refreshed, with very many jobs."""
    with a_manager(data) as (manager, store):
        manager.list_jobs()
        page = statistics.median(seconds(manager.list_jobs) for _ in range(LOOKS))
        refresh = statistics.median([_refresh(manager) for _ in range(3)])
        stops = in_loop(_stops(store.checkpoint))
        return {
            "page": page,
            "refresh": refresh,
            "longest": stops[-1],
            "p99.9": stops[int(len(stops) * 0.999)],
            "checkpoint": sum(stops),
        }


def _refresh(manager: JobManager) -> float:
    """Return how long the first list takes after many changes."""
    items = manager.list_jobs(JobQuery(limit=WRITES)).items

    async def change() -> None:
        runs = [item.latest_run for item in items]
        commands: list[Callable[[], object]] = [
            (lambda run=run: manager.cancel(run.id))
            if run is not None and not run.over
            else (lambda item=item: manager.start(item.job.id))
            for item, run in zip(items, runs, strict=True)
        ]
        await asyncio.gather(*(manager.later(command) for command in commands))

    in_loop(change())
    return seconds(manager.list_jobs)


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


def fill(data: Path) -> dict[str, float]:
    """Fill a segment of the journal, and end as suddenly as can be."""
    with a_manager(data) as (manager, _):
        toggling = Toggling(manager, MANY)

        async def write() -> None:
            while _journal(data) < NEARLY_FULL:
                await asyncio.gather(*(toggling.later(writer) for writer in range(MANY)))

        in_loop(write())
        _say({"bytes": _journal(data)})
        os.kill(os.getpid(), 9)
    return {}


def _journal(data: Path) -> int:
    """Return how long the segment is that is appended to."""
    segments = (data / "state").glob("journal-*.yaml")
    return max((path.stat() for path in segments), key=lambda status: status.st_mtime_ns).st_size


def counting(data: Path, at_work: str, end: str) -> dict[str, float]:
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
        return {"done": sum(done)}


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


CHILDREN: Final[dict[str, Callable[..., dict[str, float]]]] = {
    "start": start,
    "crowd": crowd,
    "fill": fill,
    "counting": counting,
}

if __name__ == "__main__":
    _say(CHILDREN[sys.argv[1]](Path(sys.argv[2]), *sys.argv[3:]))
