"""Which rsync there is."""

import os
import re
import shutil
from functools import lru_cache
from typing import Final

from core.remotes import asking
from core.remotes.ssh import PATH

OLDEST: Final = (3, 1, 0)
"""The first that says how far it is as a whole."""

SYNCS_FILES: Final = (3, 2, 4)
VERSION: Final = re.compile(r"rsync +version v?(\d+)\.(\d+)\.(\d+)")


def program() -> str | None:
    """Return where rsync is; None where it is not installed."""
    return shutil.which("rsync", path=PATH)


def version() -> tuple[int, ...] | None:
    """Return which version is installed; None where there is none or it does not say."""
    path = program()
    if path is None:
        return None
    return _asked(path, os.stat(path).st_mtime_ns)  # noqa: PTH116 - nanoseconds


@lru_cache(maxsize=4)
def _asked(path: str, _changed_at: int) -> tuple[int, ...] | None:
    found = VERSION.search(asking.ask([path, "--version"], {"PATH": PATH}).out)
    return tuple(map(int, found.groups())) if found else None
