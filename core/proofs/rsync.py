"""Letting rsync read both sides and say of each file whether its bytes are the same."""

import os
import re
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import IO, Final

from core.proofs.children import lines_of, reading
from core.proofs.readers import Desk, Reader, Verdict
from core.proofs.spool import Seen, State, Told
from core.proofs.values import Algorithm, RemoteRsyncReading

COMPARE: Final = (
    "--dry-run",
    "--no-hard-links",
    "--itemize-changes",
    "--itemize-changes",
    "--out-format=%i %n",
)
"""What is the same is itemized too: what rsync does not name was not compared."""
BY_CONTENT: Final = ("--checksum",)
BY_SIZE_AND_TIME: Final = ("--no-checksum",)
VANISHED: Final = 24  # rsync(1), EXIT VALUES; what vanished is noticed by us as well
GOOD: Final = (0, VANISHED)

ITEM: Final = re.compile(rb"([.<>ch])f(.{9}) (.+)", re.DOTALL)
ESCAPE: Final = re.compile(rb"\\#([0-3][0-7]{2})")
SAME, OTHER, NEW = b"same", b"other", b"new"
AT_ONCE: Final = 1_000


class RsyncReader(Reader):
    """Runs rsync once over all that is to be compared."""

    def __init__(self, desk: Desk, wishes: RemoteRsyncReading, source: str, folder: Path) -> None:
        super().__init__(desk)
        self._wishes = wishes
        self._source = source
        self._folder = folder

    def look(self) -> None:
        """Compare sizes and times."""
        self._run(BY_SIZE_AND_TIME)
        for page in self.desk.spool.pages():
            self.desk.spool.settle((seen.path, *self._looked_at(seen, told)) for seen, told in page)

    def _looked_at(self, seen: Seen, told: Told) -> Verdict:
        fault = self._fault(seen, told, "its size or time differs")
        return (State.ALIKE, None) if fault is None else fault

    def read(self, *, whole: bool) -> None:
        """Compare contents."""
        self._run(BY_CONTENT if whole else (*BY_CONTENT, "--from0", f"--files-from={self._write_list()}"))
        self.settle("blake3")

    def _judge(self, seen: Seen, told: Told, algorithm: Algorithm) -> Verdict:
        self.desk.teller.read(0, 1)
        fault = self._fault(seen, told, "its bytes differ")
        if fault is not None:
            return fault
        digest = self.desk.digest_of_source(seen, algorithm)
        return digest if isinstance(digest, tuple) else (State.PROVED, digest)

    def _fault(self, seen: Seen, told: Told, difference: str) -> Verdict | None:
        """Return what becomes of a file that rsync did not find the same; None where it did."""
        if told.digest == SAME and not told.twice:
            return None
        if told.digest == NEW:
            return self.desk.fault(seen, State.MISSING, "it is not at the destination")
        if told.digest == OTHER:
            return self.desk.fault(seen, State.DAMAGED, difference)
        if self.desk.excuses(seen.ctime_ns):
            return self.desk.changed(seen, "it came or changed while the copy was made")
        return self.desk.cannot_read(seen, "rsync did not compare it")

    def _run(self, how: tuple[str, ...]) -> None:
        argv = (*self._wishes.argv, *COMPARE, *how, "--", f"{self._source.rstrip('/')}/", self._wishes.place)
        share = self.desk.spool.bytes // max(self.desk.spool.files, 1)
        with reading(argv, self._wishes.environment, GOOD) as stream:
            said = items_in(stream)
            while some := list(islice(said, AT_ONCE)):
                self.desk.spool.tell_digests(some)
                self.desk.teller.read(share * len(some))

    def _write_list(self) -> Path:
        path = self._folder / "asked"
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        with os.fdopen(handle, "wb") as file:
            for page in self.desk.spool.pages():
                file.writelines(seen.path + b"\0" for seen, _ in page)
        return path


def items_in(stream: IO[bytes]) -> Iterator[tuple[bytes, bytes]]:
    """Yield each file that rsync names, and whether it is the same, another, or not there.

    rsync escapes whatever would break a line, so no name can pass for another.
    """
    for line in lines_of(stream):
        match = ITEM.fullmatch(line)
        if match is None:
            continue
        name = ESCAPE.sub(lambda octal: bytes([int(octal[1], 8)]), match[3])
        if match[1] == b".":
            yield name, SAME
        else:
            yield name, NEW if match[2].startswith(b"+") else OTHER
