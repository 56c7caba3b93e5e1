"""What is in a store, as a start after a fault shows it."""

import time
from pathlib import Path
from typing import Final

from core.listing import JobQuery
from core.manager import JobManager
from tests.faults.children import ChildFailed, answer_of
from tests.faults.model import Found
from tests.faults.telling import plain
from tests.faults.working import House

LAST_LINES: Final = 9


def found_in(folder: Path, *, close: bool = True) -> Found:
    """Return what a new process finds in the folder."""
    try:
        return answer_of(lambda: _looked_at(folder, close=close))
    except ChildFailed as error:
        return Found(dead="\n".join(str(error).strip().split("\n")[-LAST_LINES:]))


def _looked_at(folder: Path, *, close: bool) -> Found:
    began = time.monotonic()
    house = House(folder).open()
    seconds = time.monotonic() - began
    found = seen_by(house.manager)
    found.seconds = seconds
    if close:
        house.close()
    found.leftovers = leftovers_in(folder)
    return found


def seen_by(manager: JobManager) -> Found:
    """Return everything that a manager shows."""
    jobs = [item.job for item in manager.list_jobs(JobQuery(limit=None)).items]
    runs = [run for job in jobs for run in manager.runs_of(job.id)]
    return Found(
        jobs={job.id: plain(job) for job in jobs},
        runs={run.id: plain(run) for run in runs},
        problems=[f"{problem.path}: {problem.message}" for problem in manager.problems],
    )


def leftovers_in(folder: Path) -> list[str]:
    """Return the temporary files in a folder."""
    return [str(path.relative_to(folder)) for path in folder.rglob("*.tmp")]
