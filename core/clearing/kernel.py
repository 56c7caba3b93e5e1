"""What the kernel can do to keep a file from being lost: renames that replace nothing, and a look at who writes."""

import contextlib
import ctypes
import errno
import fcntl
import os
import signal
from typing import Final

RENAME_NOREPLACE: Final = 1  # linux/fs.h
NOT_THIS_WAY: Final = frozenset({errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP})

_libc: Final = ctypes.CDLL(None, use_errno=True)


def move_aside(folder: int, name: bytes, private: int, new_name: bytes) -> None:
    """Rename a file, whatever it is by now, into a folder that only we write to; raises FileExistsError."""
    if _renamed(folder, name, private, new_name):
        return
    if _is_there(private, new_name):
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST))
    os.rename(name, new_name, src_dir_fd=folder, dst_dir_fd=private)  # nobody else makes names there


def move_back(private: int, name: bytes, folder: int, new_name: bytes) -> None:
    """Rename what lies in a folder of ours to a name elsewhere; raises FileExistsError where something has it."""
    if _renamed(private, name, folder, new_name):
        return
    os.link(name, new_name, src_dir_fd=private, dst_dir_fd=folder, follow_symlinks=False)
    os.unlink(name, dir_fd=private)


def _is_there(folder: int, name: bytes) -> bool:
    try:
        os.stat(name, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        return False
    return True


def _renamed(folder: int, name: bytes, new_folder: int, new_name: bytes) -> bool:
    """Rename without replacing anything; False where this file system or kernel cannot."""
    if not hasattr(_libc, "renameat2"):
        return False
    if _libc.renameat2(folder, name, new_folder, new_name, RENAME_NOREPLACE) == 0:
        return True
    number = ctypes.get_errno()
    if number in NOT_THIS_WAY:
        return False
    raise OSError(number, os.strerror(number))


def let_writers_wait() -> None:
    """Prepare a program for `is_being_written`: the signal that says that somebody wants to write does not end it."""
    signal.signal(signal.SIGIO, signal.SIG_IGN)


def is_being_written(handle: int) -> bool:
    """Tell whether somebody has the file of a handle open for writing, as far as its file system can tell.

    The kernel grants a lease for reading only on a file that nobody can write to; it is given back at once.
    """
    try:
        fcntl.fcntl(handle, fcntl.F_SETLEASE, fcntl.F_RDLCK)
    except OSError as error:
        return error.errno == errno.EAGAIN
    with contextlib.suppress(OSError):
        fcntl.fcntl(handle, fcntl.F_SETLEASE, fcntl.F_UNLCK)
    return False
