"""A store of format 1, as the Holdfast before this one wrote it, opens in this one."""

import errno
import shutil
import subprocess
from pathlib import Path

import pytest

from core.clock import SystemClock
from core.errors import StorageFull, StoreUnreadable
from core.states import RunState
from core.storage import migration
from core.storage.folder import StoreFolder
from core.storage.format_one import read_format_one
from core.storage.generations import find_rows
from core.storage.marker import FORMAT, Marker, read_marker, write_marker
from core.storage.records import frozen_job, frozen_run
from core.storage.unpacking import entries_of
from tests.core.storage.kills import killed_everywhere
from tests.doubles import SettableClock

WRITTEN_BEFORE = Path(__file__).parent / "stores" / "format-1"
PHOTOS = "795b929e-9a9a-40fd-aa7b-5bf55eb561a4"
FILMS = "8a7d43b5-7863-4074-b797-0386fee29476"
LETTERS = "3b5f3d86-268e-4c45-9c6b-f1e1a399f82a"
NEVER = "03e0a813-"
CUT_RUN = "781f9c58-d664-4fa9-a8a8-529f035efa25"
RUN_OF_THE_EMPTY_JOB = "0af438d2-9752-4d6a-b51e-8722c21b6092"


@pytest.fixture
def folder(tmp_path):
    """A store of format 1; in git it lacks what is empty."""
    folder = tmp_path / "data"
    shutil.copytree(WRITTEN_BEFORE, folder)
    return folder


@pytest.fixture
def bring_up(folder):
    """Do what a start does first; returns what was bad, and everything that the snapshot then says."""

    def do():
        held = StoreFolder(folder, SettableClock())
        held.take()
        try:
            problems = migration.bring_up(held, SettableClock())
            found = find_rows(folder, held.store_id)
        finally:
            held.release()
        jobs = [frozen_job(row.job) for row in found.rows]
        return problems, {"jobs": jobs, "runs": [frozen_run(run) for row in found.rows for run in row.runs]}

    return do


def files_in(folder: Path) -> dict[str, bytes]:
    found = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in found}


def the_copy(folder: Path) -> Path:
    (copy,) = (folder / "backups").glob(f"before-format-{FORMAT}-*.tar.zst")
    return copy


def test_a_store_written_by_the_version_before_opens_with_everything_in_it(folder, bring_up):
    held = StoreFolder(folder, SettableClock())
    held.take()
    before = read_format_one(held, touch=False)
    held.release()

    _, after = bring_up()

    assert {job.id: job for job in after["jobs"]} == before.jobs
    assert {job.name for job in after["jobs"]} == {
        "Ana's photos", "films and clips", "letters: no, 014, 1e3", "never run",
    }  # fmt: skip
    assert [run.state for run in after["runs"] if run.job_id == FILMS] == [RunState.FAILED]
    assert [run.checkpoint for run in after["runs"] if run.job_id == LETTERS] == [{"at": "b/2019"}]
    assert [run.number for run in after["runs"] if run.job_id == PHOTOS] == [1, 3, 4]
    assert read_marker(folder / "store.yaml") == Marker(format=FORMAT, store=held.store_id)
    assert read_marker(folder / "backups" / "store.yaml") == read_marker(folder / "store.yaml")


def test_everything_of_the_old_format_is_copied_first_as_it_was(folder, bring_up):
    before = {name: content for name, content in files_in(folder).items() if name != "backups/store.yaml"}

    bring_up()

    unpacked = folder.parent / "unpacked"
    unpacked.mkdir()
    command = ["tar", "--zstd", "--extract", "--file", str(the_copy(folder)), "--directory", str(unpacked)]
    by_tar = subprocess.run(command, check=False, capture_output=True)
    entries = {entry.name: entry.size for entry in entries_of(the_copy(folder))}
    assert entries == {name: len(content) for name, content in before.items()}
    assert by_tar.returncode == 0 or b"zstd" in by_tar.stderr
    told = {name: text for name, text in files_in(unpacked).items() if name != "MANIFEST.json"}
    assert told == (before if by_tar.returncode == 0 else {})


