"""Putting a text in the place of another, so that what stood there is in hand afterwards, whatever it was."""

import contextlib
import ctypes
import errno
import os
import re
import secrets
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from core.storage import atomic
from core.storage.placed import crc_of

AT_FDCWD: Final = -100  # openat(2)
RENAME_NOREPLACE: Final = 1  # renameat2(2)
RENAME_EXCHANGE: Final = 2
NOT_HERE: Final = frozenset({errno.ENOSYS, errno.EINVAL, errno.ENOTSUP})
"""How a kernel or a file system says that it cannot exchange two names."""

FEW: Final = 16
"""Up to so many files are flushed each by itself; more at once with all that waits for that disk."""

OURS_BY_SUM: Final = re.compile(r"\.(.+)\.([0-9a-f]{8})[0-9a-f]{8}\.tmp\Z")
"""A temporary file of ours: beside which file, and the checksum of the text that it was made with."""

_kernel: Final = ctypes.CDLL(None, use_errno=True)


def write_new(target: Path, text: bytes, like: os.stat_result | None) -> Path:
    """Write a text beside its target, not flushed; with mode and group of what is there (`like`)."""
    name = f".{target.name[:200]}.{crc_of(text):08x}{secrets.token_hex(4)}.tmp"
    temporary = target.with_name(name)
    flags = os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_NOFOLLOW | os.O_CLOEXEC
    descriptor = os.open(temporary, flags, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(text)
            if like is not None:
                with contextlib.suppress(PermissionError):
                    os.fchown(descriptor, -1, like.st_gid)
                os.fchmod(descriptor, like.st_mode & 0o777)
    except BaseException:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise
    return temporary


def flush(paths: Iterable[Path]) -> None:
    """Make the content of files, and the names in folders, durable; raises OSError."""
    paths = tuple(paths)
    if len(paths) > FEW:
        _flush_all(paths[0])
        return
    for path in paths:
        with _opened(path) as descriptor:
            os.fsync(descriptor)


def _flush_all(inside: Path) -> None:
    """Make everything durable that lies on the same file system."""
    with _opened(inside) as descriptor:
        if _kernel.syncfs(descriptor) != 0:
            raise _error(inside)


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[int]:
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def exchange(one: Path, other: Path) -> None:
    """Let two files have one another's name; raises OSError.

    Where the file system cannot, they change names one after the other; at no moment is `other`
    without a file.
    """
    try:
        _rename(one, other, RENAME_EXCHANGE)
    except OSError as error:
        if error.errno not in NOT_HERE:
            raise
        aside = atomic.link_aside(other)
        try:
            one.replace(other)
        except BaseException:
            aside.unlink()
            raise
        aside.replace(one)


def move(one: Path, other: Path) -> None:
    """Give a file another name; raises FileExistsError rather than replace anything."""
    try:
        _rename(one, other, RENAME_NOREPLACE)
    except OSError as error:
        if error.errno not in NOT_HERE:
            raise
        if os.path.lexists(other):
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(other)) from None
        one.rename(other)


def _rename(one: Path, other: Path, flags: int) -> None:
    result = _kernel.renameat2(AT_FDCWD, os.fsencode(one), AT_FDCWD, os.fsencode(other), flags)
    if result != 0:
        raise _error(other)


def _error(path: Path) -> OSError:
    number = ctypes.get_errno()
    return OSError(number, os.strerror(number), str(path))
