"""Saving: which file holds what, and what happens when the disk refuses."""

import errno
import os
from datetime import UTC, datetime, timedelta

import msgspec
import pytest
import yaml

from core.errors import InvalidOptions, StorageFailed, StorageFull
from core.models import frozen
from core.storage.base import Changes
from core.storage.yaml_files import YamlFilesStore
from tests.builders import a_kept_job, a_kept_run
from tests.doubles import SettableClock

ONE = "3f2a1b4c-0000-4000-8000-000000000001"
TWO = "77aa0000-0000-4000-8000-000000000002"
RUN = "91bb0000-0000-4000-8000-000000000003"


def test_a_job_is_a_file_that_people_can_read(opened, folder):
    store, _ = opened()

    options = frozen({"source": "/home/ana/Photos", "verify": "full", "exclude": ["*.tmp", "no"]})
    store.commit(Changes(jobs=(a_kept_job(ONE, name="Ana's photos", options=options),)))

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

    store.commit(Changes(jobs=(msgspec.structs.replace(job, name="pictures", version=2),)))

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


def test_the_last_three_generations_of_a_job_are_kept(opened, folder):
    store, _ = opened()

    for version in range(1, 8):
        store.commit(Changes(jobs=(a_kept_job(ONE, name=f"v{version}", version=version),)))

    kept = sorted((folder / "backups" / "jobs" / "3f").iterdir())
    assert [yaml.safe_load(path.read_bytes())["version"] for path in kept] == [6, 5, 4]


def test_a_run_that_is_gone_leaves_nothing_behind(opened, files):
    store, _ = opened()
    store.commit(Changes(jobs=(a_kept_job(ONE),), runs=(a_kept_run(RUN, ONE),)))
    store.commit(Changes(runs=(a_kept_run(RUN, ONE, version=2),)))

    store.commit(Changes(gone_runs=(RUN,)))

    assert not [name for name in files() if RUN in name]


def test_a_hand_edit_made_meanwhile_is_kept_aside_when_the_job_is_saved(opened, folder):
    store, _ = opened()
    job = a_kept_job(ONE)
    store.commit(Changes(jobs=(job,)))
    (definition,) = (folder / "jobs" / "3f").iterdir()
    edited = definition.read_bytes() + b"# my note\n"
    definition.write_bytes(edited)

    store.commit(Changes(jobs=(msgspec.structs.replace(job, version=2),)))

    assert [path.read_bytes() for path in (folder / "quarantine").iterdir()] == [edited]


def test_a_hand_edit_is_read_at_the_next_start(opened, folder):
    store, _ = opened()
    store.commit(Changes(jobs=(a_kept_job(ONE, name="photos"),)))
    (definition,) = (folder / "jobs" / "3f").iterdir()

    definition.write_text("# mine\n" + definition.read_text().replace("photos", "pictures"), encoding="utf-8")
    _, contents = opened()

    assert [job.name for job in contents.jobs] == ["pictures"]


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

    for only in ("open", "write", "fsync", "link", "mkdir") if again else (None,):
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

    assert refusals > 20


def test_every_file_and_folder_is_synced_before_a_change_counts_as_saved(opened, disk):
    store, _ = opened()
    store.commit(Changes(jobs=(a_kept_job(ONE),)))
    disk.seen.clear()

    store.commit(Changes(jobs=(a_kept_job(ONE, version=2),)))

    order = [call for call in disk.seen if call in {"write", "fsync", "replace"}]
    assert order[:2] == ["write", "fsync"]
    assert order[-2:] == ["replace", "fsync"]


def test_what_need_not_survive_the_power_waits_for_no_disk(opened, disk):
    store, _ = opened()
    store.commit(Changes(jobs=(a_kept_job(ONE),), runs=(a_kept_run(RUN, ONE),)))
    disk.seen.clear()

    store.commit(Changes(runs=(a_kept_run(RUN, ONE, version=2),)), durable=False)

    assert "replace" in disk.seen
    assert "fsync" not in disk.seen


def test_the_last_durable_generation_stays_while_progress_is_written(opened, folder):
    store, _ = opened()
    store.commit(Changes(jobs=(a_kept_job(ONE),), runs=(a_kept_run(RUN, ONE),)))

    for version in range(2, 6):
        store.commit(Changes(runs=(a_kept_run(RUN, ONE, version=version),)), durable=False)

    (kept,) = (folder / "backups" / "runs" / "91").iterdir()
    assert yaml.safe_load(kept.read_bytes())["version"] == 1


def test_a_file_that_the_system_takes_in_pieces_is_whole(opened, monkeypatch):
    write = os.write
    monkeypatch.setattr(os, "write", lambda descriptor, content: write(descriptor, bytes(content[:7])))
    store, _ = opened()

    store.commit(Changes(jobs=(a_kept_job(ONE, name="photos"),)))
    _, contents = opened()

    assert [job.name for job in contents.jobs] == ["photos"]


def test_leftovers_of_a_killed_process_are_swept(opened, folder):
    store, _ = opened()
    store.commit(Changes(jobs=(a_kept_job(ONE),)))
    leftover = folder / "jobs" / "3f" / ".photos-3f2a1b4c.yaml.0123456789abcdef.tmp"
    leftover.write_text("half")
    mine = folder / "jobs" / "3f" / ".photos.swp"
    mine.write_text("an editor's")

    _, contents = opened()

    assert not leftover.exists()
    assert mine.exists()
    assert not contents.problems


def test_the_generations_of_a_deleted_job_are_kept_for_a_month(opened, folder):
    store, _ = opened()
    store.commit(Changes(jobs=(a_kept_job(ONE), a_kept_job(TWO))))
    store.commit(Changes(jobs=(a_kept_job(TWO, version=2),)))
    store.commit(Changes(gone_jobs=(ONE,)))
    store.close()
    kept = folder / "backups" / "jobs"
    made = datetime.fromtimestamp((kept / "3f" / f"{ONE}.1.yaml").stat().st_ctime, UTC)

    def left_after(days):
        later = YamlFilesStore(folder, clock=SettableClock(made + timedelta(days=days)))
        later.open()
        later.close()
        return sorted(path.name for path in kept.rglob("*.yaml"))

    assert left_after(29) == [f"{ONE}.1.yaml", f"{TWO}.1.yaml"]
    assert left_after(31) == [f"{TWO}.1.yaml"]


def test_a_disk_without_hard_links_keeps_copies(opened, folder, disk):
    store, _ = opened()
    store.commit(Changes(jobs=(a_kept_job(ONE),)))
    disk.fail_at(0, errno.EPERM, only="link", again=True)

    store.commit(Changes(jobs=(a_kept_job(ONE, version=2),)))

    disk.heal()
    kept = folder / "backups" / "jobs" / "3f" / f"{ONE}.1.yaml"
    assert yaml.safe_load(kept.read_bytes())["version"] == 1


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
