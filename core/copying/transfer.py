"""What a member of the crew does in the second stage: it copies the files of a unit."""

import errno
import os
import stat
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final, Literal

from blake3 import blake3

from core.copying import content
from core.copying.attributes import DEFAULT_RULES, PLAIN_BITS, Attributes, names_at
from core.copying.board import Board
from core.copying.messages import (
    PLAIN_LIMIT,
    UNPROVABLE,
    Entry,
    Mark,
    Problem,
    ProblemKind,
    Reply,
    Setup,
    Unit,
    pack,
)
from core.copying.names import joined, part_name
from core.copying.pace import Pace
from core.copying.tree import Tree, make_writable
from core.copying.troubles import (
    FULL,
    GONE,
    DestinationLost,
    NotAFile,
    SourceTrouble,
    in_words,
    source_problem,
)

READ: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
WRITE: Final = os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
TRIES: Final = 3
LOOK_AGAIN_NS: Final = 2_000_000_000
"""By how much the time of a file that kept changing is off, so that the next pass looks again."""
PRIVATE: Final = 0o600
FULL_IN_A_ROW: Final = 50


class Changing(Exception):
    """The file was not the same after it had been read."""


class Copier:
    """Copies files from one tree to the other, each under a temporary name first."""

    def __init__(self, setup: Setup, board: Board) -> None:
        self.source = Tree(setup.source)
        self.destination = Tree(setup.destination)
        self.setup = setup
        self.pace = Pace(board, setup.seat)
        self.attributes = Attributes()
        self.problems: list[Problem] = []
        self.tally: Counter[str] = Counter()
        self._full_in_a_row = 0
        self._told_of_attributes = False
        self._inherits = True

    def copy(self, unit: Unit) -> Reply:
        """Copy what the unit says; the body is a Mark, or None, for each entry."""
        self.problems, self.tally = [], Counter()
        self._look_at_folder(unit.folder)
        marks: list[Mark | None] = []
        lost = ""
        try:
            marks += [self._one(unit.folder, entry) for entry in unit.entries]
        except DestinationLost as error:
            lost = str(error)
        kind: Literal["broken", "done"] = "broken" if lost else "done"
        return Reply(kind, dict(self.tally), tuple(self.problems), pack(marks), lost)

    def _look_at_folder(self, folder: bytes) -> None:
        try:
            self._inherits = inherits(self.destination.folder(folder))
        except OSError:
            self._inherits = True  # it will be said of each file

    def _one(self, folder: bytes, entry: Entry) -> Mark | None:
        if entry.action == "keep":
            return None
        self.pace.chunk()
        try:
            if entry.kind == "link":
                mark = self.copy_link(folder, entry.name)
                self.tally["copied_links"] += 1
            elif self._is_there_already(folder, entry):
                self.tally["unchanged" if entry.action == "compare" else "copied"] += 1
                self.pace.counted(entry.size)
                mark = None
            else:
                mark = self._file(folder, entry)
        except OSError as error:
            self.destination_trouble(joined(folder, entry.name), error)
            mark = UNPROVABLE
        except SourceTrouble as trouble:
            self.problems.append(source_problem(joined(folder, entry.name), trouble.error))
            mark = UNPROVABLE
        self.pace.counted(0, 1)
        return mark

    def _file(self, folder: bytes, entry: Entry) -> Mark | None:
        if entry.action == "touch":
            self._touch(folder, entry.name)
            self.tally["touched"] += 1
            self.pace.counted(entry.size)
            return None
        mark = self.copy_file(folder, entry.name)
        self.tally["copied"] += 1
        self.tally["copied_bytes"] += max(0, mark.size)
        self._full_in_a_row = 0
        if self.attributes.lost:
            self._attributes_lost(joined(folder, entry.name))
        return mark

    def _attributes_lost(self, path: bytes) -> None:
        """Say it once; it will be the same for nearly every file."""
        if not self._told_of_attributes:
            reason = "the destination does not take some owners, modes or extended attributes"
            self.problem("attributes", path, reason)
        self._told_of_attributes = True
        self.attributes.lost = False

    def copy_file(self, folder: bytes, name: bytes) -> Mark:
        """Copy one file. Raises SourceTrouble, or OSError from the destination."""
        for attempt in range(1, TRIES + 1):
            try:
                return self._copy_once(folder, name, last=attempt == TRIES)
            except Changing:
                continue
        raise AssertionError  # the last try does not raise Changing

    def _copy_once(self, folder: bytes, name: bytes, *, last: bool) -> Mark:
        handle, before = self.open_source(folder, name)
        try:
            if before.st_size <= PLAIN_LIMIT:
                return self._plain(handle, before, folder, name, last=last)
            return self._large(handle, before, folder, name, last=last)
        finally:
            os.close(handle)

    def open_source(self, folder: bytes, name: bytes) -> tuple[int, os.stat_result]:
        """Return a handle on a regular file of the source and what it is now."""
        try:
            handle = os.open(name, READ, dir_fd=self.source.folder(folder))
            info = os.fstat(handle)
        except OSError as error:
            raise SourceTrouble(error) from error
        if not stat.S_ISREG(info.st_mode):
            os.close(handle)
            raise SourceTrouble(NotAFile())
        return handle, info

    def _plain(self, source: int, info: os.stat_result, folder: bytes, name: bytes, *, last: bool) -> Mark:
        data = content.read_at(source, info.st_size + 1, 0)
        changed = self._changed(source, info, last=last, read=len(data))
        there = self.destination.folder(folder)
        part = part_name(name, info, self.setup.boot)
        mode = stat.S_IMODE(info.st_mode) & PLAIN_BITS
        try:
            handle = self._open_part(part, there, os.O_EXCL, mode)
            try:
                content.write_all(handle, data, 0)
                self._finish(source, handle, info, changed=changed)
            finally:
                os.close(handle)
            self._put_in_place(part, name, there)
        except BaseException:
            self._drop(part, there)
            raise
        self.pace.moved(len(data))
        if changed:
            return self._changing(folder, name)
        return mark_of(info, blake3(data).digest())

    def _large(self, source: int, info: os.stat_result, folder: bytes, name: bytes, *, last: bool) -> Mark:
        there = self.destination.folder(folder)
        part = part_name(name, info, self.setup.boot)
        handle = self._open_large_part(part, there, info)
        try:
            digest = content.fill(source, handle, info, self.pace, digest=self.setup.digests)
            changed = self._changed(source, info, last=last, read=info.st_size)
            os.fchmod(handle, stat.S_IMODE(info.st_mode) & PLAIN_BITS)
            self._finish(source, handle, info, changed=changed)
            self._put_in_place(part, name, there)
        except (OSError, Changing):  # after trouble with the source, the next run goes on with the part
            self._drop(part, there)
            raise
        finally:
            os.close(handle)
        if changed:
            return self._changing(folder, name)
        return mark_of(info, digest)

    def _open_large_part(self, part: bytes, there: int, info: os.stat_result) -> int:
        """Return a handle on what an attempt before left of this file, or on a new part."""
        handle = self._open_part(part, there, 0, PRIVATE)
        found = os.fstat(handle)
        if (
            stat.S_ISREG(found.st_mode)
            and found.st_nlink == 1
            and found.st_uid == self.attributes.user
            and found.st_size <= info.st_size
        ):
            return handle
        os.close(handle)
        os.unlink(part, dir_fd=there)
        return self._open_part(part, there, os.O_EXCL, PRIVATE)

    def _open_part(self, part: bytes, there: int, flag: int, mode: int) -> int:
        try:
            return os.open(part, WRITE | flag, mode, dir_fd=there)
        except FileExistsError:
            os.unlink(part, dir_fd=there)
        except PermissionError:
            make_writable(there)
        return os.open(part, WRITE | flag, mode, dir_fd=there)

    def _finish(self, source: int, destination: int, info: os.stat_result, *, changed: bool) -> None:
        self.attributes.carry(source, destination, info, fresh=not self._inherits)
        if changed:
            away = -LOOK_AGAIN_NS if info.st_mtime_ns >= LOOK_AGAIN_NS else LOOK_AGAIN_NS
            os.utime(destination, ns=(info.st_atime_ns, info.st_mtime_ns + away))

    def _put_in_place(self, part: bytes, name: bytes, there: int) -> None:
        os.rename(part, name, src_dir_fd=there, dst_dir_fd=there)

    def _drop(self, part: bytes, there: int) -> None:
        try:
            os.unlink(part, dir_fd=there)
        except FileNotFoundError:
            return
        except OSError as error:
            if error.errno not in GONE:
                raise

    def _changed(self, source: int, before: os.stat_result, *, last: bool, read: int) -> bool:
        """Tell whether the file changed under our hands. Raises Changing if it may be tried again."""
        after = os.fstat(source)
        same = read == before.st_size and moment(before) == moment(after)
        if not same and not last:
            raise Changing
        return not same

    def _changing(self, folder: bytes, name: bytes) -> Mark:
        reason = "it did not hold still; the copy may mix old and new and is not proved"
        self.problem("changing", joined(folder, name), reason)
        return UNPROVABLE

    def _touch(self, folder: bytes, name: bytes) -> None:
        handle, info = self.open_source(folder, name)
        try:
            there = os.open(name, READ, dir_fd=self.destination.folder(folder))
            try:
                self.attributes.carry(handle, there, info, fresh=False)
            finally:
                os.close(there)
        finally:
            os.close(handle)

    def copy_link(self, folder: bytes, name: bytes) -> Mark:
        """Make the same symbolic link at the destination, pointing where it points."""
        here = self.source.folder(folder)
        try:
            info = os.stat(name, dir_fd=here, follow_symlinks=False)
        except OSError as error:
            raise SourceTrouble(error) from error
        target = read_link(name, here)
        there = self.destination.folder(folder)
        part = part_name(name, info, self.setup.boot)
        try:
            os.symlink(target, part, dir_fd=there)
        except (FileExistsError, PermissionError) as error:
            if isinstance(error, PermissionError):
                make_writable(there)
            else:
                os.unlink(part, dir_fd=there)
            os.symlink(target, part, dir_fd=there)
        try:
            if self.attributes.owners:
                os.chown(part, info.st_uid, info.st_gid, dir_fd=there, follow_symlinks=False)
            times = (info.st_atime_ns, info.st_mtime_ns)
            os.utime(part, ns=times, dir_fd=there, follow_symlinks=False)
            self._put_in_place(part, name, there)
        except OSError:
            self._drop(part, there)
            raise
        return mark_of(info, b"")

    def _is_there_already(self, folder: bytes, entry: Entry) -> bool:
        """Tell whether an attempt that was broken off, or anybody, has put the file there."""
        if entry.action == "compare":
            return self._same_content(folder, entry.name)
        if not self.setup.resumed or entry.action == "touch":
            return False
        try:
            here = os.stat(entry.name, dir_fd=self.source.folder(folder), follow_symlinks=False)
            there = os.stat(entry.name, dir_fd=self.destination.folder(folder), follow_symlinks=False)
        except OSError:
            return False
        return (
            here.st_mode == there.st_mode
            and here.st_size == there.st_size
            and here.st_mtime_ns == there.st_mtime_ns
        )

    def _same_content(self, folder: bytes, name: bytes) -> bool:
        """Tell whether both files hold the same bytes; the attributes are carried over then."""
        handle, info = self.open_source(folder, name)
        try:
            there = os.open(name, READ, dir_fd=self.destination.folder(folder))
            try:
                if not self._equal(handle, there, info):
                    return False
                self.attributes.carry(handle, there, info, fresh=False)
            finally:
                os.close(there)
        finally:
            os.close(handle)
        return True

    def _equal(self, here: int, there: int, info: os.stat_result) -> bool:
        if info.st_size != os.fstat(there).st_size:
            return False
        place = 0
        while place < info.st_size:
            size = min(self.pace.chunk(), content.BUFFER)
            data = content.read_at(here, size, place)
            if not data or data != os.pread(there, size, place):
                return False
            place += len(data)
        return True

    def problem(self, kind: ProblemKind, path: bytes, reason: str) -> None:
        """Take what a person should know about a path."""
        self.problems.append(Problem(kind, path, reason))

    def destination_trouble(self, path: bytes, error: OSError) -> None:
        """Name what the destination refused. Raises DestinationLost if it is lost as a whole."""
        if error.errno in GONE:
            raise DestinationLost(in_words(error)) from error
        if error.errno not in FULL:
            self.problem("refused", path, in_words(error))
            return
        self.problem("full", path, in_words(error))
        self._full_in_a_row += 1
        if self._full_in_a_row >= FULL_IN_A_ROW:
            raise DestinationLost(in_words(error)) from error


