"""A store looked at as it lies there: every fault named, and nothing touched."""

import os
import shutil

import pytest

from core.checking import Check
from core.clock import SystemClock
from core.states import RunState
from core.storage.own_backup import take_backup
from core.storage.rows import Changes
from tests.builders import WHEN, a_kept_job, a_kept_run
from tests.doubles import FileStore, SettableClock, make_scripted_engine

ONE = "3f2a1b4c-0000-4000-8000-000000000001"
TWO = "77aa0000-0000-4000-8000-000000000002"
THREE = "99bb0000-0000-4000-8000-000000000003"


def a_run(number, **fields):
    fields = {"state": RunState.COMPLETED, "ended_at": WHEN.replace(year=2020), "number": number} | fields
    return a_kept_run(f"91bb0000-0000-4000-8000-{number:012}", ONE, **fields)


@pytest.fixture
def data(tmp_path):
    """A store with jobs, older runs, two generations, old segments and accounts."""
    data = tmp_path / "data"
    store = FileStore(data, SettableClock())
    store.open()
    for job_id in (ONE, TWO, THREE):
        store.commit(Changes(jobs=(a_kept_job(job_id, name=f"job {job_id[:2]}", kind="scripted"),)))
    for number in range(1, 6):
        store.commit(Changes(runs=(a_run(number),)))
    store.write_definitions()
    for number in range(6, 9):
        store.files.checkpoint()
        store.commit(Changes(runs=(a_run(number),)))
    take_backup(store.files.source, data / "backups" / "own-state" / "own.tar.zst", SettableClock())
    store.close()
    (data / "auth").mkdir(mode=0o700)
    return data


@pytest.fixture
def check(data):
    return lambda: Check(data, SystemClock(), make_engine=make_scripted_engine)


def files_in(folder):
    found = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in found}


def the_one(data, pattern):
    return max(data.glob(pattern))


def test_checking_a_good_store_finds_nothing_and_changes_nothing(data, check):
    before = files_in(data)

    found = check().check()
    verified = check().verify([data / "backups" / "own-state" / "own.tar.zst"])

    assert found.problems == verified.problems == ()
    assert (found.jobs, found.runs, found.number) == (3, 8, 11)
    assert files_in(data) == before


def damage_the_journal(data):
    path = the_one(data, "state/journal-*.yaml")
    path.write_bytes(path.read_bytes().replace(b'"number":8', b'"number":9'))
    return "state/journal-4.yaml"


def make_a_mistake(data):
    path = the_one(data, "jobs/3f/*.yaml")
    path.write_text(path.read_text().replace("priority: normal", "priority: sometimes"))
    return "jobs/3f/job-3f-3f2a1b4c.yaml:"


def ask_for_what_its_kind_does_not_know(data):
    path = the_one(data, "jobs/3f/*.yaml")
    path.write_text(path.read_text().replace("kind: scripted", "kind: unheard-of"))
    return "jobs/3f/job-3f-3f2a1b4c.yaml:3:1"


def make_a_twin(data):
    path = the_one(data, "jobs/3f/*.yaml")
    shutil.copy(path, path.with_name("a-copy.yaml"))
    return "jobs/3f/a-copy.yaml"


def lose_a_definition(data):
    the_one(data, "jobs/77/*.yaml").unlink()
    return "jobs/77/job-77-77aa0000.yaml"


def damage_the_older_runs(data):
    path = data / "runs" / "3f" / f"{ONE}.yaml"
    path.write_bytes(path.read_bytes().replace(b'"number":2', b'"number":3'))
    return f"runs/3f/{ONE}.yaml:3"


def lose_the_older_runs(data):
    (data / "runs" / "3f" / f"{ONE}.yaml").unlink()
    return f"runs/3f/{ONE}.yaml"


def let_others_read_secrets(data):
    (data / "auth" / "tokens.yaml").write_text("tokens: []\n")
    (data / "auth" / "tokens.yaml").chmod(0o644)
    return "auth/tokens.yaml"


def damage_the_accounts(data):
    (data / "auth" / "users.yaml").write_bytes(b"users: [")
    (data / "auth" / "users.yaml").chmod(0o600)
    return "auth"


def damage_the_marker(data):
    (data / "store.yaml").write_bytes(b"\0" * 40)
    return "store.yaml"


def put_a_link_among_the_definitions(data):
    (data / "jobs" / "3f" / "link.yaml").symlink_to("/etc/passwd")
    return "jobs/3f/link.yaml"


WOUNDS = [
    damage_the_journal,
    make_a_mistake,
    ask_for_what_its_kind_does_not_know,
    make_a_twin,
    lose_a_definition,
    damage_the_older_runs,
    lose_the_older_runs,
    let_others_read_secrets,
    damage_the_accounts,
    damage_the_marker,
    put_a_link_among_the_definitions,
]


@pytest.mark.parametrize("wound", WOUNDS)
def test_checking_names_every_problem_with_file_and_line(data, check, wound):
    place = wound(data)
    before = files_in(data)

    found = check().check()

    places = [
        ":".join(str(part) for part in (one.path, one.line, one.column) if part is not None)
        for one in found.problems
    ]
    assert any(told.startswith(place) for told in places), found.problems
    assert not found.clean
    assert files_in(data) == before


@pytest.mark.parametrize(
    "pattern",
    [
        "state/rows-*-2.yaml",
        "state/rows-*-3.yaml",
        "state/checkpoint-2.yaml",
        "state/checkpoint-3.yaml",
        "state/journal-*.yaml",
        "backups/segments/*.zst",
        "backups/own-state/*.zst",
        "runs/*/*.yaml",
    ],
)
def test_verifying_reads_every_checksum_of_every_file(data, check, pattern):
    path = the_one(data, pattern)
    content = path.read_bytes()
    place = len(content) // 2
    path.write_bytes(content[:place] + bytes([content[place] ^ 4]) + content[place + 1 :])

    found = check().verify((data / "backups" / "own-state").iterdir())

    assert path.relative_to(data).as_posix() in {problem.path for problem in found.problems}


def test_an_edit_that_will_be_taken_over_is_no_problem(data, check):
    path = the_one(data, "jobs/3f/*.yaml")
    path.write_text(path.read_text().replace("priority: normal", "priority: high"))

    found = check().check()

    assert found.clean
    assert any("was edited" in note for note in found.notes)


def test_a_store_that_belongs_to_somebody_else_is_named(data, check, monkeypatch):
    monkeypatch.setattr(os, "geteuid", lambda: 12345)

    found = check().check()

    assert "belongs to the user" in found.problems[0].message


def test_a_folder_without_a_store_is_named(tmp_path):
    absent = Check(tmp_path / "absent", SystemClock()).check()
    empty = Check(tmp_path, SystemClock()).check()

    assert [one.problems[0].message[:8] for one in (absent, empty)] == ["There is", "There is"]
