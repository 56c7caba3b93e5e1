"""How quickly jobs are listed, in memory, with 10,000 of them."""

import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from core.bench.rows import Row
from core.clock import SystemClock
from core.dispatch.local import LocalDispatcher
from core.drafts import JobDraft
from core.engines import engine_for
from core.events import EventBus
from core.listing import JobQuery
from core.manager import JobManager
from core.storage.memory import MemoryStore
from core.work import Surroundings

JOBS: Final = 10_000
TIMES: Final = 200
CACHED_BUDGET: Final = 0.001
CHANGED_BUDGET: Final = 0.020
CHANGES: Final = 1_000


def measure(folder: Path) -> tuple[Row, ...]:
    """Return the figures for the cached list and for its refresh; `folder` is for scratch."""
    events = EventBus()
    manager = _manager(folder, events)
    everything, page = JobQuery(limit=None), JobQuery()
    first = _seconds(lambda: manager.list_jobs(everything))
    cached = _median(lambda: manager.list_jobs(everything))
    first_page = _median(lambda: manager.list_jobs(page))
    changed = [item.job.id for item in manager.list_jobs(JobQuery(limit=CHANGES)).items]
    for job_id in changed:
        manager.start(job_id)
    refresh = _seconds(lambda: manager.list_jobs(page))
    events.close()
    return (
        _row("cached list of 10,000 jobs", cached, first, CACHED_BUDGET),
        _row("cached first page of 10,000 jobs", first_page, first, CACHED_BUDGET),
        _row("first page after 1,000 changes", refresh, first, CHANGED_BUDGET),
    )


def _row(name: str, ours: float, first: float, budget: float) -> Row:
    return Row(
        name=name,
        ours=ours * 1000,
        yardstick=first * 1000,
        yardstick_name="the first list, nothing cached",
        unit="ms",
        budget=f"under {budget * 1000:g} ms",
        met=ours < budget,
    )


def _manager(folder: Path, events: EventBus) -> JobManager:
    source = folder / "source"
    source.mkdir(parents=True)
    surroundings = Surroundings(own_data=folder / "data")
    manager = JobManager(MemoryStore(), events, SystemClock(), LocalDispatcher(1), engine_for, surroundings)
    manager.open()
    for number in range(JOBS):
        options = {"source": str(source), "destination": str(folder / f"copy-{number}")}
        manager.create(JobDraft(name=f"job {number:05}", kind="copy", options=options))
    return manager


def _seconds(action: Callable[[], object]) -> float:
    began = time.perf_counter()
    action()
    return time.perf_counter() - began


def _median(action: Callable[[], object]) -> float:
    return statistics.median(_seconds(action) for _ in range(TIMES))
