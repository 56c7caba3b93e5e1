"""Fill a small disk of our own, save, make room, save again, and tell what happened.

The disk is a tmpfs in a namespace of this process's own. Where the machine allows neither, the
system's `write` finds no room instead.
"""

import ctypes
import errno
import functools
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path

from core.errors import StorageFailed
from core.storage.rows import Changes
from tests.builders import a_kept_job
from tests.doubles import FileStore

ONE = "3f2a1b4c-0000-4000-8000-000000000001"
NEW_NAMESPACE, NEW_USER = 0x00020000, 0x10000000
PRIVATE, RECURSIVE = 1 << 18, 1 << 14

place = Path(sys.argv[1])
libc = ctypes.CDLL(None, use_errno=True)


def small_disk() -> bool:
    """Mount one megabyte of memory at the place; returns whether the machine allows it."""
    user, group = os.getuid(), os.getgid()
    if libc.unshare(NEW_NAMESPACE | (NEW_USER if user else 0)):
        return False
    if user:
        Path("/proc/self/setgroups").write_text("deny")
        Path("/proc/self/uid_map").write_text(f"0 {user} 1")
        Path("/proc/self/gid_map").write_text(f"0 {group} 1")
    return not (
        libc.mount(b"none", b"/", None, PRIVATE | RECURSIVE, None)
        or libc.mount(b"tmpfs", os.fsencode(place), b"tmpfs", 0, b"size=1m")
    )


def no_room(descriptor: int, content: object) -> int:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def fill() -> None:
    with (place / "filler").open("wb", buffering=0) as filler:
        try:
            while filler.write(b"x" * 4_096):
                pass
        except OSError as error:
            if error.errno != errno.ENOSPC:
                raise


def code_of(what: Callable[[], None]) -> str:
    try:
        what()
    except StorageFailed as error:
        return error.code
    return "saved"


def kept() -> tuple[FileStore, list[str], int]:
    store = FileStore(place / "data")
    contents = store.open()
    return store, [job.name for job in contents.jobs], len(contents.problems)


def save(store: FileStore, name: str) -> None:
    store.commit(Changes(jobs=(a_kept_job(ONE, name=name),)))
    store.write_definitions()


mounted = small_disk()
really_write = os.write
store, names, problems = kept()
save(store, "before")
if mounted:
    fill()
else:
    os.write = no_room
told: dict[str, object] = {"acknowledged": "before"}
for number in range(200):  # the last page of a file has room even where the disk has none
    told["refused"] = code_of(functools.partial(save, store, f"meanwhile {number}"))
    if told["refused"] != "saved":
        break
    told["acknowledged"] = f"meanwhile {number}"
told["probe"] = code_of(store.check_writable)
told["leftovers"] = [str(path) for path in place.rglob("*.tmp")]
told["shown meanwhile"] = store.onlooker.rows.jobs[ONE].name
store.close()
store, names, _ = kept()
told["opened while full"] = names
if mounted:
    (place / "filler").unlink()
else:
    os.write = really_write
save(store, "after")
store.close()
store, names, problems = kept()
told |= {"kept after room was made": names, "problems": problems}
store.close()
json.dump(told, sys.stdout)
