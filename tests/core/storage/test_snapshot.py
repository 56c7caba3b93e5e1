"""Snapshots: what is written again, what goes, and what a refusal of the disk leaves."""

import errno
import subprocess
import sys

import pytest

from core.errors import InvalidYaml
from core.storage.generations import find_rows
from core.storage.rows import Changes
from core.storage.shards import SHARDS, shard_of
from core.storage.snapshot import View, checkpoint_from
from tests.builders import a_kept_job, a_kept_run
from tests.core.storage.books import ANA, BEN, Books, a_filled_store, books


@pytest.fixture
def store(folder):
    with books(folder) as opened:
        yield opened


def names(store: Books, beginning: str = "") -> set[str]:
    found = (store.folder.root / "state").iterdir()
    return {path.name for path in found if path.name.startswith(beginning)}


def test_a_row_has_the_job_its_runs_and_where_its_definition_is(store, folder):
    job = a_kept_job(ANA)
    runs = (a_kept_run("r1", ANA), a_kept_run("r2", ANA, number=2))
    store.change(Changes(jobs=(job,), runs=runs))
    store.define(job)
    store.rows.put_away(runs[0])

    store.checkpoint()

    (row,) = find_rows(folder, store.folder.store_id).rows
    assert row.job == job
    assert row.runs == runs[1:]
    assert row.older == ("r1",)
    assert row.placed == store.placed[ANA]


def test_a_job_whose_definition_was_never_written_has_no_place(store, folder):
    store.change(Changes(jobs=(a_kept_job(ANA),)))

    store.checkpoint()

    assert find_rows(folder, store.folder.store_id).rows[0].placed is None


def test_two_generations_are_kept_and_share_no_file(store):
    for version in range(1, 6):
        store.change(Changes(jobs=(a_kept_job(ANA, version=version), a_kept_job(BEN, version=version))))
        store.checkpoint()

    assert names(store, "checkpoint") == {"checkpoint-4.yaml", "checkpoint-5.yaml"}
    shards = {shard_of(ANA), shard_of(BEN)}
    assert names(store, "rows") == {f"rows-{shard}-{number}.yaml" for shard in shards for number in (4, 5)}


def test_what_did_not_change_is_not_written_again(store):
    store.change(Changes(jobs=(a_kept_job(ANA), a_kept_job(BEN))))
    for version in range(2, 6):
        store.checkpoint()
        store.change(Changes(jobs=(a_kept_job(ANA, version=version),)))

    store.checkpoint()

    of_ben = f"rows-{shard_of(BEN)}"
    newest, before = store.snapshots.newest, store.snapshots._generations[0]
    assert newest is not None
    assert newest.shards[shard_of(BEN)][0] == f"{of_ben}-1.yaml"
    assert before.shards[shard_of(BEN)][0] == f"{of_ben}-2.yaml"
    assert newest.shards[shard_of(ANA)][0] == f"rows-{shard_of(ANA)}-5.yaml"


def test_a_definition_that_was_written_meanwhile_is_news(store, folder):
    store.change(Changes(jobs=(a_kept_job(ANA),)))
    for _ in range(2):
        store.checkpoint()

    store.define(a_kept_job(ANA))
    store.checkpoint()

    assert find_rows(folder, store.folder.store_id).rows[0].placed == store.placed[ANA]


def test_what_an_earlier_process_wrote_is_written_again(folder):
    a_filled_store(folder)

    with books(folder) as store:
        store.checkpoint()
        store.checkpoint()

        assert names(store, "checkpoint") == {"checkpoint-3.yaml", "checkpoint-4.yaml"}
        assert {name.rpartition("-")[2] for name in names(store, "rows")} == {"3.yaml", "4.yaml"}


def test_the_segments_before_the_older_generation_are_needed_no_more(store):
    store.change(Changes(jobs=(a_kept_job(ANA),)))

    needed = [store.checkpoint() for _ in range(3)]

    assert needed == [1, 2, 3]


