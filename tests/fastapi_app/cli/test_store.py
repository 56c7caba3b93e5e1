"""`holdfast store`: beside a running server, and by itself."""

import json
import shutil
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner

from core.errors import HoldfastError, InvalidOptions, Refused
from core.storage.unpacking import entries_of, facts_of
from fastapi_app.cli.program import app

WRITTEN_BEFORE = Path(__file__).parents[2] / "core" / "storage" / "stores" / "format-1"


@pytest.fixture
def call(data, monkeypatch):
    """Call the command in this process; returns its result."""
    monkeypatch.setenv("HOLDFAST_DATA", str(data))
    return lambda *words: CliRunner().invoke(app, list(map(str, words)))


@pytest.fixture
def make(call, source, tmp_path):
    """Make jobs of these names."""

    def make_jobs(*names):
        for name in names:
            words = ("-o", f"source={source}", "-o", f"destination={tmp_path / f'copy of {name}'}")
            answer = call("job", "create", name, *words)
            assert answer.exit_code == 0, answer.exception

    return make_jobs


@pytest.fixture
def server(argv, environment):
    """A server on this test's data folder, ready when it has told its address."""
    process = subprocess.Popen(
        argv("serve", "--port", "0"),
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert process.stdout is not None
    assert any("http://127.0.0.1:" in line for line in process.stdout)
    yield process
    process.terminate()
    process.wait(30)
    process.stdout.close()


def names_in(answer):
    return sorted(item["job"]["name"] for item in json.loads(answer.stdout))


def files_in(folder: Path) -> dict[str, bytes]:
    found = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in found}


def test_a_running_server_is_backed_up_and_compacted_through_its_own_door(
    server, make, holdfast, data, tmp_path
):
    make("photos", "films")

    named = holdfast("store", "backup", tmp_path / "own.tar.zst", "--json")
    unnamed = holdfast("store", "backup")
    compacted = holdfast("store", "compact", "--json")
    checked = holdfast("store", "check")
    verified = holdfast("store", "verify", tmp_path / "own.tar.zst")
    make("letters")

    answers = (named, unnamed, compacted, checked, verified)
    assert [answer.returncode for answer in answers] == [0] * 5, [answer.stderr for answer in answers]
    assert json.loads(named.stdout)["jobs"] == facts_of(tmp_path / "own.tar.zst").jobs == 2
    assert entries_of(tmp_path / "own.tar.zst")
    assert "read it back" in unnamed.stdout
    assert len(list((data / "backups" / "own-state").iterdir())) >= 1
    assert set(json.loads(compacted.stdout)) == {"before", "after", "parts"}
    assert f"in use by process {server.pid}" in checked.stdout
    assert len(names_in(holdfast("job", "list", "--json"))) == 3


def test_a_backup_to_a_named_file_needs_no_room_elsewhere(environment, request, holdfast, tmp_path):
    environment["HOLDFAST_OWN_BACKUP_DIR"] = str(tmp_path / "a disk that is not mounted")
    request.getfixturevalue("server")
    target = tmp_path / "usb \udcff.tar.zst"

    named = holdfast("store", "backup", target)
    again = holdfast("store", "backup", target)
    unnamed = holdfast("store", "backup")

    assert (named.returncode, again.returncode, unnamed.returncode) == (0, 2, 2), named.stderr
    assert entries_of(target)
    assert f"into {tmp_path}/usb " in named.stdout
    assert "is there already" in again.stderr
    assert "not mounted" in unnamed.stderr
    assert list(tmp_path.rglob("holdfast-*.tar.zst")) == []


def test_a_backup_that_fails_is_told_beside_a_server_as_without_one(server, call):
    beside = call("store", "backup", "/proc/own.tar.zst")
    server.terminate()
    server.wait(30)
    alone = call("store", "backup", "/proc/own.tar.zst")

    assert isinstance(beside.exception, HoldfastError)
    assert str(beside.exception) == str(alone.exception)
    assert "The backup of the store could not be made" in str(alone.exception)


def test_a_time_after_the_last_change_is_the_present_and_one_to_come_is_refused(make, call, tmp_path):
    make("photos", "films")
    now, soon = datetime.now(UTC), datetime.now(UTC) + timedelta(hours=1)

    present = call("store", "restore", "--at", now.isoformat(), tmp_path / "present")
    to_come = call("store", "restore", "--at", soon.isoformat(), tmp_path / "to come")

    assert present.exit_code == 0
    assert "Restored 2 jobs" in present.stdout
    assert isinstance(to_come.exception, InvalidOptions)
    assert "has not come yet" in str(to_come.exception)
    assert not (tmp_path / "to come").exists()


