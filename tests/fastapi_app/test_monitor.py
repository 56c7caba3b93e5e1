"""How often pages are told, and what is merged meanwhile."""

import asyncio
import threading
from types import SimpleNamespace
from typing import cast

import pytest

from core.dispatch.local import LocalDispatcher
from core.events import EventBus, EventsMissed, JobCreated, JobDeleted, LogGrew, RunMoved, RunProgressed
from core.states import RunState
from fastapi_app.hub import Hub
from fastapi_app.monitor import Gathered, Monitor
from tests.builders import a_kept_job, a_kept_run, a_place

pytestmark = pytest.mark.anyio

JOB = a_kept_job("job")
RUN = a_kept_run("run", "job", state=RunState.RUNNING)


@pytest.fixture
def anyio_backend():
    return "asyncio"


class HeardHub:
    """Remembers what is published."""

    def __init__(self) -> None:
        self.somebody_looks = False
        self.connected = 0
        self.rows = 0
        self.renewed = 0
        self.flushes: asyncio.Queue[object] = asyncio.Queue()
        self.grown: asyncio.Queue[str] = asyncio.Queue()

    async def publish(self, flush):
        self.flushes.put_nowait(flush)
        return self.rows

    def log_grew(self, run_id: str) -> None:
        self.grown.put_nowait(run_id)

    def renew(self) -> None:
        self.renewed += 1

    def tick(self) -> None:
        pass


@pytest.fixture
def service():
    service = SimpleNamespace(events=EventBus(), dispatcher=LocalDispatcher(1))
    yield service
    service.events.close()
    service.dispatcher.stop()


@pytest.fixture
async def watched(service):
    """A monitor that runs, and its hub."""
    hub = HeardHub()
    monitor = Monitor(service, cast("Hub", hub))
    task = asyncio.create_task(monitor.run())
    while not monitor.alive:  # noqa: ASYNC110 - it has nobody to tell
        await asyncio.sleep(0)
    yield monitor, hub
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_the_pace_follows_who_looks_and_what_runs(service, watched):
    monitor, hub = watched
    done, begun = threading.Event(), threading.Event()
    idle = monitor.pace
    service.dispatcher.start(lambda _: (begun.set(), done.wait()))
    service.dispatcher.enqueue(a_place("run"))
    await asyncio.to_thread(begun.wait)
    unseen = monitor.pace
    hub.somebody_looks = True
    seen = monitor.pace
    hub.rows = 201
    service.events.publish(RunMoved(run=RUN, was=RunState.QUEUED))
    await hub.flushes.get()
    await asyncio.sleep(0)
    much = monitor.pace
    done.set()

    assert (idle, unseen, seen, much) == (5.0, 1.0, 0.25, 1.0)


async def test_a_change_of_state_is_told_at_once_though_nobody_looks(service, watched):
    _, hub = watched
    service.events.publish(RunProgressed(run=RUN))
    await hub.flushes.get()
    service.events.publish(RunProgressed(run=RUN))
    service.events.publish(RunMoved(run=RUN, was=RunState.QUEUED))

    async with asyncio.timeout(4):
        flush = await hub.flushes.get()

    assert (flush.jobs, flush.noticed) == ({"job": True}, ("job",))


async def test_many_events_become_one_flush():
    gathered = Gathered()

    for _ in range(1_000):
        gathered.take(RunProgressed(run=RUN))
    gathered.take(JobCreated(job=JOB))
    gathered.take(JobDeleted(job_id="other"))
    gathered.take(RunProgressed(run=RUN))
    flush = gathered.flush()

    assert flush.jobs == {"job": True, "other": True}
    assert flush.moved == 2


async def test_events_that_were_missed_begin_a_new_epoch(service, watched):
    _, hub = watched

    service.events.publish(EventsMissed(count=7))
    await hub.flushes.get()

    assert hub.renewed == 1


async def test_a_flush_that_fails_does_not_end_the_watch(service, watched, caplog):
    monitor, hub = watched
    real = hub.publish

    async def fails(flush):
        hub.publish = real
        raise ZeroDivisionError

    hub.publish = fails
    service.events.publish(RunMoved(run=RUN, was=None))
    while hub.publish is fails:  # noqa: ASYNC110 - as above
        await asyncio.sleep(0)
    service.events.publish(RunMoved(run=RUN, was=None))

    assert (await hub.flushes.get()).jobs == {"job": True}
    assert monitor.alive
    assert "could not be told" in caplog.text


async def test_lines_of_a_log_wait_for_no_flush(service, watched):
    _, hub = watched
    service.events.publish(RunProgressed(run=RUN))
    await hub.flushes.get()

    service.events.publish(LogGrew(run_id="run", lines=5))

    assert await hub.grown.get() == "run"
    assert hub.flushes.empty()
