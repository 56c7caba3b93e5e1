"""What the attempts of one run carried, all told: one that went on after a question tells of the whole run."""

from pathlib import Path
from typing import Final

import msgspec
from msgspec.structs import replace

from core.errors import StorageFailed
from core.work import Copied, RunContext

NAME: Final = "carried.json"

Counts = dict[str, tuple[int, int, int]]


def all_told(context: RunContext, copied: Copied) -> Copied:
    """Return what was copied with what earlier attempts of the run had copied, and note it for later ones."""
    path = context.workspace / NAME
    counts = _counts_in(path)
    counts[str(context.attempt)] = (copied.files, copied.bytes, copied.removed)
    _keep(path, counts)
    files, many, removed = (sum(column) for column in zip(*counts.values(), strict=True))
    return replace(copied, files=files, bytes=many, removed=removed)


def _counts_in(path: Path) -> Counts:
    try:
        return msgspec.json.decode(path.read_bytes(), type=Counts)
    except (FileNotFoundError, msgspec.DecodeError):
        return {}


def _keep(path: Path, counts: Counts) -> None:
    unfinished = path.with_name(f"{path.name}.part")
    try:
        unfinished.write_bytes(msgspec.json.encode(counts))
        unfinished.replace(path)
    except OSError as error:
        message = f"What was copied cannot be noted: {error.strerror}."
        raise StorageFailed(message) from error
