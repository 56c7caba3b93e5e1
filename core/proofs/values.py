"""What is to be proved, how the destination is read back for it, and what was found."""

from collections.abc import Mapping
from typing import Literal

from core.models import NOTHING, Value

Verify = Literal["full", "sample", "fast"]
Algorithm = Literal["blake3", "sha256", "md5"]


class FolderReading(Value, frozen=True, kw_only=True, tag="folder", tag_field="how"):
    """The destination is a folder of this machine; its files are opened and read by us.

    `links` is that symbolic links are kept as links there, and compared as such; `times` that the times of files are,
    which a fast look compares.
    """

    root: str
    links: bool = True
    times: bool = True


class ProgramReading(Value, frozen=True, kw_only=True, tag="program", tag_field="how"):
    """A program reads the destination back, and what it writes to its standard output is understood by us.

    `argv` reads everything, `sizes_argv` only lists names and sizes (empty where the program cannot), `some_argv` reads
    those that a file names (empty where it cannot: everything is read then). The path of that file takes the place of an argument "{list}"; each name
    in it is ended by a zero byte, or by a line feed where `list_ends` says so, and where `list_is_patterns` a backslash stands before what
    would mean more than itself. `understood` is how: "digests" are lines "digest  name" of `algorithm`; "tar" is an
    archive; lists of sizes are lines "size;name"; "restored" is that the files named are written below the folder whose path takes the place of an
    argument "{folder}", from where we read and remove them. `strip` is what the program puts before every name: in what it
    says, in the list, and below that folder; in archives and folders a slash at its beginning may be missing.
    A program that ends with another code than the good ones has proved nothing. Names that a list of lines cannot hold are never proved.
    """

    argv: tuple[str, ...]
    some_argv: tuple[str, ...] = ()
    sizes_argv: tuple[str, ...] = ()
    environment: Mapping[str, str] = NOTHING
    understood: Literal["digests", "tar"] = "digests"
    some_understood: Literal["digests", "tar", "restored"] = "digests"
    algorithm: Algorithm = "sha256"
    list_ends: Literal["zero", "line"] = "zero"
    names: Literal["plain", "rclone"] = "plain"
    list_is_patterns: bool = False
    strip: str = ""
    good_codes: tuple[int, ...] = (0,)


class RemoteRsyncReading(Value, frozen=True, kw_only=True, tag="rsync", tag_field="how"):
    """rsync reads both sides and says of each name whether its bytes are the same.

    `argv` is the whole command that copies, but its two places; we add what makes it compare, by content, and change nothing.
    `place` is the destination. `environment` is all that it has.
    """

    argv: tuple[str, ...]
    place: str
    environment: Mapping[str, str] = NOTHING


Reading = FolderReading | ProgramReading | RemoteRsyncReading


class ProofWishes(Value, frozen=True, kw_only=True):
    """What to prove: that each file below `source` that the `patterns` (as in .gitignore) take is at the destination.

    `since_ns` is when the copying program began, on the clock of the system: what changed or came after it is not held
    against the copy. `folders_left_out` are never looked into.
    """

    source: str
    reading: Reading
    verify: Verify
    patterns: tuple[str, ...] = ()
    since_ns: int
    confidence: float = 0.95
    good_share: float = 0.99
    folders_left_out: tuple[str, ...] = ()


class Proof(Value, frozen=True, kw_only=True):
    """What was read back and found.

    `verified` is that everything that was to be read was, and is equal; a fast look never is. `files` and `bytes` are
    of the source, `proved` and `proved_bytes` what was read back and found equal. `damaged`, `missing` and `unreadable` name up to 20 files each, in
    words for people, and `problems` counts all of them by those names and by `changed` (in the source, since the copy began).
    `records` is the file that holds what was proved, one record for each file, for whoever deletes (see
    `core.proofs.records`); empty where nothing was read.
    """

    mode: Verify
    verified: bool
    sentence: str
    files: int
    bytes: int
    proved: int = 0
    proved_bytes: int = 0
    sample: int = 0
    damaged: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    unreadable: tuple[str, ...] = ()
    problems: Mapping[str, int] = NOTHING
    warnings: tuple[str, ...] = ()
    records: str = ""
    seconds: float = 0.0
