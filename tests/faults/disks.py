"""Disks of our own: a real file system in a file, a small one in memory.

They are mounted where only the child that asked for them, and its children, can see them. With
the last of these the kernel takes them away, so nothing is left behind however we end.
"""

import ctypes
import fcntl
import os
import shutil
import subprocess
from pathlib import Path
from typing import Final

from tests.faults.children import ChildFailed, answer_of

NEW_NAMESPACE: Final = 0x00020000
PRIVATE: Final = (1 << 18) | (1 << 14)
SHUT_DOWN: Final = 0x8004587D
WITHOUT_ITS_LOG: Final = 2
SYSTEM_PATH: Final = f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"
IMAGE_SIZE: Final = 64 * 2**20

library: Final = ctypes.CDLL(None, use_errno=True)


def be_alone_with_mounts() -> None:
    """Have mounts of our own from now on, until this process ends; raises OSError."""
    if library.unshare(NEW_NAMESPACE) or library.mount(b"none", b"/", None, PRIVATE, None):
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def make_image(image: Path) -> None:
    """Make an empty ext4 in a file."""
    with image.open("wb") as file:
        file.truncate(IMAGE_SIZE)
    _run("mkfs.ext4", "-q", "-F", str(image))


def mount_image(image: Path, at: Path) -> None:
    """Mount the file system in a file; what it has in its log is done first."""
    be_alone_with_mounts()
    _run("mount", "-o", "loop", str(image), str(at))


def mount_memory(at: Path, size: str) -> None:
    """Mount a small disk in memory."""
    be_alone_with_mounts()
    _run("mount", "-t", "tmpfs", "-o", f"size={size}", "none", str(at))


def cut_the_power(at: Path) -> None:
    """Stop a file system where it is: what its disk does not have by now it never gets."""
    folder = os.open(at, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.ioctl(folder, SHUT_DOWN, WITHOUT_ITS_LOG.to_bytes(4, "little"))
    finally:
        os.close(folder)


def unmount(at: Path) -> None:
    """Let go of a disk."""
    _run("umount", str(at))


def why_no_disk(place: Path) -> str:
    """Return why no file system in a file can be had here; empty when it can."""
    missing = [
        name for name in ("mkfs.ext4", "mount", "umount") if shutil.which(name, path=SYSTEM_PATH) is None
    ]
    if missing:
        return f"{missing[0]} is not installed"
    image, at = place / "trial.img", place / "trial"
    at.mkdir()

    def trial() -> None:
        make_image(image)
        mount_image(image, at)
        cut_the_power(at)
        unmount(at)

    try:
        answer_of(trial)
    except ChildFailed:
        return "this user may not mount a file system in a file, or not stop it"
    finally:
        image.unlink(missing_ok=True)
    return ""


def why_no_memory_disk(place: Path) -> str:
    """Return why no disk in memory can be had here; empty when one can."""
    try:
        answer_of(lambda: mount_memory(place, "1m"))
    except ChildFailed:
        return "this user may not mount a disk in memory"
    return ""


def _run(*argv: str) -> None:
    subprocess.run(argv, check=True, capture_output=True, env={**os.environ, "PATH": SYSTEM_PATH})
