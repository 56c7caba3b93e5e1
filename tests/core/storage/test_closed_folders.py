"""Folders of a store that its user may not enter, or that are no folders."""

import errno
import json
import logging
import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from core.errors import StoreUnreadable
from core.storage.base import Changes
from core.storage.yaml_files import YamlFilesStore
from tests.builders import a_kept_job
from tests.doubles import SettableClock

ROOT = Path(__file__).parents[3]
PROGRAM = Path(__file__).parent / "programs" / "open_store.py"
PUT_DOWN = ["setpriv", "--bounding-set=-dac_override,-dac_read_search"] if os.geteuid() == 0 else []
"""Root reads what nobody may read; without these two powers it does not."""

GOOD = "11110000-0000-4000-8000-000000000001"
HURT = "3f2a1b4c-0000-4000-8000-000000000002"


@pytest.fixture
def filled(opened):
    """A store with two jobs, one of them with two generations; nobody holds it."""
    store, _ = opened()
    for version in (1, 2):
        store.commit(Changes(jobs=(a_kept_job(HURT, name="hurt", version=version),)))
    store.commit(Changes(jobs=(a_kept_job(GOOD, name="good"),)))
    store.close()


def opened_without_powers(folder: Path) -> dict[str, Any]:
    argv = [*PUT_DOWN, sys.executable, str(PROGRAM), str(folder)]
    done = subprocess.run(argv, capture_output=True, cwd=ROOT, env={"PYTHONPATH": str(ROOT)}, check=False)
    assert done.returncode == 0, done.stderr.decode()
    told: dict[str, Any] = json.loads(done.stdout)
    return told


@pytest.mark.parametrize("name", ["jobs", "runs"])
@pytest.mark.parametrize("mode", [0o000, 0o600, 0o300])
def test_a_folder_of_the_store_that_is_closed_to_us_is_refused_in_words(filled, folder, name, mode):
    (folder / name).chmod(mode)

    told = opened_without_powers(folder)

    (folder / name).chmod(0o700)
    assert told["refused"] == f"The folder {folder / name} cannot be read: permission is denied."
    assert "Nothing in it was changed" in told["hint"]


@pytest.mark.parametrize("name", ["jobs", "runs"])
def test_a_file_where_a_folder_of_the_store_should_be_is_refused_in_words(filled, folder, name):
    (folder / name).rename(folder / "elsewhere")
    (folder / name).write_text("in the way")
    store = YamlFilesStore(folder, clock=SettableClock())

    with pytest.raises(StoreUnreadable, match=f"{name} cannot be read: there is a file where a folder"):
        store.open()

    assert (folder / name).read_text() == "in the way"


def test_a_folder_of_jobs_that_is_closed_to_us_is_named_and_the_others_stay(filled, folder):
    (folder / "jobs" / "3f").chmod(0o000)

    told = opened_without_powers(folder)

    (folder / "jobs" / "3f").chmod(0o700)
    assert told == {"jobs": [GOOD], "problems": ["jobs/3f"]}


@pytest.mark.parametrize("closed", ["jobs/3f", "backups", "backups/jobs", "backups/jobs/3f"])
@pytest.mark.parametrize("mode", [0o000, 0o600])
def test_the_start_goes_on_whatever_older_generations_cannot_be_read(filled, folder, closed, mode):
    (folder / "jobs" / "3f" / "hurt-3f2a1b4c.yaml").write_bytes(b"")
    (folder / closed).chmod(mode)

    told = opened_without_powers(folder)

    (folder / closed).chmod(0o700)
    assert GOOD in told.get("jobs", ()) or "permission is denied" in told["refused"]


def test_generations_stay_while_a_folder_that_may_hold_their_job_cannot_be_read(filled, folder, monkeypatch):
    scandir = os.scandir

    def refuse(path):
        if Path(path) == folder / "jobs" / "3f":
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)
    store = YamlFilesStore(folder, clock=SettableClock(datetime.now(UTC) + timedelta(days=400)))

    store.open()
    store.close()

    assert (folder / "backups" / "jobs" / "3f" / f"{HURT}.1.yaml").exists()


def test_a_job_whose_file_is_a_link_in_a_circle_goes_on_as_the_version_before_it(filled, folder, opened):
    path = folder / "jobs" / "3f" / "hurt-3f2a1b4c.yaml"
    path.unlink()
    path.symlink_to(path)

    _, contents = opened()

    assert {job.id: job.version for job in contents.jobs} == {GOOD: 1, HURT: 1}


def test_a_problem_without_a_line_is_logged_without_one(filled, folder, opened, caplog):
    (folder / "jobs" / "3f" / "hurt-3f2a1b4c.yaml").unlink()
    (folder / "jobs" / "3f" / "hurt-3f2a1b4c.yaml").mkdir()

    with caplog.at_level(logging.WARNING):
        opened()

    (said,) = [record.getMessage() for record in caplog.records if record.name == "core.storage.yaml_files"]
    assert said.startswith("jobs/3f/hurt-3f2a1b4c.yaml: It is not a file.")
