"""Takes proved files away, a few at a time: checked, receipted, moved, and checked again where nobody else can reach them.

A file is renamed into the quarantine before anything final is decided: what was swapped in its place at the last moment
is moved there too, seen to be another, and moved back. Nothing is ever deleted by a name that others can change.
"""

import os
import stat
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, Literal

from core.clearing.digests import digest_of, forget_cached
from core.clearing.kernel import is_being_written, move_aside, move_back
from core.clearing.names import split
from core.clearing.receipts import Became, Moving, Receipts, path_fields
from core.clearing.shelves import Shelf
from core.copying.tree import Tree
from core.copying.troubles import in_words
from core.proofs.records import Record

READ: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
MOST_AT_ONCE: Final = 64
MOST_BYTES_AT_ONCE: Final = 256 << 20
"""How much is read back before the first of it is moved: so short is the time between the two."""

Step = Literal["checked", "receipted", "ready", "moved", "settled"]
OnStep = Callable[[Step, bytes], None]
OnKept = Callable[[bytes, str], None]


class Stays(Exception):
    """A file is not taken away; the message says why."""


@dataclass(frozen=True)
class Ready:
    """A file that may be taken away: its record, the open file itself, and the number of its receipt."""

    record: Record
    handle: int
    n: int


class Removal:
    """One attempt to take files away.

    `copies` are the folders where their copies can be read, each of which must be good; where there is none, the proof of
    this attempt has read them.
    """

    def __init__(
        self,
        source: int,
        copies: Sequence[int],
        shelf: Shelf,
        receipts: Receipts,
        attempt: int,
        *,
        at_once: bool,
        on_step: OnStep = lambda _step, _path: None,
        on_kept: OnKept = lambda _path, _why: None,
    ) -> None:
        self._source = Tree(source)
        self._copies = [Tree(root) for root in copies]
        self._shelf = shelf
        self._receipts = receipts
        self._attempt = attempt
        self._at_once = at_once
        self._on_step = on_step
        self._on_kept = on_kept
        self._linked: dict[tuple[int, int], int] = {}
        """When we last changed the names of a file that has several, by device and inode."""
        self.files = self.bytes = 0
        self.kept = 0
        self.emptied: set[bytes] = set()

    def take(self, records: Sequence[Record]) -> None:
        """Take some files away; raises OSError where their receipts cannot be written: nothing of them is touched then."""
        ready: list[Ready] = []
        try:
            for record in records:
                if (handle := self._looked_at(record)) is not None:
                    ready.append(Ready(record, handle, self._receipts.last + len(ready) + 1))
            self._receipts.add([self._receipt(one) for one in ready], durable=True)
            self._on_step("receipted", b"")
            self._forget()
            for one in ready:
                self._settle(one)
        finally:
            for one in ready:
                os.close(one.handle)

    def _stays(self, path: bytes, why: str) -> None:
        self.kept += 1
        self._on_kept(path, why)

    def _forget(self) -> None:
        """Look for every folder by its name again."""
        self._source.forget()
        for tree in self._copies:
            tree.forget()

    # Before: the file is what was proved, and its copy can be read back now

    def _looked_at(self, record: Record) -> int | None:
        """Return the open file if it may be taken away; one that may not is named."""
        try:
            return self._checked(record)
        except Stays as stays:
            self._stays(record.path, str(stays))
        except OSError as error:
            self._stays(record.path, in_words(error))
        return None

    def _checked(self, record: Record) -> int:
        """Return the open file; raises Stays or OSError."""
        folder, name = split(record.path)
        above = self._source.folder(folder)
        self._check_same(os.stat(name, dir_fd=above, follow_symlinks=False), record)
        handle = os.open(name, READ, dir_fd=above)
        try:
            self._check_same(os.fstat(handle), record)
            _check_nobody_writes(handle)
            for tree in self._copies:
                check_copy(tree, record)
        except BaseException:
            os.close(handle)
            raise
        self._on_step("checked", record.path)
        return handle

    def _check_same(self, info: os.stat_result, record: Record) -> None:
        if not stat.S_ISREG(info.st_mode):
            raise Stays("something else is in its place")
        if (info.st_dev, info.st_ino) != (record.device, record.inode):
            raise Stays("another file is in its place")
        if (info.st_size, info.st_mtime_ns) != (record.size, record.mtime_ns):
            raise Stays("it changed since it was proved")
        if info.st_ctime_ns not in {record.ctime_ns, self._linked.get((info.st_dev, info.st_ino))}:
            raise Stays("it was touched since it was proved")

    def _receipt(self, one: Ready) -> Moving:
        record = one.record
        return Moving(
            n=one.n,
            attempt=self._attempt,
            **path_fields(record.path),
            size=record.size,
            mtime_ns=record.mtime_ns,
            inode=record.inode,
            device=record.device,
            algorithm=record.algorithm,
            digest=record.digest.hex(),
            proved="read back" if self._copies else "proof",
            at=datetime.now(UTC).isoformat(timespec="milliseconds"),
        )

    # The move, and after it

    def _settle(self, one: Ready) -> None:
        """Take one file away; whatever stays is named, and its receipt says that it stayed."""
        path = one.record.path
        if why := self._why_it_stays(one):
            state: Literal["astray", "kept", "gone", "aside"] = "astray" if self._shelf.has(path) else "kept"
            self._stays(path, why)
        else:
            state = "gone" if self._at_once else "aside"
            self.files += 1
            self.bytes += one.record.size
            self.emptied.add(split(path)[0])
        self._receipts.add([Became(n=one.n, state=state, why=why)], durable=False)
        self._on_step("settled", path)

    def _why_it_stays(self, one: Ready) -> str:
        """Move a file; return why it could not be, empty where it was."""
        try:
            self._move(one)
        except Stays as stays:
            return str(stays)
        except OSError as error:
            return in_words(error)
        return ""

    def _move(self, one: Ready) -> None:
        folder, name = split(one.record.path)
        above = self._source.folder(folder)
        self._check_same(os.stat(name, dir_fd=above, follow_symlinks=False), one.record)
        private = self._shelf.folder(folder)
        self._on_step("ready", one.record.path)
        move_aside(above, name, private, name)
        self._on_step("moved", one.record.path)
        try:
            check_moved(private, name, one.handle, one.record)
            for tree in self._copies:
                check_stayed(tree, one.record, whole=self._at_once)
        except (Stays, OSError) as stays:
            _put_back(private, name, above, stays)
            raise
        several = os.fstat(one.handle).st_nlink > 1
        if self._at_once:
            os.unlink(name, dir_fd=private)
        if several:
            info = os.fstat(one.handle)
            self._linked[info.st_dev, info.st_ino] = info.st_ctime_ns