def moment(info: os.stat_result) -> tuple[int, int, int, int]:
    """Return what differs if a file is not what it was: the last two of these cannot be put back."""
    return info.st_size, info.st_mtime_ns, info.st_ctime_ns, info.st_ino


def mark_of(info: os.stat_result, digest: bytes) -> Mark:
    """Return what is kept of a file that was copied."""
    return Mark(*moment(info), digest)


def read_link(name: bytes, folder: int) -> bytes:
    """Return where a link of the source points. Raises SourceTrouble."""
    try:
        return os.readlink(name, dir_fd=folder)
    except OSError as error:
        other = error.errno == errno.EINVAL  # readlink(2): it is not a link
        raise SourceTrouble(NotAFile() if other else error) from error


@contextmanager
def undisturbed(folder: int) -> Iterator[None]:
    """Leave the folder's mode and times as they were, whatever is done in it."""
    before = os.fstat(folder)
    try:
        yield
    finally:
        if os.fstat(folder).st_mode != before.st_mode:
            os.fchmod(folder, stat.S_IMODE(before.st_mode))
        os.utime(folder, ns=(before.st_atime_ns, before.st_mtime_ns))


def inherits(folder: int) -> bool:
    """Tell whether what is made in the folder gets a group or access rules from it."""
    return bool(os.fstat(folder).st_mode & stat.S_ISGID) or DEFAULT_RULES in names_at(folder)
