"""Where what one attempt took away lies: a folder in the quarantine, with the same folders below it as the source."""

import contextlib
import os
import stat
from collections import deque
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Final

from core.clearing.names import QUARANTINE, split
from core.clearing.sides import FOLDER, folder_in
from core.copying.tree import Tree

NOTHING: Final[Mapping[bytes, int]] = MappingProxyType({})

PRIVATE: Final = 0o700


class Shelf:
    """The folder of one attempt, below the quarantine of its run."""

    def __init__(self, quarantine: int, attempt: int) -> None:
        self._root = folder_in(quarantine, shelf_name(attempt))
        self._tree = Tree(self._root)

    def folder(self, path: bytes) -> int:
        """Return the folder of that path, made if missing."""
        return folder_made(self._tree, path)

    def has(self, path: bytes) -> bool:
        """Tell whether anything of that name lies here."""
        folder, name = split(path)
        try:
            os.stat(name, dir_fd=self._tree.folder(folder), follow_symlinks=False)
        except OSError:
            return False
        return True

    def close(self) -> None:
        """Let go of it."""
        self._tree.forget()
        os.close(self._root)


def folder_made(tree: Tree, path: bytes, modes: Mapping[bytes, int] = NOTHING) -> int:
    """Return a folder of a tree, made if missing with the mode that is known for it, else for us alone."""
    missing, above = deque[bytes](), path
    while above:
        try:
            tree.folder(above)
        except FileNotFoundError:
            missing.appendleft(above)
            above, _ = split(above)
        else:
            break
    for folder in missing:
        parent, name = split(folder)
        with contextlib.suppress(FileExistsError):
            os.mkdir(name, PRIVATE, dir_fd=tree.folder(parent))
        if folder in modes:
            os.fchmod(tree.folder(folder), modes[folder])
    return tree.folder(path)


def shelf_name(attempt: int) -> bytes:
    """Return what the folder of an attempt is called."""
    return b"attempt-%d" % attempt


def everything_in(tree: Tree) -> Iterator[tuple[bytes, bool]]:
    """Yield what lies below a root: each path, and whether it is a folder; a folder follows what is in it."""
    waiting: list[tuple[bytes, bool]] = [(name, True) for name in _folders_of(tree, b"")]
    yield from ((name, False) for name in _others_of(tree, b""))
    while waiting:
        path, new = waiting.pop()
        if not new:
            yield path, True
            continue
        waiting.append((path, False))
        waiting += [(path + b"/" + name, True) for name in _folders_of(tree, path)]
        yield from ((path + b"/" + name, False) for name in _others_of(tree, path))


def _folders_of(tree: Tree, path: bytes) -> list[bytes]:
    return [name for name, mode in _entries(tree, path) if stat.S_ISDIR(mode)]


def _others_of(tree: Tree, path: bytes) -> list[bytes]:
    return [name for name, mode in _entries(tree, path) if not stat.S_ISDIR(mode)]


def _entries(tree: Tree, path: bytes) -> list[tuple[bytes, int]]:
    folder = tree.folder(path)
    found = []
    with os.scandir(folder) as entries:
        for entry in entries:
            with contextlib.suppress(FileNotFoundError):
                found.append((os.fsencode(entry.name), entry.stat(follow_symlinks=False).st_mode))
    return found


def remove_empty(source: int, run_id: str) -> bool:
    """Remove the empty folders of a run's quarantine; tell whether nothing is left of it. Raises OSError."""
    above = os.open(QUARANTINE, FOLDER, dir_fd=source)
    try:
        root = Tree(os.open(run_id.encode(), FOLDER, dir_fd=above))
        try:
            for path in [path for path, is_folder in everything_in(root) if is_folder]:
                folder, name = split(path)
                with contextlib.suppress(OSError):
                    os.rmdir(name, dir_fd=root.folder(folder))
        finally:
            root.forget()
            os.close(root.root)
        try:
            os.rmdir(run_id.encode(), dir_fd=above)
        except OSError:
            return False
        with contextlib.suppress(OSError):  # other runs have theirs
            os.rmdir(QUARANTINE, dir_fd=source)
        return True
    finally:
        os.close(above)
