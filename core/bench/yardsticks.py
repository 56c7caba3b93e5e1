"""What the store is measured beside: the disk itself, and SQLite that loses nothing either.

Each does the same work as the store, on the same disk, in the same run.
"""

import asyncio
import os
import sqlite3
import threading
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Final, Self

SCHEMA: Final = """
CREATE TABLE job (id TEXT PRIMARY KEY, version INTEGER NOT NULL, body BLOB NOT NULL) WITHOUT ROWID;
"""
CHANGE: Final = "UPDATE job SET version = version + 1, body = ? WHERE id = ?"
ADD: Final = "INSERT INTO job (body, id, version) VALUES (?, ?, 1)"
ALL: Final = "SELECT id, version, body FROM job"
A_RECORD: Final = b"x" * 400 + b"\n"

Work = tuple[bytes, str]
"""A body, and the id of whose it is."""


class Disk:
    """A file that grows by a record and is flushed: as quick as a durable change can be."""

    def __init__(self, folder: Path) -> None:
        self._file = (folder / "appended").open("ab", buffering=0)

    def append(self) -> None:
        """Add a record and see that it is on the disk."""
        self._file.write(A_RECORD)
        os.fdatasync(self._file.fileno())

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()


class Sqlite:
    """A database in a file, with a write-ahead log and synchronous=FULL."""

    def __init__(self, path: Path) -> None:
        is_new = not path.exists()
        self._connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self._connection.execute("PRAGMA journal_mode=WAL")
        self._connection.execute("PRAGMA synchronous=FULL")
        if is_new:
            self._connection.executescript(SCHEMA)

    def one(self, statement: str, work: Work) -> None:
        """Do one thing in a transaction of its own."""
        self._connection.execute(statement, work)

    def many(self, statement: str, work: Iterable[Work]) -> None:
        """Do many things in one transaction."""
        self._connection.execute("BEGIN IMMEDIATE")
        self._connection.executemany(statement, work)
        self._connection.execute("COMMIT")

    def everything(self) -> list[tuple[str, int, bytes]]:
        """Return all there is."""
        return self._connection.execute(ALL).fetchall()

    def close(self) -> None:
        """Let go of the database."""
        self._connection.close()


class Batches:
    """One thread that writes for all who wait, each time whatever has come up meanwhile."""

    def __init__(self, write: Callable[[list[Work]], None]) -> None:
        self._write = write
        self._loop = asyncio.get_running_loop()
        self._come = threading.Condition()
        self._work: list[tuple[Work, asyncio.Future[None]]] = []
        self._ending = False
        self._thread = threading.Thread(target=self._write_all, name="batches")

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        with self._come:
            self._ending = True
            self._come.notify()
        self._thread.join()

    async def durable(self, work: Work) -> None:
        """Return when the work is durable."""
        future = self._loop.create_future()
        with self._come:
            self._work.append((work, future))
            self._come.notify()
        await future

    def _write_all(self) -> None:
        while True:
            with self._come:
                self._come.wait_for(lambda: self._work or self._ending)
                group, self._work = self._work, []
            if not group:
                return
            self._write([work for work, _ in group])
            self._loop.call_soon_threadsafe(_wake, [future for _, future in group])


def _wake(futures: list["asyncio.Future[None]"]) -> None:
    for future in futures:
        future.set_result(None)
