"""Looks at a folder in a process of its own, as a dead disk holds whoever touches it; tells what it found as JSON.

Called with the folder, and Holdfast's own data folder. It writes nothing but a file without a name or, where the file system
has none such, a probe file that it removes again. Called with a store and a destination too, it makes the folder and lays
their marker into it first.
"""

import errno
import json
import os
import secrets
import stat
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from core.copying.mounts import Mounts, unescaped
from core.copying.refusals import inside, problem_with_destination, real_path, same, unusable
from core.destinations import marker

PROBE: Final = ".holdfast-probe-{}"
MOUNTS: Final = Path("/proc/self/mountinfo")
SEPARATOR: Final = "-"
NO_NAMELESS: Final = frozenset({errno.EOPNOTSUPP, errno.EISDIR, errno.ENOENT, errno.EINVAL})


def main(arguments: Sequence[str]) -> None:
    """Tell what there is to know of the folder."""
    folder, own_data = map(Path, arguments[:2])
    found = _found(folder, own_data, *arguments[2:])
    sys.stdout.buffer.write(json.dumps(found).encode() + b"\n")


def _found(folder: Path, own_data: Path, store: str = "", destination: str = "") -> dict[str, Any]:
    if destination:
        return prepared(folder, own_data, marker.Marker(store=store, destination=destination))
    return found_in(folder, own_data)


def prepared(folder: Path, own_data: Path, ours: marker.Marker) -> dict[str, Any]:
    """Return what there is to know of a folder that is there now, with the marker; "refused" is why that cannot be."""
    found = found_in(folder, own_data)
    there = found.get("marker")
    if found["refused"] or (there is not None and there[:2] != [ours.store, ours.destination]):
        other = "Its marker is another destination's; two cannot share a folder."
        return {**found, "refused": found["refused"] or other}
    try:
        if not found["there"]:
            folder.mkdir(mode=0o700)
        marker.put_marker(folder, ours)
    except OSError as error:
        words = os.strerror(error.errno or 0).lower()
        return {**found, "refused": f"The folder cannot be prepared: {words}."}
    return found_in(folder, own_data)


def found_in(folder: Path, own_data: Path) -> dict[str, Any]:
    """Return what there is to know of a folder; "refused" is why no copy may go there."""
    refused = problem_with_destination(folder, Mounts.here())
    if not os.path.lexists(folder) and refused == unusable(folder):
        refused = None  # that there is nothing yet is no reason
    if refused is None and (same(folder, own_data) or inside(folder, own_data) or inside(own_data, folder)):
        refused = "Holdfast keeps its own data there."
    if refused or not folder.is_dir():
        return {"there": folder.is_dir(), "refused": refused or ""}
    found: dict[str, Any] = {"there": True, "refused": ""}
    found |= _room(folder) | _mount(real_path(folder)) | _marker(folder)
    return found | _probe(folder, folds=_folds_the_marker(folder))


def _room(folder: Path) -> dict[str, Any]:
    room = os.statvfs(folder)
    return {
        "free": room.f_bavail * room.f_frsize,
        "total": room.f_blocks * room.f_frsize,
        "inodes_free": room.f_favail,
        "inodes": room.f_files,
        "read_only": bool(room.f_flag & os.ST_RDONLY),
    }


def _mount(folder: Path) -> dict[str, Any]:
    """Return where the file system is mounted that the folder is on, and its type, as the system tells."""
    best, kind = Path("/"), ""
    with suppress(OSError):
        for line in MOUNTS.read_text("utf-8", "surrogateescape").splitlines():
            before, _, after = line.partition(f" {SEPARATOR} ")
            point = Path(unescaped(before.split(" ")[4]))
            if folder.is_relative_to(point) and len(point.parts) >= len(best.parts):
                best, kind = point, after.split(" ")[0]
    return {"mount": str(best), "file_system": kind}


def _marker(folder: Path) -> dict[str, Any]:
    found = marker.marker_of(folder)
    if found is None:
        return {"marker": None, "has_marker": os.path.lexists(folder / marker.NAME)}
    return {"marker": [found.store, found.destination, found.job], "has_marker": True}


def _folds_the_marker(folder: Path) -> bool | None:
    """Tell whether the marker is found by a name in other letters; None where it is not there."""
    return (
        _is_same(folder / marker.NAME, folder / marker.NAME.upper())
        if (folder / marker.NAME).exists()
        else None
    )


def _is_same(one: Path, other: Path) -> bool:
    try:
        return one.samefile(other)
    except OSError:
        return False


def _probe(folder: Path, *, folds: bool | None) -> dict[str, Any]:
    """Tell whether we may write there, and whether names that differ in case alone are one."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        if folds is not None and _writes_nameless(handle):
            return {"writable": True, "why_not": "", "folds": folds}
        return _probe_by_name(handle)
    except OSError as error:
        return {"writable": False, "why_not": os.strerror(error.errno or 0).lower(), "folds": folds}
    finally:
        os.close(handle)


def _writes_nameless(handle: int) -> bool:
    """Tell whether a file without a name could be written; raises OSError where no file can be."""
    try:
        descriptor = os.open(".", os.O_TMPFILE | os.O_WRONLY | os.O_CLOEXEC, 0o600, dir_fd=handle)
    except OSError as error:
        if error.errno in NO_NAMELESS:
            return False
        raise
    try:
        os.write(descriptor, b"\n")
    finally:
        os.close(descriptor)
    return True


def _probe_by_name(handle: int) -> dict[str, Any]:
    name = PROBE.format(secrets.token_hex(8))
    flags = os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_NOFOLLOW | os.O_CLOEXEC
    descriptor = os.open(name, flags, 0o600, dir_fd=handle)
    try:
        os.write(descriptor, b"\n")
        return {"writable": True, "why_not": "", "folds": _folds(name, handle)}
    finally:
        os.close(descriptor)
        with suppress(FileNotFoundError):
            os.unlink(name, dir_fd=handle)


def _folds(name: str, handle: int) -> bool:
    try:
        status = os.stat(name.upper(), dir_fd=handle, follow_symlinks=False)
    except OSError:
        return False
    return stat.S_ISREG(status.st_mode)
