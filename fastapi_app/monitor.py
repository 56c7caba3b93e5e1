"""Watches what happens, adapts its pace, and makes flushes for the hub.

Events arrive on the bus's thread and are gathered there, merged by job; the event loop is woken
at most once a flush, and once more when something cannot wait.
"""

import asyncio
import contextlib
import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from core.events import (
    Event,
    EventsMissed,
    JobChangedOutside,
    JobCreated,
    JobDeleted,
    JobEdited,
    LogGrew,
    RegisterChanged,
    RunMoved,
    RunProgressed,
    RunUnusual,
)
from core.service import Service
from core.shown import GOING
from fastapi_app.hub import Flush, Hub

log = logging.getLogger(__name__)

AT_ONCE: Final = 0.05
WATCHED: Final = 0.25
RUNNING: Final = 1.0
IDLE: Final = 5.0
"""Seconds from one flush to the next: after a change of state; while somebody looks; while something
runs and nobody looks, or very much changes; else."""

MUCH: Final = 200
LATE_MS: Final = 50.0


@dataclass
class Gathered:
    """What has happened since the last flush."""

    jobs: dict[str, bool] = field(default_factory=dict)
    moved: int = 0
    noticed: dict[str, None] = field(default_factory=dict)
    edited: dict[str, tuple[str, ...]] = field(default_factory=dict)
    unusual: dict[str, tuple[str, ...]] = field(default_factory=dict)
    urgent: bool = False
    missed: bool = False

    def __bool__(self) -> bool:
        """Tell whether anything has happened."""
        return bool(self.jobs or self.missed or self.urgent)

    def take(self, event: Event) -> None:
        """Merge an event into the rest."""
        match event:
            case RunProgressed(run=run):
                self.jobs.setdefault(run.job_id, False)
            case RunMoved(run=run):
                self._whole(run.job_id)
                self.noticed[run.job_id] = None
            case JobEdited(job=job):
                self._whole(job.id)
            case JobChangedOutside(job=job, changes=changes):
                self._whole(job.id)
                self.edited[job.id] = changes
            case RegisterChanged(name=name) if name.startswith(GOING):
                self._whole(name.removeprefix(GOING))
            case RunUnusual(run=run, findings=findings):
                self.unusual[run.job_id] = findings
                self.urgent = True
            case JobCreated() | JobDeleted():
                self._whole(event.job.id if isinstance(event, JobCreated) else event.job_id)
                self.moved += 1
            case EventsMissed():
                self.missed = self.urgent = True

    def _whole(self, job_id: str) -> None:
        self.jobs[job_id] = True
        self.urgent = True

    def flush(self) -> Flush:
        """Return all of it, for the hub."""
        return Flush(
            jobs=self.jobs,
            moved=self.moved,
            noticed=tuple(self.noticed),
            edited=self.edited,
            unusual=self.unusual,
        )


class Monitor:
    """Keeps every page up to date, at the pace that is worth it."""

    def __init__(self, service: Service, hub: Hub) -> None:
        self._service = service
        self._hub = hub
        self._lock = threading.Lock()
        self._gathered = Gathered()
        self._called = False
        self._awake = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._flushed_at = float("-inf")
        self._much = False
        self.lag_ms = 0.0
        self.alive = False

    async def run(self) -> None:
        """Watch until cancelled."""
        self._loop = asyncio.get_running_loop()
        self._service.events.tell_at_once("monitor", self._take)
        ticking = asyncio.create_task(self._keep_ticking())
        self.alive = True
        try:
            await self._keep_flushing()
        finally:
            self.alive = False
            ticking.cancel()
            self._service.events.tell_no_more(self._take)

    def _take(self, event: Event) -> None:
        """Gather an event; called by whoever publishes. A log that grew waits for no flush: it says so seldom enough."""
        if isinstance(event, LogGrew):
            self._on_the_loop(self._hub.log_grew, event.run_id)
            return
        with self._lock:
            was_urgent = self._gathered.urgent
            self._gathered.take(event)
            if self._called and (was_urgent or not self._gathered.urgent):
                return
            self._called = True
        self._on_the_loop(self._awake.set)

    def _on_the_loop(self, call: Callable[..., object], *arguments: object) -> None:
        if self._loop is not None:
            with contextlib.suppress(RuntimeError):  # the loop is gone, and every page with it
                self._loop.call_soon_threadsafe(call, *arguments)

    @property
    def pace(self) -> float:
        """Return how many seconds lie between two flushes at present."""
        if self._hub.somebody_looks:
            return RUNNING if self._much or self.lag_ms > LATE_MS else WATCHED
        return RUNNING if self._service.dispatcher.load().busy else IDLE

    async def _keep_flushing(self) -> None:
        while True:
            self._awake.clear()
            wait = self._seconds_to_flush()
            if wait is not None and wait <= 0:
                await self._flush()
                continue
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(wait):
                    await self._awake.wait()

    def _seconds_to_flush(self) -> float | None:
        """Return how long to wait before the next flush; None while there is nothing to say."""
        with self._lock:
            something, urgent = bool(self._gathered), self._gathered.urgent
        if not something:
            return None
        now = asyncio.get_running_loop().time()
        return self._flushed_at + (AT_ONCE if urgent else self.pace) - now

    async def _flush(self) -> None:
        with self._lock:
            gathered, self._gathered = self._gathered, Gathered()
            self._called = False
        self._flushed_at = asyncio.get_running_loop().time()
        try:
            if gathered.missed:
                self._hub.renew()
            self._much = await self._hub.publish(gathered.flush()) > MUCH
        except Exception:  # what cannot be drawn once must not end what pages are told afterwards
            log.exception("a change could not be told to the pages")

    async def _keep_ticking(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            pause = RUNNING if self._hub.connected else IDLE
            before = loop.time()
            await asyncio.sleep(pause)
            self.lag_ms = max(0.0, (loop.time() - before - pause) * 1_000)
            try:
                self._tick()
            except Exception:  # as above
                log.exception("the pages could not be looked after")

    def _tick(self) -> None:
        self._hub.tick()
        if self._hub.somebody_looks and self._hub.is_recounted():
            self.recount()

    def recount(self) -> None:
        """Tell pages at once what counts now; may be called by any thread."""
        with self._lock:
            self._gathered.urgent = True
        self._on_the_loop(self._awake.set)
