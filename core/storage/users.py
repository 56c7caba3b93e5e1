"""Who has the store open: everybody shares one lock, and may ask to be alone for a while."""

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Self


class Users:
    """The place among all who have a store open, worker and visitors; taken until `leave`.

    Turning a shared lock into one's own is not one step: the kernel lets go of the first before it
    asks for the second. So whoever comes in or wants to be alone does it behind a second lock, the
    door; then nobody can slip in between. Both are the kernel's, and end with the process.
    """

    def __init__(self, locks: Path) -> None:
        with contextlib.ExitStack() as undo:
            self._door = _opened(locks / "door.lock")
            undo.callback(os.close, self._door)
            self._users = _opened(locks / "users.lock")
            undo.callback(os.close, self._users)
            with self.at_the_door():
                fcntl.flock(self._users, fcntl.LOCK_SH)
            self._open = undo.pop_all()

    def leave(self) -> None:
        """Let go of the place."""
        self._open.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.leave()

    @contextlib.contextmanager
    def at_the_door(self) -> Iterator[None]:
        """Have nobody come in meanwhile; waits for whoever is at the door. Not to be nested."""
        fcntl.flock(self._door, fcntl.LOCK_EX)
        try:
            yield
        finally:
            fcntl.flock(self._door, fcntl.LOCK_UN)

    @contextlib.contextmanager
    def alone(self) -> Iterator[bool]:
        """Tell whether nobody else has the store open; it stays like that inside. Not to be nested."""
        with self.at_the_door():
            try:
                yield self._nobody_else()
            finally:
                fcntl.flock(self._users, fcntl.LOCK_SH)

    def _nobody_else(self) -> bool:
        try:
            fcntl.flock(self._users, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            fcntl.flock(self._users, fcntl.LOCK_SH)  # asking for more has cost us what we had
            return False
        return True


def _opened(path: Path) -> int:
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
