"""What is done to a store's folder when it is opened: bad bytes kept, leftovers swept, the journal gone on with."""

import contextlib
import logging
import os
from pathlib import Path

from msgspec.structs import replace

from core.storage import atomic
from core.storage.folder import StoreFolder
from core.storage.journal import beginning_of, segment_path, segments_in
from core.storage.lines import json_text, opened, sealed, seed_of
from core.storage.records import Closed
from core.storage.segments import Segment, Wound

log = logging.getLogger(__name__)


def kept_aside(folder: StoreFolder, wound: Wound) -> Wound:
    """Keep what could not be read, and say where."""
    if not wound.raw:
        return wound
    kept = folder.keep_bytes(wound.problem.path, wound.raw)
    told = f" What stood there is kept in {kept}." if kept else " It could not be kept aside."
    problem = replace(wound.problem, message=f"{wound.problem.message}{told}", kept=kept)
    return Wound(problem)


def sweep(folder: StoreFolder) -> None:
    """Remove what a killed process left half-written, as far as we may look."""
    for name in ("state", "runs", "backups", "quarantine"):
        top = folder.root / name
        with contextlib.suppress(OSError):
            for place in (top, *_folders(top)):
                atomic.sweep(place)


def _folders(top: Path) -> list[Path]:
    with os.scandir(top) as entries:
        return [Path(entry.path) for entry in entries if entry.is_dir(follow_symlinks=False)]


def begin_anew(folder: StoreFolder, number: int, n: int, t: int, last: Segment | None) -> int:
    """Write what the last segment says into a new one, of this number; return how long that is.

    Whoever appended to it did not say that all of it is on disk; after a flush that failed the
    system would say so, and not mean it. Record `n + 1` follows.
    """
    first, lines, end = n + 1, [], n
    if last is not None and last.number == max(segments_in(folder.root / "state")) and last.entries:
        first, lines = min(entry.record.n for entry in last.entries), _copied(folder, last, number)
        end = max(entry.record.n for entry in last.entries)
    if last is not None and last.torn:
        kept = folder.keep_bytes(last.name, last.tail)
        log.info("%s ends in a write that was cut short; it is kept in %s", last.name, kept)
    # So that whoever only looks at the store does not leave it to the next one to do this again.
    closed = sealed(json_text(Closed(n=end)), seed_of(folder.store_id, f"journal-{number}"))
    content = beginning_of(folder.store_id, number, first, t) + b"".join(lines) + closed
    atomic.write_whole(segment_path(folder.root / "state", number), content)
    return len(content)


def _copied(folder: StoreFolder, last: Segment, number: int) -> list[bytes]:
    """Return the records of a segment as they stand in another one."""
    old = seed_of(folder.store_id, f"journal-{last.number}")
    new = seed_of(folder.store_id, f"journal-{number}")
    lines = last.content.split(b"\n")
    counted = {entry.record.n: entry for entry in reversed(last.entries)}
    return [sealed(opened(lines[counted[n].line - 1], old), new) for n in sorted(counted)]
