"""A program: copies an SQLite database as it is at one moment, and looks whether the copy is whole.

It is run by its path and imports nothing of ours: `sqlite_dump.py DATABASE COPY`.
"""

import contextlib
import os
import sqlite3
import sys
from pathlib import Path
from urllib.parse import quote

BUSY_SECONDS = 60.0


def main(database: str, copy: str) -> str:
    """Make the copy; return what went wrong, in words, empty where nothing did."""
    Path(copy).unlink(missing_ok=True)
    try:
        with (
            contextlib.closing(opened(database, "ro")) as source,
            contextlib.closing(opened(copy, "rwc")) as target,
        ):
            source.backup(target)  # in one go: whoever writes meanwhile is before it or after it
            target.execute("PRAGMA journal_mode = DELETE")
            found = target.execute("PRAGMA quick_check(1)").fetchone()[0]
    except sqlite3.Error as error:
        return f"{database}: {error}"
    return "" if found == "ok" else f"{database}: the copy is damaged: {found}"


def opened(path: str, mode: str) -> sqlite3.Connection:
    """Return a connection to the file, to be read only ("ro") or made ("rwc")."""
    return sqlite3.connect(
        f"file:{quote(path)}?mode={mode}", uri=True, timeout=BUSY_SECONDS, isolation_level=None
    )


if __name__ == "__main__":
    os.umask(0o077)
    trouble = main(*sys.argv[1:3])
    if trouble:
        sys.stderr.buffer.write(f"{trouble}\n".encode(errors="replace"))
        sys.exit(1)
