"""What was changed in the files by hand, as long as that is a job's last change."""

import threading
from collections import OrderedDict
from datetime import datetime
from typing import Final

from core.clock import Clock
from core.events import Event, JobChangedOutside
from core.models import Job, Value
from fastapi_app.presenters.versions import readable

MOST_KEPT: Final = 1_000


class OutsideChange(Value, frozen=True, kw_only=True):
    """What a person changed in the file of a job, in words, and which version that made."""

    version: int
    at: datetime
    changes: tuple[str, ...]


class Outside:
    """Remembers the latest changes from outside; a restart forgets them."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._changes: OrderedDict[str, OutsideChange] = OrderedDict()

    def take(self, event: Event) -> None:
        """Remember an event that tells of one; called by whoever publishes."""
        if isinstance(event, JobChangedOutside):
            changes = tuple(readable(change, event.job.kind) for change in event.changes)
            change = OutsideChange(version=event.job.version, at=self._clock.now(), changes=changes)
            with self._lock:
                self._changes[event.job.id] = change
                self._changes.move_to_end(event.job.id)
                while len(self._changes) > MOST_KEPT:
                    self._changes.popitem(last=False)

    def change_of(self, job: Job) -> OutsideChange | None:
        """Return the change that made the job what it is; None where it was made here."""
        with self._lock:
            change = self._changes.get(job.id)
        return change if change and change.version == job.version else None
