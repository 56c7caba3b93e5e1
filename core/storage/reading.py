"""Reading one file that is not a pipe, not empty, and not longer than it may be."""

import os
from pathlib import Path
from typing import Final

from core.errors import InvalidYaml
from core.storage import yaml_text
from core.storage.folder import is_regular

HINT: Final = "Give it back to the user that Holdfast runs as, or mend the disk. Nothing in it was changed."


def content_of(path: Path) -> bytes:
    """Return what is in a file; raises InvalidYaml when that cannot be read."""
    try:
        if not is_regular(path):
            raise InvalidYaml("It is not a file.")
        if path.stat().st_size > yaml_text.LONGEST_TEXT:
            raise InvalidYaml(f"It is longer than {yaml_text.LONGEST_TEXT:,} bytes.")
        content = path.read_bytes()
    except OSError as error:
        raise unreadable(error) from error
    if not content.strip(b"\x00 \t\r\n"):
        raise InvalidYaml("It is empty.", line=1, column=1)
    return content


def unreadable(error: OSError) -> InvalidYaml:
    """Return what the system's refusal to read a file means."""
    return InvalidYaml(f"It could not be read: {os.strerror(error.errno or 0).lower()}.")
