"""What deletion leaves in the folders of people, none of which is ever copied, deleted or looked into by a copy."""

from typing import Final

from core.destinations.marker import NAME as DESTINATION_MARKER

QUARANTINE: Final = b".holdfast-quarantine"
"""At the source: what was taken away and can be put back, by run."""

SOURCE_MARKER: Final = b".holdfast-source"
"""At the source: the ids of the jobs that a person has allowed to take files away from here, one a line."""

RECEIPTS: Final = b".holdfast-receipts"
"""At a destination that is a folder: a copy of the receipts, and a file for each job that has its copies here."""

SIGN: Final = ".holdfast-apart-"
"""How the names begin of signs that lie for a moment on one side, so that it is seen whether the other is the same."""

OURS: Final = (QUARANTINE.decode(), RECEIPTS.decode(), SOURCE_MARKER.decode(), DESTINATION_MARKER)
"""All of them, by name."""

LEFT_OUT: Final = (
    f"{QUARANTINE.decode()}/",
    f"{RECEIPTS.decode()}/",
    SOURCE_MARKER.decode(),
    DESTINATION_MARKER,
    f"{SIGN}*",
)
"""Patterns as in .gitignore; they come last, so that nothing takes back in what they leave out."""


def is_ours(path: bytes) -> bool:
    """Tell whether a path below a source is one of these, or lies in one."""
    ours = {QUARANTINE, RECEIPTS, SOURCE_MARKER, DESTINATION_MARKER.encode()}
    return not ours.isdisjoint(path.split(b"/"))


def split(path: bytes) -> tuple[bytes, bytes]:
    """Return the folder of a path, empty for the root, and its name."""
    folder, _, name = path.rpartition(b"/")
    return folder, name
