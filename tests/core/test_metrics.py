"""What all runs amount to, through crashes, full disks and clocks that are set."""

import errno
from datetime import UTC, datetime, timedelta

import pytest

from core.events import EventsMissed, RunMoved
from core.metrics import Metrics
from core.rollup_files import RollupFiles
from core.rollups import DAY, HOUR, Tally, start_of
from core.states import RunState
from tests.builders import a_kept_run

LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)
LATER = datetime(2100, 1, 1, tzinfo=UTC)


class House:
    """Where runs end, and what counts them; `crash` begins anew without a word of goodbye."""

    def __init__(self, folder, clock):
        self.folder = folder
        self.clock = clock
        self.runs = []
        self.waiting = 0
        self.begin()

    def begin(self):
        self.metrics = Metrics(self.folder / "metrics", self.clock, lambda: self.runs, lambda: self.waiting)
        self.metrics._files.open()
        self.metrics.take_up()

    crash = begin

    def end(self, many=1, *, told=True, **fields):
        """Let runs end now."""
        for _ in range(many):
            now = self.clock.now()
            given = {"state": RunState.COMPLETED, "started_at": now, "ended_at": now, "result": {"bytes": 10}}
            run = a_kept_run(f"run-{len(self.runs)}", "job-1", **given | fields)
            self.runs.append(run)
            if told:
                self.metrics.heard(RunMoved(run=run, was=RunState.RUNNING))

    def counted(self, by="hour"):
        return [tally.count() for tally in self.metrics.between(LONG_AGO, LATER, by)]

    def forget_yesterday(self):
        """Have at hand what a manager has: the last day's."""
        self.runs = [run for run in self.runs if run.ended_at > self.clock.now() - DAY]


@pytest.fixture
def house(tmp_path, clock):
    return House(tmp_path, clock)


def test_runs_count_in_the_hour_in_which_they_ended(house, clock):
    house.end(2)
    clock.pass_by(HOUR)
    house.end(3)

    assert house.counted() == [2, 3]
    assert house.counted("day") == [5]


def test_a_crash_before_anything_is_written_neither_loses_nor_doubles_a_run(house):
    house.end(4)

    house.crash()

    assert house.counted() == [4]


def test_a_crash_after_something_is_written_neither_loses_nor_doubles_a_run(house):
    house.end(4)
    house.metrics.write()
    house.end(3)

    house.crash()
    house.end(2)
    house.metrics.write()
    house.crash()

    assert house.counted() == [9]


def test_a_torn_line_costs_nothing(house):
    house.end(4)
    house.metrics.write()
    [recent] = house.folder.glob("metrics/recent-*")
    recent.write_bytes(recent.read_bytes()[:-60])

    house.crash()
    house.end(1)
    house.metrics.write()
    house.crash()

    assert house.counted() == [5]


def test_a_crash_while_an_hour_is_made_counts_it_once(house, clock, monkeypatch):
    house.end(4)
    house.metrics.write()
    [recent] = house.folder.glob("metrics/recent-*")
    lines = recent.read_bytes()
    clock.pass_by(2 * HOUR)
    house.metrics.write()
    assert not recent.exists()
    recent.write_bytes(lines)

    house.crash()
    assert house.counted() == house.counted("day") == [4]
    house.metrics.write()

    assert house.counted() == house.counted("day") == [4]
    assert not recent.exists()


def test_a_day_off_costs_no_run_that_ended_before_it(house, clock):
    house.end(4)
    house.metrics.write()
    house.end(2)
    clock.pass_by(3 * DAY)

    house.crash()

    assert house.counted() == [6]


def test_a_run_is_not_counted_again_when_its_hour_was_made(house, clock):
    house.end(4)
    clock.pass_by(2 * HOUR)
    house.metrics.write()

    house.crash()

    assert house.counted() == [4]


def test_runs_that_were_not_told_of_because_there_were_too_many_are_found_in_the_store(house):
    house.end(4)
    house.end(5, told=False)

    house.metrics.heard(EventsMissed(count=5))
    house.metrics.write()

    assert house.counted() == [9]


def test_jobs_that_were_deleted_since_still_count(house):
    house.end(4)
    house.metrics.write()
    house.runs = []

    house.crash()

    assert house.counted() == [4]


