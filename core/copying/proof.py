"""What a member of the crew does in the last stage: it reads the destination back and compares."""

import os
import stat
from collections import Counter
from typing import Final, Literal

from core.copying import content
from core.copying.messages import (
    PLAIN_LIMIT,
    UNPROVABLE,
    VOID,
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
from core.copying.transfer import READ, Copier, moment, read_link, undisturbed
from core.copying.troubles import (
    GONE,
    DestinationLost,
    NotAFile,
    SourceTrouble,
    in_words,
    source_problem,
)

SORTS: Final = {"file": stat.S_IFREG, "link": stat.S_IFLNK}


class Different(Exception):
    """The destination is not what the source is; the message says in what."""


def is_as_marked(here: os.stat_result, mark: Mark) -> bool:
    """Tell whether a file of the source is untouched since it was copied."""
    return moment(here) == (mark.size, mark.mtime_ns, mark.ctime_ns, mark.inode)


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
            digests[place] = self._one(unit.folder, unit.entries[place], mark, bytes_too=bytes_too)
        problems = (*self.problems, *self._copier.problems)
        return Reply("done", dict(self.tally), problems, pack(tuple(digests)))

    def prove_alone(
        self, folder: bytes, entry: Entry, *, copied: bool
    ) -> tuple[bytes, Counter[str], list[Problem]]:
        """Prove one file that no unit has; unless it was `copied`, it is now."""
        self.problems, self.tally = [], Counter()
        self._copier.problems = []
        try:
            if copied:
                digest = self._prove(folder, entry, None, bytes_too=True)
            else:
                digest = self._heal(folder, entry, "followed", "it became a file of its own")
        except SourceTrouble as trouble:
            self.problems.append(source_problem(joined(folder, entry.name), trouble.error))
            digest = VOID
        return digest, self.tally, [*self.problems, *self._copier.problems]

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
        if mark == UNPROVABLE:
            digest = VOID
            self._pace.counted(entry.size)
        else:
            digest = self._proved(folder, entry, mark, bytes_too=bytes_too)
        if digest == VOID and entry.kind == "file":
            self.tally["gone" if self._is_gone(folder, entry.name) else "unproved"] += 1
        self._pace.counted(0, 1)
        return digest

    def _proved(self, folder: bytes, entry: Entry, mark: Mark | None, *, bytes_too: bool) -> bytes:
        try:
            return self._prove(folder, entry, mark, bytes_too=bytes_too)
        except SourceTrouble as trouble:
            self.problems.append(source_problem(joined(folder, entry.name), trouble.error))
            return VOID

    def _is_gone(self, folder: bytes, name: bytes) -> bool:
        """Tell whether the source has nothing of that name any more."""
        try:
            os.stat(name, dir_fd=self._copier.source.folder(folder), follow_symlinks=False)
        except FileNotFoundError:
            return True
        except OSError:
            return False
        return False

    def _prove(self, folder: bytes, entry: Entry, mark: Mark | None, *, bytes_too: bool) -> bytes:
        try:
            return self._compare(folder, entry, mark, bytes_too=bytes_too)
        except Different as different:
            kind = self._kind_of_change(folder, entry, mark)
            return self._heal(folder, entry, kind, str(different))

    def _heal(self, folder: bytes, entry: Entry, kind: ProblemKind, reason: str) -> bytes:
        """Copy a bad file once more and compare again; VOID: it is not proved all the same."""
        path = joined(folder, entry.name)
        mark: Mark | None = None
        self.tally["rewritten"] += 1
        try:
            with undisturbed(self._copier.destination.folder(folder)):
                mark = self._copy_again(folder, entry)
            self._write_through(folder, entry)
            if mark == UNPROVABLE:
                return VOID
            digest = self._compare(folder, entry, mark, bytes_too=True)
        except Different as again:
            self._problem(*self._still_different(folder, entry, mark, path, str(again)))
            return VOID
        except OSError as error:
            if error.errno in GONE:
                raise DestinationLost(in_words(error)) from error
            self._problem("damaged", path, f"{reason}, and copying it again failed: {in_words(error)}")
            return VOID
        self.tally[kind] += 1
        self._problem(kind, path, reason)
        return digest

    def _kind_of_change(self, folder: bytes, entry: Entry, mark: Mark | None) -> ProblemKind:
        """Tell a source that went on from a destination that went bad."""
        here = self._stat_source(folder, entry.name, entry.kind)
        if mark:
            same = is_as_marked(here, mark)
        elif entry.kind == "link":
            same = True  # the scan found both alike
        else:
            same = (entry.size, entry.mtime_ns) == (here.st_size, here.st_mtime_ns)
        return "healed" if same else "followed"

    def _still_different(
        self, folder: bytes, entry: Entry, mark: Mark | None, path: bytes, reason: str
    ) -> tuple[ProblemKind, bytes, str]:
        """Tell a source that goes on and on from a disk that does not keep what is written."""
        if mark and not is_as_marked(self._stat_source(folder, entry.name, entry.kind), mark):
            return "changing", path, "it was written to again as soon as it was copied; it is not proved"
        return "damaged", path, f"{reason}, even after it was copied again"

    def _copy_again(self, folder: bytes, entry: Entry) -> Mark:
        if entry.kind == "link":
            return self._copier.copy_link(folder, entry.name)
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
        if mark is not None and mark.digest and is_as_marked(here, mark):
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
            source = self._copier.source.folder(folder)
        except OSError as error:
            raise SourceTrouble(error) from error
        here = read_link(name, source)
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

    def _stat_source(
        self, folder: bytes, name: bytes, kind: Literal["file", "link"] = "file"
    ) -> os.stat_result:
        try:
            here = os.stat(name, dir_fd=self._copier.source.folder(folder), follow_symlinks=False)
        except OSError as error:
            raise SourceTrouble(error) from error
        if stat.S_IFMT(here.st_mode) != SORTS[kind]:
            raise SourceTrouble(NotAFile())
        return here

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
