"""What this machine has and lacks for Holdfast, and what each gap costs."""

import os
import platform
import shutil
import sys
from enum import StrEnum
from pathlib import Path
from typing import Final

import psutil
import yaml

from core.clock import SystemClock
from core.errors import StoreUnreadable
from core.models import Value
from core.people import User
from core.remotes.versions import KNOWN, Known, found, weakness
from core.storage.auth_files import AuthFiles
from core.storage.folder import StoreFolder

LEAST_PYTHON: Final = (3, 11)
LEAST_FREE: Final = 64 * 1024 * 1024
NETWORK_FILE_SYSTEMS: Final = frozenset({"nfs", "nfs4", "cifs", "smb3", "9p", "fuse.sshfs", "afs", "ceph"})


class Verdict(StrEnum):
    """How a finding is to be taken."""

    GOOD = "good"
    MISSING = "missing"
    BAD = "bad"


class Finding(Value, frozen=True, kw_only=True):
    """One thing that was looked at; `cost` says what it means where it is not good."""

    name: str
    verdict: Verdict
    found: str
    cost: str = ""


COSTS: Final = {
    "rsync": "Jobs of kind rsync need it. Backups of kind copy work without it.",
    "ssh": "Destinations of type SSH need it. Backups of kind copy work without it.",
    "rclone": "Jobs of kind rclone need it. Backups of kind copy work without it.",
    "restic": "Jobs of kind restic need it. Backups of kind copy work without it.",
}
"""What it means that a program is missing."""

CHECKER: Final = Known(name="b3sum", argument="--version")
CHECKER_COST: Final = "Without it you cannot check a run's manifest independently of Holdfast. Backups work."


def examine(data: Path) -> tuple[Finding, ...]:
    """Look at the machine and at the data folder; changes nothing."""
    return (
        _python(),
        _yaml(),
        _quick_copies(),
        _data_folder(data),
        _file_system(data),
        *((_store(data), _accounts(data)) if os.path.isdir(data) else ()),  # noqa: PTH112 - raises nothing
        *(_program(known, COSTS[known.name]) for known in KNOWN.values()),
        _program(CHECKER, CHECKER_COST),
    )


def _python() -> Finding:
    good = sys.version_info[:2] >= LEAST_PYTHON
    cost = "" if good else "Holdfast needs Python 3.11 or newer."
    return Finding(name="Python", verdict=_judged(good), found=platform.python_version(), cost=cost)


def _yaml() -> Finding:
    good = bool(yaml.__with_libyaml__)
    return Finding(
        name="libyaml",
        verdict=Verdict.GOOD if good else Verdict.BAD,
        found="in use" if good else "missing",
        cost="" if good else "Holdfast reads its files with it and does not start without. Reinstall pyyaml.",
    )


def _quick_copies() -> Finding:
    good = hasattr(os, "copy_file_range")
    return Finding(
        name="copies in the kernel",
        verdict=Verdict.GOOD if good else Verdict.MISSING,
        found="copy_file_range" if good else "not here",
        cost="" if good else "Large files are copied through memory: correct, but slower.",
    )


def _data_folder(data: Path) -> Finding:
    place = _nearest(data)
    if not os.path.isdir(place) or not os.access(place, os.W_OK | os.X_OK):  # noqa: PTH112 - raises nothing
        cost = "Holdfast cannot keep anything there. Change its owner, or name another folder with --data."
        return Finding(name="data folder", verdict=Verdict.BAD, found=f"{data} cannot be written", cost=cost)
    free = shutil.disk_usage(place).free
    good = free >= LEAST_FREE
    cost = "" if good else "Less than 64 MB are free; changes will soon be refused."
    found = f"{data.absolute()}, {free / 1e9:.1f} GB free"
    return Finding(name="data folder", verdict=_judged(good), found=found, cost=cost)


def _store(data: Path) -> Finding:
    """Say what a start on the folder would say, and who works on it now."""
    folder = StoreFolder(data, SystemClock())
    try:
        folder.check()
    except StoreUnreadable as error:
        return Finding(name="store", verdict=Verdict.BAD, found=str(error), cost=error.hint)
    holder = folder.holder
    found = f"in use{holder}" if holder else "not in use"
    return Finding(name="store", verdict=Verdict.GOOD, found=found)


def _accounts(data: Path) -> Finding:
    try:
        people = AuthFiles(data / "auth").read_people("users", User)
    except StoreUnreadable as error:
        return Finding(name="accounts", verdict=Verdict.BAD, found=str(error), cost=error.hint)
    found = f"{len(people)} that may come in" if people else "none yet; `holdfast serve` leads to the first"
    return Finding(name="accounts", verdict=Verdict.GOOD, found=found)


def _file_system(data: Path) -> Finding:
    kind = file_system_of(_nearest(data))
    good = kind not in NETWORK_FILE_SYSTEMS
    cost = (
        ""
        if good
        else "Locks and syncs over a network are not to be trusted. Keep the data folder on a local disk."
    )
    return Finding(name="file system", verdict=_judged(good), found=kind or "unknown", cost=cost)


def file_system_of(path: Path) -> str:
    """Return the type of the file system that holds the path, empty where it cannot be told."""
    place = Path(os.path.realpath(path))  # Path.resolve raises for links in a circle
    mounts = [part for part in psutil.disk_partitions(all=True) if place.is_relative_to(part.mountpoint)]
    return max(mounts, key=lambda part: len(part.mountpoint)).fstype if mounts else ""


def _nearest(path: Path) -> Path:
    """Return the path, or the nearest above it that can be seen."""
    place = path.absolute()
    while not os.path.lexists(place):
        place = place.parent
    return place


def _program(known: Known, cost: str) -> Finding:
    what = found(known)
    if not what.path:
        return Finding(name=known.name, verdict=Verdict.MISSING, found=what.in_words, cost=cost)
    weak = weakness(known, what)
    return Finding(name=known.name, verdict=_judged(not weak), found=what.in_words, cost=weak)


def _judged(good: bool) -> Verdict:
    return Verdict.GOOD if good else Verdict.BAD
