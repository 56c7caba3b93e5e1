"""What can be said of a folder at a glance."""

import os
import shutil
import time
from collections import deque
from pathlib import Path
from typing import Final

import msgspec

SECONDS: Final = 1.5
LOOK_EVERY: Final = 256


class Measure(msgspec.Struct, frozen=True):
    """How much lies in a folder; `whole` is False when time ran out before everything was seen."""

    files: int
    bytes: int
    unreadable: int
    whole: bool


def measure(folder: Path, seconds: float = SECONDS) -> Measure:
    """Count files and bytes below the folder for at most so long."""
    end = time.monotonic() + seconds
    waiting = deque([os.fspath(folder)])
    files = size = unreadable = 0
    while waiting:
        try:
            with os.scandir(waiting.popleft()) as entries:
                for entry in entries:
                    if files % LOOK_EVERY == 0 and time.monotonic() > end:
                        return Measure(files, size, unreadable, whole=False)
                    if entry.is_dir(follow_symlinks=False):
                        waiting.append(entry.path)
                    elif entry.is_file(follow_symlinks=False):
                        files += 1
                        size += entry.stat(follow_symlinks=False).st_size
        except OSError:
            unreadable += 1
    return Measure(files, size, unreadable, whole=True)


def free_space(folder: Path) -> int | None:
    """Return how many bytes are free where the folder is or will be made."""
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    try:
        return shutil.disk_usage(folder).free
    except OSError:
        return None
