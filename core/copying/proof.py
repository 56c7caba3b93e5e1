"""What a member of the crew does in the last stage: it reads the destination back and compares."""

import errno
import os
import stat
from collections import Counter

from core.copying import content
from core.copying.messages import (
    PLAIN_LIMIT,
    UNPROVABLE,
    Entry,
    Mark,
    Problem,
    ProblemKind,
    Reply,
    Unit,
    pack,
)
from core.copying.names import joined
from core.copying.pace import Uncounted
from core.copying.transfer import READ, Copier, undisturbed
from core.copying.troubles import GONE, DestinationLost, SourceTrouble, in_words


class Different(Exception):
    """The destination is not what the source is; the message says in what."""


class Prover:
    """Compares files at the destination with the source, and copies bad ones once more."""

    def __init__(self, copier: Copier) -> None:
        self._copier = copier
        self._pace = copier.pace
        self.problems: list[Problem] = []
        self.tally: Counter[str] = Counter()

    def prove(
        self, unit: Unit, marks: tuple[Mark | None, ...], chosen: tuple[int, ...] | None, *, bytes_too: bool
    ) -> Reply:
        """Compare the chosen entries; the body is a digest, or nothing, for each entry."""
        self.problems, self.tally = [], Counter()
        self._copier.problems = []
        digests = [b""] * len(unit.entries)
        places = range(len(unit.entries)) if chosen is None else chosen
        if bytes_too:
            self._announce(unit, list(places))
        for place in places:
            mark = marks[place] if marks else None
            entry = unit.entries[place]
            if mark == UNPROVABLE:
                self._pace.counted(entry.size, 1)
            else:
                digests[place] = self._one(unit.folder, entry, mark, bytes_too=bytes_too)
            self.tally["unproved"] += entry.kind == "file" and not digests[place]
        problems = (*self.problems, *self._copier.problems)
        return Reply("done", dict(self.tally), problems, pack(tuple(digests)))

    def _announce(self, unit: Unit, places: list[int]) -> None:
        """Drop the unit's files from the page cache, and let the disk begin to read them again."""
        for place in places:
            entry = unit.entries[place]
            if entry.kind != "file":
                continue
            try:
                handle = os.open(entry.name, READ, dir_fd=self._copier.destination.folder(unit.folder))
            except OSError:  # it will be said when the file is compared
                continue
            try:
                os.posix_fadvise(handle, 0, 0, os.POSIX_FADV_DONTNEED)
                if entry.size <= PLAIN_LIMIT:
                    os.posix_fadvise(handle, 0, 0, os.POSIX_FADV_WILLNEED)
            finally:
                os.close(handle)

    def _one(self, folder: bytes, entry: Entry, mark: Mark | None, *, bytes_too: bool) -> bytes:
        self._pace.chunk()
        path = joined(folder, entry.name)
        try:
            digest = self._prove(folder, entry, mark, bytes_too=bytes_too)
        except SourceTrouble as trouble:
            digest = b""
            kind: ProblemKind = "vanished" if trouble.error.errno == errno.ENOENT else "unreadable"
            self._problem(kind, path, in_words(trouble.error))
        self._pace.counted(0, 1)
        return digest

    def _prove(self, folder: bytes, entry: Entry, mark: Mark | None, *, bytes_too: bool) -> bytes:
        try:
            return self._compare(folder, entry, mark, bytes_too=bytes_too)
        except Different as different:
            return self._heal(folder, entry, mark, str(different))

    def _heal(self, folder: bytes, entry: Entry, mark: Mark | None, reason: str) -> bytes:
        """Copy a bad file once more and compare again."""
        path = joined(folder, entry.name)
        kind = self._kind_of_change(folder, entry, mark)
        try:
            with undisturbed(self._copier.destination.folder(folder)):
                mark = self._copy_again(folder, entry)
            self._write_through(folder, entry)
            if mark == UNPROVABLE:
                return b""
            digest = self._compare(folder, entry, mark, bytes_too=True)
        except Different as again:
            self._problem("damaged", path, f"{again}, even after it was copied again")
            return b""
        except OSError as error:
            if error.errno in GONE:
                raise DestinationLost(in_words(error)) from error
            self._problem("damaged", path, f"{reason}, and copying it again failed: {in_words(error)}")
            return b""
        self.tally[kind] += 1
        self._problem(kind, path, reason)
        return digest

    def _kind_of_change(self, folder: bytes, entry: Entry, mark: Mark | None) -> ProblemKind:
        """Tell a source that went on from a destination that went bad."""
        if entry.kind == "link":
            return "healed"
        here = self._stat_source(folder, entry.name)
        seen = (mark.size, mark.mtime_ns) if mark else (entry.size, entry.mtime_ns)
        return "healed" if seen == (here.st_size, here.st_mtime_ns) else "followed"

    def _copy_again(self, folder: bytes, entry: Entry) -> Mark | None:
        if entry.kind == "link":
            self._copier.copy_link(folder, entry.name)
            return None
        return self._copier.copy_file(folder, entry.name)

    def _write_through(self, folder: bytes, entry: Entry) -> None:
        if entry.kind == "link":
            return
        handle = os.open(entry.name, READ, dir_fd=self._copier.destination.folder(folder))
        try:
            os.fsync(handle)
            os.posix_fadvise(handle, 0, 0, os.POSIX_FADV_DONTNEED)
        finally:
            os.close(handle)

    def _compare(self, folder: bytes, entry: Entry, mark: Mark | None, *, bytes_too: bool) -> bytes:
        """Return the file's digest, or nothing when no content was compared. Raises Different."""
        if entry.kind == "link":
            self._compare_link(folder, entry.name)
            return b""
        handle = self._open_there(folder, entry.name)
        try:
            there = os.fstat(handle)
            if not stat.S_ISREG(there.st_mode):
                raise Different("something else is in its place")
            here = self._stat_source(folder, entry.name)
            if here.st_size != there.st_size:
                raise Different("its size is not the same")
            if not bytes_too:
                self._compare_times(here, there)
                return b""
            return self._compare_content(folder, entry, mark, handle, here)
        finally:
            os.close(handle)

    def _compare_content(
        self, folder: bytes, entry: Entry, mark: Mark | None, handle: int, here: os.stat_result
    ) -> bytes:
        digest, size = self._digest_there(handle)
        known = (
            mark is not None
            and mark.digest
            and ((mark.size, mark.mtime_ns) == (here.st_size, here.st_mtime_ns))
        )
        if known and mark is not None:
            expected = mark.digest
        else:
            expected = self._digest_here(folder, entry.name)
        if digest != expected:
            raise Different("its content is not the same")
        self.tally["proved"] += 1
        self.tally["proved_bytes"] += size
        return digest

    def _compare_times(self, here: os.stat_result, there: os.stat_result) -> None:
        if not self._copier.setup.times.same(here.st_mtime_ns, there.st_mtime_ns):
            raise Different("its time is not the same")
        self.tally["looked_at"] += 1

    def _compare_link(self, folder: bytes, name: bytes) -> None:
        try:
            here = os.readlink(name, dir_fd=self._copier.source.folder(folder))
        except OSError as error:
            raise SourceTrouble(error) from error
        try:
            there = os.readlink(name, dir_fd=self._copier.destination.folder(folder))
        except OSError as error:
            raise Different(f"the link is not there: {in_words(error)}") from error
        if here != there:
            raise Different("the link points elsewhere")
        self.tally["proved_links"] += 1

    def _open_there(self, folder: bytes, name: bytes) -> int:
        try:
            return os.open(name, READ, dir_fd=self._copier.destination.folder(folder))
        except OSError as error:
            raise Different(f"it cannot be opened: {in_words(error)}") from error

    def _stat_source(self, folder: bytes, name: bytes) -> os.stat_result:
        try:
            return os.stat(name, dir_fd=self._copier.source.folder(folder), follow_symlinks=False)
        except OSError as error:
            raise SourceTrouble(error) from error

    def _digest_there(self, handle: int) -> tuple[bytes, int]:
        try:
            return content.digest_of(handle, self._pace)
        except OSError as error:
            raise Different(f"it cannot be read back: {in_words(error)}") from error

    def _digest_here(self, folder: bytes, name: bytes) -> bytes:
        handle, _ = self._copier.open_source(folder, name)
        try:
            return content.digest_of(handle, Uncounted(self._pace))[0]
        except OSError as error:
            raise SourceTrouble(error) from error
        finally:
            os.close(handle)

    def _problem(self, kind: ProblemKind, path: bytes, reason: str) -> None:
        self.problems.append(Problem(kind, path, reason))