def test_without_a_server_the_commands_work_by_themselves(make, call, tmp_path):
    make("photos", "films")
    backed_up = call("store", "backup", tmp_path)
    (backup,) = tmp_path.glob("holdfast-*.tar.zst")
    make("letters")
    compacted = call("store", "compact")

    restored = call("store", "restore", backup, tmp_path / "restored")
    at_a_change = call("store", "restore", "--at", "1", tmp_path / "at a change", "--backups", tmp_path)
    now = datetime.now(UTC).isoformat()
    at_a_time = call("store", "restore", "--at", now, tmp_path / "at a time")

    answers = (backed_up, compacted, restored, at_a_change, at_a_time)
    assert [answer.exit_code for answer in answers] == [0] * 5, [answer.exception for answer in answers]
    found = {}
    for name in ("restored", "at a change", "at a time"):
        checked = call("store", "check", "--data", tmp_path / name)
        assert checked.exit_code == 0, checked.stdout
        found[name] = names_in(call("job", "list", "--json", "--data", tmp_path / name))
    assert found == {
        "restored": ["films", "photos"],
        "at a change": ["photos"],
        "at a time": ["films", "letters", "photos"],
    }


def test_an_older_store_is_brought_up_by_command(call, data):
    shutil.copytree(WRITTEN_BEFORE, data)
    before = files_in(data)

    checked = call("store", "check")
    told = call("store", "migrate", "--dry-run")
    touched = files_in(data) != before
    done = call("store", "migrate")
    again = call("store", "migrate")

    assert (checked.exit_code, told.exit_code, done.exit_code, again.exit_code) == (1, 0, 0, 0)
    assert "older format" in checked.stdout
    assert "4 jobs and 5 runs would be brought up" in told.stdout
    assert not touched
    assert "hurt-28ce6f24.yaml" in done.stdout
    assert "already" in again.stdout
    assert len(names_in(call("job", "list", "--json"))) == 4


def test_a_fault_is_told_with_its_place_in_words_and_in_json(make, call, data):
    make("photos")
    (definition,) = (data / "jobs").rglob("*.yaml")
    definition.write_text(definition.read_text().replace("priority: normal", "priority: sometimes"))
    place = definition.relative_to(data).as_posix()

    words, machine = call("store", "check"), call("store", "check", "--json")

    assert (words.exit_code, machine.exit_code) == (1, 1)
    assert f"PROBLEM  {place}:" in words.stdout
    (problem,) = json.loads(machine.stdout)["problems"]
    assert (problem["path"], problem["line"] > 1) == (place, True)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("backup",), "no store"),
        (("compact",), "no store"),
        (("migrate",), "no store"),
        (("restore", "x.tar.zst", "new"), "x.tar.zst is not there."),
        (("restore", ".", "new"), "is no file"),
        (("restore", "--at", "9" * 5_000, "new"), "neither a time"),
        (("restore", "new"), "Name a backup and a folder"),
        (("restore", "--at", "1", "x", "new"), "Name a folder, and no backup"),
        (("restore", "--at", "yesterday", "new"), "neither a time"),
        (("backup", "/nowhere/at/all.tar.zst"), "no folder"),
    ],
)
def test_what_cannot_be_done_is_refused_in_words(call, tmp_path, words, told):
    answer = call("store", *words)

    assert isinstance(answer.exception, HoldfastError)
    assert told in str(answer.exception)


def test_a_backup_is_not_written_over_a_file(make, call, tmp_path):
    make("photos")
    (tmp_path / "letter.txt").write_text("dear")

    answer = call("store", "backup", tmp_path / "letter.txt")

    assert isinstance(answer.exception, Refused)
    assert (tmp_path / "letter.txt").read_text() == "dear"


def test_a_damaged_backup_is_found_where_there_is_no_store(holdfast, tmp_path):
    (tmp_path / "own.tar.zst").write_bytes(b"not one")

    answer = holdfast("store", "verify", tmp_path / "own.tar.zst")

    assert answer.returncode == 1
    assert "no archive of Holdfast" in answer.stdout


def test_a_good_backup_is_verified_without_counting_jobs_of_a_store_that_is_not_there(
    make, call, tmp_path, monkeypatch
):
    make("photos")
    call("store", "backup", tmp_path / "own.tar.zst")
    monkeypatch.setenv("HOLDFAST_DATA", str(tmp_path / "nowhere"))

    answer = call("store", "verify", tmp_path / "own.tar.zst")

    assert (answer.exit_code, answer.stdout) == (0, "good     nothing is wrong.\n")
