"""What this Holdfast holds and what that costs."""

import os
from datetime import timedelta

import pytest

from core.holdings import OwnBackup, Reach, Stocktaking
from core.keeping import Keeper
from core.retention import Keeping
from core.storage.measuring import Part, Room
from tests.builders import WHEN, a_job, a_queued_run

BACKUP = OwnBackup(name="2026-11-20.tar.zst", made_at=WHEN - timedelta(hours=9), bytes=4_096)
ROOM = Room(free=38_000_000_000, total=64_000_000_000)


@pytest.fixture
def data(tmp_path):
    for name, size in {
        "jobs/3f/a.yaml": 3_000,
        "state/journal-1.yaml": 90_000,
        "logs/aa/aa.log": 9_000,
    }.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x" * size)
    return tmp_path


@pytest.fixture
def take_stock(manager, logs, clock, data):
    keeper = Keeper(manager, logs, data, clock, Keeping())
    stock = Stocktaking(manager, keeper, data, clock, reach=lambda: Reach(backup=BACKUP, earliest=WHEN))
    stock.room = lambda: ROOM  # what is free on a disk that others use, too, is another number at every look
    return stock


def space_of(*paths):
    return sum(path.stat().st_blocks * 512 for path in paths)


def test_the_stock_is_counted_weighed_and_told(take_stock, manager, data):
    for _ in range(3):
        a_job(manager)
    a_queued_run(manager)
    (data / "state" / "checkpoint-7.yaml").write_text("{}")
    os.utime(data / "state" / "checkpoint-7.yaml", (WHEN.timestamp(),) * 2)

    holdings = take_stock.holdings()

    assert (holdings.jobs, holdings.runs, holdings.older_runs) == (4, 1, 0)
    assert holdings.parts[Part.JOURNAL].bytes == space_of(data / "state" / "journal-1.yaml")
    assert holdings.parts[Part.LOGS].files == 1
    assert holdings.bytes == sum(amount.bytes for amount in holdings.parts.values())
    assert holdings.room == ROOM
    assert holdings.checkpoint_at == WHEN
    assert holdings.reach.backup == BACKUP
    assert holdings.keeping == Keeping()
    assert holdings.outlook.runs == 0


def test_stock_is_taken_once_a_minute_however_often_it_is_asked_for(take_stock, manager, clock):
    first = take_stock.holdings()
    a_job(manager)
    clock.pass_by(timedelta(seconds=59))
    still = take_stock.holdings()
    clock.pass_by(timedelta(seconds=1))
    later = take_stock.holdings()

    assert still is first
    assert (first.jobs, later.jobs) == (0, 1)


def test_stock_is_taken_anew_after_something_was_done_to_it(take_stock, manager):
    take_stock.holdings()
    a_job(manager)
    take_stock.forget()

    assert take_stock.holdings().jobs == 1


def test_growth_is_told_since_the_oldest_day_that_was_kept(take_stock, data, clock):
    before = take_stock.holdings().bytes
    take_stock.sample()
    (data / "jobs/3f/b.yaml").write_bytes(b"x" * 500_000)
    clock.pass_by(timedelta(days=3))
    take_stock.sample()

    holdings = take_stock.holdings()

    assert holdings.first.at == clock.now() - timedelta(days=3)
    assert holdings.first.bytes == before
    assert holdings.bytes >= before + 500_000


def test_a_day_has_one_sample_however_often_holdfast_is_started(take_stock, data, clock):
    take_stock.sample()
    once = (data / "state" / "growth.yaml").read_bytes()
    clock.pass_by(timedelta(hours=19))
    take_stock.sample()

    assert (data / "state" / "growth.yaml").read_bytes() == once


@pytest.mark.parametrize(
    "damage", [b"", b"\0" * 50, b"samples: 5\n", b"samples: [{at: tomorrow}]\n", b"- 1\n", b"{"]
)
def test_samples_that_cannot_be_read_begin_anew(take_stock, data, damage):
    (data / "state" / "growth.yaml").write_bytes(damage)

    take_stock.sample()

    assert take_stock.holdings().first.bytes > 0
