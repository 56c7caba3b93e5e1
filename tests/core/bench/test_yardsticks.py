import asyncio
import sqlite3

from core.bench.yardsticks import ADD, CHANGE, Batches, Disk, Sqlite


def test_sqlite_loses_nothing_either(tmp_path):
    path = tmp_path / "yardstick.sqlite"
    database = Sqlite(path)

    database.many(ADD, [(b"first", "ana"), (b"first", "ben")])
    database.one(CHANGE, (b"second", "ben"))

    settings = [
        database._connection.execute(f"PRAGMA {name}").fetchone()[0]
        for name in ("synchronous", "journal_mode")
    ]
    assert settings == [2, "wal"]
    assert database.everything() == [("ana", 1, b"first"), ("ben", 2, b"second")]
    database.close()
    assert sqlite3.connect(path).execute("SELECT count(*) FROM job").fetchone() == (2,)


def test_batches_write_all_that_is_asked_for_in_order_and_then_answer():
    written: list[list[tuple[bytes, str]]] = []

    async def ask():
        with Batches(written.append) as batches:
            await asyncio.gather(*(batches.durable((b"", str(number))) for number in range(100)))
            return sum(len(group) for group in written)

    answered = asyncio.run(ask())

    assert answered == 100
    assert [job_id for group in written for _, job_id in group] == [str(number) for number in range(100)]


def test_the_disk_grows_by_a_record_each_time(tmp_path):
    disk = Disk(tmp_path)

    disk.append()
    first = (tmp_path / "appended").stat().st_size
    disk.append()
    disk.close()

    assert (tmp_path / "appended").stat().st_size == 2 * first > 0