def test_a_clock_that_is_set_back_adds_to_the_hour_that_was(house, clock):
    house.end(4)
    clock.pass_by(2 * HOUR)
    house.metrics.write()
    clock.set(clock.now() - 2 * HOUR)
    house.end(1)
    house.metrics.write()

    house.crash()
    assert house.counted() == house.counted("day") == [5]
    clock.pass_by(2 * HOUR)
    house.metrics.write()

    assert house.counted() == house.counted("day") == [5]


def test_hours_are_kept_for_45_days_and_days_for_two_years(house, clock):
    began = clock.now()
    for _ in range(45):
        house.end(2)
        clock.pass_by(20 * DAY)
        house.forget_yesterday()
        house.metrics.write()

    hours = house.metrics.between(LONG_AGO, LATER)
    days = house.metrics.between(LONG_AGO, LATER, "day")

    assert [tally.count() for tally in hours] == [2, 2]
    assert clock.now() - hours[0].at < 46 * DAY
    assert {tally.count() for tally in days} == {2}
    assert timedelta(days=731) <= clock.now() - days[0].at < clock.now() - began


def test_a_year_of_days_is_read_from_a_few_files(house, clock, monkeypatch):
    first = start_of(clock.now(), "day") - 365 * DAY
    files = RollupFiles(house.folder / "metrics")
    days = [Tally(at=first + number * DAY, retries=1) for number in range(365)]
    for year in {day.at.year for day in days}:
        some = [day for day in days if day.at.year == year]
        files._write(files._days_path(some[0].at), some)
    read = []
    read_of = RollupFiles._read

    def reading(files, path):
        read.append(path)
        return read_of(files, path)

    monkeypatch.setattr(RollupFiles, "_read", reading)

    days = house.metrics.between(first, clock.now(), "day")

    assert sum(day.retries for day in days) == 365
    assert len(read) == 2


def test_the_last_day_is_24_hours_with_the_one_that_is_not_over(house, clock):
    house.end(7)
    clock.pass_by(24 * HOUR)
    house.end(2)
    clock.pass_by(2 * HOUR)
    house.end(3)
    house.metrics.write()

    assert house.metrics.last_day().count() == 5


def test_how_many_wait_is_kept_as_average_and_most(house, clock):
    for house.waiting in (0, 4, 2):
        house.metrics.look()
    house.end()
    house.metrics.write()
    house.crash()

    [tally] = house.metrics.between(LONG_AGO, LATER)
    assert (tally.depth.average, tally.depth.most) == (2, 4)


def test_nothing_is_written_while_nothing_ends(house, clock):
    for _ in range(100):
        clock.pass_by(timedelta(seconds=5))
        house.metrics.look()
        house.metrics.write()

    assert not list(house.folder.glob("metrics/recent-*"))


def test_a_full_disk_costs_no_figure_once_there_is_room_again(house, monkeypatch):
    def full(*arguments):
        raise OSError(errno.ENOSPC, "No space left on device")

    house.end(4)
    with monkeypatch.context() as there_is_no_room:
        there_is_no_room.setattr(RollupFiles, "append", full)
        house.metrics.write()
        assert house.metrics.trouble == "No space left on device"
        assert house.counted() == [4]

    house.metrics.write()
    house.runs = []
    house.crash()

    assert not house.metrics.trouble
    assert house.counted() == [4]


def test_a_damaged_file_is_put_aside_and_harms_nothing(house, clock):
    house.end(4)
    clock.pass_by(2 * HOUR)
    house.metrics.write()
    [hours] = house.folder.glob("metrics/hours-*")
    hours.write_text("[{not json")

    house.end(1)

    assert house.counted() == [1]
    assert hours.with_name(hours.name + ".damaged").exists()


def test_a_file_that_tells_no_date_is_left_alone(house):
    odd = house.folder / "metrics" / "hours-2026-13-99.json"
    odd.write_text("mine")

    house.end(1)

    assert house.counted() == house.counted("day") == [1]
    assert odd.read_text() == "mine"


def test_what_this_process_counted_is_known_apart(house):
    house.end(3)
    house.crash()
    house.end(2)

    assert house.metrics.totals().count() == 2
    assert house.counted() == [5]


def test_counting_goes_on_by_itself_and_is_written_at_the_end(house, clock):
    house.metrics.start()
    house.end(3)
    house.metrics.stop()

    recent = RollupFiles(house.folder / "metrics").recent()
    ended = [line.ended.id for line in recent[start_of(clock.now(), "hour")] if line.ended]
    assert ended == ["run-0", "run-1", "run-2"]
