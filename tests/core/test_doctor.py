import os
import subprocess
import sys
from pathlib import Path

import pytest

from core.accounts import Accounts
from core.doctor import CHECKER_COST, COSTS, Verdict, examine
from core.passwords import Passwords
from core.remotes.versions import warnings_for
from core.storage.records import FORMAT
from tests.doubles import FileStore, SettableClock

ROOT = Path(__file__).parents[2]
PUT_DOWN = ["setpriv", "--bounding-set=-dac_override,-dac_read_search"] if os.geteuid() == 0 else []
"""Root reads what nobody may read; without these two powers it does not."""

SAY = """
import sys
from pathlib import Path
from core.doctor import examine
for finding in examine(Path(sys.argv[1])):
    print(f"{finding.name}: {finding.verdict}: {finding.found}")
"""


def verdicts(data):
    return {finding.name: finding for finding in examine(data)}


def test_a_good_machine_is_told_so(tmp_path):
    found = verdicts(tmp_path / "data")

    assert found["Python"].verdict == found["libyaml"].verdict == found["data folder"].verdict == Verdict.GOOD
    assert found["data folder"].found.startswith(str(tmp_path / "data"))
    assert not (tmp_path / "data").exists()


def test_a_program_that_is_not_installed_is_missing_with_its_cost(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))

    found = verdicts(tmp_path)

    for name, cost in {**COSTS, "b3sum": CHECKER_COST}.items():
        assert (found[name].verdict, found[name].cost) == (Verdict.MISSING, cost)


