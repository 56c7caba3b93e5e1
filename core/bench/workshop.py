"""A manager over a store of files, as a server has it, for measuring."""

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable, Coroutine, Iterator, Mapping
from pathlib import Path
from typing import Any, Final, TypeVar

import uvloop

from core.clock import SystemClock
from core.dispatch.local import LocalDispatcher
from core.drafts import JobDraft
from core.engines.base import Engine
from core.engines.copy import CopyEngine
from core.events import EventBus
from core.manager import JobManager
from core.storage.yaml_files import YamlFilesStore
from core.work import Surroundings

T = TypeVar("T")

ROUNDS: Final = 3
SPAN: Final = 1.0
"""Seconds that each round of ours and of the yardstick lasts."""


class UncheckedCopy(CopyEngine):
    """The copy as it is, but for its look at the folders: they are made up."""

    def check(self, surroundings: Surroundings) -> None:
        """Find nothing wrong."""


def make_unchecked(_kind: str, options: Mapping[str, Any]) -> Engine:
    """Make the one engine of this bench."""
    return UncheckedCopy(**options)


@contextlib.contextmanager
def a_manager(data: Path, *, at_work: bool = True) -> Iterator[tuple[JobManager, YamlFilesStore]]:
    """Open the folder; nothing is carried out."""
    clock = SystemClock()
    store = YamlFilesStore(data, clock=clock)
    events = EventBus()
    surroundings = Surroundings(own_data=data)
    manager = JobManager(store, events, clock, LocalDispatcher(1), make_unchecked, surroundings)
    manager.open(at_work=at_work)
    try:
        yield manager, store
    finally:
        events.close()
        manager.close()


def a_draft(number: int) -> JobDraft:
    """Return a job as people enter it."""
    options = {"source": f"/home/ana/photos/{number:06}", "destination": f"/mnt/backup/photos/{number:06}"}
    return JobDraft(name=f"Photos of {number:06}", kind="copy", options=options, tags=("photos",))


def seconds(action: Callable[[], object]) -> float:
    """Return how long something takes."""
    began = time.perf_counter()
    action()
    return time.perf_counter() - began


def in_loop(work: Coroutine[Any, Any, T]) -> T:
    """Return what the work answers, done in an event loop as the server's is."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(work)


async def rate(writers: int, act: Callable[[int], Awaitable[object]]) -> float:
    """Return how many actions a second so many writers get through, each one after the other."""
    done = 0
    end = time.perf_counter() + SPAN

    async def write(writer: int) -> None:
        nonlocal done
        while time.perf_counter() < end:
            await act(writer)
            done += 1

    began = time.perf_counter()
    await asyncio.gather(*(write(writer) for writer in range(writers)))
    return done / (time.perf_counter() - began)
