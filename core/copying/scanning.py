"""The first stage: the crew looks at both trees, and the plan is made."""

import copy
import sqlite3
from collections.abc import Iterable

from core.copying.desk import Desk
from core.copying.findings import planned
from core.copying.messages import (
    Entry,
    Found,
    LinkPair,
    Looked,
    LookInto,
    Planned,
    Reply,
    Shared,
    pack,
    unpack_found,
)
from core.copying.names import joined
from core.models import Progress


def scan(desk: Desk) -> None:
    """Look at everything and put into the plan what is to be done."""
    Scan(desk).run()


class FirstNames:
    """Under which name a file with several names was seen first; made when there is one."""

    def __init__(self, desk: Desk) -> None:
        path = desk.files.folder / "names.db"
        path.unlink(missing_ok=True)
        self._path = path
        self._database: sqlite3.Connection | None = None

    def claim(self, shared: Shared) -> tuple[bytes, bytes] | None:
        """Return the first name of the file, or None if this is it."""
        if self._database is None:
            self._database = self._opened()
        inode = (str(shared.device), str(shared.inode))
        added = self._database.execute(
            "INSERT OR IGNORE INTO names VALUES (?, ?, ?, ?)",
            (*inode, shared.folder, shared.entry.name),
        )
        if added.rowcount:
            return None
        found: tuple[bytes, bytes] = self._database.execute(
            "SELECT folder, name FROM names WHERE device = ? AND inode = ?", inode
        ).fetchone()
        return found

    def _opened(self) -> sqlite3.Connection:
        database = sqlite3.connect(self._path, isolation_level=None)
        database.execute("PRAGMA journal_mode = OFF")
        database.execute("PRAGMA synchronous = OFF")
        database.execute(
            "CREATE TABLE names (device TEXT, inode TEXT, folder BLOB, name BLOB,"
            " PRIMARY KEY (device, inode)) WITHOUT ROWID"
        )
        return database

    def close(self) -> None:
        """Forget all names."""
        if self._database is not None:
            self._database.close()
            self._path.unlink(missing_ok=True)


class Scan:
    """Hands out folders and takes in what is found in them."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._files = desk.files
        self._names = FirstNames(desk)
        self._next = 0
        self._seen_files = 0

    def run(self) -> None:
        """Look at every folder, the upper ones first."""
        self._desk.control.info("Looking at both folders.")
        self._files.folders.append(b"")
        try:
            self._desk.work(self._following, self._take, self._progress)
        finally:
            self._names.close()
        self._desk.notes.account = copy.deepcopy(self._desk.account)

    def _following(self) -> tuple[bytes, LookInto] | None:
        if self._next >= len(self._files.folders):
            return None
        folder = self._files.folders[self._next]
        self._next += 1
        return folder, LookInto(folder)

    def _take(self, folder: bytes, reply: Reply) -> None:
        self._desk.take(reply)
        if reply.tally.get("settle"):
            self._files.settle.append(folder)
        found: Found = unpack_found(reply.body)
        if reply.kind == "done" and any(found.identity):
            self._files.looked.append(pack(Looked(folder, *found.identity)))
        if found.planned is not None:
            self._plan(found.planned)
        for name in found.folders:
            self._files.folders.append(joined(folder, name))
        if found.shared:
            self._take_shared(folder, found.shared)

    def _plan(self, unit: Planned) -> None:
        self._files.plan.append(pack(unit))
        self._desk.notes.plan_bytes += unit.size
        self._desk.notes.plan_files += unit.files
        self._desk.notes.work_bytes += unit.work_bytes
        self._desk.notes.work_files += unit.work_files
        sums = self._desk.notes.sums
        for name, number in unit.sums.items():
            sums[name] = sums.get(name, 0) + number

    def _take_shared(self, folder: bytes, shared: Iterable[Shared]) -> None:
        firsts: list[Entry] = []
        for one in shared:
            first = self._names.claim(one)
            if first is None:
                firsts.append(one.entry)
            else:
                pair = LinkPair(*first, folder, one.entry.name)
                self._files.links.append(pack(pair))
        if firsts:
            self._take_firsts(folder, firsts)

    def _take_firsts(self, folder: bytes, firsts: list[Entry]) -> None:
        size = sum(entry.size for entry in firsts)
        kept = sum(entry.action == "keep" for entry in firsts)
        self._desk.account.count({"files": len(firsts), "bytes": size, "unchanged": kept})
        if self._desk.wishes.verify == "fast":
            firsts = [entry for entry in firsts if entry.action != "keep"]
        if firsts:
            self._plan(planned(folder, firsts))

    def _progress(self) -> Progress:
        account = self._desk.account
        return Progress(
            stage="scan",
            done=account["files"],
            unit="files",
            message=f"{account['files']:,} files in {account['folders']:,} folders found",
        )
