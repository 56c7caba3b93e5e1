"""Folders in folders in folders: each is opened a few times, however deep it lies."""

import os
from pathlib import Path

import pytest

from core.copying.tree import CACHED, KEPT, Tree

DEPTH = 400


@pytest.fixture
def deep(tmp_path):
    """Return the root's handle and every path below it, the upper ones first."""
    root = os.open(tmp_path, os.O_RDONLY)
    paths, handle = [], os.dup(root)
    for _ in range(DEPTH):
        os.mkdir("d", dir_fd=handle)
        handle, outer = os.open("d", os.O_RDONLY, dir_fd=handle), handle
        os.close(outer)
        paths.append(b"d" if not paths else paths[-1] + b"/d")
    os.close(handle)
    yield root, paths
    os.close(root)


def handles():
    """Return how many handles this process holds."""
    return len(list(Path("/proc/self/fd").iterdir()))


@pytest.fixture
def opened(monkeypatch):
    """Count how many folders are opened."""
    names = []
    open_it = os.open

    def counting(name, *args, **options):
        names.append(name)
        return open_it(name, *args, **options)

    monkeypatch.setattr(os, "open", counting)
    return names


def test_going_up_from_the_deepest_folder_opens_few_twice(deep, opened):
    root, paths = deep
    tree = Tree(root)

    for path in reversed(paths):
        tree.folder(path)

    assert len(opened) < DEPTH * (DEPTH // KEPT + 2)


def test_every_handle_is_that_of_its_folder_and_few_are_held(deep):
    root, paths = deep
    tree = Tree(root)
    before = handles()

    for path in (*reversed(paths), *paths):
        info = os.fstat(tree.folder(path))
        assert info.st_ino == os.stat(path, dir_fd=root).st_ino

    assert handles() - before <= CACHED
    tree.forget()
    assert handles() == before
