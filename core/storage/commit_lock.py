"""The lock that lets one process commit at a time. The kernel's: it goes with the process that had it."""

import contextlib
import fcntl
import os
import time
from collections.abc import Iterator
from pathlib import Path
from struct import Struct
from typing import Final

from core.errors import StorageFailed

PATIENCE: Final = 10.0
"""Seconds to wait for another process. A commit takes milliseconds; on a very slow disk, a second."""

LONG_ENOUGH: Final = 0.02
"""Seconds to wait while others may come first; they waste less time than who takes turns does."""

FIRST_PAUSE: Final = 0.000_2
LONGEST_PAUSE: Final = 0.001

FLUSHED: Final = Struct("=QQ")
"""A segment, and its length."""

KIND_OF_LOCK: Final = 1
PID: Final = 4
FILE: Final = 5


class CommitLock:
    """Held while reading and appending; its file stays, as a lock on a file that is gone keeps nobody out.

    Who has waited long enough holds a second one meanwhile, `next.lock`, which everybody must have to come
    in: whoever lets go and comes back at once, again and again, does not keep the others out.
    """

    def __init__(self, path: Path, patience: float = PATIENCE) -> None:
        self._patience = patience
        self._next = -1
        self._descriptor = _opened(path)
        try:
            self._next = _opened(path.with_name("next.lock"))
        except OSError:
            self.close()
            raise

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """Keep other processes from committing; raises StorageFailed when one does not let go."""
        self._take()
        try:
            yield
        finally:
            fcntl.flock(self._descriptor, fcntl.LOCK_UN)

    def say_flushed(self, segment: int, length: int) -> None:
        """Tell whoever comes next how far the journal is on the disk; the lock is held.

        Where that cannot be told they flush once more: what is durable must not be refused for it.
        """
        with contextlib.suppress(OSError):
            os.pwrite(self._descriptor, FLUSHED.pack(segment, length), 0)

    def is_flushed(self, segment: int, length: int) -> bool:
        """Tell whether whoever wrote that far said that it is on the disk; the lock is held."""
        return os.pread(self._descriptor, FLUSHED.size, 0) == FLUSHED.pack(segment, length)

    def close(self) -> None:
        """Let go of the file."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1
        if self._next >= 0:
            os.close(self._next)
            self._next = -1

    def _take(self) -> None:
        began, pause, is_next = time.monotonic(), FIRST_PAUSE, False
        try:
            while not ((is_next := is_next or _taken(self._next)) and _taken(self._descriptor)):
                waited = time.monotonic() - began
                if waited > self._patience:
                    raise self._in_use()
                if is_next and waited < LONG_ENOUGH:
                    fcntl.flock(self._next, fcntl.LOCK_UN)
                    is_next = False
                time.sleep(pause)
                pause = min(2 * pause, LONGEST_PAUSE)
        finally:
            if is_next:
                fcntl.flock(self._next, fcntl.LOCK_UN)

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


def _opened(path: Path) -> int:
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)


def _taken(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
