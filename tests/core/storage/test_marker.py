"""The marker of a store, and where its id is found when it is lost."""

import os

import pytest

from core.storage.folder import StoreFolder
from core.storage.marker import FORMAT, Marker, found_anew, read_marker, write_marker
from tests.core.storage.books import a_filled_store, books
from tests.doubles import SettableClock

DAMAGED = [
    b"",
    b"\0\0\0",
    b"jobs: 5\n",
    b"[1, 2]",
    b"format: two\nstore: x\n",
    b"format: 2\n",
    b"\xff\xfe",
    b"[" * 20_000,
]


def test_a_marker_is_read_as_it_was_written(tmp_path):
    marker = Marker(format=2, store="7f0c1c5e")

    write_marker(tmp_path / "store.yaml", marker)

    assert read_marker(tmp_path / "store.yaml") == marker


@pytest.mark.parametrize("content", [*DAMAGED, b"format: 0\nstore: x\n", b"format: 2\nstore: ''\n"])
def test_what_is_no_marker_is_none(tmp_path, content):
    (tmp_path / "store.yaml").write_bytes(content)

    assert read_marker(tmp_path / "store.yaml") is None
    assert read_marker(tmp_path / "nothing.yaml") is None


@pytest.mark.parametrize("content", DAMAGED)
def test_a_marker_that_was_lost_with_its_copy_is_found_again_in_the_journal(folder, content):
    a_filled_store(folder)
    marker = (folder / "store.yaml").read_bytes()
    for name in ("store.yaml", "backups/store.yaml"):
        (folder / name).write_bytes(content)

    with books(folder) as store:
        assert len(store.rows.jobs) == 3
        assert [problem.path for problem in store.mended] == ["store.yaml"]
        assert not store.told

    assert (folder / "store.yaml").read_bytes() == marker
    assert (folder / "backups" / "store.yaml").read_bytes() == marker


def test_an_id_that_no_checksum_proves_is_not_believed(folder):
    a_filled_store(folder)
    real = StoreFolder(folder, SettableClock()).store_id
    for path in (folder / "state").iterdir():
        if not path.name.startswith("journal-1"):
            path.write_bytes(path.read_bytes().replace(real.encode(), b"0" * len(real)))

    assert found_anew(folder).store == real


def test_a_folder_with_definitions_and_no_state_is_of_the_format_before(tmp_path):
    (tmp_path / "jobs" / "3f").mkdir(parents=True)
    (tmp_path / "jobs" / "3f" / "x-3f2a1b4c.yaml").write_text("id: x\n")

    assert found_anew(tmp_path).format == 1
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / "journal-1.yaml").touch()
    assert found_anew(tmp_path).format == FORMAT


def test_a_folder_in_the_place_of_the_marker_does_not_end_in_a_stack(tmp_path):
    (tmp_path / "store.yaml").mkdir()

    with pytest.raises(IsADirectoryError):
        read_marker(tmp_path / "store.yaml")


@pytest.mark.parametrize("of", ["half", "a bit", "another format"])
def test_a_marker_that_says_something_else_than_its_copy_and_the_state_costs_nothing(folder, of):
    a_filled_store(folder)
    marker = (folder / "store.yaml").read_bytes()
    hurt = {
        "half": marker[:-20],
        "a bit": marker[:-3] + bytes([marker[-3] ^ 1]) + marker[-2:],
        "another format": marker.replace(b"format: 2", b"format: 1"),
    }
    (folder / "store.yaml").write_bytes(hurt[of])

    with books(folder) as store:
        assert len(store.rows.jobs) == 3
        assert not store.told

    assert (folder / "store.yaml").read_bytes() == marker
    assert (folder / "backups" / "store.yaml").read_bytes() == marker


def test_a_marker_that_was_copied_from_another_store_is_named_and_kept(folder):
    a_filled_store(folder)
    (folder / "store.yaml").write_text("format: 2\nstore: another\n")

    with books(folder) as store:
        assert [problem.path for problem in store.mended] == ["store.yaml"]
        assert (folder / str(store.mended[0].kept)).read_text() == "format: 2\nstore: another\n"
        assert not store.told


def test_a_pipe_in_the_place_of_the_marker_is_not_waited_for(folder):
    a_filled_store(folder)
    (folder / "store.yaml").unlink()
    os.mkfifo(folder / "store.yaml")

    with books(folder) as store:
        assert len(store.rows.jobs) == 3
