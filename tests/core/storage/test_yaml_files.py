"""Saving: which file holds what, and what happens when the disk refuses."""

import errno
import os
from datetime import timedelta

import msgspec
import pytest
import yaml

from core.errors import InvalidOptions, StorageFailed, StorageFull
from core.models import frozen
from core.states import RunState
from core.storage.rows import Changes
from tests.builders import a_kept_job, a_kept_run
from tests.core.storage.conftest import Disk
from tests.doubles import FileStore, SettableClock

ONE = "3f2a1b4c-0000-4000-8000-000000000001"
TWO = "77aa0000-0000-4000-8000-000000000002"
RUN = "91bb0000-0000-4000-8000-000000000003"


def test_a_job_is_a_file_that_people_can_read(opened, folder):
    store, _ = opened()

    options = frozen({"source": "/home/ana/Photos", "verify": "full", "exclude": ["*.tmp", "no"]})
    store.commit(Changes(jobs=(a_kept_job(ONE, name="Ana's photos", options=options),)))

    store.write_definitions()
    text = (folder / "jobs" / "3f" / "ana-s-photos-3f2a1b4c.yaml").read_text(encoding="utf-8")
    assert "name: Ana's photos\n" in text
    assert (
        'options:\n  source: "/home/ana/Photos"\n  verify: full\n  exclude:\n  - "*.tmp"\n  - "no"\n' in text
    )
    assert yaml.safe_load(text)["options"]["exclude"] == ["*.tmp", "no"]


def test_a_renamed_job_moves_to_a_file_of_its_new_name(opened, folder):
    store, _ = opened()
    job = a_kept_job(ONE, name="photos")
    store.commit(Changes(jobs=(job,)))
    store.write_definitions()

    store.commit(Changes(jobs=(msgspec.structs.replace(job, name="pictures", version=2),)))
    store.write_definitions()

    assert [path.name for path in (folder / "jobs" / "3f").iterdir()] == ["pictures-3f2a1b4c.yaml"]


@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("../../etc/passwd", "etc-passwd"),
        (".", "job"),
        ("line\nbreak\0nul", "line-break-nul"),
        ("x" * 200, "x" * 40),
        ("\u202eevil\u202c עברית", "evil"),
        ("日本語", "job"),
        ("Überraschung", "uberraschung"),
        ("-rf --no-preserve-root /", "rf-no-preserve-root"),
        ("CON.yaml", "con-yaml"),
    ],
)
def test_a_hostile_name_stays_inside_its_folder(opened, folder, name, file):
    store, _ = opened()

    store.commit(Changes(jobs=(a_kept_job(ONE, name=name),)))
    _, contents = opened()

    assert [path.name for path in (folder / "jobs").rglob("*.yaml")] == [f"{file}-3f2a1b4c.yaml"]
    assert [job.name for job in contents.jobs] == [name]
    assert not contents.problems


def test_two_jobs_whose_files_would_have_one_name_are_both_kept(opened):
    store, _ = opened()
    twin = ONE[:-1] + "9"

    store.commit(Changes(jobs=(a_kept_job(ONE), a_kept_job(twin))))
    store.commit(Changes(jobs=(a_kept_job(ONE, version=2), a_kept_job(twin, version=2))))
    _, contents = opened()

    assert {job.id: job.version for job in contents.jobs} == {ONE: 2, twin: 2}
    assert not contents.problems


@pytest.mark.parametrize("evil", ["../../x", "", "a/b", "-x", ".hidden", "x" * 65, "a\nb", "3f2a\0"])
def test_an_id_that_would_leave_the_folder_is_refused(opened, evil, files):
    store, _ = opened()
    before = files()

    with pytest.raises(Exception, match="id"):
        store.commit(Changes(jobs=(a_kept_job(evil),)))

    assert files() == before


def test_a_run_that_is_gone_leaves_nothing_behind(opened, files):
    store, _ = opened()
    store.commit(Changes(jobs=(a_kept_job(ONE),), runs=(a_kept_run(RUN, ONE),)))
    store.commit(Changes(runs=(a_kept_run(RUN, ONE, version=2),)))

    store.commit(Changes(gone_runs=(RUN,)))
    store.files.checkpoint()
    _, contents = opened()

    assert not [name for name in files() if RUN in name]
    assert not contents.runs


@pytest.mark.parametrize(
    ("error", "kind", "words"),
    [
        (errno.ENOSPC, StorageFull, "no room"),
        (errno.EDQUOT, StorageFull, "no room"),
        (errno.EIO, StorageFailed, "the disk reports an error"),
        (errno.EROFS, StorageFailed, "read-only"),
        (errno.EMFILE, StorageFailed, "too many open files"),
        (errno.ESTALE, StorageFailed, "stale"),
    ],
)
def test_the_reason_is_told_in_plain_words(opened, disk, error, kind, words):
    store, _ = opened()
    disk.fail_at(0, error, again=True)

    with pytest.raises(kind, match=words) as refused:
        store.commit(Changes(jobs=(a_kept_job(ONE),)))

    assert "disk" in refused.value.hint
    disk.heal()


