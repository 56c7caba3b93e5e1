"""What is known of each file of the source while it is proved, on disk and in order, however many there are."""

import random
import sqlite3
from collections.abc import Iterable, Iterator
from enum import IntEnum
from pathlib import Path
from typing import Final, NamedTuple

PAGE: Final = 1_000
MEMORY_KIB: Final = 48_000
WRAP: Final = 1 << 64
LARGEST: Final = (1 << 63) - 1

TABLE: Final = """
CREATE TABLE file (
  path BLOB PRIMARY KEY, number INTEGER, size INTEGER, mtime INTEGER, ctime INTEGER, inode INTEGER, device INTEGER,
  state INTEGER DEFAULT 0, drawn INTEGER DEFAULT 0, told BLOB, told_size INTEGER, twice INTEGER DEFAULT 0, digest BLOB
) WITHOUT ROWID
"""
SEEN: Final = "path, size, mtime, ctime, inode, device"


class State(IntEnum):
    """What became of a file."""

    OPEN = 0
    PROVED = 1
    CHANGED = 2
    DAMAGED = 3
    MISSING = 4
    UNREADABLE = 5
    ALIKE = 6
    """By its name and size; nothing was read."""


class Seen(NamedTuple):
    """A file of the source as the survey saw it; `path` is below the source."""

    path: bytes
    size: int
    mtime_ns: int
    ctime_ns: int
    inode: int
    device: int


class Told(NamedTuple):
    """What a program said of a file: its digest and its size, None where it said nothing; `twice` that it contradicts itself."""

    digest: bytes | None
    size: int | None
    twice: bool


class Spool:
    """Holds the files of the source in a file of its own."""

    def __init__(self, path: Path) -> None:
        path.unlink(missing_ok=True)
        self._rows = sqlite3.connect(path, isolation_level=None)
        for pragma in ("journal_mode=OFF", "synchronous=OFF", f"cache_size=-{MEMORY_KIB}", "temp_store=FILE"):
            self._rows.execute(f"PRAGMA {pragma}")
        self._rows.execute(TABLE)
        self._rows.execute("BEGIN")
        self.files = self.bytes = 0

    def add(self, files: Iterable[Seen]) -> None:
        """Add files that the survey saw."""
        rows = []
        for seen in files:
            rows.append((seen.path, self.files, *seen[1:4], _signed(seen.inode), _signed(seen.device)))
            self.files += 1
            self.bytes += seen.size
        self._rows.executemany(
            f"INSERT OR IGNORE INTO file (number, {SEEN}) VALUES (?2, ?1, ?3, ?4, ?5, ?6, ?7)",  # noqa: S608 - our names
            rows,
        )

    # Which are read

    def draw_all(self) -> None:
        """Let every file be read."""
        self._rows.execute("UPDATE file SET drawn = 1")

    @property
    def drawn(self) -> int:
        """Return how many files were drawn so far."""
        number: int = self._rows.execute("SELECT count(*) FROM file WHERE drawn = 1").fetchone()[0]
        return number

    def draw(self, numbers: Iterable[int]) -> None:
        """Let some files be read, by the number they were seen as."""
        self._rows.execute("CREATE TEMP TABLE IF NOT EXISTS lot (number INTEGER PRIMARY KEY)")
        self._rows.execute("DELETE FROM lot")
        self._rows.executemany("INSERT INTO lot VALUES (?)", ((number,) for number in numbers))
        self._rows.execute("UPDATE file SET drawn = 1 WHERE number IN (SELECT number FROM lot)")

    def pages(self) -> Iterator[list[tuple[Seen, Told]]]:
        """Yield the files that were drawn and have no state yet, in the order of their paths."""
        last = b""
        while True:
            rows = self._rows.execute(
                f"SELECT {SEEN}, told, told_size, twice FROM file "  # noqa: S608 - our names
                "WHERE path > ? AND drawn = 1 AND state = 0 ORDER BY path LIMIT ?",
                (last, PAGE),
            ).fetchall()
            if not rows:
                return
            last = rows[-1][0]
            yield [(_seen(row), Told(row[6], row[7], bool(row[8]))) for row in rows]

    # What a program says of them

    def tell_digests(self, said: Iterable[tuple[bytes, bytes]]) -> None:
        """Take digests by path; those of other files than the source's count for nothing."""
        self._rows.executemany(
            "UPDATE file SET twice = twice OR (told IS NOT NULL AND told <> ?1), told = ?1 WHERE path = ?2",
            ((digest, path) for path, digest in said),
        )

    def tell_sizes(self, said: Iterable[tuple[bytes, int]]) -> None:
        """Take sizes by path; those of other files than the source's count for nothing."""
        self._rows.executemany(
            "UPDATE file SET twice = twice OR (told_size IS NOT NULL AND told_size <> ?1), told_size = ?1 "
            "WHERE path = ?2",
            ((min(size, LARGEST), path) for path, size in said),
        )

    # What became of them

    def settle(self, states: Iterable[tuple[bytes, State, bytes | None]]) -> None:
        """Take the state of files, and the digest of those that are proved."""
        self._rows.executemany(
            "UPDATE file SET state = ?2, digest = ?3 WHERE path = ?1",
            ((path, int(state), digest) for path, state, digest in states),
        )

    def count(self, state: State) -> tuple[int, int]:
        """Return how many files are in a state, and their bytes."""
        files, size = self._rows.execute(
            "SELECT count(*), coalesce(sum(size), 0) FROM file WHERE state = ?", (int(state),)
        ).fetchone()
        return files, size

    def proved(self) -> Iterator[tuple[Seen, bytes]]:
        """Yield the files that are proved, in the order of their paths, with their digests."""
        rows = self._rows.execute(
            f"SELECT {SEEN}, digest FROM file WHERE state = ? ORDER BY path",  # noqa: S608 - our names
            (int(State.PROVED),),
        )
        for row in rows:
            yield _seen(row), row[6]

    def close(self) -> None:
        """Let go of the file."""
        self._rows.close()


def order_of_drawing(files: int, seed: int) -> Iterator[int]:
    """Yield the numbers of all files in an order of pure chance; the same for the same seed."""
    chance = random.Random(seed)  # noqa: S311 - the seed comes from secrets
    moved: dict[int, int] = {}  # of the shuffle only what was touched is kept
    for left in range(files, 0, -1):
        place = chance.randrange(left)
        yield moved.get(place, place)
        moved[place] = moved.get(left - 1, left - 1)


def _seen(row: tuple[bytes, int, int, int, int, int]) -> Seen:
    return Seen(*row[:4], row[4] % WRAP, row[5] % WRAP)


def _signed(number: int) -> int:
    """Return a number that the table can hold for one of 64 bits."""
    return number if number <= LARGEST else number - WRAP
