"""What the slot's thread and its crew of child processes say to each other."""

from typing import Final, Literal

import msgspec

from core.copying.times import Times

PLAIN_LIMIT: Final = 1 << 20
"""Files up to this many bytes are read whole."""
UNIT_BYTES: Final = 64 << 20
"""A unit of work takes files of about this many bytes together; a larger file is its own unit."""
UNIT_ENTRIES: Final = 256


class Message(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A value that crosses a pipe or lies in a spool."""


Action = Literal["keep", "copy", "touch", "compare"]
"""What the scan found: the same already, to be copied, only mode or owner differ, look inside."""


class Entry(Message, frozen=True):
    """One name in a folder of the source, as the scan saw it."""

    name: bytes
    kind: Literal["file", "link"]
    action: Action
    size: int
    mtime_ns: int


class Unit(Message, frozen=True):
    """Some entries of one folder, done in one go by one member of the crew."""

    folder: bytes
    entries: tuple[Entry, ...]


class Shared(Message, frozen=True):
    """A file with more than one name: `device` and `inode` tell which names are the same file."""

    device: int
    inode: int
    folder: bytes
    entry: Entry


class Planned(Message, frozen=True):
    """A unit as the plan keeps it: how much there is to prove, how much to do, and the Unit.

    `sums` has the number of entries and of bytes for each action: `copy`, `copy_bytes`.
    """

    files: int
    size: int
    work_files: int
    work_bytes: int
    sums: dict[str, int]
    unit: bytes


class Looked(Message, frozen=True):
    """A folder of the source that was looked into, and which folder of which disk that was."""

    folder: bytes
    device: int
    inode: int


class Found(Message, frozen=True):
    """A part of what a look into one folder found; `identity` is the folder's device and inode."""

    planned: Planned | None = None
    folders: tuple[bytes, ...] = ()
    shared: tuple[Shared, ...] = ()
    identity: tuple[int, int] = (0, 0)


class Mark(Message, frozen=True):
    """A file as it was copied: what it was then, and its digest, empty when none was taken.

    Size and time can be put back; the time of the last change of any sort, and the inode, cannot.
    """

    size: int
    mtime_ns: int
    ctime_ns: int
    inode: int
    digest: bytes


UNPROVABLE: Final = Mark(-1, 0, 0, 0, b"")
"""Stands for what was not copied, or would not hold still: there is nothing to compare."""
VOID: Final = b"?"
"""In place of a digest: it was looked at and could not be proved, whatever was known before."""
SAME: Final = b"="
"""In place of a further name's digest: it is the same file as the first name."""


class LinkPair(Message, frozen=True):
    """A further name of a file that has been copied under its first one."""

    first_folder: bytes
    first_name: bytes
    folder: bytes
    name: bytes


ProblemKind = Literal[
    "unreadable",
    "vanished",
    "lost",
    "unplugged",
    "became",
    "changing",
    "conflict",
    "refused",
    "full",
    "damaged",
    "healed",
    "followed",
    "attributes",
    "special",
    "own-data",
    "leftover",
]


class Problem(Message, frozen=True):
    """Something a person should know about one path; it is relative to the root."""

    kind: ProblemKind
    path: bytes
    reason: str


class Setup(Message, frozen=True):
    """What a member of the crew is told once; numbers are inherited handles."""

    source: int
    destination: int
    board: int
    seat: int
    parent: int
    boot: str
    digests: bool
    content: bool
    prove_all: bool
    resumed: bool
    patterns: tuple[str, ...]
    left_out: tuple[tuple[int, int], ...]
    times: Times
    own_names: tuple[str, ...] = ()


class LookInto(Message, frozen=True, tag="look"):
    """Scan one folder."""

    folder: bytes


class CopyUnit(Message, frozen=True, tag="copy"):
    """Copy what a unit says; `unit` is an encoded Unit."""

    unit: bytes


class ProveUnit(Message, frozen=True, tag="prove"):
    """Compare a unit's files with the source.

    `marks` is what copying it answered, or empty; `chosen` are the places of the entries to look
    at, None is all of them; `content` says whether bytes are compared or only size and time.
    """

    unit: bytes
    marks: bytes
    chosen: tuple[int, ...] | None
    content: bool


class MakeLinks(Message, frozen=True, tag="links"):
    """Give files their further names."""

    pairs: tuple[LinkPair, ...]


class ProveLinks(Message, frozen=True, tag="prove-links"):
    """See that further names are names of the file that stands under the first one now."""

    pairs: tuple[LinkPair, ...]


class ProveFolders(Message, frozen=True, tag="prove-folders"):
    """See that folders are there on both sides, and that the source's are the ones looked into."""

    folders: tuple[Looked, ...]


class SettleFolders(Message, frozen=True, tag="settle"):
    """Give folders their modes, owners and times, in the order given."""

    folders: tuple[bytes, ...]


class SyncAll(Message, frozen=True, tag="sync"):
    """Bring everything at the destination from memory to the disk."""


class WriteManifest(Message, frozen=True, tag="manifest"):
    """Write the digests of a finished run from its spools; paths are absolute.

    `proved_only` leaves out what was only read at the source.
    """

    plan: str
    copied: str
    proved: str
    names: str
    manifest: str
    proved_only: bool


class Name(Message, frozen=True):
    """A further name of a file, and the digest that was proved of it."""

    path: bytes
    digest: bytes


Request = (
    LookInto
    | CopyUnit
    | ProveUnit
    | MakeLinks
    | ProveLinks
    | ProveFolders
    | SettleFolders
    | SyncAll
    | WriteManifest
)


class Finished(Message, frozen=True):
    """A line of a journal: a unit that is done, what was answered, and how much was planned."""

    number: int
    tally: dict[str, int]
    problems: tuple[Problem, ...]
    body: bytes
    planned_bytes: int
    planned_files: int


class Reply(Message, frozen=True):
    """What a member answers: any number of parts, then one of the other kinds.

    `tally` is added up by the parent; `body` is what the request asked for; `reason` says in
    words why a member is broken and cannot go on.
    """

    kind: Literal["part", "done", "stopped", "broken"]
    tally: dict[str, int] = {}
    problems: tuple[Problem, ...] = ()
    body: bytes = b""
    reason: str = ""


pack = msgspec.msgpack.Encoder().encode
unpack_request = msgspec.msgpack.Decoder(Request).decode
unpack_reply = msgspec.msgpack.Decoder(Reply).decode
unpack_setup = msgspec.msgpack.Decoder(Setup).decode
unpack_unit = msgspec.msgpack.Decoder(Unit).decode
unpack_found = msgspec.msgpack.Decoder(Found).decode
unpack_planned = msgspec.msgpack.Decoder(Planned).decode
unpack_marks = msgspec.msgpack.Decoder(tuple[Mark | None, ...]).decode
unpack_finished = msgspec.msgpack.Decoder(Finished).decode
unpack_looked = msgspec.msgpack.Decoder(Looked).decode
unpack_name = msgspec.msgpack.Decoder(Name).decode
unpack_pair = msgspec.msgpack.Decoder(LinkPair).decode
unpack_digests = msgspec.msgpack.Decoder(tuple[bytes, ...]).decode
