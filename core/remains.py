"""What is left beside the store: logs and places of runs that are gone, secrets of destinations that are."""

import shutil
from pathlib import Path
from typing import Final

from core.events import Event, EventsMissed, JobDeleted, RunsForgotten
from core.logs import RunLogs
from core.manager import JobManager
from core.places.book import DestinationBook
from core.storage.pieces import has_pieces_of_runs
from core.worker import Worker

LEAVING: Final = (JobDeleted, RunsForgotten)
"""What leaves something to be removed."""


class Remains:
    """Removes what was left by whatever is gone."""

    def __init__(
        self, manager: JobManager, worker: Worker, logs: RunLogs, destinations: DestinationBook, data: Path
    ) -> None:
        self._manager = manager
        self._worker = worker
        self._logs = logs
        self._destinations = destinations
        self._data = data

    @staticmethod
    def wants(event: Event) -> bool:
        """Tell whether an event leaves something."""
        return isinstance(event, LEAVING)

    def heard(self, event: Event, *, alone: bool) -> None:
        """Remove what runs that are gone leave; `alone` is that nobody else is at work, whose runs we may not know."""
        if isinstance(event, LEAVING):
            for run_id in event.run_ids:
                self._forget(run_id)
        elif isinstance(event, EventsMissed) and alone:
            self.sweep()

    def sweep(self) -> None:
        """Remove what is left of what is gone, where a process ended before it could.

        Nothing goes while anything in the store could not be read, nor while a piece with runs in it lies
        in quarantine: it may belong to that.
        """
        if self._manager.problems or has_pieces_of_runs(self._data):
            return
        self._destinations.tidy()
        left = {path.name for path in self._worker.workspaces.glob("??/*")}
        left |= {path.stem for path in (self._data / "logs").glob("??/*.log")}
        for run_id in left:
            if not self._manager.knows_run(run_id):
                self._forget(run_id)

    def _forget(self, run_id: str) -> None:
        self._logs.remove(run_id)
        shutil.rmtree(self._worker.workspace(run_id), ignore_errors=True)
