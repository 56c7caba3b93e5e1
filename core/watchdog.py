"""Looks now and then whether every run that is at work here is really carried; what nobody carries is judged."""

import logging
import threading
from collections.abc import Callable
from typing import Final

from core.attempts import Fate
from core.errors import HoldfastError, NotFound
from core.manager import JobManager
from core.models import Run
from core.recovery import clear_up
from core.states import AT_WORK
from core.worker import Worker

log = logging.getLogger(__name__)

LOOK_EVERY: Final = 5.0
"""Seconds between two looks. What is found twice in a row is judged, so nothing is left for longer than 30 s."""


class Watchdog:
    """Watches over the runs of one worker."""

    def __init__(self, manager: JobManager, worker: Worker, fate_of: Callable[[Run], Fate]) -> None:
        self._manager = manager
        self._worker = worker
        self._fate_of = fate_of
        self._suspects: frozenset[tuple[str, int]] = frozenset()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin to look, until the worker leaves."""
        self._thread = threading.Thread(target=self._keep_looking, name="watchdog", daemon=True)
        self._thread.start()

    def look(self) -> tuple[Run, ...]:
        """Judge what nobody carried at the last look and nobody carries now; returns the runs that were."""
        found = frozenset(self._stray())
        judged = tuple(filter(None, (self._judge(*suspect) for suspect in found & self._suspects)))
        self._suspects = found
        return judged

    def clear_up(self) -> int:
        """End what is at work for no run, as after an older state was restored; returns how many programs that was."""
        return clear_up(self._worker.workspaces, self._attempt_of)

    def _attempt_of(self, run_id: str) -> int | None:
        """Return the attempt that a run is at work in, for whichever worker."""
        try:
            run = self._manager.run(run_id)
        except NotFound:
            return None
        return run.attempt if run.state in AT_WORK else None

    def _keep_looking(self) -> None:
        try:
            self.clear_up()
        except OSError as error:  # it is tidiness; the next start does it
            log.warning("what programs left could not be cleared up: %s", error)
        while not self._worker.leaving.wait(LOOK_EVERY):
            try:
                self.look()
            except Exception:  # the next look comes all the same
                log.exception("the runs at work could not be looked at")

    def _stray(self) -> list[tuple[str, int]]:
        at_work = [run for run in self._manager.runs_at_hand() if run.state in AT_WORK]
        ours = [run for run in at_work if run.worker == self._worker.name]
        carried = self._worker.carried  # after the runs: one that is in hand is so before it is at work
        return [(run.id, run.attempt) for run in ours if run.id not in carried]

    def _judge(self, run_id: str, attempt: int) -> Run | None:
        if run_id in self._worker.carried:
            return None
        try:
            run = self._manager.judge(run_id, attempt, self._fate_of)
        except HoldfastError as error:
            log.warning("what becomes of run %s could not be decided: %s", run_id, error)
            return None
        log.warning("nobody carried run %s of job %s; it is %s now", run.id, run.job_id, run.state)
        return run
