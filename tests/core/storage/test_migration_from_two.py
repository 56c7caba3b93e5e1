"""A store of format 2, as the Holdfast before this one wrote it, opens in this one."""

import errno
import shutil
from pathlib import Path

import pytest

from core.errors import StorageFull, StoreInUse, StoreUnreadable
from core.models import ONCE, frozen
from core.states import RunState
from core.storage import migration
from core.storage.archive import Facts
from core.storage.folder import StoreFolder
from core.storage.marker import FORMAT, Marker, read_marker, write_marker
from core.storage.moment import Moment, restore_at
from core.storage.opening import read_state
from core.storage.restoring import restore
from core.storage.rows import Changes, Register
from core.storage.unpacking import facts_of
from core.storage.users import Users
from tests.doubles import FileStore, SettableClock

WRITTEN_BEFORE = Path(__file__).parent / "stores" / "format-2"
PHOTOS = "795b929e-9a9a-40fd-aa7b-5bf55eb561a4"
FILMS = "8a7d43b5-7863-4074-b797-0386fee29476"
LETTERS = "3b5f3d86-268e-4c45-9c6b-f1e1a399f82a"
RUN = "11aa0000-0000-4000-8000-00000000000"


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "data"
    shutil.copytree(WRITTEN_BEFORE, folder)
    return folder


def files_in(folder: Path) -> dict[str, bytes]:
    found = (path for path in folder.rglob("*") if path.is_file() and path.suffix != ".lock")
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in found}


def copies(folder: Path) -> list[Path]:
    return sorted((folder / "backups").glob(f"before-format-{FORMAT}-*.tar.zst"))


def test_a_store_of_format_2_opens_with_everything_in_it(folder):
    definitions = files_in(folder / "jobs")

    store = FileStore(folder)
    contents = store.open()
    older = store.files.older_runs(PHOTOS)
    store.close()

    assert contents.problems == ()
    jobs = {job.id: job for job in contents.jobs}
    assert {job.name for job in contents.jobs} == {"Ana's photos", "films and clips", "letters: no, 014"}
    assert all(
        (job.schedule, job.after, job.retry, job.groups) == (None, (), ONCE, ()) for job in contents.jobs
    )
    assert jobs[PHOTOS].options == {"source": "/photos", "destination": "/mnt/usb"}
    assert {run.id: run.state for run in contents.runs} == {
        f"{RUN}2": RunState.COMPLETED,
        f"{RUN}3": RunState.RUNNING,
    }
    assert [run.id for run in older] == [f"{RUN}1"]
    assert read_marker(folder / "store.yaml") == read_marker(folder / "backups" / "store.yaml")
    assert read_marker(folder / "store.yaml") == Marker(format=FORMAT, store=store.files._folder.store_id)
    assert files_in(folder / "jobs") == definitions


def test_a_store_that_was_format_2_keeps_registers_beside_what_it_had(folder):
    store = FileStore(folder)
    store.open()
    store.commit(
        Changes(registers=(Register(name="queue", value=frozen({"slots": 2})),), by="ana", why="asked")
    )
    store.files.checkpoint()
    store.close()

    again = FileStore(folder)
    contents = again.open()
    again.close()

    assert contents.problems == ()
    assert len(contents.jobs) == 3
    assert again.onlooker.rows.registers == {"queue": {"slots": 2}}


def test_what_there_was_in_format_2_is_copied_first_and_can_be_restored(folder, tmp_path):
    store = FileStore(folder)
    before = store.open()
    store.close()

    (copy,) = copies(folder)
    assert facts_of(copy).format == 2
    restored = restore(copy, tmp_path / "restored")

    assert isinstance(restored, Facts)
    again = FileStore(tmp_path / "restored")
    contents = again.open()
    again.close()
    assert contents == before


def test_a_command_of_the_version_before_that_has_the_store_open_holds_the_upgrade_up(folder):
    (folder / "locks").mkdir()
    with Users(folder / "locks"), pytest.raises(StoreInUse) as refused:
        FileStore(folder).open()

    assert "older Holdfast" in str(refused.value)
    marker = read_marker(folder / "store.yaml")
    assert marker is not None
    assert marker.format == 2


def test_a_full_disk_leaves_a_store_of_format_2_as_it_is_and_says_so(folder, disk):
    held = StoreFolder(folder, SettableClock())
    held.take()
    before = files_in(folder)

    disk.fail_at(0, errno.ENOSPC, only="fsync", again=True)
    with pytest.raises(StorageFull) as refused:
        migration.bring_up(held, SettableClock())
    disk.heal()
    held.release()

    assert f"format {FORMAT}" in str(refused.value)
    assert files_in(folder) == before


def test_an_upgrade_from_format_2_that_was_killed_is_begun_again(folder):
    first = FileStore(folder)
    before = first.open()
    first.close()
    marker = read_marker(folder / "store.yaml")
    assert marker is not None

    # Killed after the copy of the marker was written, and before the marker itself.
    write_marker(folder / "store.yaml", Marker(format=2, store=marker.store))
    store = FileStore(folder)
    contents = store.open()
    store.close()

    assert contents == before
    assert read_marker(folder / "store.yaml") == marker
    assert len(copies(folder)) == 1


def test_a_store_of_format_2_that_is_hurt_is_brought_up_all_the_same(folder):
    path = folder / "state" / "journal-3.yaml"
    path.write_bytes(path.read_bytes().replace(b'"asked_by":"ben"', b'"asked_by":"bob"'))

    store = FileStore(folder)
    contents = store.open()
    store.close()

    assert {problem.path for problem in contents.problems} == {"state/journal-3.yaml"}
    assert len(contents.jobs) == 3
    assert len(copies(folder)) == 1


def test_what_bringing_format_2_up_means_is_told_without_doing_it(folder):
    before = files_in(folder)

    planned = migration.plan(StoreFolder(folder, SettableClock()))

    assert (planned.jobs, planned.runs, planned.problems) == (3, 3, ())
    assert planned.files > 10
    assert files_in(folder) == before


def test_a_store_that_was_format_2_goes_back_to_a_moment_before(folder, tmp_path):
    store = FileStore(folder)
    store.open()
    store.close()

    restored = restore_at(folder, tmp_path / "then", Moment(number=6))

    state = read_state(StoreFolder(tmp_path / "then", SettableClock()))
    assert (restored.jobs, restored.runs) == (3, 3)
    assert state.rows.jobs[FILMS].name == "films"


def test_the_version_before_refuses_what_was_brought_up_from_format_2(folder):
    store = FileStore(folder)
    store.open()
    store.close()

    marker = read_marker(folder / "store.yaml")

    # The rule of that version, word for word: marker.format > FORMAT, which was 2.
    assert marker is not None
    assert marker.format > 2
    write_marker(folder / "store.yaml", Marker(format=FORMAT + 1, store=marker.store))
    with pytest.raises(StoreUnreadable, match="newer Holdfast"):
        FileStore(folder).open()
