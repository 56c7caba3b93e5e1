"""What a member of the crew does in the first stage: it looks into folders and finds the work."""

import fcntl
import os
import stat
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from core.copying.board import Board
from core.copying.findings import Findings
from core.copying.leftovers import OUR_PREFIX, Leftovers, looks_ours
from core.copying.messages import Action, Entry, Reply, Setup
from core.copying.names import joined, part_name
from core.copying.tree import Tree, insist
from core.copying.troubles import Halted, in_words, source_problem

if TYPE_CHECKING:
    from core.copying.patterns import Patterns

THINGS: Final = {
    stat.S_IFDIR: "a folder",
    stat.S_IFIFO: "a named pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}
OWN: Final = "it is Holdfast's own data, or the destination itself"
OWN_NAME: Final = "it has the name of an unfinished copy of Holdfast's own"
FORBIDDEN: Final = "at the destination this is the source itself, or Holdfast's own data"
BUSY: Final = "another run is copying into it"
NEW_FOLDER: Final = 0o700
MANY_NAMES: Final = 20_000
"""Above this many names at the destination each is asked for by itself, not listed beforehand."""


class NotWritten(Exception):
    """A folder of the destination that must be left alone; the message says why."""


class Scanner:
    """Looks into folders of the source, and makes the destination's folders on the way."""

    def __init__(self, setup: Setup, board: Board, send: Callable[[Reply], None]) -> None:
        self.board = board
        self.source = Tree(setup.source)
        self.destination = Tree(setup.destination)
        self.setup = setup
        self.patterns = patterns_of(setup.patterns)
        self.own_names = frozenset(setup.own_names)
        self.owners = os.geteuid() == 0
        # Who may not set owners does not carry over the bits that act in an owner's name.
        self.mode_bits = ~0 if self.owners else ~(stat.S_ISUID | stat.S_ISGID)
        self.hidden_inodes = {inode for _, inode in setup.left_out}
        self._never_written = {identity(os.fstat(setup.source)), *setup.left_out}
        self._send = send

    def look(self, folder: bytes) -> None:
        """Look into one folder and send what was found."""
        findings = Findings(folder, self._send)
        FolderLook(self, folder, findings).run()
        findings.finish()

    def hides(self, info: os.stat_result) -> bool:
        """Tell whether this is a folder that must not be looked into, such as Holdfast's own."""
        return identity(info) in self.setup.left_out

    def guard(self, folder: int, source: os.stat_result) -> None:
        """Raise NotWritten if a folder of the destination, not its root, is not to be written to.

        It may be the source by another way, a mount perhaps, or another run may be at work in it.
        """
        found = identity(os.fstat(folder))
        if found in self._never_written or found == identity(source):
            raise NotWritten(FORBIDDEN)
        try:
            fcntl.flock(folder, fcntl.LOCK_SH | fcntl.LOCK_NB)
            fcntl.flock(folder, fcntl.LOCK_UN)
        except BlockingIOError as error:
            raise NotWritten(BUSY) from error
        except OSError:  # this file system has no locks
            return

    def equal(self, info: os.stat_result, there: os.stat_result) -> bool:
        """Tell whether a file is the same at the destination, as far as may be told from here."""
        return (
            info.st_mtime_ns == there.st_mtime_ns
            and info.st_size == there.st_size
            and not self.setup.content
            and self.same_attributes(info, there)
        )

    def same_time(self, source_ns: int, destination_ns: int) -> bool:
        """Tell whether two times are equal, as far as the destination can hold them."""
        return source_ns == destination_ns or self.setup.times.same(source_ns, destination_ns)

    def same_attributes(self, info: os.stat_result, there: os.stat_result) -> bool:
        """Tell whether mode and owner are equal, as far as we may set them."""
        if (info.st_mode ^ there.st_mode) & self.mode_bits:
            return False
        return not self.owners or (info.st_uid == there.st_uid and info.st_gid == there.st_gid)


def identity(info: os.stat_result) -> tuple[int, int]:
    """Return what tells a folder from any other, whatever name leads to it."""
    return info.st_dev, info.st_ino


def patterns_of(lines: tuple[str, ...]) -> "Patterns | None":
    """Return the patterns, or None for none."""
    if not lines:
        return None
    from core.copying.patterns import Patterns  # noqa: PLC0415 - takes 20 ms, seldom needed

    return Patterns(lines)


class FolderLook:
    """One look into one folder."""

    def __init__(self, scanner: Scanner, folder: bytes, findings: Findings) -> None:
        self.scanner = scanner
        self.folder = folder
        self.findings = findings
        self.text = os.fsdecode(folder)
        self.names: set[str] | None = None
        self.leftovers = Leftovers()
        self.changes = False
        self.kept = self.kept_bytes = 0

    def run(self) -> None:
        """Look at every name in the folder."""
        if not self._open_source():
            return
        try:
            self.there = self.scanner.destination.folder(self.folder)
            if self.folder:
                self.scanner.guard(self.there, self.info)
            self._list_destination()
        except NotWritten as reason:
            self.findings.problem("refused", self.folder, str(reason))
            return
        except OSError as error:
            self.findings.problem("refused", self.folder, in_words(error))
            return
        self._look_at_names()
        self.findings.kept(self.kept, self.kept_bytes)
        if self.leftovers and self.leftovers.remove(self.there, self.findings):
            self.changes = True
        self._compare_folders()

    def _open_source(self) -> bool:
        try:
            self.here = self.scanner.source.folder(self.folder)
            self.info = os.fstat(self.here)
        except OSError as error:
            self._trouble(self.folder, error)
            return False
        if self.scanner.hides(self.info):
            self.findings.problem("own-data", self.folder, OWN)
            return False
        self.findings.tally["folders"] += 1
        self.findings.identity = (self.info.st_dev, self.info.st_ino)
        return True

    def _list_destination(self) -> None:
        names: set[str] | None = set()
        with os.scandir(self.there) as entries:
            for entry in entries:
                name = entry.name
                if name.startswith(OUR_PREFIX):
                    self.leftovers.note(entry)
                if names is not None:
                    names.add(name)
                    if len(names) > MANY_NAMES:
                        names = None
        self.names = names

    def _look_at_names(self) -> None:
        try:
            with os.scandir(self.here) as entries:
                for entry in entries:
                    self._look_at(entry)
        except OSError as error:
            self._trouble(self.folder, error)

    def _look_at(self, entry: "os.DirEntry[str]") -> None:
        try:
            if not self._wanted(entry):
                return
            if entry.is_file(follow_symlinks=False):
                self._file(entry)
            elif entry.is_dir(follow_symlinks=False):
                self._inner_folder(entry)
            elif entry.is_symlink():
                self._link(entry)
            else:
                self._special(entry)
        except OSError as error:
            self._trouble(self._path(entry.name), error)

    def _wanted(self, entry: "os.DirEntry[str]") -> bool:
        name = entry.name
        if self.scanner.board.stop:
            raise Halted
        if name in self.scanner.own_names:
            return False
        patterns = self.scanner.patterns
        if patterns is None:
            return True
        path = f"{self.text}/{name}" if self.text else name
        if not patterns.leave_out(path, folder=entry.is_dir(follow_symlinks=False)):
            return True
        self.findings.tally["excluded"] += 1
        return False

    def _file(self, entry: "os.DirEntry[str]") -> None:
        name = entry.name
        if looks_ours(name):
            self.findings.problem("own-data", self._path(name), OWN_NAME)
            return
        info = entry.stat(follow_symlinks=False)
        there = self._info_there(name)
        action = self._action_for(name, info, there) if there else "copy"
        if action is None:
            return
        if action == "keep":
            if not self.scanner.setup.prove_all and info.st_nlink == 1:
                self.kept += 1
                self.kept_bytes += info.st_size
                return
        else:
            self.changes = True
            if self.leftovers:
                self.leftovers.keep(part_name(os.fsencode(name), info, self.scanner.setup.boot))
        found = Entry(os.fsencode(name), "file", action, info.st_size, info.st_mtime_ns)
        if info.st_nlink > 1:
            self.findings.shared(info, found)
        else:
            self._plan(found)

    def _plan(self, entry: Entry) -> None:
        tally = self.findings.tally
        tally["files"] += 1
        tally["bytes"] += entry.size
        tally["unchanged"] += entry.action == "keep"
        self.findings.entry(entry)

    def _action_for(self, name: str, info: os.stat_result, there: os.stat_result) -> Action | None:
        """Return what is to be done about a file; None: something else is in its place."""
        if self.scanner.equal(info, there):  # nearly always, so this comes first
            return "keep"
        kind = stat.S_IFMT(there.st_mode)
        if kind in THINGS:
            self._conflict(name, "a file", THINGS[kind])
            return None
        if info.st_size != there.st_size or kind == stat.S_IFLNK:
            return "copy"
        if self.scanner.setup.content:
            return "compare"
        if not self.scanner.same_time(info.st_mtime_ns, there.st_mtime_ns):
            return "copy"
        return "keep" if self.scanner.same_attributes(info, there) else "touch"

    def _info_there(self, name: str) -> os.stat_result | None:
        if self.names is not None and name not in self.names:
            return None
        try:
            return os.stat(name, dir_fd=self.there, follow_symlinks=False)
        except FileNotFoundError:
            return None

    def _inner_folder(self, entry: "os.DirEntry[str]") -> None:
        name = entry.name
        if entry.inode() in self.scanner.hidden_inodes and self.scanner.hides(
            entry.stat(follow_symlinks=False)
        ):
            self.findings.problem("own-data", self._path(name), OWN)
            return
        if self._make_folder(name):
            self.findings.inner_folder(os.fsencode(name))

    def _make_folder(self, name: str) -> bool:
        there = self._info_there(name)
        if there is None:
            try:
                insist(self.there, lambda: os.mkdir(name, NEW_FOLDER, dir_fd=self.there))
            except OSError as error:
                self.findings.problem("refused", self._path(name), in_words(error))
                return False
            self.changes = True
            return True
        if stat.S_ISDIR(there.st_mode):
            return True
        kind = stat.S_IFMT(there.st_mode)
        thing = {stat.S_IFREG: "a file", stat.S_IFLNK: "a link"}.get(kind) or THINGS[kind]
        self._conflict(name, "a folder", thing)
        return False

    def _link(self, entry: "os.DirEntry[str]") -> None:
        name = entry.name
        there = self._info_there(name)
        kind = stat.S_IFMT(there.st_mode) if there else 0
        if kind in THINGS:
            self._conflict(name, "a link", THINGS[kind])
            return
        self.findings.tally["links"] += 1
        if there and kind == stat.S_IFLNK and self._same_link(entry, there):
            if self.scanner.setup.prove_all:
                self.findings.entry(Entry(os.fsencode(name), "link", "keep", 0, 0))
            return
        self.changes = True
        self.findings.entry(Entry(os.fsencode(name), "link", "copy", 0, 0))

    def _same_link(self, entry: "os.DirEntry[str]", there: os.stat_result) -> bool:
        target = os.readlink(entry.name, dir_fd=self.here)
        if target != os.readlink(entry.name, dir_fd=self.there):
            return False
        info = entry.stat(follow_symlinks=False)
        times = self.scanner.same_time(info.st_mtime_ns, there.st_mtime_ns)
        return times and self.scanner.same_attributes(info, there)

    def _special(self, entry: "os.DirEntry[str]") -> None:
        mode = entry.stat(follow_symlinks=False).st_mode
        self.findings.tally["special"] += 1
        thing = THINGS.get(stat.S_IFMT(mode), "not a file")
        self.findings.problem("special", self._path(entry.name), f"it is {thing}")

    def _compare_folders(self) -> None:
        """Say whether the folder itself is to be settled: its mode, owner or time differ."""
        try:
            here, there = os.fstat(self.here), os.fstat(self.there)
        except OSError as error:
            self._trouble(self.folder, error)
            return
        if (
            self.changes
            or not self.scanner.same_time(here.st_mtime_ns, there.st_mtime_ns)
            or not self.scanner.same_attributes(here, there)
        ):
            self.findings.tally["settle"] += 1

    def _conflict(self, name: str, here: str, there: str) -> None:
        reason = f"it is {here} in the source and {there} at the destination"
        self.findings.problem("conflict", self._path(name), reason)

    def _trouble(self, path: bytes, error: OSError) -> None:
        problem = source_problem(path, error)
        self.findings.problem(problem.kind, problem.path, problem.reason)

    def _path(self, name: str) -> bytes:
        return joined(self.folder, os.fsencode(name))
