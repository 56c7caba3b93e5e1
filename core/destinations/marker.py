"""The file that says that a folder is a place for our copies, and whose: without it, the disk may not be mounted."""

import contextlib
import os
import stat
from pathlib import Path
from typing import Final

import msgspec

from core.models import Value
from core.storage import atomic

NAME: Final = ".holdfast-destination"
LARGEST: Final = 4_096


class Marker(
    Value, frozen=True, kw_only=True, tag="holdfast-destination", tag_field="kind", omit_defaults=True
):
    """Whose place it is: of which store, and of which destination or of which job there."""

    store: str
    destination: str = ""
    job: str = ""


_decoder: Final = msgspec.json.Decoder(Marker)


def text_of(marker: Marker) -> bytes:
    """Return what stands in the file."""
    return msgspec.json.encode(marker) + b"\n"


def marker_in(text: bytes) -> Marker | None:
    """Return what a file says, wherever it was read; None where it is not ours."""
    with contextlib.suppress(msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return _decoder.decode(text)
    return None


def marker_of(folder: Path) -> Marker | None:
    """Return the marker that lies in a folder; None where there is none that can be read. Follows no link."""
    with contextlib.suppress(OSError):
        descriptor = os.open(folder / NAME, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(descriptor, "rb") as file:
            if stat.S_ISREG(os.fstat(descriptor).st_mode):
                return marker_in(file.read(LARGEST))
    return None


def put_marker(folder: Path, marker: Marker) -> None:
    """Lay the marker into a folder, durable; one that is there is replaced, a link is not followed. Raises OSError."""
    atomic.write_whole(folder / NAME, text_of(marker))
