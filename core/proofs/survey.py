"""Looking through the source: its files and links, never what a link leads to, never outside of it."""

import os
import stat
from collections.abc import Callable, Iterable, Sequence
from typing import Final, NamedTuple

from core.copying.names import joined
from core.copying.patterns import Patterns
from core.copying.tree import Tree
from core.copying.troubles import in_words
from core.proofs.findings import Findings
from core.proofs.spool import Seen, Spool
from core.proofs.telling import Teller

OURS: Final = ".holdfast-"
"""How names of our own at the root of a source begin: markers, what was put aside."""
SOME: Final = 500


class Link(NamedTuple):
    """A symbolic link of the source and where it leads; `ctime_ns` is when it was last changed."""

    path: bytes
    target: bytes
    ctime_ns: int


class Survey:
    """Goes through the source once."""

    def __init__(
        self,
        tree: Tree,
        spool: Spool,
        findings: Findings,
        teller: Teller,
        *,
        patterns: Sequence[str] = (),
        left_out: Iterable[str] = (),
        on_link: "Callable[[Link], None] | None" = None,
    ) -> None:
        self._tree = tree
        self._spool = spool
        self._findings = findings
        self._teller = teller
        self._patterns = Patterns(patterns) if patterns else None
        self._left_out = {identity for path in left_out if (identity := _identity(path))}
        self._waiting: list[Seen] = []
        self._on_link = on_link
        self.links = 0

    def run(self) -> None:
        """Look into every folder."""
        folders = [b""]
        while folders:
            folders += self._look_into(folders.pop())
        self._flush()

    def _look_into(self, path: bytes) -> list[bytes]:
        """Take what a folder has, and return the folders in it."""
        try:
            handle = self._tree.folder(path)
            info = os.fstat(handle)
            if (info.st_dev, info.st_ino) in self._left_out:
                return []
            with os.scandir(handle) as entries:
                return [inner for entry in entries if (inner := self._take(path, entry)) is not None]
        except FileNotFoundError:
            return []  # it went meanwhile
        except OSError as error:
            self._findings.unreadable(path, in_words(error))
            return []

    def _take(self, folder: bytes, entry: "os.DirEntry[str]") -> bytes | None:
        """Take one name of a folder; returns its path if it is a folder itself."""
        path = joined(folder, os.fsencode(entry.name))
        try:
            is_folder = entry.is_dir(follow_symlinks=False)
            if self._is_out(folder, entry.name, path, folder_too=is_folder):
                return None
            if is_folder:
                return path
            self._note(path, entry)
        except FileNotFoundError:
            return None
        except OSError as error:
            self._findings.unreadable(path, in_words(error))
        return None

    def _is_out(self, folder: bytes, name: str, path: bytes, *, folder_too: bool) -> bool:
        if not folder and name.startswith(OURS):
            return True
        return self._patterns is not None and self._patterns.leave_out(os.fsdecode(path), folder=folder_too)

    def _note(self, path: bytes, entry: "os.DirEntry[str]") -> None:
        info = entry.stat(follow_symlinks=False)
        if stat.S_ISREG(info.st_mode):
            self._waiting.append(seen_as(path, info))
            if len(self._waiting) >= SOME:
                self._flush()
        elif stat.S_ISLNK(info.st_mode):
            self.links += 1
            if self._on_link is not None:
                folder = self._tree.folder(path.rpartition(b"/")[0])
                target = os.readlink(os.fsencode(entry.name), dir_fd=folder)
                self._on_link(Link(path, target, info.st_ctime_ns))

    def _flush(self) -> None:
        self._spool.add(self._waiting)
        self._waiting.clear()
        self._teller.surveyed(self._spool.files, self._spool.bytes)


def seen_as(path: bytes, info: os.stat_result) -> Seen:
    """Return what was seen of a file."""
    return Seen(path, info.st_size, info.st_mtime_ns, info.st_ctime_ns, info.st_ino, info.st_dev)


def _identity(path: str) -> tuple[int, int] | None:
    try:
        info = os.stat(path)  # noqa: PTH116 - as the others here
    except OSError:
        return None
    return info.st_dev, info.st_ino