def _check_nobody_writes(handle: int) -> None:
    if is_being_written(handle):
        raise Stays("somebody has it open for writing")


def check_copy(copies: Tree, record: Record) -> None:
    """Read the copy back; raises Stays where it is not the same, or no copy."""
    folder, name = split(record.path)
    try:
        handle = os.open(name, READ, dir_fd=copies.folder(folder))
    except OSError as error:
        raise Stays(f"its copy cannot be opened: {in_words(error)}") from error
    try:
        info = os.fstat(handle)
        if not stat.S_ISREG(info.st_mode):
            raise Stays("its copy is not a file")
        if (info.st_dev, info.st_ino) == (record.device, record.inode):
            raise Stays("its copy is the file itself")
        forget_cached(handle)
        if digest_of(handle, record.algorithm) != (record.digest, record.size):
            raise Stays("its copy is not the same any more")
    except OSError as error:
        raise Stays(f"its copy cannot be read back: {in_words(error)}") from error
    finally:
        os.close(handle)


def check_stayed(copies: Tree, record: Record, *, whole: bool) -> None:
    """See that the copy did not go with the file, as it does where both are one by a way that no number tells; raises Stays.

    Only then does a file go for good: `whole` is that all of the copy is read again.
    """
    copies.forget()
    try:
        if whole:
            check_copy(copies, record)
            return
        folder, name = split(record.path)
        handle = os.open(name, READ, dir_fd=copies.folder(folder))
    except (Stays, OSError) as trouble:
        why = in_words(trouble) if isinstance(trouble, OSError) else str(trouble)
        raise Stays(f"its copy went when it was moved, so both are one: {why}") from trouble
    os.close(handle)


def check_moved(private: int, name: bytes, handle: int, record: Record | Moving) -> None:
    """See that what lies in quarantine is the proved file, byte by byte; raises Stays or OSError.

    From here on nobody can open it by its name; whoever has it open for writing would be seen.
    """
    info, held = os.stat(name, dir_fd=private, follow_symlinks=False), os.fstat(handle)
    if not os.path.samestat(info, held) or (held.st_dev, held.st_ino) != (record.device, record.inode):
        raise Stays("another file took its place at the last moment")
    _check_nobody_writes(handle)
    digest, size = digest_of(handle, record.algorithm)
    expected = bytes.fromhex(record.digest) if isinstance(record.digest, str) else record.digest
    held = os.fstat(handle)
    if (digest, size) != (expected, record.size) or held.st_mtime_ns != record.mtime_ns:
        raise Stays("it was written to at the last moment")


def _put_back(private: int, name: bytes, folder: int, why: Exception) -> None:
    """Move back what should not have been moved; raises Stays where its place is taken."""
    try:
        move_back(private, name, folder, name)
    except OSError as error:
        message = f"{why}; it lies in quarantine now and could not be put back: {in_words(error)}"
        raise Stays(message) from error


def in_batches(records: Iterable[Record]) -> Iterator[list[Record]]:
    """Yield a few records at a time."""
    batch: list[Record] = []
    size = 0
    for record in records:
        batch.append(record)
        size += record.size
        if len(batch) >= MOST_AT_ONCE or size >= MOST_BYTES_AT_ONCE:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch
