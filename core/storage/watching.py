"""Being told which files below a folder changed; where the system does not tell, being told to look."""

import logging
import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from watchfiles import Change, watch

from core.storage.looking import is_ours_to_read

log = logging.getLogger(__name__)

QUIET_MS: Final = 100
"""How long nothing may happen before what happened is told: editors write in several steps."""

LONGEST_MS: Final = 500
"""After how long it is told all the same."""

TICK_MS: Final = 500
"""How often nothing is told, so that whoever listens can see to what waits for its time."""

LOOK_EVERY: Final = 1.0
"""Seconds between two looks where the system tells nothing."""

REMOTE: Final = frozenset(
    {"9p", "afs", "ceph", "cifs", "fuse", "glusterfs", "nfs", "nfs4", "smb3", "virtiofs"}
)
"""File systems whose files change without this machine being told; `fuse` has many by its side."""

MOUNTS: Final = Path("/proc/self/mountinfo")

Told = frozenset[Path] | None
"""What changed; None means that anything may have."""


def changes(folder: Path, stopping: threading.Event) -> Iterator[Told]:
    """Give what changes below a folder until told to stop, and now and then that nothing did."""
    said = ""
    while not stopping.is_set():
        if not is_remote(folder):
            try:
                yield from _told(folder, stopping)
                continue
            except (OSError, RuntimeError) as error:  # no watches left, or the folder is not there
                if str(error) != said:
                    said = str(error)
                    log.warning(
                        "changes below %s are looked for, as the system does not tell: %s", folder, said
                    )
        if not stopping.wait(LOOK_EVERY):
            yield None


def _told(folder: Path, stopping: threading.Event) -> Iterator[Told]:
    """Give what the system tells, as long as the folder is the same one."""
    inode = folder.stat().st_ino
    batches = watch(
        folder,
        watch_filter=_is_worth_a_look,
        debounce=LONGEST_MS,
        step=QUIET_MS,
        stop_event=stopping,
        rust_timeout=TICK_MS,
        yield_on_timeout=True,
        raise_interrupt=False,
        force_polling=False,
        ignore_permission_denied=True,
    )
    next(batches, None)  # only now the watch has begun: what changed before was not told
    yield None
    for batch in batches:
        yield frozenset(Path(path) for _, path in batch)
        if folder.stat().st_ino != inode:
            return


def _is_worth_a_look(change: Change, path: str) -> bool:  # noqa: ARG001 - watchfiles asks with both
    name = path.rpartition("/")[2]
    return name[:1] != "." and (is_ours_to_read(name) or "." not in name)


def is_remote(folder: Path) -> bool:
    """Tell whether a folder lies where changes by others are not told."""
    try:
        lines = MOUNTS.read_text("utf-8", "surrogateescape").splitlines()
        device = folder.stat().st_dev
    except OSError:
        return False
    number = f"{os.major(device)}:{os.minor(device)}"
    kinds = (line.partition(" - ")[2].split(" ")[0] for line in lines if line.split(" ")[2] == number)
    return any(kind.partition(".")[0] in REMOTE for kind in kinds)
