"""Why the copies of what was taken away from a source may not be there any more, as far as anybody knows."""

from datetime import timedelta
from pathlib import Path
from typing import Final

from core.clearing.quarantines import Quarantine
from core.clock import Clock
from core.errors import NotFound
from core.manager import JobManager
from core.places.book import DestinationBook
from core.states import RunState

A_STALE_LOOK: Final = timedelta(hours=6)
"""After which nobody goes by what was last seen of a destination."""


class Doubts:
    """Doubts copies that nobody has seen lately."""

    def __init__(self, manager: JobManager, destinations: DestinationBook, clock: Clock) -> None:
        self._manager = manager
        self._destinations = destinations
        self._clock = clock

    def of(self, one: Quarantine) -> str:
        """Return why the copies may be gone, in words; empty where nobody doubts them."""
        if one.place.startswith("/"):
            return "" if Path(one.place).is_dir() else f"There is no folder {one.place} at present."
        destination = one.place.partition(":")[0]
        state = self._destinations.state(destination)
        if state is None or not state.seen.reachable or self._clock.now() - state.at > A_STALE_LOOK:
            return f"{destination} was not reached lately, so nobody knows that it has the copies."
        try:
            latest = self._manager.job(one.job_id).latest_run
        except NotFound:
            return "The job is gone, so nobody knows that its copies are still there."
        if (
            latest is None
            or latest.state is not RunState.COMPLETED
            or not (latest.result or {}).get("verified")
        ):
            return "The job's latest run did not prove its copies."
        return ""
