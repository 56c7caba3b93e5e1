"""What the last runs of each job were like, at hand; it tells when a run that ended was unusual."""

import logging
import threading
from collections import OrderedDict
from pathlib import Path
from typing import Final

from core.errors import NotFound
from core.events import Event, EventBus, EventsMissed, JobDeleted, RunMoved, RunUnusual
from core.logs import RunLogs
from core.manager import JobManager
from core.models import Run
from core.states import RunState
from core.usual import FEWEST, LOOKED_BACK, Finding, Measured, measured, unusual

log = logging.getLogger(__name__)

JOBS_KEPT: Final = 500
"""Of how many jobs, those asked for last, the histories stay at hand."""

RUNS_KEPT: Final = 2 * LOOKED_BACK
COUNTED_WHOLE: Final = 1_000_000
"""Bytes of a log that are looked at to know how many lines it has; of a longer one the rest is reckoned."""


class Histories:
    """The histories of jobs. Safe to use from several threads."""

    def __init__(self, manager: JobManager, logs: RunLogs, events: EventBus) -> None:
        self._manager = manager
        self._logs = logs
        self._events = events
        self._lock = threading.Lock()
        self._kept: OrderedDict[str, tuple[Measured, ...]] = OrderedDict()

    def of(self, job_id: str) -> tuple[Measured, ...]:
        """Return what the last runs of the job that completed were like, the oldest first; none for no job."""
        with self._lock:
            if job_id in self._kept:
                self._kept.move_to_end(job_id)
                return self._kept[job_id]
        return self._keep(job_id, self._read(job_id))

    def findings(self, run: Run) -> tuple[Finding, ...]:
        """Return what was unusual about a run, beside those before it; nothing for one that did not complete."""
        if run.number <= FEWEST:  # nothing to compare with
            return ()
        history = self.of(run.job_id)
        seen = next((one for one in history if one.run_id == run.id), None)
        seen = seen or measured(run, self._lines(run.id))
        return unusual(seen, history) if seen else ()

    def words(self, run: Run) -> tuple[str, ...]:
        """Return the findings in words: "wrote 3 % of its usual size"."""
        return tuple(finding.text for finding in self.findings(run))

    def wants(self, event: Event) -> bool:
        """Tell whether an event changes what the runs of a job are like."""
        if isinstance(event, RunMoved):
            return event.run.state == RunState.COMPLETED
        return isinstance(event, JobDeleted)

    def heard(self, event: Event) -> None:
        """Keep up with what happens, and tell of a run that completed and was unusual."""
        match event:
            case RunMoved(run=run) if run.state == RunState.COMPLETED:
                self._ended(run)
            case JobDeleted(job_id=job_id):
                self._forget(job_id)
            case EventsMissed():
                self._forget(*self._kept)

    def _ended(self, run: Run) -> None:
        if run.number <= FEWEST:  # as above
            self._forget(run.job_id)
            return
        history = self.of(run.job_id)
        one = measured(run, self._lines(run.id))
        if one is None:
            return
        others = tuple(other for other in history if other.run_id != run.id)
        self._keep(run.job_id, (*others, one)[-RUNS_KEPT:])
        if findings := unusual(one, others):
            texts = tuple(finding.text for finding in findings)
            log.info("run %d of job %s %s", run.number, run.job_id, ", ".join(texts))
            self._events.publish(RunUnusual(run=run, findings=texts))

    def _read(self, job_id: str) -> tuple[Measured, ...]:
        try:
            runs = self._manager.runs_of(job_id)
        except NotFound:
            return ()
        completed = [run for run in runs if run.state == RunState.COMPLETED][:RUNS_KEPT]
        found = (measured(run, self._lines(run.id)) for run in reversed(completed))
        return tuple(one for one in found if one is not None)

    def _keep(self, job_id: str, history: tuple[Measured, ...]) -> tuple[Measured, ...]:
        with self._lock:
            self._kept[job_id] = history
            self._kept.move_to_end(job_id)
            while len(self._kept) > JOBS_KEPT:
                self._kept.popitem(last=False)
        return history

    def _forget(self, *job_ids: str) -> None:
        with self._lock:
            for job_id in job_ids:
                self._kept.pop(job_id, None)

    def _lines(self, run_id: str) -> int | None:
        """Return how many lines a run that is over has said; None where its log is not there any more."""
        self._logs.close(run_id)
        if (lines := self._logs.lines_at_hand(run_id)) is not None:
            return lines
        try:
            return lines_in(self._logs.path(run_id))
        except OSError:
            return None


def lines_in(path: Path) -> int:
    """Return how many lines a file has, reckoned from its beginning where it is long; raises OSError."""
    with path.open("rb") as file:
        beginning = file.read(COUNTED_WHOLE)
        rest = path.stat().st_size - len(beginning)
    lines = beginning.count(b"\n")
    return lines + round(lines * rest / len(beginning)) if rest > 0 and beginning else lines
