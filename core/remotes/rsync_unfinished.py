"""What a killed rsync leaves: files that it had begun, under names of its own beside their places.

Written into a folder apart they would be known at once, but a folder apart costs rsync half as much again. So it is noted
when a rsync begins and when it was seen to end; only after one that was not, files are looked for, and only what can be
nothing else is removed.
"""

import os
import re
import stat
from pathlib import Path
from typing import Final

from core.work import RunContext

NOTE: Final = "rsync-at-work"
TEMPORARY: Final = re.compile(rb"\.(?P<name>.+)\.[A-Za-z0-9]{6}", re.DOTALL)
"""How rsync calls a file until it is whole (`get_tmpname` in its receiver.c)."""

OTHERS: Final = 0o077
"""What nobody but its owner may do with such a file until it is whole."""


def begin(context: RunContext, now_ns: int) -> int | None:
    """Note that a rsync begins; returns since when one of an earlier attempt or run may have left something.

    None is that all before were seen to end. An attempt that a restart takes up has begun before: it is None as well.
    """
    noted, mine = context.note(NOTE), f"{context.run_id}/{context.attempt}"
    if noted.get("who") == mine:
        return None
    since = noted.get("since_ns")
    context.take_note(NOTE, {"who": mine, "since_ns": since or now_ns})
    return since if isinstance(since, int) else None


def ended(context: RunContext) -> None:
    """Note that a rsync ended by itself, and so tidied up."""
    context.take_note(NOTE, {})


def removed_from(copy: Path, source: Path, since_ns: int) -> int:
    """Remove from a copy on this machine what a rsync left that was killed after a moment; returns how many files."""
    count = 0
    below = len(os.fsencode(copy))
    for folder, _, files, handle in os.fwalk(os.fsencode(copy)):
        beside = os.fsencode(source) + folder[below:]
        for name in files:
            found = TEMPORARY.fullmatch(name)
            if found is None or not _is_of(os.path.join(beside, found["name"])):  # noqa: PTH118 - bytes
                continue
            if os.path.lexists(os.path.join(beside, name)):  # noqa: PTH118 - bytes
                continue
            count += _removed(name, handle, since_ns)
    return count


def _removed(name: bytes, folder: int, since_ns: int) -> bool:
    try:
        if not _was_begun(os.stat(name, dir_fd=folder, follow_symlinks=False), since_ns):
            return False
        os.unlink(name, dir_fd=folder)
    except OSError:  # it stays, and takes only room
        return False
    return True


def _is_of(path: bytes) -> bool:
    """Tell whether the source has a file of the name that a temporary one has in it."""
    try:
        return stat.S_ISREG(os.lstat(path).st_mode)
    except OSError:
        return False


def _was_begun(info: os.stat_result, since_ns: int) -> bool:
    """Tell whether a file is as rsync leaves one: ours, of one name, closed to others, and touched since it began."""
    ours = info.st_uid == os.geteuid() and info.st_nlink == 1
    closed = stat.S_ISREG(info.st_mode) and not info.st_mode & OTHERS
    return ours and closed and min(info.st_ctime_ns, info.st_mtime_ns) >= since_ns
