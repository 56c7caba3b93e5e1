"""Holdfast's own state backed up by itself: when, where, and which backups stay."""

from datetime import UTC, datetime, timedelta

import pytest

from core.errors import StorageFailed
from core.own_backups import OwnBackups
from core.service import Service
from core.settings import Settings
from core.storage.rows import Changes
from core.storage.unpacking import entries_of
from tests.builders import a_kept_job
from tests.doubles import FileStore, SettableClock

JOB = "3f2a1b4c-0000-4000-8000-000000000001"
DAY = timedelta(days=1)


@pytest.fixture
def clock():
    return SettableClock(datetime(2026, 11, 2, 3, 0, tzinfo=UTC))


@pytest.fixture
def data(tmp_path):
    return tmp_path / "data"


@pytest.fixture
def store(data, clock):
    store = FileStore(data, clock)
    store.open()
    yield store
    store.close()


@pytest.fixture
def backups(store, data, clock):
    return OwnBackups(
        data / "backups" / "own-state", data, clock, lambda: store.files.source, most_bytes=1_000_000
    )


def a_change(store):
    store.commit(Changes(jobs=(a_kept_job(JOB),)))


def test_the_first_backup_is_made_as_soon_as_there_is_a_job(store, backups):
    backups.take_when_due()
    without = backups.kept()
    a_change(store)

    backups.take_when_due()

    assert without == []
    (kept,) = backups.kept()
    assert kept.facts.jobs == 1
    assert entries_of(kept.path)


def test_a_backup_is_made_once_a_day(store, backups, clock):
    a_change(store)

    made = []
    for _ in range(72):
        backups.take_when_due()
        clock.pass_by(timedelta(hours=1))
        made.append(len(backups.kept()))

    assert made[:24] == [1] * 24
    assert made[-1] == 3


def test_of_many_backups_some_of_each_day_and_each_week_stay(store, backups, clock):
    a_change(store)

    for _ in range(60):
        backups.take()
        clock.pass_by(DAY / 2)

    days = [kept.made_at for kept in backups.kept()]
    newest = days[0]
    assert [newest - at for at in days[:7]] == [timedelta(days=number) for number in range(7)]
    weeks = {at.isocalendar()[:2] for at in days}
    assert len(weeks) == 4
    assert len(days) <= 7 + 3


def test_backups_take_no_more_room_than_allowed_and_the_newest_stays(store, data, clock):
    a_change(store)
    small = OwnBackups(
        data / "backups" / "own-state", data, clock, lambda: store.files.source, most_bytes=3_500
    )

    taken = []
    for _ in range(6):
        taken.append(small.take())
        clock.pass_by(DAY)

    kept = small.kept()
    assert sum(one.size for one in kept[:-1]) <= 3_500
    assert str(kept[0].path) == taken[-1].path
    assert 1 <= len(kept) < 6


def test_only_what_was_made_by_itself_is_let_go_of(store, backups, data, clock):
    a_change(store)
    place = data / "backups" / "own-state"
    (place / "before the move.tar.zst").write_bytes(b"a person's")
    (place / "holdfast-20200101T000000Z.tar.zst").write_bytes(b"of no store")

    for _ in range(40):
        backups.take()
        clock.pass_by(DAY)

    assert (place / "before the move.tar.zst").read_bytes() == b"a person's"
    assert (place / "holdfast-20200101T000000Z.tar.zst").read_bytes() == b"of no store"


def test_segments_that_lead_on_from_no_backup_go_with_the_backups(store, backups, data, clock):
    for _ in range(40):
        a_change(store)
        store.files.checkpoint()
        backups.take()
        clock.pass_by(DAY)

    kept = [int(path.name.split("-")[1].split(".")[0]) for path in (data / "backups" / "segments").iterdir()]
    assert min(kept) == min(one.facts.segment for one in backups.kept())


def test_a_folder_for_backups_that_is_not_there_is_named(store, data, clock, tmp_path):
    a_change(store)
    elsewhere = OwnBackups(tmp_path / "usb", data, clock, lambda: store.files.source, most_bytes=1)

    with pytest.raises(StorageFailed) as refused:
        elsewhere.take_when_due()
    (tmp_path / "usb").mkdir()
    elsewhere.take_when_due()

    assert "usb" in str(refused.value)
    assert "mounted" in refused.value.hint
    assert len(elsewhere.kept()) == 1


def test_two_backups_in_the_same_second_are_two(store, backups):
    a_change(store)

    first, second = backups.take(), backups.take()

    assert first.path != second.path
    assert second.path in {str(kept.path) for kept in backups.kept()}


def test_a_backup_is_due_when_the_clock_was_set_back(store, backups, clock):
    a_change(store)
    backups.take_when_due()
    clock.set(clock.now() - 30 * DAY)

    backups.take_when_due()
    backups.take_when_due()

    assert sorted(kept.made_at for kept in backups.kept()) == [clock.now(), clock.now() + 30 * DAY]


def test_a_running_holdfast_backs_itself_up(tmp_path):
    service = Service(Settings(data=tmp_path / "data", slots=0))

    names = {state.name for state in service.housekeeping.states()}
    off = Service(Settings(data=tmp_path / "data", slots=0, own_backup="off"))

    assert len(names) == len(off.housekeeping.states()) + 1
    service.events.close()
    off.events.close()
