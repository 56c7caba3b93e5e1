"""The way in for commands on this machine: who can read this user's files may use it."""

import contextlib
import json
import logging
import os
from collections.abc import Iterator
from pathlib import Path

from core.errors import StorageFailed
from core.storage import atomic

log = logging.getLogger(__name__)


@contextlib.contextmanager
def open_door(data: Path, address: str, token: str) -> Iterator[None]:
    """Leave address and token in `locks/door.json` for as long as this lasts.

    Where the disk refuses, commands find the folder in use; people still get in with a browser, and
    learn there what is wrong.
    """
    path = data / "locks" / "door.json"
    content = json.dumps({"address": address, "pid": os.getpid(), "token": token})
    try:
        with atomic.storage_errors("The way in for commands could not be opened"):
            atomic.write_whole(path, content.encode())
    except StorageFailed as error:
        log.warning("%s", error)
    try:
        yield
    finally:
        with contextlib.suppress(OSError):
            path.unlink()
