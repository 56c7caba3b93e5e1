"""The files of a backup that is watched: found in a folder, or in what a program lists of a remote."""

import json
import os
import re
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Final

from core.copying.troubles import in_words
from core.errors import EngineFailed
from core.models import Value

SECOND: Final = 1_000_000_000
MOST_FILES: Final = 1_000_000
LISTED: Final = re.compile(r"-\S{9}\s+([\d,.]+)\s+(\d{4}/\d\d/\d\d \d\d:\d\d:\d\d) (.+)")
"""A file as rsync lists it."""

LOOK_EVERY: Final = 1_000


class Seen(Value, frozen=True, kw_only=True):
    """A file: its name below the folder that is watched, and when it was last changed; `ctime_ns` 0 is not known."""

    name: str
    size: int
    mtime_ns: int
    ctime_ns: int = 0


def found_in(folder: Path, pattern: str, look_up: Callable[[], object]) -> tuple[Seen, ...]:
    """Return the files below a folder that a pattern takes; links are not followed.

    `look_up` is called now and then; what it raises ends the search. Raises EngineFailed where a folder cannot be read.
    """
    try:
        found = tuple(_kept(_files_below(folder, look_up), pattern))
    except OSError as error:
        message = f"{error.filename or folder} cannot be read: {in_words(error)}."
        hint = "Is the disk mounted, and may Holdfast read it?"
        raise EngineFailed(message, hint=hint, transient=True, code="watch-unreadable") from error
    return found


def _files_below(folder: Path, look_up: Callable[[], object]) -> Iterator[Seen]:
    waiting, count = [os.fspath(folder)], 0
    cut = len(os.path.join(folder, ""))  # noqa: PTH118 - as many as stand before each name
    while waiting:
        with os.scandir(waiting.pop()) as entries:
            for entry in entries:
                count += 1
                if count % LOOK_EVERY == 0:
                    look_up()
                if entry.is_dir(follow_symlinks=False):
                    waiting.append(entry.path)
                elif entry.is_file(follow_symlinks=False):
                    found = entry.stat(follow_symlinks=False)
                    yield Seen(
                        name=entry.path[cut:],
                        size=found.st_size,
                        mtime_ns=found.st_mtime_ns,
                        ctime_ns=found.st_ctime_ns,
                    )


def _kept(files: Iterator[Seen], pattern: str) -> Iterator[Seen]:
    for count, one in enumerate((one for one in files if is_meant(one.name, pattern)), start=1):
        if count > MOST_FILES:
            message = f"These are more than {MOST_FILES:,} files."
            raise EngineFailed(message, hint="Watch fewer: name a folder below, or a pattern.")
        yield one


def is_meant(name: str, pattern: str) -> bool:
    """Tell whether a pattern such as *.tar.gz or daily/*.sql takes a file; without a slash only its last part counts."""
    if not pattern:
        return not name.rpartition("/")[2].startswith(".holdfast")
    return fnmatchcase(name if "/" in pattern else name.rpartition("/")[2], pattern)


def listed_by_rsync(lines: Sequence[str], pattern: str) -> tuple[Seen, ...]:
    """Return the files that `rsync --list-only` names, with times in UTC."""
    matches = (LISTED.fullmatch(line) for line in lines)
    found = (
        Seen(
            name=match[3].removeprefix("./"),
            size=int(match[1].replace(",", "").replace(".", "")),
            mtime_ns=_ns(datetime.strptime(match[2], "%Y/%m/%d %H:%M:%S").replace(tzinfo=UTC)),
        )
        for match in matches
        if match is not None
    )
    return tuple(_kept(found, pattern))


def listed_by_rclone(lines: Sequence[str], pattern: str) -> tuple[Seen, ...]:
    """Return the files that `rclone lsjson` names; raises EngineFailed where it says something else."""
    try:
        rows = json.loads("\n".join(lines) or "[]")
        found = [
            Seen(name=row["Path"], size=row["Size"], mtime_ns=_ns(datetime.fromisoformat(row["ModTime"])))
            for row in rows
            if not row["IsDir"]
        ]
    except (ValueError, KeyError, TypeError) as error:
        message = "What rclone lists of the destination cannot be understood."
        raise EngineFailed(message, hint="The log has what it said.") from error
    return tuple(_kept(iter(found), pattern))


def listed_by_restic(lines: Sequence[str]) -> tuple[Seen, ...]:
    """Return the snapshots of a repository, one a line, as if each were a file; their sizes are not known and 0."""
    try:
        rows = [json.loads(line) for line in lines if line.strip()]
        return tuple(
            Seen(name=str(row["short_id"]), size=0, mtime_ns=_ns(datetime.fromisoformat(row["time"])))
            for row in rows
        )
    except (ValueError, KeyError, TypeError) as error:
        message = "What restic says of its snapshots cannot be understood."
        raise EngineFailed(message, hint="The log has what it said.") from error


def _ns(at: datetime) -> int:
    return int(at.timestamp() * SECOND)
