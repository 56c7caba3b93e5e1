"""Stores that can be opened again, and a disk that can be told to fail."""

import errno
import os

import pytest

from core.errors import StorageFailed
from core.storage.memory import MemoryStore
from tests.doubles import FileStore, UsedStore


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "data"


@pytest.fixture
def files(folder):
    """Return what each file of the folder holds at present."""

    def look():
        found = (path for path in folder.rglob("*") if path.is_file())
        return {path.relative_to(folder).as_posix(): path.read_bytes() for path in found}

    return look


@pytest.fixture
def opened(folder):
    """Open the store of files; opening it again is what a restart does."""
    stores = []

    def open_again():
        for store in stores:
            store.close()
        stores.append(FileStore(folder))
        return stores[-1], stores[-1].open()

    yield open_again
    for store in stores:
        store.close()


class Disk:
    """The system calls that change a disk; each can be made to fail from a certain one on."""

    CALLS = (
        "open",
        "write",
        "fsync",
        "fdatasync",
        "ftruncate",
        "replace",
        "rename",
        "link",
        "unlink",
        "mkdir",
    )

    def __init__(self, monkeypatch):
        self.seen: list[str] = []
        self._fails_at: int | None = None
        self._again = False
        self._only: tuple[str, ...] = self.CALLS
        self._errno = 0
        for name in self.CALLS:
            monkeypatch.setattr(os, name, self._watched(name, getattr(os, name)))

    def fail_at(
        self, number: int, error: int, *, only: str | tuple[str, ...] = CALLS, again: bool = False
    ) -> None:
        """Fail at the n-th call from now (of those named `only`), and `again` at all that follow."""
        self.seen.clear()
        self._only = (only,) if isinstance(only, str) else only
        self._fails_at, self._errno, self._again = number, error, again

    def heal(self) -> None:
        self._fails_at = None

    def _watched(self, name, call):
        def watched(*arguments, **named):
            if name in self._only:
                self.seen.append(name)
                if self._fails():
                    raise OSError(self._errno, os.strerror(self._errno))
            return call(*arguments, **named)

        return watched

    def _fails(self) -> bool:
        if self._fails_at is None:
            return False
        count = len(self.seen) - 1
        return count >= self._fails_at if self._again else count == self._fails_at


@pytest.fixture
def disk(monkeypatch):
    return Disk(monkeypatch)


@pytest.fixture
def failing_fsync(disk):
    """Make every fsync fail with an error of the disk, until it is healed."""

    def fail():
        disk.fail_at(0, errno.EIO, only=("fsync", "fdatasync"), again=True)

    return fail


class Place:
    """Somewhere a store can be opened, closed, opened again, and get into trouble."""

    def __init__(self, make, fail, heal):
        self._make = make
        self._stores = []
        self.fail = fail
        self.heal = heal

    def another(self):
        self._stores.append(self._make())
        return self._stores[-1]

    def open(self):
        self.close()
        store = self.another()
        return store, store.open()

    def close(self):
        while self._stores:
            self._stores.pop().close()


@pytest.fixture(params=["memory", "yaml files"])
def place(request, folder, disk, failing_fsync):
    if request.param == "memory":
        memory = MemoryStore()
        place = Place(
            lambda: UsedStore(memory), lambda: memory.fail_next(StorageFailed("It failed.")), lambda: None
        )
    else:
        place = Place(lambda: FileStore(folder), failing_fsync, disk.heal)
    yield place
    disk.heal()
    place.close()
