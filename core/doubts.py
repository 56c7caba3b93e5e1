"""Why the copies of what was taken away from a source may not be there any more, as far as anybody knows."""

from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

from core.clearing.quarantines import Quarantine
from core.clock import Clock
from core.errors import NotFound
from core.manager import JobManager
from core.places.book import DestinationBook
from core.repositories.reconciling import REGISTER, Known
from core.states import RunState

A_STALE_LOOK: Final = timedelta(hours=6)
"""After which nobody goes by what was last seen."""


class Doubts:
    """Doubts copies that nobody has seen lately."""

    def __init__(self, manager: JobManager, destinations: DestinationBook, clock: Clock) -> None:
        self._manager = manager
        self._destinations = destinations
        self._clock = clock

    def of(self, one: Quarantine) -> str:
        """Return why the copies may be gone, in words; empty where nobody doubts them."""
        return self._doubt_of_place(one) or self._doubt_of_job(one) or self._doubt_of_snapshot(one)

    def _doubt_of_place(self, one: Quarantine) -> str:
        if one.place.startswith("/"):
            return "" if Path(one.place).is_dir() else f"There is no folder {one.place} at present."
        destination = _destination_of(one)
        state = self._destinations.state(destination)
        if state is None or not state.seen.reachable or self._clock.now() - state.at > A_STALE_LOOK:
            return f"{destination} was not reached lately, so nobody knows that it has the copies."
        return ""

    def _doubt_of_job(self, one: Quarantine) -> str:
        try:
            latest = self._manager.job(one.job_id).latest_run
        except NotFound:
            return "The job is gone, so nobody knows that its copies are still there."
        if latest is None or latest.state is not RunState.COMPLETED:
            return "The job's latest run did not prove its copies."
        return (
            "" if (latest.result or {}).get("verified") else "The job's latest run did not prove its copies."
        )

    def _doubt_of_snapshot(self, one: Quarantine) -> str:
        """Return that the snapshot which has the files is gone, or that nobody has listed it lately: others need not have them."""
        snapshot = self._snapshot_of(one)
        if one.place.startswith(
            "/"
        ):  # the only copies in a folder that are not read by us are those in a repository
            there = bool(snapshot) and (Path(one.place) / "snapshots" / snapshot).is_file()
            return "" if there else f"The snapshot that has the files is not in {one.place} any more."
        destination = _destination_of(one)
        known = Known.kept(self._manager.register(REGISTER + destination))
        if known is None:
            return f"The snapshots of {destination} were not listed." if snapshot else ""
        if self._clock.now() - known.at > A_STALE_LOOK:
            return f"The snapshots of {destination} were not listed lately."
        if one.run_id not in known.there:
            return f"The snapshot that has the files is not in {destination} any more."
        return ""

    def _snapshot_of(self, one: Quarantine) -> str:
        try:
            result = self._manager.run(one.run_id).result or {}
        except NotFound:
            return ""
        copies: list[Mapping[str, Any]] = [result, *result.get("copies", ())]
        return next((str(copy["snapshot"]) for copy in copies if copy.get("snapshot")), "")


def _destination_of(one: Quarantine) -> str:
    return one.place.partition(":")[0]
