"""Definitions that are not what we wrote, when nothing else has the job: each costs nothing but itself."""

import errno
import os
import re
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some

from core.storage.folder import StoreFolder
from core.storage.looking import parsed
from core.storage.opening import read_state
from core.storage.rows import Changes
from core.storage.shards import shard_of
from tests.builders import a_kept_job, a_kept_run
from tests.core.storage.books import books
from tests.doubles import SettableClock

GOOD = "11110000-0000-4000-8000-000000000001"
HURT = "3f2a1b4c-0000-4000-8000-000000000002"
RUN_OF_GOOD = "aaaa0000-0000-4000-8000-000000000003"
FILE = "jobs/3f/hurt-3f2a1b4c.yaml"

WOUNDS = {
    "emptied": lambda text: b"",
    "filled with zeros": lambda text: b"\0" * len(text),
    "cut in a word": lambda text: text[:-20],
    "binary": lambda text: bytes(range(256)),
    "compressed": lambda text: b"\x1f\x8b\x08\x00" + text,
    "UTF-16": lambda text: text.decode().encode("utf-16"),
    "not a mapping": lambda text: b"- 1\n- 2\n",
    "another mapping": lambda text: b"jobs: 5\n",
    "one word": lambda text: b"hello\n",
    "an unknown key": lambda text: text + b"colour: red\n",
    "a missing key": lambda text: re.sub(rb"(?m)^name: .*\n", b"", text),
    "a wrong type": lambda text: text.replace(b"enabled: true\n", b"enabled: [1]\n"),
    "a word for true": lambda text: text.replace(b"enabled: true\n", b"enabled: yes\n"),
    "an unknown priority": lambda text: re.sub(rb"(?m)^priority: .*$", b"priority: dreaming", text),
    "a repeated key": lambda text: text + b"name: other\n",
    "a merge conflict": lambda text: b"<<<<<<< HEAD\n" + text + b"=======\n" + text + b">>>>>>> theirs\n",
    "twice over": lambda text: text + b"---\n" + text,
    "tabs": lambda text: text + b"\tx: 1\n",
    "a tag": lambda text: text + b"x: !!python/object/apply:os.system [id]\n",
    "an alias bomb": lambda text: b"a: &a [x]\nb: [*a, *a]\n",
    "deep nesting": lambda text: b"[" * 100_000,
    "too large": lambda text: text + b"#" * 1_100_000,
    "an id that leaves the folder": lambda text: re.sub(rb"(?m)^id: .*$", b'id: "../../x"', text),
}


@pytest.fixture
def filled(folder):
    """A store with a good job and one to be hurt, of which only the definition is left; returns its path."""
    with books(folder) as store:
        good, hurt = a_kept_job(GOOD, name="good"), a_kept_job(HURT, name="hurt")
        store.change(Changes(jobs=(good, hurt), runs=(a_kept_run(RUN_OF_GOOD, GOOD),)))
        store.define(good)
        path = store.define(hurt)
        store.checkpoint()
    assert shard_of(GOOD) != shard_of(HURT)
    for lost in (*(folder / "state").glob(f"rows-{shard_of(HURT)}-*"), folder / "state" / "journal-1.yaml"):
        lost.unlink()
    return path


def look(folder: Path):
    return read_state(StoreFolder(folder, SettableClock()))


def named(state) -> set[str]:
    return {problem.path for problem in state.problems if problem.path.startswith("jobs")}


@pytest.mark.parametrize("wound", WOUNDS)
def test_a_damaged_job_is_named_and_kept_and_the_others_stay(filled, folder, wound):
    hurt = WOUNDS[wound](filled.read_bytes())
    assert hurt != filled.read_bytes()
    filled.write_bytes(hurt)

    with books(folder) as store:
        assert store.rows.jobs.keys() == {GOOD}
        assert store.rows.runs.keys() == {RUN_OF_GOOD}
        (problem,) = (problem for problem in store.told if problem.path == FILE)
        assert problem.line is not None or wound == "too large"
    assert filled.read_bytes() == hurt


def test_a_job_of_which_only_the_definition_is_left_goes_on_and_is_named(filled, folder):
    with books(folder) as store:
        assert store.rows.jobs.keys() == {GOOD, HURT}
        assert store.rows.jobs[HURT].name == "hurt"
        assert (FILE, HURT) in {(problem.path, problem.job_id) for problem in store.told}


def test_a_damaged_job_goes_on_as_the_version_before_it(filled, folder):
    kept = folder / "backups" / "definitions" / "3f" / f"{HURT}.1.yaml"
    kept.parent.mkdir(parents=True)
    kept.write_bytes(filled.read_bytes().replace(b"name: hurt", b"name: before"))
    filled.write_bytes(b"")

    with books(folder) as store:
        assert store.rows.jobs[HURT].name == "before"
        assert sum(problem.path == FILE for problem in store.told) == 2


def test_a_text_before_that_is_hurt_too_is_passed_over(filled, folder):
    kept = folder / "backups" / "definitions" / "3f" / f"{HURT}.1.yaml"
    kept.parent.mkdir(parents=True)
    kept.write_bytes(b"\0")
    kept.with_name(f"{HURT}.2.yaml").write_bytes(filled.read_bytes())
    filled.write_bytes(b"")

    with books(folder) as store:
        assert store.rows.jobs.keys() == {GOOD, HURT}


