"""Files that are there whole or not at all, and what the system's refusals mean."""

import contextlib
import errno
import os
import re
import secrets
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from core.errors import StorageFailed, StorageFull

NO_ROOM: Final = frozenset({errno.ENOSPC, errno.EDQUOT})
NO_HARD_LINKS: Final = frozenset({errno.EPERM, errno.ENOTSUP, errno.EMLINK, errno.EXDEV})
LEFTOVER: Final = re.compile(r"\..+\.[0-9a-f]{16}\.tmp\Z")
"""The name of a temporary file of ours."""

REASONS: Final = {
    errno.EIO: "the disk reports an error",
    errno.EROFS: "the disk is mounted read-only",
    errno.EACCES: "permission is denied",
    errno.EPERM: "the system does not allow it",
    errno.ENOENT: "the folder is gone; is its disk still there?",
    errno.ENOTDIR: "there is a file where a folder should be",
    errno.EEXIST: "a file exists under that name",
    errno.EMFILE: "this process has too many open files",
    errno.ENFILE: "the machine has too many open files",
    errno.EFBIG: "the file would be larger than this process may write",
}


@contextlib.contextmanager
def storage_errors(what: str) -> Iterator[None]:
    """Turn the system's refusals into StorageFull or StorageFailed, in words."""
    try:
        yield
    except OSError as error:
        raise storage_error(what, error) from error


def storage_error(what: str, error: OSError) -> StorageFailed:
    """Return what the system's refusal means: `what` could not be done, and why."""
    if error.errno in NO_ROOM:
        return StorageFull(f"{what}: there is no room left on the disk.")
    reason = REASONS.get(error.errno or 0) or os.strerror(error.errno or 0).lower()
    return StorageFailed(f"{what}: {reason}{'' if reason.endswith('?') else '.'}")


def write_aside(target: Path, content: bytes, *, durable: bool = True) -> Path:
    """Write a temporary file beside the target and return its path; on failure none is left."""
    temporary = _temporary_name(target)
    flags = os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_NOFOLLOW | os.O_CLOEXEC
    descriptor = os.open(temporary, flags, 0o600)
    try:
        try:
            write_all(descriptor, content)
            if durable:
                os.fsync(descriptor)
        finally:
            os.close(descriptor)
    except BaseException:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise
    return temporary


def link_aside(path: Path) -> Path:
    """Give a file a second, temporary name beside it and return that."""
    aside = _temporary_name(path)
    link(path, aside)
    return aside


def link(path: Path, second: Path) -> None:
    """Give a file a second name; where there are no hard links, a copy."""
    try:
        os.link(path, second)
    except OSError as error:
        if error.errno not in NO_HARD_LINKS:
            raise
        shutil.copyfile(path, second)


def write_whole(target: Path, content: bytes, *, durable: bool = True) -> None:
    """Put a file in place; at every moment it has its old or its new content.

    What is not `durable` may be older, or not there, after a loss of power.
    """
    temporary = write_aside(target, content, durable=durable)
    try:
        temporary.replace(target)
    except BaseException:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise
    if durable:
        sync_folder(target.parent)


def sync_file(path: Path) -> None:
    """Make what is in a file durable, whoever wrote it."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_folder(folder: Path) -> None:
    """Make the names in a folder durable."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def make_folder(folder: Path, *, durable: bool = True) -> None:
    """Make a folder for this user alone, unless it is there; its parent must be."""
    try:
        folder.mkdir(mode=0o700)
    except FileExistsError:
        return
    if durable:
        sync_folder(folder.parent)


def sweep(folder: Path) -> None:
    """Remove temporary files of ours that a process left behind when it ended."""
    for entry in tuple(os.scandir(folder)):
        if LEFTOVER.match(entry.name) and entry.is_file(follow_symlinks=False):
            with contextlib.suppress(OSError):
                Path(entry.path).unlink()


def _temporary_name(path: Path) -> Path:
    return path.with_name(f".{path.name}.{secrets.token_hex(8)}.tmp")


def write_all(descriptor: int, content: bytes) -> None:
    """Write every byte; a system call may take fewer than it was given."""
    rest = memoryview(content)
    while rest:
        rest = rest[os.write(descriptor, rest) :]
