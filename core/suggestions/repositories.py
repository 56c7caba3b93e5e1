"""Repositories of restic on disks of this machine: folders that look like one, in likely places."""

import os
from collections import deque
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Final

import psutil

from core.storage.watching import REMOTE
from core.suggestions.lines import id_of
from core.suggestions.machine import Machine
from core.suggestions.values import MOST, Suggestion, counted

LIKELY: Final = ("mnt", "media", "srv", "backup", "backups", "var/backups", "data")
MARKS: Final = frozenset({"config", "data", "index", "keys", "snapshots"})
DEEPEST: Final = 3
MOST_FOLDERS: Final = 2_000
MOST_ENTRIES: Final = 2_000
"""How many folders are looked into, and how many names of each: likely places are not searched to the last."""


def look(machine: Machine, places: list[tuple[str, str]]) -> Iterator[Suggestion]:
    """Give the repositories; each place that was looked into is added to `places`."""
    elsewhere = _network_mounts()
    for place in (machine.home, *(machine.root / each for each in LIKELY)):
        if place in elsewhere or not place.is_dir() or place.is_symlink():
            continue
        found = list(islice(map(_suggestion, _repositories(place, elsewhere)), MOST))
        places.append(
            (
                str(place),
                counted(len(found), "repository of restic", "repositories of restic")
                if found
                else "no repository of restic",
            )
        )
        yield from found


def _network_mounts() -> frozenset[Path]:
    """Return where other machines' disks are: looking there could take for ever."""
    mounts = psutil.disk_partitions(all=True)
    return frozenset(
        Path(mount.mountpoint)
        for mount in mounts
        if mount.fstype in REMOTE or mount.fstype.startswith(("fuse.", "nfs", "autofs"))
    )


def _repositories(place: Path, elsewhere: frozenset[Path]) -> Iterator[Path]:
    """Give the folders that look like one; no link is followed, and no other machine is asked."""
    waiting: deque[tuple[Path, int]] = deque([(place, 0)])
    for _ in range(MOST_FOLDERS):
        if not waiting:
            return
        folder, depth = waiting.popleft()
        below = _folders_in(folder)
        if below is None:
            yield folder
        elif depth < DEEPEST:
            waiting += [(each, depth + 1) for each in below if each not in elsewhere]


def _folders_in(folder: Path) -> list[Path] | None:
    """Return the folders in a folder; None where it is itself a repository."""
    names: set[str] = set()
    below = []
    try:
        with os.scandir(folder) as entries:
            for entry in islice(entries, MOST_ENTRIES):
                names.add(entry.name)
                if entry.is_dir(follow_symlinks=False):
                    below.append(Path(entry.path))
    except OSError:
        return []
    return None if names >= MARKS else sorted(below)


def _suggestion(path: Path) -> Suggestion:
    return Suggestion(
        id=id_of("restic", str(path)),
        origin="restic",
        place=str(path),
        title=f"A repository of restic in {path}",
        name=path.name,
        options={"repository": str(path)},
        remarks=(
            "Make it a destination with its password; then a job can add snapshots. What lies there stays.",
        ),
    )
