"""Folders of a tree by handle, so that no link planted in it is followed and no path is too long."""

import os
import stat
from collections.abc import Callable
from typing import Final

FOLDER: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
CACHED: Final = 16


class Tree:
    """Opens folders below a held root, one name at a time."""

    def __init__(self, root: int) -> None:
        self.root = root
        self._open: dict[bytes, int] = {}

    def folder(self, path: bytes) -> int:
        """Return the folder's handle, valid until many others have been asked for.

        Raises OSError: it is not there, not a folder, or a link.
        """
        if not path:
            return self.root
        handle = self._open.pop(path, None)
        if handle is None:
            handle = self._walk(path)
        self._open[path] = handle
        return handle

    def _walk(self, path: bytes) -> int:
        start, rest = self._nearest(path)
        handle = start
        for name in rest.split(b"/"):
            try:
                inner = os.open(name, FOLDER, dir_fd=handle)
            finally:
                if handle != start:
                    os.close(handle)
            handle = inner
        self._make_room()
        return handle

    def _nearest(self, path: bytes) -> tuple[int, bytes]:
        """Return the open folder above the path, and the way from there."""
        above, _, name = path.rpartition(b"/")
        if above in self._open:
            return self._open[above], name
        return self.root, path

    def _make_room(self) -> None:
        while len(self._open) >= CACHED:
            os.close(self._open.pop(next(iter(self._open))))

    def forget(self) -> None:
        """Close every folder but the root, so that each is looked for by its name again."""
        for handle in self._open.values():
            os.close(handle)
        self._open.clear()


def make_writable(folder: int) -> None:
    """Let us write into a folder of ours that is read-only; it is settled again later."""
    mode = stat.S_IMODE(os.fstat(folder).st_mode)
    if mode & stat.S_IRWXU != stat.S_IRWXU:
        os.fchmod(folder, mode | stat.S_IRWXU)


def insist(folder: int, write: Callable[[], None]) -> None:
    """Write into a folder, even if it is one of ours that is read-only."""
    try:
        write()
    except PermissionError:
        make_writable(folder)
        write()
