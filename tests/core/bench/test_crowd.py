import os
import time

import pytest

from core.bench import children, crowd
from core.bench.changes import SLOWER, Toggling, slower_disk
from core.bench.workshop import a_manager
from core.states import RunState


@pytest.fixture
def data(tmp_path):
    """Return a folder with a small crowd."""
    crowd.make(tmp_path / "data", 30)
    return tmp_path / "data"


def test_a_crowd_is_jobs_with_a_run_that_is_over_each_and_a_file(data):
    with a_manager(data) as (manager, _):
        items = manager.list_jobs(crowd.EVERYTHING).items
        problems = manager.problems

    assert len(items) == len(tuple((data / "jobs").glob("??/*.yaml"))) == 30
    runs = [item.latest_run for item in items if item.latest_run]
    assert [run.state for run in runs] == [RunState.COMPLETED] * 30
    assert all(run.options is item.job.options for run, item in zip(runs, items, strict=True))
    assert problems == ()


def test_a_start_is_measured_in_a_process_of_its_own(data):
    answer = children.run("start", data)

    assert answer["jobs"] == 30
    assert answer["took"] > 0
    assert answer["imports"] > 0
    assert answer["memory"] > 1


def test_toggling_starts_and_cancels_in_turn(data):
    with a_manager(data) as (manager, _):
        toggling = Toggling(manager, 1)

        states = [toggling.once(0).state for _ in range(3)]

    assert states == [RunState.QUEUED, RunState.CANCELLED, RunState.QUEUED]


def test_a_slower_disk_is_as_quick_again_afterwards(tmp_path):
    flush = os.fdatasync
    with (tmp_path / "file").open("wb") as file:
        began = time.monotonic()
        with slower_disk():
            os.fdatasync(file.fileno())
        took = time.monotonic() - began

    assert took >= SLOWER
    assert os.fdatasync is flush
