"""The folder: whose it is, who holds it, and what it is refused for."""

import errno
import fcntl
import os
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from core.errors import StorageFailed, StoreInUse, StoreUnreadable
from core.storage.rows import Changes
from tests.builders import a_kept_job, a_kept_run
from tests.doubles import FileStore

ONE = "3f2a1b4c-0000-4000-8000-000000000001"
TWO = "77aa0000-0000-4000-8000-000000000002"
RUN = "91bb0000-0000-4000-8000-000000000003"
ROOT = Path(__file__).parents[3]

HOLDER = """
import sys
import threading
from pathlib import Path
from tests.doubles import FileStore
store = FileStore(Path(sys.argv[1]))
store.open()
store.tell_address("http://127.0.0.1:8123")
print("held", flush=True)
sys.stdin.read()
"""


def in_another_process(folder: Path) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(folder)], cwd=ROOT, stdin=-1, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    return process


def test_only_the_owner_can_read_the_folder(opened, folder):
    before = os.umask(0)
    try:
        store, _ = opened()
        store.commit(Changes(jobs=(a_kept_job(ONE),), runs=(a_kept_run(RUN, ONE),)))
        store.commit(Changes(jobs=(a_kept_job(ONE, version=2),)))
        store.files.checkpoint()
    finally:
        os.umask(before)

    modes = {path: stat.S_IMODE(path.stat().st_mode) for path in (folder, *folder.rglob("*"))}
    assert {mode for path, mode in modes.items() if path.is_dir()} == {0o700}
    assert {mode for path, mode in modes.items() if path.is_file()} == {0o600}


def test_git_is_told_to_track_only_what_people_change(opened, folder):
    opened()

    ignored = (folder / ".gitignore").read_text(encoding="utf-8").split()

    kept = ["state/", "runs/", "backups/", "quarantine/", "locks/", "logs/", "auth/", "work/", "metrics/"]
    assert ignored == [*kept, "events/", "audit/"]


def test_a_second_server_on_the_folder_is_refused_and_told_who_holds_it(folder, files):
    holder = in_another_process(folder)
    before = files()

    with pytest.raises(StoreInUse) as refused:
        FileStore(folder).open()

    assert f"process {holder.pid}" in str(refused.value)
    assert "http://127.0.0.1:8123" in str(refused.value)
    assert files() == before
    holder.communicate()


def test_the_folder_is_free_as_soon_as_its_holder_was_killed(folder, opened):
    holder = in_another_process(folder)

    holder.kill()
    holder.communicate()
    _, contents = opened()

    assert not contents.problems


@pytest.mark.parametrize(
    "left", ["jobs/3f/photos-3f2a1b4c.yaml", "state/journal-1.yaml", "holiday.jpg", "logs/3f/x.log"]
)
def test_a_folder_with_files_but_no_marker_is_left_alone(folder, left, files):
    (folder / left).parent.mkdir(parents=True, exist_ok=True)
    (folder / left).write_text("precious")

    with pytest.raises(StoreUnreadable) as refused:
        FileStore(folder).open()

    assert "store.yaml" in str(refused.value)
    assert "mounted" in refused.value.hint
    assert files() == {left: b"precious"}


def test_a_store_of_a_newer_format_is_left_alone(opened, folder, files):
    store, _ = opened()
    store.close()
    (folder / "store.yaml").write_text("format: 4\nstore: 7f0c1c5e\n")
    before = files()

    with pytest.raises(StoreUnreadable, match="newer Holdfast"):
        FileStore(folder).open()

    assert files() == before


@pytest.mark.parametrize(
    "content", [b"", b"\0\0\0", b"form", b"[1, 2]", b"format: two\nstore: x\n", b"format: 1\n", b"\xff\xfe"]
)
def test_a_damaged_marker_is_mended_and_keeps_the_id_of_the_store(opened, folder, content):
    store, _ = opened()
    store.commit(Changes(jobs=(a_kept_job(ONE),)))
    store.close()
    marker = (folder / "store.yaml").read_bytes()
    (folder / "store.yaml").write_bytes(content)

    _, contents = opened()

    assert (folder / "store.yaml").read_bytes() == marker
    assert [job.id for job in contents.jobs] == [ONE]
    assert [problem.path for problem in contents.problems] == ["store.yaml"]
    assert [path.read_bytes() for path in (folder / "quarantine").iterdir()] == [content]


def test_the_folder_of_a_clone_and_a_fresh_disk_can_become_a_store(opened, folder):
    (folder / "lost+found").mkdir(parents=True)
    (folder / ".gitkeep").touch()
    (folder / "auth").mkdir()

    _, contents = opened()

    assert not contents.problems


@pytest.mark.parametrize("obstacle", ["file", "loop"])
def test_a_folder_that_cannot_be_one_is_refused_in_words(folder, obstacle):
    if obstacle == "file":
        folder.write_text("not a folder")
    else:
        folder.symlink_to(folder)

    with pytest.raises(StoreUnreadable) as refused:
        FileStore(folder).open()

    assert str(folder) in str(refused.value)


def test_a_folder_that_vanished_is_not_made_anew(opened, folder, files):
    store, _ = opened()
    store.commit(Changes(jobs=(a_kept_job(ONE),)))
    away = folder.with_name("away")
    folder.rename(away)
    folder.mkdir()

    with pytest.raises(StorageFailed, match="gone"):
        store.commit(Changes(jobs=(a_kept_job(ONE, version=2), a_kept_job(TWO))))
    with pytest.raises(StorageFailed):
        store.check_writable()

    assert files() == {}
    folder.rmdir()
    away.rename(folder)
    _, contents = opened()
    assert [job.version for job in contents.jobs] == [1]


def test_an_account_made_before_the_first_start_is_no_obstacle(opened, folder):
    (folder / "auth").mkdir(parents=True)
    (folder / "auth" / "users.yaml").write_text("ana: {}")

    _, contents = opened()

    assert not contents.problems


def test_a_start_that_fails_lets_go_of_the_folder(opened, folder, disk):
    disk.fail_at(4, errno.EIO, only="fsync", again=True)
    with pytest.raises(StoreUnreadable):
        FileStore(folder).open()

    disk.heal()
    _, contents = opened()

    assert not contents.problems


def test_a_server_is_alone_also_when_its_locks_were_removed(tmp_path):
    process = in_another_process(tmp_path / "data")
    for path in (tmp_path / "data" / "locks").iterdir():
        path.unlink()

    with pytest.raises(StoreInUse):
        FileStore(tmp_path / "data").open()

    process.communicate()
    FileStore(tmp_path / "data").open()


def test_a_program_that_the_last_holder_began_keeps_nobody_out(folder, opened):
    store, _ = opened()
    store.close()
    held = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    fcntl.flock(held, fcntl.LOCK_EX)
    let_go = threading.Timer(0.02, os.close, [held])
    let_go.start()

    _, contents = opened()

    let_go.join()
    assert not contents.problems