def test_a_mistake_in_a_hand_edit_is_named_with_line_and_column(filled, folder):
    text = filled.read_text()
    filled.write_text(text.replace("priority: normal", "priority: urgent"))

    (problem,) = (problem for problem in look(folder).problems if problem.path == FILE)

    line = text.split("\n").index("priority: normal") + 1
    assert (problem.line, problem.column) == (line, 1)
    assert "priority" in problem.message
    assert "urgent" in problem.message


def test_once_the_edit_is_mended_the_job_is_back(filled, folder):
    text = filled.read_bytes()
    filled.write_bytes(text.replace(b"priority: normal", b"priority: ["))
    assert HURT not in look(folder).rows.jobs

    filled.write_bytes(text.replace(b"priority: normal", b"priority: high"))

    assert look(folder).rows.jobs[HURT].priority == "high"


def test_a_second_definition_of_a_job_counts_for_nothing(filled, folder):
    copy = filled.with_name("zzz-3f2a1b4c.yaml")
    copy.write_bytes(filled.read_bytes().replace(b"name: hurt", b"name: copy"))

    state = look(folder)

    assert state.rows.jobs[HURT].name == "hurt"
    assert state.placed[HURT].file == "3f/hurt-3f2a1b4c.yaml"
    assert copy.exists()


@pytest.mark.parametrize("thing", ["pipe", "folder", "dangling link", "link in a circle", "device"])
def test_what_is_no_file_is_named_and_does_not_stop_the_start(filled, folder, thing):
    filled.unlink()
    make = {
        "pipe": lambda: os.mkfifo(filled),
        "folder": filled.mkdir,
        "dangling link": lambda: filled.symlink_to("nowhere"),
        "link in a circle": lambda: filled.symlink_to(filled),
        "device": lambda: filled.symlink_to("/dev/zero"),
    }
    make[thing]()

    state = look(folder)

    assert state.rows.jobs.keys() == {GOOD}
    assert named(state) == ({FILE} if thing != "folder" else set())


def test_what_editors_and_people_leave_beside_the_definitions_is_ignored(filled, folder):
    for name in ("hurt-3f2a1b4c.yaml~", ".hurt-3f2a1b4c.yaml.swp", "4913", "README.md", ".#x.yaml"):
        (folder / "jobs" / "3f" / name).write_text("not ours")
    (folder / "jobs" / "notes.txt").write_text("not ours")
    (folder / "jobs" / ".git").mkdir()

    state = look(folder)

    assert state.rows.jobs.keys() == {GOOD, HURT}
    assert named(state) == {FILE}


def test_a_store_where_everything_is_damaged_still_opens_and_saves(filled, folder):
    for path in (*(folder / "jobs").rglob("*.yaml"), *(folder / "state").iterdir()):
        path.write_bytes(b"\0\0\0\0")

    with books(folder) as store:
        assert not store.rows.jobs
        assert store.told
        store.change(Changes(jobs=(a_kept_job("dddd0000-1", name="new"),)))
    with books(folder) as store:
        assert store.rows.jobs.keys() == {"dddd0000-1"}


def test_a_folder_of_definitions_that_cannot_be_read_is_named(filled, folder, monkeypatch):
    scandir = os.scandir

    def refuse(path):
        if Path(path).name == "3f":
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)

    state = look(folder)

    assert state.rows.jobs.keys() == {GOOD}
    assert named(state) == {"jobs/3f"}


def test_the_same_damage_is_kept_once_however_often_it_is_met(filled, folder):
    path = folder / "state" / f"rows-{shard_of(GOOD)}-1.yaml"
    path.write_bytes(path.read_bytes().replace(b'"good"', b'"goof"'))

    for _ in range(3):
        with books(folder):
            pass

    assert len(list((folder / "quarantine").iterdir())) == 1


def test_damage_that_cannot_be_kept_aside_stays_where_it_is(filled, folder):
    path = folder / "state" / f"rows-{shard_of(GOOD)}-1.yaml"
    path.write_bytes(b"precious ruins")
    (folder / "quarantine").rmdir()
    (folder / "quarantine").write_text("in the way")

    with books(folder) as store:
        (problem,) = (problem for problem in store.told if problem.path == f"state/{path.name}")
        assert "could not be kept aside" in problem.message
        assert problem.kept is None
    assert path.read_bytes() == b"precious ruins"


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=some.data())
def test_any_wound_in_one_file_leaves_the_others_whole(filled, folder, data):
    whole = filled.read_bytes()
    start = data.draw(some.integers(0, len(whole) - 1))
    end = data.draw(some.integers(start, len(whole)))
    hurt = whole[:start] + data.draw(some.binary(max_size=8)) + whole[end:]
    filled.write_bytes(hurt)

    try:
        state = look(folder)
    finally:
        filled.write_bytes(whole)

    assert state.rows.jobs[GOOD] == a_kept_job(GOOD, name="good")
    assert RUN_OF_GOOD in state.rows.runs
    assert len(state.rows.jobs) == 2 or FILE in named(state) or parsed(hurt).id != HURT
