"""Which version of a program is installed."""

import re
from functools import cache
from typing import Final

from core.remotes.asking import ask

PROGRAM_OF: Final = {"ssh": "rsync", "rclone": "rclone", "restic": "restic"}
ASK: Final = {"rsync": "--version", "rclone": "version", "restic": "version"}
NUMBER: Final = re.compile(r"\bv?(\d+(?:\.\d+)+)")
ENVIRONMENT: Final = {"PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": "/nonexistent", "LANG": "C.UTF-8"}


@cache
def version_of(program: str) -> str:
    """Return a program with its version ("rsync 3.2.7"), its name alone where it does not say."""
    said = ask((program, ASK[program]), ENVIRONMENT, seconds=5.0).out
    number = NUMBER.search(said)
    return f"{program} {number[1]}" if number else program
