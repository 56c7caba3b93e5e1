"""What became of files whose receipt was written when a crash came: looked up where they may be."""

import contextlib
import os
import stat

from core.clearing.names import split
from core.clearing.receipts import Became, Moving, Receipts
from core.clearing.removal import READ, Stays, check_moved
from core.clearing.shelves import shelf_name
from core.clearing.sides import FOLDER
from core.copying.tree import Tree
from core.copying.troubles import in_words


def settle(receipts: Receipts, source: int, quarantine: int) -> None:
    """Say of each file with an open receipt where it is; nothing is moved or deleted. Raises OSError."""
    tree = Tree(source)
    try:
        found = [_became(moving, tree, quarantine) for moving in receipts.open.values()]
    finally:
        tree.forget()
    if found:
        receipts.add(found, durable=True)


def _became(moving: Moving, source: Tree, quarantine: int) -> Became:
    shelf = _shelf_of(quarantine, moving.attempt)
    if shelf is not None:
        try:
            if (state := _in_quarantine(moving, shelf)) is not None:
                return state
        finally:
            shelf.forget()
            os.close(shelf.root)
    if _is_at(source, moving):
        return Became(n=moving.n, state="kept", why="Holdfast was interrupted before it was moved")
    return Became(n=moving.n, state="gone", why="it was in neither place after an interruption")


def _shelf_of(quarantine: int, attempt: int) -> Tree | None:
    with contextlib.suppress(OSError):
        return Tree(os.open(shelf_name(attempt), FOLDER, dir_fd=quarantine))
    return None


def _in_quarantine(moving: Moving, shelf: Tree) -> Became | None:
    """Return what lies in quarantine under the name of the file; None where nothing does."""
    folder, name = split(moving.name)
    try:
        private = shelf.folder(folder)
        os.stat(name, dir_fd=private, follow_symlinks=False)
    except OSError:
        return None
    try:
        handle = os.open(name, READ, dir_fd=private)
        try:
            check_moved(private, name, handle, moving)
        finally:
            os.close(handle)
    except (Stays, OSError) as trouble:
        why = in_words(trouble) if isinstance(trouble, OSError) else str(trouble)
        return Became(n=moving.n, state="astray", why=why)
    return Became(n=moving.n, state="aside")


def _is_at(source: Tree, moving: Moving) -> bool:
    folder, name = split(moving.name)
    try:
        info = os.stat(name, dir_fd=source.folder(folder), follow_symlinks=False)
    except OSError:
        return False
    return stat.S_ISREG(info.st_mode) and (info.st_dev, info.st_ino) == (moving.device, moving.inode)
