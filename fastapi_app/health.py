"""How Holdfast is, in a few checks that say nothing about whose it is or what it holds."""

from collections.abc import Callable
from datetime import timedelta
from enum import StrEnum
from typing import Final

from core.clock import Clock
from core.housekeeping import OWN_BACKUP
from core.models import Value
from core.service import Service
from fastapi_app.disk import Disk
from fastapi_app.monitor import Monitor
from fastapi_app.presenters import times
from fastapi_app.presenters.sizes import size
from fastapi_app.presenters.texts import plural

SLOW_LOOP_MS: Final = 500.0
OFF: Final = "off"
FEWEST_JUDGED: Final = 5
"""Of how many runs a failure rate says something."""

BACKUP_GOOD_FOR: Final = timedelta(days=3)


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

    def __init__(self, service: Service, monitor: Monitor, disk: Disk, clock: Clock, version: str) -> None:
        self._service = service
        self._monitor = monitor
        self._disk = disk
        self._clock = clock
        self._version = version

    def report(self) -> Report:
        """Return how everything is."""
        looks: tuple[Callable[[], Check], ...] = (
            self._storage, self._contents, self._edits, self._room, self._upkeep, self._backup,
            self._slots, self._failures, self._rhythm, self._telling, self._loop, self._watch,
        )  # fmt: skip
        checks = tuple(look() for look in looks)
        worst = max((check.status for check in checks), key=tuple(Status).index)
        return Report(status=worst, version=self._version, checks=checks)

    def is_ready(self) -> bool:
        """Tell whether work can be taken: changes can be kept and slots carry them out."""
        checks = (self._storage(), self._slots())
        return all(check.status != Status.UNHEALTHY for check in checks)

    def _storage(self) -> Check:
        if error := self._disk.asked_lately():
            reason = f"Changes cannot be kept ({error.code})."
            return Check(name="storage", status=Status.UNHEALTHY, message=reason)
        return Check(name="storage", status=Status.HEALTHY, message="Changes can be kept.")

    def _contents(self) -> Check:
        count = len(self._service.manager.problems) - len(self._service.manager.mistakes)
        if count:
            message = f"{plural(count, 'thing')} could not be read as it was; the page Store names each."
            return Check(name="contents", status=Status.DEGRADED, message=message)
        return Check(name="contents", status=Status.HEALTHY, message="Everything kept could be read.")

    def _edits(self) -> Check:
        count = len(self._service.manager.mistakes)
        if count:
            message = f"{plural(count, 'edit')} by hand cannot be taken over; the version before is in force."
            return Check(name="edits", status=Status.DEGRADED, message=message)
        return Check(name="edits", status=Status.HEALTHY, message="Every edit by hand was taken over.")

    def _room(self) -> Check:
        room = self._service.stock.room()
        if room is None:
            message = "Nobody can say how much room is left on the disk."
            return Check(name="room", status=Status.DEGRADED, message=message)
        left = f"{size(room.free)} of {size(room.total)} are free."
        return Check(name="room", status=Status.DEGRADED if room.short else Status.HEALTHY, message=left)

    def _upkeep(self) -> Check:
        """Tell whether what keeps the store in order is done; why not, who is signed in can read."""
        if count := len(self._service.troubles):
            message = f"{plural(count, 'chore')} of the store could not be done."
            return Check(name="upkeep", status=Status.DEGRADED, message=message)
        return Check(name="upkeep", status=Status.HEALTHY, message="The store is in order.")

    def _backup(self) -> Check:
        """Tell how old the newest backup of our own state is; a house that is new may have none yet."""
        if self._service.settings.own_backup == OFF:
            message = "Nobody wants backups of Holdfast's own state."
            return Check(name="backup", status=Status.HEALTHY, message=message)
        trouble = self._service.housekeeping.state(OWN_BACKUP).trouble
        newest = self._service.stock.reach().backup
        if newest is None:
            status = Status.DEGRADED if trouble else Status.HEALTHY
            return Check(
                name="backup", status=status, message="There is no backup of Holdfast's own state yet."
            )
        age = self._clock.now() - newest.made_at
        old = age > BACKUP_GOOD_FOR
        message = f"The newest backup of Holdfast's own state is {times.span(age.total_seconds())} old."
        if trouble:
            message += " The one due after it could not be made."
        return Check(
            name="backup", status=Status.DEGRADED if old or trouble else Status.HEALTHY, message=message
        )

    def _slots(self) -> Check:
        if not self._service.dispatcher.is_working():
            return Check(name="slots", status=Status.UNHEALTHY, message="No slot carries out runs.")
        load = self._service.dispatcher.load()
        message = f"{load.busy} of {load.slots} slots busy, {load.waiting} runs waiting."
        return Check(name="slots", status=Status.HEALTHY, message=message)

    def _failures(self) -> Check:
        """Tell whether more of the last day's runs failed than anybody wants."""
        day, most = self._service.metrics.last_day(), self._service.settings.failure_alert
        rate = day.failure_rate or 0.0
        if most and day.judged >= FEWEST_JUDGED and rate * 100 >= most:
            message = f"{rate:.0%} of the runs of the last 24 hours failed; {most}% is worth a look."
            return Check(name="failures", status=Status.DEGRADED, message=message)
        return Check(
            name="failures", status=Status.HEALTHY, message="Failures are as rare as they should be."
        )

    def _rhythm(self) -> Check:
        """Tell whether every job succeeds as often as it is expected to."""
        if count := len(self._service.notifications.rhythm.late()):
            message = f"{plural(count, 'job is', 'jobs are')} late: no success when one was expected."
            return Check(name="rhythm", status=Status.DEGRADED, message=message)
        return Check(name="rhythm", status=Status.HEALTHY, message="No job is late.")

    def _telling(self) -> Check:
        """Tell whether what happens reaches the people who are to hear of it."""
        office = self._service.notifications
        failing = {message.channel for message in office.book.waiting() if message.trouble}
        if office.book.trouble:
            message = "What was told to people cannot be kept."
            return Check(name="telling", status=Status.DEGRADED, message=message)
        if failing:
            message = f"{plural(len(failing), 'channel does', 'channels do')} not get through."
            return Check(name="telling", status=Status.DEGRADED, message=message)
        return Check(name="telling", status=Status.HEALTHY, message="People are told what happens.")

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
