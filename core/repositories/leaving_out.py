"""A program that lists what is left out of a source where restic cannot be told so: by some patterns, caches, other disks.

`main([WISHES, OUT])`: WISHES is a file of JSON, OUT becomes a list of paths within the source; ends with `TOO_MANY`
where there would be more of them than `MOST`.
"""

import os
import stat
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import msgspec

from core.copying.patterns import Patterns
from core.models import Value

TOO_MANY: Final = 5
MOST: Final = 5_000
CACHE_TAG: Final = "CACHEDIR.TAG"
CACHE_WORDS: Final = b"Signature: 8a477f597d28d172789f06886806bc55"
"""What a folder of things that can be made again has in it; https://bford.info/cachedir/."""


class LeavingOut(Value, frozen=True, kw_only=True):
    """What to list: what the patterns leave out of a source, the folders that are caches, what lies on other disks."""

    source: str
    patterns: tuple[str, ...] = ()
    caches: bool = False
    other_disks: bool = False


def main(arguments: list[str]) -> None:
    """Write the list."""
    wishes, out = arguments
    found = []
    for path in left_out(msgspec.json.decode(Path(wishes).read_bytes(), type=LeavingOut)):
        found.append(path)
        if len(found) > MOST:
            sys.exit(TOO_MANY)
    part = Path(f"{out}.part")
    part.write_bytes(b"".join(os.fsencode(path) + b"\0" for path in found))
    part.replace(out)


def read_list(path: Path) -> tuple[str, ...]:
    """Return the paths that were listed. Raises OSError."""
    return tuple(os.fsdecode(name) for name in path.read_bytes().split(b"\0") if name)


def left_out(wishes: LeavingOut) -> Iterator[str]:
    """Yield the path of each file and folder that is left out, not what is in such a folder; follows no link."""
    patterns = Patterns(wishes.patterns) if wishes.patterns else None
    disk = os.lstat(wishes.source).st_dev
    waiting = [""]
    while waiting:
        folder = waiting.pop()
        try:
            with os.scandir(os.path.join(wishes.source, folder)) as entries:  # noqa: PTH118 - for every folder
                for entry in entries:
                    path = f"{folder}/{entry.name}" if folder else entry.name
                    is_folder = entry.is_dir(follow_symlinks=False)
                    if (patterns is not None and patterns.leave_out(path, folder=is_folder)) or (
                        is_folder and _is_unwanted(entry, wishes, disk)
                    ):
                        yield path
                    elif is_folder:
                        waiting.append(path)
        except OSError:
            continue  # restic says itself what it cannot read


def _is_unwanted(entry: "os.DirEntry[str]", wishes: LeavingOut, disk: int) -> bool:
    if wishes.other_disks and entry.stat(follow_symlinks=False).st_dev != disk:
        return True
    return wishes.caches and _is_cache(Path(entry.path, CACHE_TAG))


def _is_cache(tag: Path) -> bool:
    try:
        handle = os.open(tag, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return False
    with os.fdopen(handle, "rb") as file:
        return stat.S_ISREG(os.fstat(handle).st_mode) and file.read(len(CACHE_WORDS)) == CACHE_WORDS