def test_a_job_that_is_gone_is_in_no_row(store, folder):
    store.change(Changes(jobs=(a_kept_job(ANA), a_kept_job(BEN))))
    store.checkpoint()

    store.change(Changes(gone_jobs=(ANA,)))
    store.checkpoint()

    assert [row.job.id for row in find_rows(folder, store.folder.store_id).rows] == [BEN]


def test_a_view_stays_as_it_was_while_others_go_on(store):
    store.change(Changes(jobs=(a_kept_job(ANA),)))
    view = View.of(store.rows, store.placed, store.journal.n)

    store.change(Changes(jobs=(a_kept_job(ANA, version=2), a_kept_job(BEN))))
    store.snapshots.write(view, segment=1, t=0)

    found = find_rows(store.folder.root, store.folder.store_id)
    assert [(row.job.id, row.job.version) for row in found.rows] == [(ANA, 1)]
    assert found.of_shards[shard_of(ANA)] == 1


@pytest.mark.parametrize("call", ["open", "write", "fsync", "replace"])
@pytest.mark.parametrize("error", [errno.ENOSPC, errno.EIO])
def test_a_snapshot_that_the_disk_refuses_leaves_the_ones_before(folder, disk, call, error):
    a_filled_store(folder)
    refusals = 0
    with books(folder) as store:
        before = {path.name: path.read_bytes() for path in (folder / "state").iterdir()}
        view = View.of(store.rows, store.placed, store.journal.n)
        for number in range(60):
            disk.fail_at(number, error, only=call)
            try:
                store.snapshots.write(view, segment=store.journal.segment, t=0)
            except OSError:
                refusals += 1
            else:
                break
            finally:
                disk.heal()
            now = {path.name: path.read_bytes() for path in (folder / "state").iterdir()}
            assert not [name for name in now if name.endswith(".tmp")]
            assert before.items() <= now.items()
            assert not find_rows(folder, store.folder.store_id).wounds

    assert refusals


WRITER = """
import os, sys
from pathlib import Path
from tests.core.storage.books import Books
from core.storage.snapshot import View
store = Books(Path(sys.argv[1]))
left = int(sys.argv[2])
def counted(call):
    def maybe(*arguments, **named):
        global left
        if left == 0:
            os.kill(os.getpid(), 9)
        left -= 1
        return call(*arguments, **named)
    return maybe
for name in ("open", "write", "fsync", "rename", "replace", "unlink"):
    setattr(os, name, counted(getattr(os, name)))
store.snapshots.write(View.of(store.rows, store.placed, store.journal.n), segment=store.journal.segment, t=0)
print("written")
"""


@pytest.mark.faults
@pytest.mark.parametrize("calls", [0, 1, 2, 3, 4, 7, 11, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24])
def test_a_process_killed_while_it_writes_a_snapshot_leaves_a_whole_set(folder, calls):
    a_filled_store(folder)
    with books(folder) as store:
        before = dict(store.rows.jobs)

    subprocess.run([sys.executable, "-c", WRITER, str(folder), str(calls)], check=False, capture_output=True)
    with books(folder) as store:
        assert dict(store.rows.jobs) == before
        assert not store.told
        assert not list((folder / "state").glob(".*"))
        assert names(store, "checkpoint") >= {"checkpoint-2.yaml"}
        newest = max(names(store, "checkpoint"))
        assert max(names(store, "rows"), key=lambda name: name[-6:])[-6:] == newest[-6:]


def test_a_checkpoint_of_another_store_or_generation_is_refused(folder):
    a_filled_store(folder)
    with books(folder) as store:
        content = (folder / "state" / "checkpoint-2.yaml").read_bytes()

        with pytest.raises(InvalidYaml):
            checkpoint_from(content, store.folder.store_id, 3)
        with pytest.raises(InvalidYaml):
            checkpoint_from(content, "another", 2)

        assert checkpoint_from(content, store.folder.store_id, 2).jobs == 3


def test_every_id_has_one_of_64_shards():
    found = {shard_of(f"{number:032x}") for number in range(2_000)}

    assert found == set(SHARDS)
