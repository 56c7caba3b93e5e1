"""What every way of reading a destination back has in common, and who does it in which way."""

import os
import time
from abc import ABC, abstractmethod
from typing import Final

from core.copying.tree import Tree
from core.copying.troubles import OTHER_SORT, NotAFile, in_words
from core.proofs import contents
from core.proofs.findings import Findings
from core.proofs.spool import Seen, Spool, State, Told
from core.proofs.survey import Link, seen_as
from core.proofs.telling import Teller
from core.proofs.values import Algorithm

GONE: Final = (FileNotFoundError, NotADirectoryError)

Verdict = tuple[State, bytes | None]


class CannotRead(Exception):
    """The destination as a whole could not be read; the message says why."""


class Desk:
    """What a proof works with: the source, what is known of it, what was found, and since when changes are excused."""

    def __init__(
        self, source: Tree, spool: Spool, findings: Findings, teller: Teller, *, since_ns: int
    ) -> None:
        self.source = source
        self.spool = spool
        self.findings = findings
        self.teller = teller
        self._since_ns = since_ns

    def excuses(self, ctime_ns: int) -> bool:
        """Tell whether a file changed or came since the program began.

        The time of its last change is the system's own and nobody can set it, unlike that of its content: a photo of next year is no
        excuse. Where the system's clock was ahead once, what it wrote then is none either.
        """
        return self._since_ns <= ctime_ns <= time.time_ns()

    def fault(self, seen: Seen, state: State, reason: str) -> Verdict:
        """Return what becomes of a file that is not good at the destination."""
        if self.excuses(seen.ctime_ns):
            self.findings.take("changed", seen.path, "it came or changed while the copy was made")
            return State.CHANGED, None
        self.findings.take("missing" if state is State.MISSING else "damaged", seen.path, reason)
        return state, None

    def cannot_read(self, seen: Seen, reason: str) -> Verdict:
        """Return what becomes of a file that one of the two sides did not give."""
        self.findings.unreadable(seen.path, reason)
        return State.UNREADABLE, None

    def digest_of_source(self, seen: Seen, algorithm: Algorithm) -> bytes | Verdict:
        """Return the digest of a file of the source, or what becomes of it if it cannot be had.

        It is the same file, by all the system says of it, before and after it was read.
        """
        try:
            with contents.opened(self.source, seen.path) as (handle, info):
                if seen_as(seen.path, info) != seen:
                    return self.changed(seen, "it changed meanwhile")
                digest = contents.digest_of(handle, algorithm, self.teller.read)
                if seen_as(seen.path, os.fstat(handle)) != seen:
                    return self.changed(seen, "it changed while it was read")
                return digest
        except OSError as error:
            return self._trouble_here(seen, error)

    def _trouble_here(self, seen: Seen, error: OSError) -> Verdict:
        """Return what becomes of a file of the source that cannot be opened or read."""
        if isinstance(error, GONE):
            self.findings.take("vanished", seen.path, "it vanished from the source meanwhile")
            return State.CHANGED, None
        if isinstance(error, NotAFile) or error.errno in OTHER_SORT:
            return self.changed(seen, "something else is in its place now")
        return self.cannot_read(seen, f"in the source, {in_words(error)}")

    def changed(self, seen: Seen, reason: str) -> Verdict:
        """Return what becomes of a file that is another one by now."""
        self.findings.take("changed", seen.path, reason)
        return State.CHANGED, None


class Reader(ABC):
    """Reads a destination back."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk

    @property
    def algorithm(self) -> Algorithm:
        """Return how the digests of what is proved are made."""
        return "blake3"

    @property
    def compares_links(self) -> bool:
        """Tell whether links are looked at."""
        return False

    def look_at_link(self, link: Link) -> None:  # noqa: B027 - most cannot
        """Compare a link with what is at the destination."""

    def bytes_to_read(self, size: int) -> int:
        """Return how many bytes there are to read in all for so many of the source."""
        return 2 * size

    @abstractmethod
    def look(self) -> None:
        """Compare names and sizes of all that was drawn. Raises CannotRead."""

    @abstractmethod
    def read(self, *, whole: bool) -> None:
        """Read back all that was drawn and give each file its state; `whole` is that this is everything. Raises CannotRead."""

    def settle(self, algorithm: Algorithm) -> None:
        """Give each file that was drawn its state, by what a program told of it."""
        for page in self.desk.spool.pages():
            self.desk.spool.settle((seen.path, *self._judge(seen, told, algorithm)) for seen, told in page)

    def _judge(self, seen: Seen, told: Told, algorithm: Algorithm) -> Verdict:
        desk = self.desk
        desk.teller.read(0, 1)
        if told.twice:
            return desk.cannot_read(seen, "the destination has two that go by this name")
        if told.digest is None:
            return desk.fault(seen, State.MISSING, "it is not at the destination")
        digest = desk.digest_of_source(seen, algorithm)
        if isinstance(digest, tuple):
            return digest
        if digest != told.digest:
            return desk.fault(seen, State.DAMAGED, "its bytes differ")
        return State.PROVED, digest

    def settle_sizes(self) -> None:
        """Give each file its state, by the size that a program told."""
        for page in self.desk.spool.pages():
            self.desk.spool.settle((seen.path, *self._judge_size(seen, told)) for seen, told in page)

    def _judge_size(self, seen: Seen, told: Told) -> Verdict:
        desk = self.desk
        desk.teller.read(seen.size, 1)
        if told.twice:
            return desk.cannot_read(seen, "the destination has two that go by this name")
        if told.size is None:
            return desk.fault(seen, State.MISSING, "it is not at the destination")
        if told.size != seen.size:
            return desk.fault(seen, State.DAMAGED, f"it has {told.size:,} bytes there, not {seen.size:,}")
        return State.ALIKE, None
