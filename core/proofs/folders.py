"""Reading back a destination that is a folder of this machine."""

import os
import stat
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from core.copying.kernel import sync
from core.copying.tree import Tree
from core.copying.troubles import OTHER_SORT, NotAFile, in_words
from core.proofs import contents
from core.proofs.readers import GONE, CannotRead, Desk, Reader, Verdict
from core.proofs.spool import Seen, State
from core.proofs.survey import Link
from core.proofs.values import FolderReading

SAME_TIME_NS: Final = 2_000_000_000
"""Times this far apart are the same to a disk that keeps them coarsely."""
LARGE: Final = 8 << 20
"""A file of at least this many bytes is read on both sides at the same time."""
FOLDER: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC


class FolderReader(Reader):
    """Opens the files of the destination itself."""

    def __init__(self, desk: Desk, reading: FolderReading) -> None:
        super().__init__(desk)
        self._reading = reading
        try:
            self._root = os.open(reading.root, FOLDER)
        except OSError as error:
            message = f"The destination {reading.root} cannot be opened: {in_words(error)}."
            raise CannotRead(message) from error
        self._there = Tree(self._root)

    @property
    def compares_links(self) -> bool:
        """Tell whether links are looked at."""
        return self._reading.links

    def look_at_link(self, link: Link) -> None:
        """Compare a link with the one at the destination."""
        folder, _, name = link.path.rpartition(b"/")
        try:
            handle = self._there.folder(folder)
            target = os.readlink(name, dir_fd=handle)
        except GONE:
            self._fault_of_link(link, State.MISSING, "the link is not at the destination")
        except OSError:
            self._fault_of_link(link, State.DAMAGED, "at the destination it is no link that can be read")
        else:
            if target != link.target:
                self._fault_of_link(link, State.DAMAGED, "the link leads elsewhere at the destination")

    def _fault_of_link(self, link: Link, state: State, reason: str) -> None:
        self.desk.fault(Seen(link.path, 0, 0, link.ctime_ns, 0, 0), state, reason)

    # A fast look

    def look(self) -> None:
        """Compare sizes, and times where they are kept."""
        for page in self.desk.spool.pages():
            self.desk.spool.settle((seen.path, *self._look_at(seen)) for seen, _ in page)

    def _look_at(self, seen: Seen) -> Verdict:
        folder, _, name = seen.path.rpartition(b"/")
        self.desk.teller.read(seen.size, 1)
        try:
            info = os.stat(name, dir_fd=self._there.folder(folder), follow_symlinks=False)
        except GONE:
            return self.desk.fault(seen, State.MISSING, "it is not at the destination")
        except OSError as error:
            return self._trouble(seen, error)
        if not stat.S_ISREG(info.st_mode):
            return self.desk.fault(seen, State.DAMAGED, "at the destination it is no file")
        if info.st_size != seen.size:
            return self.desk.fault(seen, State.DAMAGED, _sizes(info.st_size, seen.size))
        if self._reading.times and abs(info.st_mtime_ns - seen.mtime_ns) > SAME_TIME_NS:
            return self.desk.fault(seen, State.DAMAGED, "it has another time at the destination")
        return State.ALIKE, None

    # Reading

    def read(self, *, whole: bool) -> None:  # noqa: ARG002 - a folder is read file by file in any case
        """Read both sides, file by file, from the disk where the system lets us."""
        try:
            sync(self._root)
        except OSError as error:
            message = f"The destination cannot be brought to its disk: {in_words(error)}."
            raise CannotRead(message) from error
        with ThreadPoolExecutor(1) as other:
            for page in self.desk.spool.pages():
                self.desk.spool.settle((seen.path, *self._one(seen, other)) for seen, _ in page)

    def _one(self, seen: Seen, other: ThreadPoolExecutor) -> Verdict:
        desk = self.desk
        desk.teller.read(0, 1)
        if seen.size < LARGE:
            digest = desk.digest_of_source(seen, "blake3")
            return (
                digest if isinstance(digest, tuple) else self._compared(seen, digest, self._read_back(seen))
            )
        ahead = other.submit(self._read_back, seen)
        digest = desk.digest_of_source(seen, "blake3")
        there = ahead.result()
        return digest if isinstance(digest, tuple) else self._compared(seen, digest, there)

    def _compared(self, seen: Seen, digest: bytes, there: "bytes | tuple[State, str]") -> Verdict:
        if isinstance(there, bytes):
            if there == digest:
                return State.PROVED, digest
            return self.desk.fault(seen, State.DAMAGED, "its bytes differ")
        state, reason = there
        if state is State.UNREADABLE:
            return self.desk.cannot_read(seen, reason)
        return self.desk.fault(seen, state, reason)

    def _read_back(self, seen: Seen) -> "bytes | tuple[State, str]":
        """Return the digest of a file at the destination, or what is wrong with it."""
        try:
            with contents.opened(self._there, seen.path) as (handle, info):
                if (info.st_dev, info.st_ino) == (seen.device, seen.inode):
                    return State.DAMAGED, "at the destination it is the very file of the source, not a copy"
                if info.st_size != seen.size:
                    return State.DAMAGED, _sizes(info.st_size, seen.size)
                contents.forget(handle)
                return contents.digest_of(handle, "blake3", self.desk.teller.read)
        except OSError as error:
            return _trouble_there(error)

    def _trouble(self, seen: Seen, error: OSError) -> Verdict:
        return self.desk.cannot_read(seen, f"at the destination, {in_words(error)}")


def _trouble_there(error: OSError) -> tuple[State, str]:
    """Return what it means that a file of the destination cannot be opened or read."""
    if isinstance(error, GONE):
        return State.MISSING, "it is not at the destination"
    if isinstance(error, NotAFile) or error.errno in OTHER_SORT:
        return State.DAMAGED, "at the destination it is no file"
    return State.UNREADABLE, f"at the destination, {in_words(error)}"


def _sizes(there: int, here: int) -> str:
    return f"it has {there:,} bytes there, not {here:,}"