@pytest.mark.parametrize("error", [errno.EIO, errno.ENOSPC])
@pytest.mark.parametrize("again", [False, True])
def test_wherever_the_disk_fails_nothing_of_the_change_is_kept(opened, disk, error, again, files):
    store, _ = opened()
    store.commit(Changes(jobs=(a_kept_job(ONE, name="old"),), runs=(a_kept_run(RUN, ONE),)))
    change = Changes(
        jobs=(a_kept_job(ONE, name="new", version=2), a_kept_job(TWO)),
        runs=(a_kept_run("aa000000-1", TWO),),
        gone_runs=(RUN,),
    )
    _, old = opened()
    refusals = 0

    for only in ("open", "write", "fdatasync", "ftruncate") if again else (Disk.CALLS,):
        for number in range(100):
            store, contents = opened()
            assert contents == old
            disk.fail_at(number, error, only=only, again=again)
            try:
                store.commit(change)
            except StorageFailed:
                refusals += 1
                assert not [name for name in files() if name.endswith(".tmp")]
            else:
                disk.heal()
                store.commit(
                    Changes(jobs=old.jobs, runs=old.runs, gone_jobs=(TWO,), gone_runs=("aa000000-1",))
                )
                break
            finally:
                disk.heal()

    assert refusals >= 2


def test_a_file_that_the_system_takes_in_pieces_is_whole(opened, monkeypatch):
    write = os.write
    monkeypatch.setattr(os, "write", lambda descriptor, content: write(descriptor, bytes(content[:7])))
    store, _ = opened()

    store.commit(Changes(jobs=(a_kept_job(ONE, name="photos"),)))
    _, contents = opened()

    assert [job.name for job in contents.jobs] == ["photos"]


@pytest.mark.parametrize(
    "options", [{"text": "x" * 1_100_000}, {"list": [0] * 60_000}, {"number": float("nan")}]
)
def test_what_could_not_be_read_again_is_refused_before_it_is_written(opened, options, files):
    store, _ = opened()
    before = files()

    with pytest.raises(InvalidOptions) as refused:
        store.commit(Changes(jobs=(a_kept_job(ONE, options=frozen(options)),)))

    assert list(refused.value.problems) == ["options"]
    assert files() == before


def test_a_change_is_written_and_flushed_before_it_counts_as_saved(opened, disk):
    store, _ = opened()
    store.commit(Changes(jobs=(a_kept_job(ONE),)))
    disk.seen.clear()

    store.commit(Changes(jobs=(a_kept_job(ONE, version=2),)))

    assert disk.seen == ["write", "fdatasync"]


def test_what_nobody_waits_for_is_written_with_the_next_change(opened, disk):
    store, _ = opened()
    store.commit(Changes(jobs=(a_kept_job(ONE),), runs=(a_kept_run(RUN, ONE),)))
    disk.seen.clear()

    store.hand_in(Changes(runs=(a_kept_run(RUN, ONE, version=2),)))
    before = list(disk.seen)
    store.commit(Changes(jobs=(a_kept_job(ONE, version=2),)))

    assert before == []
    assert disk.seen == ["write", "fdatasync"]


def test_definitions_wait_for_a_disk_that_refuses_them_and_changes_do_not(opened, disk, folder):
    store, _ = opened()
    disk.fail_at(0, errno.EACCES, only=("mkdir", "open"), again=True)

    store.commit(Changes(jobs=(a_kept_job(ONE),)))
    store.write_definitions()
    waiting = list((folder / "jobs").rglob("*.yaml"))
    disk.heal()
    store.write_definitions()

    assert waiting == []
    assert [path.name for path in (folder / "jobs").rglob("*.yaml")] == ["photos-3f2a1b4c.yaml"]


def test_a_checkpoint_makes_the_journal_before_it_old(opened, folder):
    store, _ = opened()
    for version in range(1, 4):
        store.commit(Changes(jobs=(a_kept_job(ONE, version=version),)))
        store.files.checkpoint()

    names = sorted(path.name for path in (folder / "state").iterdir())
    _, contents = opened()

    assert [name for name in names if name.startswith("checkpoint")] == [
        "checkpoint-2.yaml",
        "checkpoint-3.yaml",
    ]
    assert [name for name in names if name.startswith("journal")] == ["journal-3.yaml", "journal-4.yaml"]
    assert [job.version for job in contents.jobs] == [3]


def test_runs_of_another_day_are_put_away_and_found_again(folder):
    clock = SettableClock()
    store = FileStore(folder, clock)
    store.open()
    over = {"state": RunState.CANCELLED, "ended_at": clock.now()}
    old, latest = a_kept_run(RUN, ONE, **over), a_kept_run(RUN[:-1] + "9", ONE, number=2, **over)
    store.commit(Changes(jobs=(a_kept_job(ONE),), runs=(old, latest)))

    clock.pass_by(timedelta(days=2))
    store.files.checkpoint()
    at_hand = tuple(store.onlooker.rows.runs.values())
    store.close()
    contents = store.open()

    assert at_hand == contents.runs == (latest,)
    assert store.onlooker.rows.older == {old.id: ONE}
    assert store.files.older_runs(ONE) == (old,)
    store.close()


def test_a_start_on_a_full_disk_after_a_crash_shows_what_there_is(opened, disk):
    store, _ = opened()
    store.commit(Changes(jobs=(a_kept_job(ONE),)))
    disk.fail_at(0, errno.ENOSPC, only="write", again=True)

    store, contents = opened()
    with pytest.raises(StorageFull):
        store.commit(Changes(jobs=(a_kept_job(TWO),)))
    disk.heal()
    store.commit(Changes(jobs=(a_kept_job(TWO),)))
    _, after = opened()

    assert [job.id for job in contents.jobs] == [ONE]
    assert {job.id for job in after.jobs} == {ONE, TWO}
    assert not after.problems
