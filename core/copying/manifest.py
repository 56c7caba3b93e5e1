"""The digests of a backup in the format of `b3sum`, so that anybody can check it without us.

`b3sum --check` takes a name with a newline or a backslash in its escaped form. It has no form for
a name that is not UTF-8 or has a carriage return or the sign for an unknown letter: such files
stand in a second list beside the first, with their bare bytes.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Final

from blake3 import blake3

from core.copying.messages import (
    VOID,
    Mark,
    Reply,
    WriteManifest,
    unpack_digests,
    unpack_finished,
    unpack_marks,
    unpack_name,
    unpack_planned,
    unpack_unit,
)
from core.copying.names import joined
from core.copying.spool import Spool, records_in

RAW_SUFFIX: Final = ".raw-names"


def line_for(path: bytes, digest: bytes) -> bytes:
    """Return a file's line as b3sum writes it."""
    path = b"./-" if path == b"-" else path  # a dash alone would be its standard input
    escaped = path.replace(b"\\", b"\\\\").replace(b"\n", b"\\n")
    mark = b"\\" if escaped != path else b""
    return mark + digest.hex().encode() + b"  " + escaped + b"\n"


def is_text(path: bytes) -> bool:
    """Tell whether b3sum takes a path as text."""
    try:
        text = path.decode()
    except UnicodeDecodeError:
        return False
    return "\r" not in text and "\ufffd" not in text


class ManifestWriter:
    """Writes lines into the list they belong to and keeps the digest of the first list."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: BinaryIO = path.open("wb")
        self._raw: BinaryIO | None = None
        self._hasher = blake3()
        self.files = 0

    def add(self, path: bytes, digest: bytes) -> None:
        """Add one file."""
        line = line_for(path, digest)
        self.files += 1
        if is_text(path):
            self._file.write(line)
            self._hasher.update(line)
            return
        if self._raw is None:
            self._raw = self._path.with_name(self._path.name + RAW_SUFFIX).open("wb")
        self._raw.write(line)

    def close(self) -> bytes:
        """Finish both lists and return the digest of the first."""
        self._file.close()
        if self._raw is not None:
            self._raw.close()
        return self._hasher.digest()


def write_manifest(request: WriteManifest) -> Reply:
    """Write the lists from what the stages left in their spools; the body is the list's digest."""
    writer = ManifestWriter(Path(request.manifest))
    copied, proved = Answers(Path(request.copied)), Answers(Path(request.proved))
    read_back = 0
    for number, record in enumerate(records_in(Path(request.plan))):
        unit = unpack_unit(unpack_planned(record).unit)
        known = b"" if request.proved_only else copied.of(number)
        digests = digests_of(known, proved.of(number), len(unit.entries))
        for entry, (digest, is_proved) in zip(unit.entries, digests, strict=True):
            if digest:
                writer.add(joined(unit.folder, entry.name), digest)
                read_back += is_proved
    for record in records_in(Path(request.names)):
        name = unpack_name(record)
        writer.add(name.path, name.digest)
        read_back += 1
    body = writer.close()
    return Reply("done", {"listed": writer.files, "listed_proved": read_back}, (), body)


def digests_of(copied: bytes, proved: bytes, count: int) -> Iterator[tuple[bytes, bool]]:
    """Yield each entry's digest and whether it was read back; it is empty if there is none.

    What was looked at and not proved has none, whatever copying it answered.
    """
    marks: tuple[Mark | None, ...] = unpack_marks(copied) if copied else (None,) * count
    digests = unpack_digests(proved) if proved else (b"",) * count
    for mark, digest in zip(marks, digests, strict=True):
        if digest:
            yield (b"", False) if digest == VOID else (digest, True)
        else:
            yield (mark.digest if mark else b""), False


class Answers:
    """What a journal says of each unit; the last word counts."""

    def __init__(self, path: Path) -> None:
        self._spool = Spool(path, keep=True)
        self._numbers = {
            unpack_finished(record).number: place for place, record in enumerate(records_in(path))
        }

    def of(self, number: int) -> bytes:
        """Return what a unit answered, or nothing."""
        place = self._numbers.get(number)
        return b"" if place is None else unpack_finished(self._spool[place]).body
