"""Folders of a tree by handle, so that no link planted in it is followed and no path is too long."""

import os
import stat
from collections import deque
from collections.abc import Callable
from typing import Final

FOLDER: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
CACHED: Final = 64
KEPT: Final = CACHED // 2
"""How many folders on the way to one are kept; what was asked for just before stays open as well."""


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
        """Open the folder and keep those right above it, which are often asked for next."""
        handle, place = self._nearest(path)
        walked: deque[tuple[bytes, int]] = deque()
        try:
            while place < len(path):
                end = path.find(b"/", place)
                end = len(path) if end < 0 else end
                handle = os.open(path[place:end], FOLDER, dir_fd=handle)
                walked.append((path[:end], handle))
                if len(walked) > KEPT:
                    os.close(walked.popleft()[1])
                place = end + 1
        except OSError:
            for _, opened in walked:
                os.close(opened)
            raise
        self._make_room(len(walked))
        self._open.update(walked)
        return self._open.pop(path)

    def _nearest(self, path: bytes) -> tuple[int, int]:
        """Return the nearest open folder above the path, and where in the path the way from it begins."""
        end = path.rfind(b"/")
        while end > 0:
            handle = self._open.get(path[:end])
            if handle is not None:
                return handle, end + 1
            end = path.rfind(b"/", 0, end)
        return self.root, 0

    def _make_room(self, wanted: int) -> None:
        while self._open and len(self._open) + wanted > CACHED:
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
