"""Lets go of what was kept long enough: runs and logs."""

import contextlib
import logging
import os
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Final

from core.clock import Clock
from core.errors import NotFound
from core.logs import RunLogs
from core.manager import JobManager
from core.models import Run, Value
from core.retention import Keeping, KeptLog, logs_to_forget, runs_to_forget
from core.settings import Settings

log = logging.getLogger(__name__)

MOST_JOBS_AHEAD: Final = 200
"""Of how many jobs the outlook reads every run; what more there are, the next round finds."""


MEGABYTE: Final = 1_000_000

KEYS_KEPT: Final = timedelta(days=7)
"""How long a request may be sent again under its key without being a new one."""


class Outlook(Value, frozen=True, kw_only=True):
    """What would go now; `whole` says that nothing was left uncounted."""

    runs: int = 0
    logs: int = 0
    log_bytes: int = 0
    whole: bool = True


def keeping_in(settings: Settings) -> Keeping:
    """Return how long things are kept, as the settings say."""
    return Keeping(
        runs=settings.keep_runs,
        runs_for=timedelta(days=settings.keep_days),
        logs_for=timedelta(days=settings.keep_logs_days),
        log_bytes=settings.keep_logs_mb * MEGABYTE,
    )


class Keeper:
    """Lets go of what retention says, and of nothing else."""

    def __init__(
        self,
        manager: JobManager,
        logs: RunLogs,
        data: Path,
        clock: Clock,
        keeping: Keeping,
    ) -> None:
        self._manager = manager
        self._logs = logs
        self._data = data
        self._clock = clock
        self.keeping = keeping

    def tidy(self) -> None:
        """Let go of everything that was kept long enough; first of what takes no room to let go of."""
        self.tidy_logs()
        self.tidy_runs()
        self._manager.forget_keys(self._clock.now() - KEYS_KEPT)

    def tidy_runs(self) -> None:
        """Forget runs; whoever hears of it removes their logs and what their engines kept."""
        for gone in self._outlived(self._crowded()):
            self._manager.forget_runs([run.id for run in gone])
            log.info("%d runs of job %s have been kept long enough", len(gone), gone[0].job_id)

    def tidy_logs(self) -> None:
        """Remove logs that are too old or too many; their runs stay."""
        gone = self._outlived_logs()
        for kept in gone:
            self._logs.remove(kept.run_id)
        if gone:
            log.info("%d logs have been kept long enough", len(gone))

    def outlook(self) -> Outlook:
        """Return what would go if it were looked for now."""
        crowded = self._crowded()
        runs = sum(map(len, self._outlived(islice(crowded, MOST_JOBS_AHEAD))))
        logs = self._outlived_logs()
        return Outlook(
            runs=runs,
            logs=len(logs),
            log_bytes=sum(kept.bytes for kept in logs),
            whole=len(crowded) <= MOST_JOBS_AHEAD,
        )

    def _crowded(self) -> tuple[str, ...]:
        return self._manager.jobs_with_more_runs_than(self.keeping.runs)

    def _outlived(self, job_ids: Iterable[str]) -> Iterator[tuple[Run, ...]]:
        """Give the runs that go, job by job."""
        unhandled = {letter.run_id for letter in self._manager.letters()}
        for job_id in job_ids:
            with contextlib.suppress(NotFound):  # it was deleted meanwhile
                runs = self._manager.runs_of(job_id)
                if gone := runs_to_forget(runs, self.keeping, self._clock.now(), unhandled):
                    yield gone

    def _outlived_logs(self) -> tuple[KeptLog, ...]:
        in_use = {run.id for run in self._manager.runs_at_hand() if not run.over}
        logs = _logs_below(self._data / "logs")
        return logs_to_forget(logs, in_use, self.keeping, self._clock.now())


def _logs_below(folder: Path) -> Iterator[KeptLog]:
    for entry in _files_below(folder):
        name, dot, ending = entry.name.rpartition(".")
        if dot and ending == "log":
            with contextlib.suppress(FileNotFoundError):  # its run was deleted meanwhile
                size = entry.stat(follow_symlinks=False).st_size
                yield KeptLog(run_id=name, bytes=size, written_at=_written_at(entry))


def _written_at(entry: os.DirEntry[str]) -> datetime:
    return datetime.fromtimestamp(entry.stat(follow_symlinks=False).st_mtime, UTC)


def _files_below(folder: Path) -> Iterator[os.DirEntry[str]]:
    """Give the files in the folders of a folder; none where it is not there."""
    with contextlib.suppress(FileNotFoundError), os.scandir(folder) as shelves:
        for shelf in shelves:
            if shelf.is_dir(follow_symlinks=False):
                with contextlib.suppress(FileNotFoundError), os.scandir(shelf) as entries:
                    yield from (entry for entry in entries if entry.is_file(follow_symlinks=False))
