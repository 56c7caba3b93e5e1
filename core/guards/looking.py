"""What can be seen of a source in a moment: how many files, how large while they are few, and by which endings they go."""

import errno
import os
import time
from collections import Counter, deque
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from core.copying.troubles import in_words
from core.destinations.marker import NAME as DESTINATION_MARKER
from core.errors import EngineFailed
from core.models import NOTHING, Value

SOURCE_MARKER: Final = ".holdfast-source"
OURS: Final = frozenset({SOURCE_MARKER, DESTINATION_MARKER})
QUARANTINE: Final = ".holdfast-quarantine"

SECONDS: Final = 1.0
"""How long a look takes at most; what it has not seen by then, the program that copies tells."""

WEIGHED: Final = 1_000
THEN_EVERY: Final = 8
"""Of how many files the size is asked, as a disk is slow to tell; of those beyond, every eighth's ending is looked at."""

LOOK_EVERY: Final = 256
ENDINGS_KEPT: Final = 40
LONGEST_ENDING: Final = 24
MOUNTED: Final = "Is the disk mounted? Nothing was touched."


class Look(Value, frozen=True, kw_only=True, omit_defaults=True):
    """What was seen; `bytes` is None where there were too many files to ask, `whole` False where time ran out.

    `endings` counts files by what stands after the last dot of their names, the most common ones, among `sampled` files.
    """

    files: int
    bytes: int | None = None
    whole: bool = True
    sampled: int = 0
    endings: Mapping[str, int] = NOTHING


def look_at(source: Path, *, seconds: float = SECONDS) -> Look:
    """Look at a source for a moment. Raises EngineFailed where it is missing, unreadable or empty.

    One that holds nothing but a marker or a quarantine of ours is there, and everything else of it may be gone for good.
    """
    try:
        with os.scandir(source) as entries:
            first = next(entries, None)
    except OSError as error:
        passing = error.errno not in {errno.EACCES, errno.EPERM, errno.ENOTDIR}
        message = f"The source cannot be read: {in_words(error)}."
        raise EngineFailed(message, hint=MOUNTED, transient=passing, code="source-unreadable") from error
    if first is None:
        message = "The source is empty."
        raise EngineFailed(message, hint=MOUNTED, code="source-empty")
    return _walk(source, time.monotonic() + seconds)


def _walk(source: Path, until: float) -> Look:
    folders, endings = deque([os.fspath(source)]), Counter[str]()
    files = weight = 0
    while folders:
        try:
            with os.scandir(folders.popleft()) as entries:
                for entry in entries:
                    if entry.is_dir(follow_symlinks=False):
                        if entry.name != QUARANTINE:
                            folders.append(entry.path)
                    elif entry.name not in OURS:
                        files += 1
                        if files <= WEIGHED:
                            weight += entry.stat(follow_symlinks=False).st_size
                        elif files % THEN_EVERY:
                            continue
                        endings[ending_of(entry.name)] += 1
                    if files % LOOK_EVERY == 0 and time.monotonic() > until:
                        return _seen(files, None, endings, whole=False)
        except OSError:  # the program says which folder it could not read
            continue
    return _seen(files, weight if files <= WEIGHED else None, endings, whole=True)


def _seen(files: int, weight: int | None, endings: Counter[str], *, whole: bool) -> Look:
    return Look(
        files=files,
        bytes=weight,
        whole=whole,
        sampled=endings.total(),
        endings=dict(endings.most_common(ENDINGS_KEPT)),
    )


def ending_of(name: str) -> str:
    """Return what stands after the last dot of a name, small; empty where nothing does or it is no ending."""
    head, dot, ending = name.rpartition(".")
    good = head and dot and len(ending) <= LONGEST_ENDING and ending.isprintable()
    return ending.lower() if good else ""


def check_marker(source: Path) -> None:
    """Raise EngineFailed unless the marker lies in the source, as a file of its own."""
    marker = source / SOURCE_MARKER
    if marker.is_file() and not marker.is_symlink():
        return
    message = f"There is no {SOURCE_MARKER} in the source, and this job runs only where it is."
    hint = "Is the disk mounted? If this is the right folder, make an empty file of that name in it."
    raise EngineFailed(message, hint=hint, transient=True, code="source-marker-missing")
