"""What the programs of a deletion are told, and what they answer; both are files in the run's workspace."""

from pathlib import Path
from typing import Final, TypeVar

import msgspec

from core.models import Value
from core.storage.atomic import write_whole

FOLDER: Final = "clearing"
"""The folder in a run's workspace that has all of it."""

PREVIEW: Final = "preview"
"""The list of files that would go, as records."""

MOST_NAMED: Final = 20
"""How many files that stayed are named in an answer."""

T = TypeVar("T", bound=Value)


class Terms(Value, frozen=True, kw_only=True):
    """What a person agrees to, beside the list: the preview's digest stands for all of it.

    `roots` are the folders at which copies can be read now; without one, the proof of this very attempt has read them.
    """

    run_id: str
    job_id: str
    source: str
    place: str
    roots: tuple[str, ...] = ()
    quarantine_days: int
    remove_empty_folders: bool


class PreviewOrder(Value, frozen=True, kw_only=True):
    """Make a list of what would go, from the records of a proof."""

    terms: Terms
    own_data: str
    records: str
    folder: str


class Preview(Value, frozen=True, kw_only=True):
    """What would go: `files` and `bytes`, the `first` names, and the digest over list and terms.

    `elsewhere` counts files that stay because they lie on another file system than the source. `device` and `inode` are the source's. `marked` is that
    both sides bear the mark of the job. `trouble` says why there is no list.
    """

    terms: Terms
    digest: str = ""
    files: int = 0
    bytes: int = 0
    elsewhere: int = 0
    first: tuple[str, ...] = ()
    device: int = 0
    inode: int = 0
    marked: bool = False
    trouble: str = ""


class DeletionOrder(Value, frozen=True, kw_only=True):
    """Take away exactly what a preview lists. `mark` is that a person agreed, so both sides may be marked."""

    preview: Preview
    attempt: int
    own_data: str
    folder: str
    mark: bool
    confirmed_by: str = ""
    confirmed_at: str = ""


class Far(Value, frozen=True, kw_only=True, tag="far", tag_field="said"):
    """How far a deletion is."""

    files: int
    bytes: int
    kept: int


class Kept(Value, frozen=True, kw_only=True, tag="kept", tag_field="said"):
    """A file that stayed, and why, in words for people."""

    path: str
    why: str


class Handled(Value, frozen=True, kw_only=True):
    """What became of a quarantine: how many files were put back or let go of, and which stay aside.

    `left` is that something lies there still, `trouble` why nothing, or no more, was done.
    """

    files: int = 0
    bytes: int = 0
    kept: tuple[Kept, ...] = ()
    kept_files: int = 0
    left: bool = True
    trouble: str = ""


class Deletion(Value, frozen=True, kw_only=True):
    """What was done: files and bytes taken away; which stayed (the first of them) and how many.

    `trouble` says why it ended before the list did. `receipt` is the list of what was taken away, below the data folder, `receipt_digest`
    the BLAKE3 digest of its first `receipt_bytes` bytes.
    """

    files: int = 0
    bytes: int = 0
    kept: tuple[Kept, ...] = ()
    kept_files: int = 0
    folders: int = 0
    trouble: str = ""
    receipt: str = ""
    receipt_digest: str = ""
    receipt_bytes: int = 0


def write_value(path: Path, value: Value) -> None:
    """Keep a value in a file, durable when it returns."""
    write_whole(path, msgspec.json.encode(value) + b"\n")


def read_value(path: Path, kind: type[T]) -> T:
    """Return what a file holds; raises OSError or msgspec.MsgspecError."""
    return msgspec.json.decode(path.read_bytes(), type=kind)
