"""Folders and files of a store that its user may not enter or read, or that are no folders."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from core.errors import StorageFailed, StoreUnreadable
from core.storage.folder import StoreFolder
from core.storage.opening import read_state
from core.storage.rows import Changes
from tests.builders import a_kept_job
from tests.core.storage.books import ANA, BEN, CLEO, a_filled_store, books
from tests.doubles import FileStore, SettableClock

ROOT = Path(__file__).parents[3]
PROGRAM = Path(__file__).parent / "programs" / "open_store.py"
PUT_DOWN = ["setpriv", "--bounding-set=-dac_override,-dac_read_search"] if os.geteuid() == 0 else []
"""Root reads what nobody may read; without these two powers it does not."""


@pytest.fixture
def filled(folder):
    """A store with three jobs; nobody holds it."""
    a_filled_store(folder)


def opened_without_powers(folder: Path) -> dict[str, Any]:
    argv = [*PUT_DOWN, sys.executable, str(PROGRAM), str(folder)]
    done = subprocess.run(argv, capture_output=True, cwd=ROOT, env={"PYTHONPATH": str(ROOT)}, check=False)
    assert done.returncode == 0, done.stderr.decode()
    told: dict[str, Any] = json.loads(done.stdout)
    return told


@pytest.mark.parametrize("mode", [0o000, 0o600, 0o300])
def test_a_folder_of_the_store_that_is_closed_to_us_is_refused_in_words(filled, folder, mode):
    (folder / "state").chmod(mode)

    told = opened_without_powers(folder)

    (folder / "state").chmod(0o700)
    assert told["refused"] == f"The folder {folder / 'state'} cannot be read: permission is denied."
    assert "Nothing in it was changed" in told["hint"]
    with books(folder) as store:
        assert len(store.rows.jobs) == 3
        assert not store.told


def test_locks_that_are_closed_to_us_are_refused_in_words(filled, folder):
    (folder / "locks").chmod(0o000)

    told = opened_without_powers(folder)

    (folder / "locks").chmod(0o700)
    assert "permission is denied" in told["refused"]


@pytest.mark.parametrize("name", ["jobs", "jobs/3f", "runs", "backups", "backups/definitions", "quarantine"])
@pytest.mark.parametrize("mode", [0o000, 0o600])
def test_jobs_are_there_whatever_else_is_closed_to_us(filled, folder, name, mode):
    (folder / name).chmod(mode)

    told = opened_without_powers(folder)

    (folder / name).chmod(0o700)
    assert len(told.get("jobs", ())) == 3 or "permission is denied" in told["refused"]


@pytest.mark.parametrize("name", ["state", "locks"])
def test_a_file_where_a_folder_of_the_store_should_be_is_refused_in_words(filled, folder, name):
    (folder / name).rename(folder / "elsewhere")
    (folder / name).write_text("in the way")

    with pytest.raises(StoreUnreadable, match=f"(?s){name}|file exists"):
        FileStore(folder).open()

    assert (folder / name).read_text() == "in the way"


@pytest.mark.parametrize("kind", ["rows", "checkpoint"])
def test_a_file_of_the_snapshot_that_is_closed_to_us_heals_and_is_named(filled, folder, kind):
    hurt = sorted((folder / "state").glob(f"{kind}-*2.yaml"))
    for path in hurt:
        path.chmod(0o000)

    told = opened_without_powers(folder)

    assert len(told["jobs"]) == 3
    assert set(told["problems"]) == {f"state/{path.name}" for path in hurt}


def test_a_segment_that_belongs_to_another_user_stays_as_it_is(filled, folder):
    path = folder / "state" / "journal-3.yaml"
    before = path.read_bytes()
    path.chmod(0o000)

    told = opened_without_powers(folder)

    path.chmod(0o600)
    assert len(told["jobs"]) == 3
    assert told["problems"] == ["state/journal-3.yaml"]
    assert path.read_bytes() == before
    with books(folder) as store:
        assert store.rows.jobs[BEN].version == 2
        assert max(job.version for job in store.rows.jobs.values()) == 2
        assert store.rows.runs["a2"].version == 2
        store.change(Changes(jobs=(a_kept_job(ANA, name="ana", version=2),)))
    with books(folder) as store:
        assert store.rows.jobs[ANA].version == 2


def test_a_problem_without_a_line_is_logged_without_one(filled, folder, caplog):
    path = folder / "state" / "checkpoint-2.yaml"
    path.unlink()
    path.mkdir()

    store = FileStore(folder)
    store.open()
    store.close()

    said = [record.getMessage() for record in caplog.records if record.name == "core.storage.yaml_files"]
    assert any(line.startswith("state/checkpoint-2.yaml: It is not a file.") for line in said)


@pytest.mark.parametrize("name", ["jobs", "runs", "state", "backups", "quarantine", "locks", "logs"])
def test_a_folder_of_the_store_that_is_missing_is_made_anew(filled, folder, name):
    (folder / name).rename(folder.with_name("away"))

    store = FileStore(folder)
    held = store.open()
    store.close()

    assert len(held.jobs) == 3
    assert (folder / name).is_dir()


def test_a_look_needs_no_right_to_write(filled, folder):
    for path in (folder / "state").iterdir():
        path.chmod(0o400)

    assert len(read_state(StoreFolder(folder, SettableClock())).rows.jobs) == 3


def test_a_segment_that_cannot_be_read_keeps_its_place_until_it_can(filled, folder):
    path = folder / "state" / "journal-3.yaml"
    path.rename(folder / "away")
    path.mkdir()
    with books(folder) as store:
        assert store.found.unread == (path.lstat().st_size > 0)
        assert "journal-3" in store.told[0].path
        n = store.change(Changes(jobs=(a_kept_job(ANA, name="anna", version=2),)))

    path.rmdir()
    (folder / "away").rename(path)

    with books(folder) as store:
        assert n > 6
        assert store.rows.jobs[CLEO].version == 2
        assert store.rows.jobs[ANA].name == "anna"


def test_rows_that_cannot_be_read_anywhere_stay_until_they_can(filled, folder):
    shards = sorted((folder / "state").glob("rows-*.yaml"))
    for path in shards:
        path.rename(folder / path.name)
        path.mkdir()

    store = FileStore(folder)
    assert len(store.open().jobs) == 3
    with pytest.raises(StorageFailed, match="could not be read at the start"):
        store.files.checkpoint()
    store.close()

    assert all(path.is_dir() for path in shards)
    for path in shards:
        path.rmdir()
        (folder / path.name).rename(path)
    with books(folder) as books_again:
        assert not books_again.told
        assert books_again.rows.jobs[BEN].version == 2
        assert set(books_again.rows.runs) == {"a1", "a2"}


@pytest.mark.parametrize("name", ["state/reach.yaml", "state/filed-1.yaml"])
@pytest.mark.parametrize("what", ["a folder", "a pipe"])
def test_what_is_no_file_among_the_state_neither_ends_nor_delays_a_start(filled, folder, name, what):
    (folder / name).unlink(missing_ok=True)
    (folder / name).mkdir() if what == "a folder" else os.mkfifo(folder / name)

    store = FileStore(folder)
    held = store.open()
    store.close()

    assert len(held.jobs) == 3
