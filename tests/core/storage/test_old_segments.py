"""Segments that no start needs any more: compressed, read back, and only then removed."""

import errno

import pytest

from core.errors import StorageFailed
from core.storage.folder import StoreFolder
from core.storage.old_segments import archive_segments, content_of_kept, kept_segments
from tests.doubles import SettableClock


@pytest.fixture
def store(folder):
    store = StoreFolder(folder, SettableClock())
    for name in ("state", "backups", "backups/segments"):
        (folder / name).mkdir(parents=True)
    for number in range(1, 6):
        store.segment_path(number).write_bytes(f"segment {number}\n".encode() * 100)
    return store


def test_old_segments_are_kept_compressed_and_the_others_stay(store, folder):
    freed = archive_segments(store, 4)

    kept = kept_segments(folder / "backups" / "segments")
    contents = {number: content_of_kept(path) for number, (path,) in kept.items()}
    assert contents == {number: f"segment {number}\n".encode() * 100 for number in (1, 2, 3)}
    assert sorted(path.name for path in (folder / "state").iterdir()) == ["journal-4.yaml", "journal-5.yaml"]
    assert freed > 2_000


def test_a_segment_that_was_kept_before_is_not_kept_twice(store, folder):
    content = store.segment_path(1).read_bytes()
    archive_segments(store, 2)
    store.segment_path(1).write_bytes(content)

    archive_segments(store, 2)

    assert len(list((folder / "backups" / "segments").iterdir())) == 1
    assert not store.segment_path(1).exists()


def test_another_segment_of_the_same_number_is_kept_beside_it(store, folder):
    archive_segments(store, 2)
    store.segment_path(1).write_bytes(b"of a store that was set back\n")

    archive_segments(store, 2)

    first, second = kept_segments(folder / "backups" / "segments")[1]
    assert {content_of_kept(first), content_of_kept(second)} == {
        b"segment 1\n" * 100,
        b"of a store that was set back\n",
    }


@pytest.mark.parametrize("call", range(4))
def test_a_segment_stays_when_the_disk_refuses_to_keep_it(store, folder, disk, call):
    disk.fail_at(call, errno.ENOSPC, only=("open", "fsync", "replace", "rename"))

    with pytest.raises(OSError, match="No space"):
        archive_segments(store, 2)
    disk.heal()

    assert store.segment_path(1).exists()
    assert not list((folder / "backups" / "segments").glob(".*"))
    archive_segments(store, 2)
    assert not store.segment_path(1).exists()


@pytest.mark.parametrize(
    "wound", [lambda text: text[:-5], lambda text: text[:20] + b"?" + text[21:], lambda _: b""]
)
def test_a_kept_segment_that_was_damaged_is_named(store, folder, wound):
    archive_segments(store, 2)
    (path,) = kept_segments(folder / "backups" / "segments")[1]
    path.write_bytes(wound(path.read_bytes()))

    with pytest.raises(StorageFailed, match="journal-1"):
        content_of_kept(path)
