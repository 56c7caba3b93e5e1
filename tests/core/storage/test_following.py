"""The journal read by number, whatever becomes of its segments meanwhile."""

from core.storage.following import Follower
from core.storage.rows import Changes
from tests.builders import a_kept_job
from tests.core.storage.books import ANA, Books, books
from tests.doubles import FileStore


def change(store, version):
    store.commit(Changes(jobs=(a_kept_job(ANA, version=version),)))


def test_following_goes_on_from_segment_to_segment(folder):
    store = FileStore(folder)
    store.open()
    seen = []
    for version in range(1, 13):
        change(store, version)
        if version % 3 == 0:
            store.files.checkpoint()
        if version % 2 == 0:
            seen += [record.n for record in store.files.records(len(seen))]
    store.close()

    assert seen == list(range(1, 13))


def test_segments_that_were_put_away_are_followed_too(folder):
    store = FileStore(folder)
    store.open()
    for version in range(1, 8):
        change(store, version)
        store.files.checkpoint()
    store.close()
    assert not (folder / "state" / "journal-1.yaml").exists()

    store.open()
    read = [record.n for record in store.files.records(0)]
    some = [record.n for record in store.files.records(4)]
    store.close()

    assert (read, some) == ([1, 2, 3, 4, 5, 6, 7], [5, 6, 7])


def test_what_a_later_segment_says_anew_is_read_once(folder):
    crashed = Books(folder)
    for version in (1, 2, 3):
        crashed.change(Changes(jobs=(a_kept_job(ANA, version=version),)))
    follower = Follower(folder, crashed.folder.store_id)
    before = [record.n for record in follower.records(0, 3)]
    crashed.crash()

    with books(folder) as store:
        store.change(Changes(jobs=(a_kept_job(ANA, version=4),)))
        after = [record.n for record in follower.records(3, 4)]
        anew = [record.n for record in Follower(folder, store.folder.store_id).records(0, 4)]

    assert (before, after, anew) == ([1, 2, 3], [4], [1, 2, 3, 4])


def test_nothing_is_read_that_is_not_known_to_be_durable(folder):
    with books(folder) as store:
        for version in (1, 2):
            store.change(Changes(jobs=(a_kept_job(ANA, version=version),)))
        path = folder / "state" / f"journal-{store.journal.segment}.yaml"
        with path.open("ab") as file:
            file.write(b'--- {"n":3,"t":1,"jo')
        follower = Follower(folder, store.folder.store_id)

        assert [record.n for record in follower.records(0, 1)] == [1]
        assert [record.n for record in follower.records(1, 2)] == [2]
        assert list(follower.records(2, 3)) == []


def test_what_no_segment_has_any_more_is_left_out(folder):
    store = FileStore(folder)
    store.open()
    for version in range(1, 6):
        change(store, version)
        store.files.checkpoint()
    for path in (folder / "backups" / "segments").iterdir():
        path.unlink()

    read = [record.n for record in store.files.records(0)]
    store.close()

    assert read[-1] == 5
    assert read == list(range(read[0], 6))
    assert read[0] > 1
