"""The way in for commands on this machine: who can read this user's files may use it."""

import contextlib
import json
import os
from collections.abc import Iterator
from pathlib import Path

from core.storage import atomic


@contextlib.contextmanager
def open_door(data: Path, address: str, token: str) -> Iterator[None]:
    """Leave address and token in `locks/door.json` for as long as this lasts; raises StorageFailed."""
    path = data / "locks" / "door.json"
    content = json.dumps({"address": address, "pid": os.getpid(), "token": token})
    with atomic.storage_errors("The way in for commands could not be opened"):
        atomic.write_whole(path, content.encode())
    try:
        yield
    finally:
        with contextlib.suppress(OSError):
            path.unlink()
