"""Opening files below a folder by names from outside: nothing of them leads out, whatever they say."""

import os
import stat
from collections.abc import Sequence
from pathlib import Path
from typing import Final

FOLDER: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
FILE: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
LONGEST: Final = 255


def open_below(root: Path, parts: Sequence[str]) -> tuple[int, os.stat_result]:
    """Return an open handle of a plain file below the root, and what it is; raises OSError for anything else.

    Each part is opened in the one before, and no link is followed, so that nobody can swap one in between.
    """
    if not parts or not all(map(is_name, parts)):
        raise FileNotFoundError(parts)
    folder = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        for part in parts[:-1]:
            folder, before = os.open(part, FOLDER, dir_fd=folder), folder
            os.close(before)
        file = os.open(parts[-1], FILE, dir_fd=folder)
    finally:
        os.close(folder)
    about = os.fstat(file)
    if not stat.S_ISREG(about.st_mode):
        os.close(file)
        raise FileNotFoundError(parts)
    return file, about


def is_name(part: str) -> bool:
    """Tell whether this is the name of one file, and no way to anywhere else."""
    return (
        0 < len(part) <= LONGEST
        and part not in {".", ".."}
        and not any(letter == "/" or ord(letter) < ord(" ") or letter == "\x7f" for letter in part)
    )
