"""Do something in a child that is killed at one call after the other that touches the disk.

After each kill the folder is opened again here, and what is found is told. The calls are those that
Python's audit events and a few patched functions see: every file opened, renamed, removed, linked, made,
cut, written with `os.write` or flushed.
"""

import json
import os
import random
import re
import shutil
import signal
import sys
import tempfile
from abc import abstractmethod
from collections.abc import Callable
from pathlib import Path
from typing import Any

from core.clock import SystemClock
from core.storage import migration
from core.storage.folder import StoreFolder
from core.storage.opening import read_state
from core.storage.own_backup import at_rest, take_backup
from core.storage.restoring import restore

EVENTS = {"open", "os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.link", "os.truncate"}
TWICE = 10


class Killer:
    """Ends this process, as a lost power supply would, at the n-th call."""

    def __init__(self, number: int, folder: Path) -> None:
        self._left = number
        self._folder = str(folder)
        sys.addaudithook(self._heard)
        for name in ("write", "fsync", "fdatasync", "ftruncate"):
            setattr(os, name, self._counted(getattr(os, name)))

    def _heard(self, event: str, arguments: tuple[Any, ...]) -> None:
        if event in EVENTS and str(arguments[0]).startswith(self._folder):
            self._count()

    def _counted(self, call: Callable[..., Any]) -> Callable[..., Any]:
        def counted(*arguments: Any) -> Any:
            self._count()
            return call(*arguments)

        return counted

    def _count(self) -> None:
        self._left -= 1
        if self._left == 0:
            os.kill(os.getpid(), signal.SIGKILL)


class Task:
    """Something to be killed at: from what it begins, and what the next start makes of its remains."""

    def __init__(self, source: Path, scratch: Path) -> None:
        self.source = source
        self.folder = scratch / "store"

    def begin(self) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)
        shutil.copytree(self.source, self.folder)

    @abstractmethod
    def act(self) -> None:
        """Do it, or finish it."""

    def found(self) -> dict[str, Any]:
        """Do what the next start does, and return everything that is there then."""
        self.act()
        read = read_state(StoreFolder(self.folder, SystemClock()))
        return {
            "jobs": sorted(map(repr, read.rows.jobs.values())),
            "runs": sorted(map(repr, read.rows.runs.values())),
            "number": read.n,
            "problems": len(read.problems),
            "files": sorted({_plain(path.relative_to(self.folder)) for path in self.folder.rglob("*")}),
        }


class Migrate(Task):
    def act(self) -> None:
        held = StoreFolder(self.folder, SystemClock())
        held.take()
        try:
            migration.bring_up(held, SystemClock())
        finally:
            held.release()


class BackUp(Task):
    def act(self) -> None:
        held = StoreFolder(self.folder, SystemClock())
        held.take()
        try:
            take_backup(at_rest(held), self.folder / "backups" / "own-state" / "own.tar.zst", SystemClock())
        finally:
            held.release()


class Restore(Task):
    def begin(self) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)

    def act(self) -> None:
        if not (self.folder / "store.yaml").exists():
            restore(self.source, self.folder)


def _plain(path: Path) -> str:
    """Return a path without the times in it."""
    if path.parts[0] == "locks":
        return "locks"
    return re.sub(r"\d{8}T\d{6}Z", "TIME", path.as_posix())


def killed_at(number: int, task: Task) -> bool:
    """Tell whether the child got as far as that call."""
    child = os.fork()
    if not child:
        Killer(number, task.folder)
        task.act()
        os._exit(0)
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        return True
    assert status == 0, "the child failed by itself"
    return False


def all_calls(task: Task) -> int:
    """Return how many calls there are, by killing at the last one that can be found."""
    low, high = 1, 2
    task.begin()
    while killed_at(high, task):
        low, high = high, high * 2
        task.begin()
    while high - low > 1:
        middle = (low + high) // 2
        task.begin()
        low, high = (middle, high) if killed_at(middle, task) else (low, middle)
    return low


def main(task: Task, most: int) -> None:
    task.begin()
    right = json.dumps(task.found())
    calls = all_calls(task)
    luck = random.Random(calls)
    numbers: list[tuple[int, ...]] = [
        (number,) for number in sorted(luck.sample(range(1, calls + 1), min(most, calls)))
    ]
    numbers += [(luck.randint(1, calls), luck.randint(1, calls)) for _ in range(TWICE)]
    wrong: list[Any] = []
    for kills in numbers:
        task.begin()
        for number in kills:
            killed_at(number, task)
        if json.dumps(task.found()) != right:
            wrong.append(kills)
    print(json.dumps({"calls": calls, "kills": len(numbers), "wrong": wrong}))  # noqa: T201 - its answer


if __name__ == "__main__":
    what, source, most = sys.argv[1], Path(sys.argv[2]), int(sys.argv[4])
    # A kill leaves in memory what it leaves on a disk, and there nothing is waited for.
    memory = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=memory if os.access(memory, os.W_OK) else sys.argv[3]) as scratch:
        tasks: dict[str, Callable[[Path, Path], Task]] = {
            "migrate": Migrate,
            "backup": BackUp,
            "restore": Restore,
        }
        main(tasks[what](source, Path(scratch)), most)
