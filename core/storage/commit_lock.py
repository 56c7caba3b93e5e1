"""The lock that lets one process commit at a time. The kernel's: it goes with the process that had it."""

import contextlib
import fcntl
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from core.errors import StorageFailed

PATIENCE: Final = 10.0
"""Seconds to wait for another process. A commit takes milliseconds; on a very slow disk, a second."""

FIRST_PAUSE: Final = 0.000_2
LONGEST_PAUSE: Final = 0.001

KIND_OF_LOCK: Final = 1
PID: Final = 4
FILE: Final = 5


class CommitLock:
    """Held while reading and appending; its file stays, as a lock on a file that is gone keeps nobody out."""

    def __init__(self, path: Path, patience: float = PATIENCE) -> None:
        self._patience = patience
        self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """Keep other processes from committing; raises StorageFailed when one does not let go."""
        self._take()
        try:
            yield
        finally:
            fcntl.flock(self._descriptor, fcntl.LOCK_UN)

    def close(self) -> None:
        """Let go of the file."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def _take(self) -> None:
        until, pause = time.monotonic() + self._patience, FIRST_PAUSE
        while not self._taken():
            if time.monotonic() > until:
                raise self._in_use()
            time.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE)

    def _taken(self) -> bool:
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def _in_use(self) -> StorageFailed:
        holder = self._holder()
        who = f"process {holder}" if holder else "another process"
        return StorageFailed(
            f"The change could not be saved: {who} has been saving one for {self._patience:.0f} seconds.",
            hint="Look at what it does; if it hangs, end it. Nothing is lost by that.",
        )

    def _holder(self) -> int | None:
        """Return who holds the lock, as far as the system tells."""
        inode = str(os.fstat(self._descriptor).st_ino)
        try:
            lines = Path("/proc/locks").read_text(encoding="ascii").splitlines()
        except OSError:
            return None
        for line in lines:
            words = line.split()
            if "->" not in words and words[KIND_OF_LOCK] == "FLOCK" and words[FILE].endswith(f":{inode}"):
                return int(words[PID])
        return None
