"""Do something in a child that is killed at its first, second, third ... call that touches the disk.

After each kill the folder is opened again here, and what is found is told. The calls are those that
Python's audit events and a few patched functions see: every file opened, renamed, removed, linked, made,
cut, written with `os.write` or flushed.
"""

import itertools
import json
import os
import random
import shutil
import signal
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from core.clock import SystemClock
from core.storage import migration
from core.storage.folder import StoreFolder
from core.storage.generations import find_rows

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


def bring_up(folder: Path) -> None:
    held = StoreFolder(folder, SystemClock())
    held.take()
    try:
        migration.bring_up(held, SystemClock())
    finally:
        held.release()


def killed_at(number: int, folder: Path) -> bool:
    """Tell whether the child got as far as that call."""
    child = os.fork()
    if not child:
        Killer(number, folder)
        bring_up(folder)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        return True
    assert status == 0, "the child failed by itself"
    return False


def found(folder: Path) -> dict[str, Any]:
    """Return everything that the next start makes of the folder."""
    bring_up(folder)
    read = find_rows(folder, StoreFolder(folder, SystemClock()).store_id)
    return {
        "rows": sorted(map(repr, read.rows)),
        "wounds": len(read.wounds),
        "files": sorted(
            path.relative_to(folder).as_posix()
            for path in folder.rglob("*")
            if path.is_file() and path.parts[len(folder.parts)] not in {"locks", "quarantine"}
        ),
        "kept": len({path.name.split("-", 1)[1] for path in (folder / "quarantine").iterdir()}),
    }


def plain(told: dict[str, Any]) -> str:
    """Return what was found as text, without the time at which the copy was made."""
    files = ["copy" if migration.KIND in name else name for name in told["files"]]
    return json.dumps(told | {"files": files})


def main(source: Path, scratch: Path) -> None:
    def fresh() -> Path:
        folder = scratch / "store"
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(source, folder)
        return folder

    right = plain(found(fresh()))
    wrong: list[int] = []
    kills = 0
    for number in itertools.count(1):
        folder = fresh()
        if not killed_at(number, folder):
            break
        kills += 1
        if plain(found(folder)) != right:
            wrong.append(number)
    luck = random.Random(kills)
    for _ in range(TWICE):
        folder = fresh()
        numbers = luck.randint(1, kills), luck.randint(1, kills)
        for number in numbers:
            killed_at(number, folder)
        if plain(found(folder)) != right:
            wrong.extend(numbers)
    print(json.dumps({"kills": kills, "wrong": wrong}))  # noqa: T201 - its answer


if __name__ == "__main__":
    # A kill leaves in memory what it leaves on a disk, and there nothing is waited for.
    memory = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=memory if os.access(memory, os.W_OK) else sys.argv[2]) as scratch:
        main(Path(sys.argv[1]), Path(scratch))