def test_damage_of_before_is_named_and_kept_and_in_the_copy(folder, bring_up):
    problems, after = bring_up()

    named = {problem.path: problem for problem in problems}
    copied = {entry.name for entry in entries_of(the_copy(folder))}
    hurt = {"jobs/28/hurt-28ce6f24.yaml", f"runs/78/{CUT_RUN}.yaml"}
    assert set(named) == hurt | {f"runs/0a/{RUN_OF_THE_EMPTY_JOB}.yaml"}
    assert copied >= set(named)
    kept = named[f"runs/78/{CUT_RUN}.yaml"].kept
    assert kept is not None
    assert (folder / kept).read_bytes() == (WRITTEN_BEFORE / "runs" / "78" / f"{CUT_RUN}.yaml").read_bytes()
    assert (folder / "jobs" / "28" / "hurt-28ce6f24.yaml").exists()
    assert CUT_RUN not in {run.id for run in after["runs"]}


def test_the_old_files_of_runs_go_and_definitions_stay_as_people_wrote_them(folder, bring_up):
    before = files_in(folder / "jobs")

    bring_up()

    assert files_in(folder / "jobs") == before
    assert files_in(folder / "runs") == {}
    assert not (folder / "backups" / "runs").exists()
    assert [path.name for path in (folder / "backups" / "definitions").rglob("*.yaml")] == [f"{FILMS}.1.yaml"]


def test_a_definition_that_was_emptied_goes_on_as_the_version_before_it(folder, bring_up):
    (definition,) = (folder / "jobs" / "8a").iterdir()
    definition.write_bytes(b"\0" * 300)

    problems, after = bring_up()

    (films,) = (job for job in after["jobs"] if job.id == FILMS)
    assert films.priority == "normal"
    assert any("The version before it is used." in problem.message for problem in problems)


def test_bringing_up_what_is_up_changes_nothing(folder, bring_up):
    bring_up()
    before = files_in(folder)

    problems, _ = bring_up()

    assert problems == ()
    after = files_in(folder)
    assert {name for name in before if before[name] != after[name]} <= {"locks/server.yaml"}
    assert before.keys() == after.keys()


@pytest.mark.faults
def test_a_kill_at_any_call_while_a_store_is_brought_up_costs_nothing(tmp_path):
    source = tmp_path / "source"
    shutil.copytree(WRITTEN_BEFORE, source)
    for job in ("03", "3b", "8a"):
        shutil.rmtree(source / "jobs" / job)
    for run in ("ed", "31", "9b", "65"):
        shutil.rmtree(source / "runs" / run)
        shutil.rmtree(source / "backups" / "runs" / run)

    told = killed_everywhere("migrate", source, tmp_path)

    assert told["calls"] > 100
    assert told["wrong"] == []


def test_where_there_is_no_room_the_store_stays_of_the_old_format_and_says_so(folder, bring_up, disk):
    held = StoreFolder(folder, SettableClock())
    held.take()
    before = files_in(folder)

    disk.fail_at(2, errno.ENOSPC, only="fsync", again=True)
    with pytest.raises(StorageFull) as refused:
        migration.bring_up(held, SettableClock())
    disk.heal()
    held.release()

    assert f"format {FORMAT}" in str(refused.value)
    assert "as much room as the store" in refused.value.hint
    after = files_in(folder)
    assert {name: after.get(name) for name in before} == before
    assert not [name for name in after if name.endswith(".tmp")]
    assert len(bring_up()[1]["jobs"]) == 4


def test_the_version_before_refuses_a_store_that_was_brought_up(folder, bring_up):
    bring_up()
    known_then = 1

    marker = read_marker(folder / "store.yaml")

    # The rule of that version, word for word: what it cannot read it would have written anew.
    assert marker is not None
    assert type(marker.format) is int
    assert marker.format > known_then


def test_this_version_refuses_a_store_of_a_later_one_in_plain_words(folder):
    marker = read_marker(folder / "store.yaml")
    assert marker is not None
    write_marker(folder / "store.yaml", Marker(format=FORMAT + 1, store=marker.store))
    before = files_in(folder)

    with pytest.raises(StoreUnreadable) as refused:
        StoreFolder(folder, SystemClock()).take()

    assert "newer Holdfast" in str(refused.value)
    assert files_in(folder) == before


def test_what_would_be_done_is_told_without_doing_it(folder):
    before = files_in(folder)

    planned = migration.plan(StoreFolder(folder, SettableClock()))

    assert (planned.jobs, planned.runs, planned.files) == (4, 5, 19)
    assert len(planned.problems) == 3
    assert files_in(folder) == before
