"""How Holdfast is, in a few checks that say nothing about whose it is or what it holds."""

import threading
from collections.abc import Callable
from enum import StrEnum
from typing import Final

from core.clock import Clock
from core.errors import StorageFailed
from core.models import Value
from core.service import Service
from fastapi_app.monitor import Monitor

STORAGE_CHECKED_EVERY: Final = 5.0
SLOW_LOOP_MS: Final = 500.0


class Status(StrEnum):
    """How good something is, the best first."""

    HEALTHY = "healthy"
    DEGRADED = "degraded"
    UNHEALTHY = "unhealthy"


class Check(Value, frozen=True, kw_only=True):
    """One thing that was looked at."""

    name: str
    status: Status
    message: str


class Report(Value, frozen=True, kw_only=True):
    """Everything that was looked at; `status` is that of the worst."""

    status: Status
    version: str
    checks: tuple[Check, ...]


class Health:
    """Looks at the parts of one Holdfast. Call it off the event loop."""

    def __init__(self, service: Service, monitor: Monitor, clock: Clock, version: str) -> None:
        self._service = service
        self._monitor = monitor
        self._clock = clock
        self._version = version
        self._lock = threading.Lock()
        self._storage: Check | None = None
        self._storage_checked_at = 0.0

    def report(self) -> Report:
        """Return how everything is."""
        looks: tuple[Callable[[], Check], ...] = (
            self._storage_lately, self._contents, self._slots, self._loop, self._watch,
        )  # fmt: skip
        checks = tuple(look() for look in looks)
        worst = max((check.status for check in checks), key=tuple(Status).index)
        return Report(status=worst, version=self._version, checks=checks)

    def is_ready(self) -> bool:
        """Tell whether work can be taken: changes can be kept and slots carry them out."""
        checks = (self._storage_lately(), self._slots())
        return all(check.status != Status.UNHEALTHY for check in checks)

    def _storage_lately(self) -> Check:
        """Ask the disk at most once in a while, however often we are asked."""
        with self._lock:
            now = self._clock.monotonic()
            if self._storage is None or now - self._storage_checked_at >= STORAGE_CHECKED_EVERY:
                self._storage, self._storage_checked_at = self._look_at_storage(), now
            return self._storage

    def _look_at_storage(self) -> Check:
        try:
            self._service.manager.check_writable()
        except StorageFailed as error:
            reason = f"Changes cannot be kept ({error.code})."
            return Check(name="storage", status=Status.UNHEALTHY, message=reason)
        return Check(name="storage", status=Status.HEALTHY, message="Changes can be kept.")

    def _contents(self) -> Check:
        count = len(self._service.manager.problems)
        if count:
            message = f"{count} files could not be read as they are; the log names them."
            return Check(name="contents", status=Status.DEGRADED, message=message)
        return Check(name="contents", status=Status.HEALTHY, message="Everything kept could be read.")

    def _slots(self) -> Check:
        if not self._service.dispatcher.is_working():
            return Check(name="slots", status=Status.UNHEALTHY, message="No slot carries out runs.")
        load = self._service.dispatcher.load()
        message = f"{load.busy} of {load.slots} slots busy, {load.waiting} runs waiting."
        return Check(name="slots", status=Status.HEALTHY, message=message)

    def _loop(self) -> Check:
        lag = self._monitor.lag_ms
        slow = lag > SLOW_LOOP_MS
        message = f"Answers wait {lag:.0f} ms for their turn."
        return Check(name="loop", status=Status.DEGRADED if slow else Status.HEALTHY, message=message)

    def _watch(self) -> Check:
        if self._monitor.alive:
            return Check(name="monitor", status=Status.HEALTHY, message="Pages are kept up to date.")
        message = "Pages are not kept up to date; reload them to see changes."
        return Check(name="monitor", status=Status.DEGRADED, message=message)
