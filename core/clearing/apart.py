"""Whether a destination that only a program reaches is the source by another way: a sign on one side is looked for on the other."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from blake3 import blake3

from core.clearing.names import SIGN
from core.copying.troubles import in_words
from core.errors import EngineFailed, StorageFailed
from core.work import LeftAtWork, RunContext


def name_of_sign(context: RunContext) -> str:
    """Return a name that no system can have looked for before: each attempt has its own, the same after a restart."""
    return SIGN + blake3(f"{context.run_id} {context.attempt} {context.workspace}".encode()).hexdigest(16)


@contextlib.contextmanager
def sign_in(folder: Path, name: str) -> Iterator[Path]:
    """Put the sign into a folder for a while; raises StorageFailed where that cannot be.

    It stays where a program that looks for it is left at work.
    """
    path = folder / name
    try:
        path.write_text(f"{name}\n")
    except OSError as error:
        raise StorageFailed(f"No file can be put into {folder}: {in_words(error)}.") from error
    left = False
    try:
        yield path
    except LeftAtWork:
        left = True
        raise
    finally:
        if not left:
            with contextlib.suppress(OSError):
                path.unlink(missing_ok=True)


def seen_in(folder: Path, name: str, note: Path) -> bool:
    """Tell whether a folder has the sign; what was seen first counts for ever, and stands in the note."""
    if not note.exists():
        seen = os.path.lexists(folder / name)
        try:
            note.write_text("seen" if seen else "not seen")
        except OSError as error:
            raise StorageFailed(f"The run's own files cannot be written: {in_words(error)}.") from error
    return note.read_text() != "not seen"


def has_snapshot(source: Path, snapshot: str) -> bool:
    """Tell whether a repository that has a snapshot lies in a folder: the file of it is called after it."""
    return any(snapshot in names and Path(place).name == "snapshots" for place, _, names in os.walk(source))


def refused(source: Path, destination: str) -> EngineFailed:
    """Return that nothing may be deleted as both sides are one."""
    message = f"Nothing was deleted: {destination} leads to the same folder as {source} or lies in the source, so there is no copy."
    return EngineFailed(message, hint="Give the job another destination.", code="refused")
