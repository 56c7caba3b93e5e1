"""The last texts of each definition, for whoever wants one back."""

import contextlib
import errno
import os
import shutil
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Final

from core.storage import atomic
from core.storage.folder import StoreFolder

TEXTS: Final = 5
DELETED_KEPT_FOR: Final = timedelta(days=30)
RECENT: Final = timedelta(hours=1)


class KeptTexts:
    """Files `backups/definitions/<id2>/<id>.<k>.yaml`, where k is 1 for the youngest."""

    def __init__(self, folder: StoreFolder) -> None:
        self._top = folder.root / "backups" / "definitions"

    def path(self, job_id: str, number: int) -> Path:
        """Return where a text of a job is; 1 is the youngest."""
        return self._top / job_id[:2] / f"{job_id}.{number}.yaml"

    def texts(self, job_id: str) -> Iterator[bytes]:
        """Give the texts that can be read, the youngest first."""
        with contextlib.suppress(OSError):
            for number in range(1, TEXTS + 1):
                yield self.path(job_id, number).read_bytes()

    def recent(self, job_id: str) -> Iterator[bytes]:
        """Give the texts that stood in the file a little while ago, when an editor may have read them."""
        since = time.time() - RECENT.total_seconds()
        with contextlib.suppress(OSError):
            for number in range(1, TEXTS + 1):
                path = self.path(job_id, number)
                if path.stat().st_mtime >= since:
                    yield path.read_bytes()

    def keep(self, job_id: str, text: bytes) -> None:
        """Keep a text, unless it is the youngest already; raises OSError."""
        if next(self.texts(job_id), None) != text:
            youngest = self._freed(job_id)
            atomic.write_aside(youngest, text, durable=False).replace(youngest)

    def take_in(self, job_id: str, path: Path) -> None:
        """Move a file here, unless the youngest says the same; raises OSError.

        Whoever has it open still and writes into it, writes into what is kept.
        """
        if path.read_bytes() == next(self.texts(job_id), None):
            path.unlink()
            return
        youngest = self._freed(job_id)
        try:
            path.replace(youngest)
        except OSError as error:
            if error.errno != errno.EXDEV:
                raise
            shutil.copyfile(path, youngest)
            path.unlink()
        os.utime(youngest)  # how long it is kept counts from now

    def _freed(self, job_id: str) -> Path:
        """Return the path of the youngest, after all have grown older by one."""
        youngest = self.path(job_id, 1)
        youngest.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        last = next(number for number in range(1, TEXTS + 1) if not self._is_there(job_id, number))
        for number in range(last, 1, -1):
            self.path(job_id, number - 1).replace(self.path(job_id, number))
        return youngest

    def _is_there(self, job_id: str, number: int) -> bool:
        return number < TEXTS and self.path(job_id, number).exists()

    def sweep(self) -> None:
        """Remove what a killed process left half-written."""
        with contextlib.suppress(FileNotFoundError):
            for folder in self._top.iterdir():
                atomic.sweep(folder)

    def forget(self, job_ids: frozenset[str]) -> None:
        """Let go of the texts of jobs that are not among these and went long ago; raises OSError."""
        before = time.time() - DELETED_KEPT_FOR.total_seconds()
        for path in self._top.glob("??/*.yaml"):
            if path.name.split(".")[0] not in job_ids and path.stat().st_mtime < before:
                path.unlink(missing_ok=True)