@pytest.mark.parametrize(
    ("name", "answer", "verdict"),
    [
        ("rsync", "rsync  version 3.5.0  protocol version 32", Verdict.GOOD),
        ("rsync", "rsync  version 3.4.3  protocol version 32", Verdict.GOOD),
        ("rsync", "rsync  version 3.4.2  protocol version 32", Verdict.BAD),
        ("rsync", "rsync  version 3.2.7  protocol version 31", Verdict.BAD),
        ("rclone", "rclone v1.74.3", Verdict.GOOD),
        ("rclone", "rclone v1.74.2", Verdict.BAD),
        ("rclone", "rclone v1.60.1-DEV", Verdict.BAD),
        ("restic", "restic 0.18.1 compiled with go1.25.1 on linux/amd64", Verdict.GOOD),
        ("restic", "restic 0.17.0 compiled with go1.22.5 on linux/amd64", Verdict.GOOD),
        ("restic", "restic 0.16.5 compiled with go1.22.5 on linux/amd64", Verdict.BAD),
    ],
)
def test_a_version_with_known_holes_is_bad(tmp_path, monkeypatch, name, answer, verdict):
    program = tmp_path / name
    program.write_text(f"#!/bin/sh\necho '{answer}'\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))

    found = verdicts(tmp_path)[name]

    assert found.verdict == verdict
    assert found.found.endswith(f", {program}")
    assert ("Get a newer one" in found.cost) == (verdict == Verdict.BAD)


def test_the_programs_of_a_destination_are_warned_of_where_they_are_old_or_missing(tmp_path, monkeypatch):
    program = tmp_path / "rclone"
    program.write_text("#!/bin/sh\necho 'rclone v1.60.1-DEV'\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))

    (old,) = warnings_for("rclone")
    (missing,) = warnings_for("restic")

    assert "rclone 1.60.1" in old
    assert "known holes" in old
    assert missing == "restic is not installed on this machine."
    assert warnings_for("folder") == ()


def test_a_data_folder_below_a_file_is_bad(tmp_path):
    (tmp_path / "file").touch()

    found = verdicts(Path(tmp_path / "file" / "data"))["data folder"]

    assert found.verdict == Verdict.BAD
    assert "--data" in found.cost


@pytest.fixture
def store(tmp_path):
    """A store that was made and let go."""
    store = FileStore(tmp_path / "data")
    store.open()
    store.close()
    return store


def everything_in(folder: Path) -> dict[Path, tuple[int, int, float]]:
    found = {path: path.lstat() for path in (folder, *folder.rglob("*"))}
    return {path: (status.st_mode, status.st_size, status.st_mtime_ns) for path, status in found.items()}


def said_without_powers(data: Path) -> dict[str, str]:
    argv = [*PUT_DOWN, sys.executable, "-c", SAY, str(data)]
    done = subprocess.run(argv, capture_output=True, text=True, cwd=ROOT, check=False)
    assert done.returncode == 0, done.stderr
    return dict(line.split(": ", 1) for line in done.stdout.splitlines())


def test_a_data_folder_below_a_closed_one_is_bad_and_no_traceback(tmp_path):
    (tmp_path / "private").mkdir(mode=0o000)

    said = said_without_powers(tmp_path / "private" / "x" / "y")

    assert said["data folder"].startswith("bad: ")
    assert "store" not in said


@pytest.mark.parametrize("name", ["jobs", "runs", "locks", "locks/server.lock"])
def test_a_part_of_the_store_that_is_closed_to_us_is_bad(store, name):
    (store.files.folder / name).chmod(0o000)

    said = said_without_powers(store.files.folder)

    (store.files.folder / name).chmod(0o700)
    assert said["store"].startswith("bad: ")
    assert str(store.files.folder / name) in said["store"]


def test_a_closed_data_folder_is_bad(store):
    store.files.folder.chmod(0o000)

    said = said_without_powers(store.files.folder)

    store.files.folder.chmod(0o700)
    assert {said[name].split(":")[0] for name in ("data folder", "store", "accounts")} == {"bad"}


def test_a_file_in_place_of_a_part_of_the_store_is_bad(store):
    (store.files.folder / "runs").rmdir()
    (store.files.folder / "runs").touch()

    found = verdicts(store.files.folder)["store"]

    assert found.verdict == Verdict.BAD
    assert found.found.endswith("runs is no folder.")


def test_a_folder_of_strangers_files_is_bad(tmp_path):
    (tmp_path / "holiday.jpg").touch()

    found = verdicts(tmp_path)["store"]

    assert found.verdict == Verdict.BAD
    assert "holds files (holiday.jpg) but no store.yaml" in found.found
    assert "--data" in found.cost


def test_a_store_of_a_newer_holdfast_is_bad(store):
    marker = store.files.folder / "store.yaml"
    marker.write_text(marker.read_text().replace(f"format: {FORMAT}", f"format: {FORMAT + 1}"))

    found = verdicts(store.files.folder)["store"]

    assert found.verdict == Verdict.BAD
    assert "written by a newer Holdfast" in found.found


def test_who_holds_the_store_is_said_and_nothing_is_changed(store):
    store.open()
    store.tell_address("http://127.0.0.1:8080")
    before = everything_in(store.files.folder)

    found = verdicts(store.files.folder)["store"]

    assert (found.verdict, found.cost) == (Verdict.GOOD, "")
    assert found.found.startswith(f"in use by process {os.getpid()}, started ")
    assert found.found.endswith(", at http://127.0.0.1:8080")
    assert everything_in(store.files.folder) == before
    store.close()
    assert verdicts(store.files.folder)["store"].found == "not in use"


def test_a_list_of_people_that_stops_the_start_is_bad(store):
    accounts = Accounts(store.files.folder / "auth", SettableClock(), passwords=Passwords(memory_kib=64))
    accounts.set_up(accounts.set_up_code(), "ada", "nine blue herons over Orkney")
    good = verdicts(store.files.folder)["accounts"]
    (store.files.folder / "auth" / "users.yaml").write_bytes(b"")

    bad = verdicts(store.files.folder)["accounts"]

    assert (good.verdict, good.found) == (Verdict.GOOD, "1 that may come in")
    assert bad.verdict == Verdict.BAD
    assert "It is empty" in bad.found


def test_a_data_folder_that_is_a_link_to_nowhere_is_bad(tmp_path):
    (tmp_path / "data").symlink_to("nowhere")
    (tmp_path / "circle").symlink_to("circle")

    for name in ("data", "circle"):
        assert verdicts(tmp_path / name)["data folder"].verdict == Verdict.BAD
