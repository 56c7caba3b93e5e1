"""How quickly the store does its work, how much it takes, and beside what; with very many jobs too."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import repeat
from pathlib import Path
from typing import Final

from core.bench import changes, children, crowd
from core.bench.edits import edit_to_event
from core.bench.rows import Beside, Row, at_least, at_most
from core.bench.workshop import a_draft, a_manager, seconds
from core.bench.yardsticks import ADD, Sqlite
from core.drafts import JobPatch
from core.storage.lines import json_text

COUNTED: Final = 50
"""How many numbers two processes add to."""
HEAD_START: Final = 3.0
"""Seconds after which both processes have begun for sure."""
STARTS: Final = 3


Look = Callable[[Path], tuple[Row, ...]]
"""Measures more with a folder of very many jobs."""


def measure(folder: Path, look: Look) -> tuple[Row, ...]:
    """Return all figures of the store that need no web, and what `look` adds; `folder` is for scratch."""
    return (
        *changes.measure(_made(folder / "changes")),
        *_processes(_made(folder / "processes")),
        edit_to_event(_made(folder / "edits")),
        *_crowd(_made(folder / "crowd"), look),
    )


def _crowd(folder: Path, look: Look) -> tuple[Row, ...]:
    data = folder / "data"
    crowd.make(data)
    children.run("settle", data)
    empty = children.run("start", folder / "empty")
    starts = sorted((children.run("start", data) for _ in range(STARTS)), key=lambda one: float(one["took"]))
    usual = starts[STARTS // 2]
    looked = look(data)
    lists = children.run("crowd", data)
    children.run("fill", data)
    killed = children.run("start", data)
    jobs = f"{crowd.JOBS:,} jobs"
    select = Beside(figure=_select_all(folder, data), name="SQLite, select all", times=None)
    imports = Beside(figure=usual["imports"], name="the imports before, which are not counted")
    return (
        at_most(f"first page of 50 of {jobs}, cached", lists["page"] * 1e3, "ms", 0.1),
        at_most(f"first page after {children.WRITES:,} changes of {jobs}", lists["refresh"] * 1e3, "ms", 20),
        at_most(f"start to first answer, {jobs}", usual["took"], "s", 1.5, select),
        at_most(f"start to first answer, {jobs}", usual["took"], "s", 1.5, imports),
        at_most(
            "the same after kill -9 with a full segment, longer by", killed["took"] - usual["took"], "s", 0.5
        ),
        at_most(f"memory over an empty server, {jobs}", usual["memory"] - empty["memory"], "MB", 200),
        at_most(
            f"stop of the event loop during a checkpoint, {jobs}, p99.9",
            lists["p99.9"] * 1e3,
            "ms",
            25,
            Beside(figure=lists["idle"] * 1e3, name="the same while nothing happens"),
        ),
        at_most(
            f"full garbage collection, {jobs}",
            lists["collection"] * 1e3,
            "ms",
            5,
        ),
        *looked,
    )


def _select_all(folder: Path, data: Path) -> float:
    """Return how long SQLite takes to hand out the same jobs and runs."""
    database = Sqlite(folder / "crowd.sqlite")
    with a_manager(data) as (manager, _):
        items = manager.list_jobs(crowd.EVERYTHING).items
        database.many(
            ADD, [(json_text({"job": one.job, "run": one.latest_run}), one.job.id) for one in items]
        )
    took = seconds(database.everything)
    database.close()
    return took


def _processes(folder: Path) -> tuple[Row, ...]:
    """Let two processes add to the same numbers, and see that none is lost."""
    data = folder / "data"
    with a_manager(data) as (manager, _):
        jobs = [manager.create(a_draft(number)) for number in range(COUNTED)]
        for job in jobs:
            manager.edit(job.id, JobPatch(tags=("0",)), version=job.version)
    end = time.time() + HEAD_START + children.SPAN
    with ThreadPoolExecutor(2) as pool:
        both = pool.map(children.run, repeat("counting"), repeat(data), ("at-work", "beside"), repeat(end))
        done = sum(int(one["done"]) for one in both)
    with a_manager(data) as (manager, _):
        counted = sum(int(item.job.tags[0]) for item in manager.list_jobs(crowd.EVERYTHING).items)
    name = f"2 processes, {children.WRITERS} writers each"
    return (
        at_least(f"{name}: numbers raised", done / children.SPAN, "/s", 4_000),
        at_most(f"{name}: updates lost", done - counted, "updates", 0),
    )


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True)
    return folder
