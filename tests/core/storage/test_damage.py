"""Files that are not what we wrote: each is named and kept, and costs nothing but itself."""

import errno
import os
import re
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some

from core.storage.base import Changes
from core.storage.yaml_files import YamlFilesStore
from tests.builders import a_kept_job, a_kept_run
from tests.doubles import SettableClock

GOOD = "11110000-0000-4000-8000-000000000001"
HURT = "3f2a1b4c-0000-4000-8000-000000000002"
RUN_OF_GOOD = "aaaa0000-0000-4000-8000-000000000003"
RUN_OF_HURT = "bbbb0000-0000-4000-8000-000000000004"

WOUNDS = {
    "emptied": lambda text: b"",
    "filled with zeros": lambda text: b"\0" * len(text),
    "cut in half": lambda text: text[: len(text) // 2],
    "cut in a word": lambda text: text[:-20],
    "binary": lambda text: bytes(range(256)),
    "compressed": lambda text: b"\x1f\x8b\x08\x00" + text,
    "UTF-16": lambda text: text.decode().encode("utf-16"),
    "not a mapping": lambda text: b"jobs: 5\n",
    "a list": lambda text: b"- 1\n- 2\n",
    "one word": lambda text: b"hello\n",
    "an unknown key": lambda text: text + b"colour: red\n",
    "a missing key": lambda text: re.sub(rb"(?m)^(job_id|name): .*\n", b"", text),
    "a wrong type": lambda text: text.replace(b"version: 1\n", b"version: [1]\n"),
    "a word for a number": lambda text: text.replace(b"version: 1\n", b"version: one\n"),
    "an unknown state": lambda text: re.sub(rb"(?m)^(state|priority): .*$", b"\\1: dreaming", text),
    "a time without its zone": lambda text: text.replace(b'07:42:00Z"', b'07:42:00"'),
    "a time that is none": lambda text: text.replace(b'07:42:00Z"', b'27:42:00Z"'),
    "a repeated key": lambda text: text + b"version: 2\n",
    "a merge conflict": lambda text: b"<<<<<<< HEAD\n" + text + b"=======\n" + text + b">>>>>>> theirs\n",
    "twice over": lambda text: text + b"---\n" + text,
    "tabs": lambda text: text.replace(b"  ", b"\t") + b"\tx: 1\n",
    "a tag": lambda text: text + b"x: !!python/object/apply:os.system [id]\n",
    "an alias bomb": lambda text: b"a: &a [x]\nb: [*a, *a]\n",
    "deep nesting": lambda text: b"[" * 100_000,
    "too large": lambda text: text + b"#" * 1_100_000,
    "another one's id": lambda text: text.replace(HURT.encode(), GOOD.encode()).replace(b"bbbb", b"cccc"),
    "an id that leaves the folder": lambda text: re.sub(rb"(?m)^id: .*$", b'id: "../../x"', text),
}


@pytest.fixture
def filled(opened, folder):
    """A store with a good job and one to be hurt, each with a run; returns the four files."""
    store, _ = opened()
    store.commit(
        Changes(
            jobs=(a_kept_job(GOOD, name="good"), a_kept_job(HURT, name="hurt")),
            runs=(a_kept_run(RUN_OF_GOOD, GOOD), a_kept_run(RUN_OF_HURT, HURT)),
        )
    )
    store.close()
    return {
        "job": folder / "jobs" / "3f" / "hurt-3f2a1b4c.yaml",
        "run": folder / "runs" / "bb" / f"{RUN_OF_HURT}.yaml",
    }


def ids(values):
    return {value.id for value in values}


def kept_aside(folder: Path) -> list[bytes]:
    return [path.read_bytes() for path in (folder / "quarantine").iterdir()]


@pytest.mark.parametrize("wound", WOUNDS)
def test_a_damaged_job_is_named_and_kept_and_the_others_stay(filled, opened, folder, wound):
    hurt = WOUNDS[wound](filled["job"].read_bytes())
    assert hurt != filled["job"].read_bytes()
    filled["job"].write_bytes(hurt)

    _, contents = opened()

    assert ids(contents.jobs) == {GOOD}
    assert ids(contents.runs) == {RUN_OF_GOOD}
    (problem,) = contents.problems
    assert problem.path == "jobs/3f/hurt-3f2a1b4c.yaml"
    assert "quarantine/" in problem.message
    assert problem.line is not None or wound == "too large"
    assert filled["job"].read_bytes() == hurt
    assert kept_aside(folder) == [hurt]
    assert filled["run"].exists()


@pytest.mark.parametrize("wound", WOUNDS)
def test_a_damaged_run_is_named_and_kept_and_the_others_stay(filled, opened, folder, wound):
    hurt = WOUNDS[wound](filled["run"].read_bytes())
    assert hurt != filled["run"].read_bytes()
    filled["run"].write_bytes(hurt)

    _, contents = opened()

    assert ids(contents.jobs) == {GOOD, HURT}
    assert ids(contents.runs) == {RUN_OF_GOOD}
    assert [problem.path for problem in contents.problems] == [f"runs/bb/{RUN_OF_HURT}.yaml"]
    assert filled["run"].read_bytes() == hurt
    assert kept_aside(folder) == [hurt]


def test_a_damaged_job_goes_on_as_the_version_before_it(filled, opened, folder):
    store, _ = opened()
    store.commit(Changes(jobs=(a_kept_job(HURT, name="hurt", version=2),)))
    store.close()
    filled["job"].write_bytes(b"")

    store, contents = opened()

    assert {job.id: job.version for job in contents.jobs} == {GOOD: 1, HURT: 1}
    assert ids(contents.runs) == {RUN_OF_GOOD, RUN_OF_HURT}
    (problem,) = contents.problems
    assert "The version before it is used." in problem.message

    store.commit(Changes(jobs=(a_kept_job(HURT, name="hurt", version=3),)))
    _, contents = opened()
    assert {job.id: job.version for job in contents.jobs} == {GOOD: 1, HURT: 3}
    assert not contents.problems
    assert kept_aside(folder) == [b""]


def test_a_damaged_run_goes_on_as_the_version_before_it(filled, opened):
    store, _ = opened()
    store.commit(Changes(runs=(a_kept_run(RUN_OF_HURT, HURT, version=2),)))
    store.close()
    filled["run"].write_bytes(filled["run"].read_bytes()[:40])

    _, contents = opened()

    assert {run.id: run.version for run in contents.runs} == {RUN_OF_GOOD: 1, RUN_OF_HURT: 1}
    assert len(contents.problems) == 1


def test_a_damaged_job_whose_file_is_named_by_its_id_goes_on_too(filled, opened):
    store, _ = opened()
    twin = HURT[:-1] + "9"
    for version in (1, 2):
        store.commit(Changes(jobs=(a_kept_job(twin, name="hurt", version=version),)))
    store.close()
    filled["job"].with_name(f"{twin}.yaml").write_bytes(b"")

    _, contents = opened()

    assert {job.id: job.version for job in contents.jobs} == {GOOD: 1, HURT: 1, twin: 1}


def test_two_damaged_generations_fall_back_to_the_third(filled, opened, folder):
    store, _ = opened()
    for version in range(2, 5):
        store.commit(Changes(jobs=(a_kept_job(HURT, name="hurt", version=version),)))
    store.close()
    filled["job"].write_bytes(b"")
    (folder / "backups" / "jobs" / "3f" / f"{HURT}.1.yaml").write_bytes(b"\0")

    _, contents = opened()

    assert {job.id: job.version for job in contents.jobs} == {GOOD: 1, HURT: 2}


def test_a_job_that_was_deleted_does_not_come_back_from_its_older_generations(filled, opened):
    store, _ = opened()
    store.commit(Changes(jobs=(a_kept_job(HURT, name="hurt", version=2),)))

    store.commit(Changes(gone_jobs=(HURT,), gone_runs=(RUN_OF_HURT,)))
    _, contents = opened()

    assert ids(contents.jobs) == {GOOD}
    assert not contents.problems


def test_the_same_damage_is_kept_once_however_often_it_is_met(filled, opened, folder):
    filled["job"].write_bytes(b"jobs: 5\n")

    opened()
    opened()
    _, contents = opened()

    assert len(contents.problems) == 1
    assert len(kept_aside(folder)) == 1


def test_another_damage_is_kept_beside_the_first(filled, opened, folder):
    for damage in (b"first", b"second"):
        filled["job"].write_bytes(damage)
        opened()

    assert sorted(kept_aside(folder)) == [b"first", b"second"]


def test_a_mistake_in_a_hand_edit_is_named_with_line_and_column(filled, opened):
    text = filled["job"].read_text()
    filled["job"].write_text(text.replace("priority: normal", "priority: urgent"))

    _, contents = opened()

    (problem,) = contents.problems
    line = text.split("\n").index("priority: normal") + 1
    assert (problem.line, problem.column) == (line, 1)
    assert "priority" in problem.message
    assert "urgent" in problem.message


def test_a_mistake_deep_in_a_run_is_named_with_line_and_column(filled, opened):
    text = filled["run"].read_text()
    filled["run"].write_text(text.replace("  done: 0", "  done: many"))

    _, contents = opened()

    (problem,) = contents.problems
    assert (problem.line, problem.column) == (text.split("\n").index("  done: 0") + 1, 3)


def test_once_the_edit_is_mended_the_job_and_its_runs_are_back(filled, opened):
    text = filled["job"].read_bytes()
    filled["job"].write_bytes(text.replace(b"priority: normal", b"priority: ["))
    opened()

    filled["job"].write_bytes(text.replace(b"priority: normal", b"priority: high"))
    _, contents = opened()

    assert {job.id: job.priority for job in contents.jobs} == {GOOD: "normal", HURT: "high"}
    assert ids(contents.runs) == {RUN_OF_GOOD, RUN_OF_HURT}
    assert not contents.problems


def test_a_copied_definition_with_the_same_id_is_named_and_left_in_place(filled, opened):
    copy = filled["job"].with_name("my-copy-3f2a1b4c.yaml")
    copy.write_bytes(filled["job"].read_bytes())

    _, contents = opened()

    assert ids(contents.jobs) == {GOOD, HURT}
    assert [problem.path for problem in contents.problems] == ["jobs/3f/my-copy-3f2a1b4c.yaml"]
    assert copy.exists()


def test_a_rename_that_was_cut_short_leaves_the_newer_job(filled, opened, folder):
    older = filled["job"].read_bytes()
    store, _ = opened()
    store.commit(Changes(jobs=(a_kept_job(HURT, name="renamed", version=2),)))
    store.close()
    filled["job"].write_bytes(older)

    _, contents = opened()
    _, again = opened()

    assert {job.id: job.name for job in contents.jobs} == {GOOD: "good", HURT: "renamed"}
    assert kept_aside(folder) == [older]
    assert not again.problems


def test_runs_whose_job_is_gone_are_named_and_stay(filled, opened):
    filled["job"].unlink()

    _, contents = opened()

    assert ids(contents.runs) == {RUN_OF_GOOD}
    assert [problem.path for problem in contents.problems] == [f"runs/bb/{RUN_OF_HURT}.yaml"]
    assert filled["run"].exists()


@pytest.mark.parametrize("thing", ["pipe", "folder", "dangling link", "link in a circle", "device"])
def test_what_is_no_file_is_named_and_does_not_stop_the_start(filled, opened, thing):
    path = filled["job"]
    path.unlink()
    make = {
        "pipe": lambda: os.mkfifo(path),
        "folder": path.mkdir,
        "dangling link": lambda: path.symlink_to("nowhere"),
        "link in a circle": lambda: path.symlink_to(path),
        "device": lambda: path.symlink_to("/dev/zero"),
    }
    make[thing]()

    _, contents = opened()

    assert ids(contents.jobs) == {GOOD}
    assert [problem.path for problem in contents.problems] == ["jobs/3f/hurt-3f2a1b4c.yaml"]


def test_what_editors_and_people_leave_beside_the_definitions_is_ignored(filled, opened, folder):
    for name in ("hurt-3f2a1b4c.yaml~", ".hurt-3f2a1b4c.yaml.swp", "4913", "README.md", ".#x.yaml"):
        (folder / "jobs" / "3f" / name).write_text("not ours")
    (folder / "jobs" / "notes.txt").write_text("not ours")
    (folder / "jobs" / ".git").mkdir()

    _, contents = opened()

    assert ids(contents.jobs) == {GOOD, HURT}
    assert not contents.problems


def test_a_store_where_everything_is_damaged_still_opens_and_saves(filled, opened, folder):
    for path in (*(folder / "jobs").rglob("*.yaml"), *(folder / "runs").rglob("*.yaml")):
        path.write_bytes(b"\0\0\0\0")

    store, contents = opened()
    store.commit(Changes(jobs=(a_kept_job("dddd0000-1", name="new"),)))
    _, after = opened()

    assert not contents.jobs
    assert len(contents.problems) == 4
    assert ids(after.jobs) == {"dddd0000-1"}
    assert len(after.problems) == 4


def test_a_definition_laid_beside_the_others_is_read_and_moves_to_its_place(filled, opened, folder):
    beside = folder / "jobs" / "mine-3f2a1b4c.yaml"
    filled["job"].rename(beside)

    store, contents = opened()
    assert ids(contents.jobs) == {GOOD, HURT}
    store.commit(Changes(jobs=(a_kept_job(HURT, name="hurt", version=2),)))

    assert not beside.exists()
    assert filled["job"].exists()


def test_a_folder_that_cannot_be_read_is_named(filled, opened, monkeypatch):
    scandir = os.scandir

    def refuse(path):
        if Path(path).name == "3f":
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)

    _, contents = opened()

    assert ids(contents.jobs) == {GOOD}
    assert "jobs/3f" in {problem.path for problem in contents.problems}


def test_damage_that_could_not_be_kept_aside_is_kept_as_the_generation_before(filled, opened, folder):
    store, _ = opened()
    store.commit(Changes(jobs=(a_kept_job(HURT, name="hurt", version=2),)))
    store.close()
    filled["job"].write_bytes(b"precious ruins")
    (folder / "quarantine").rmdir()
    (folder / "quarantine").write_text("in the way")

    store, _ = opened()
    store.commit(Changes(jobs=(a_kept_job(HURT, name="hurt", version=3),)))

    assert (folder / "backups" / "jobs" / "3f" / f"{HURT}.1.yaml").read_bytes() == b"precious ruins"


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=some.data())
def test_any_wound_in_one_file_leaves_the_others_whole(filled, folder, data):
    victim = filled[data.draw(some.sampled_from(sorted(filled)))]
    whole = victim.read_bytes()
    start = data.draw(some.integers(0, len(whole) - 1))
    end = data.draw(some.integers(start, len(whole)))
    victim.write_bytes(whole[:start] + data.draw(some.binary(max_size=8)) + whole[end:])
    store = YamlFilesStore(folder, clock=SettableClock())

    try:
        contents = store.open()
    finally:
        store.close()
        victim.write_bytes(whole)

    assert GOOD in ids(contents.jobs)
    assert RUN_OF_GOOD in ids(contents.runs)
    assert {HURT} <= ids(contents.jobs) or contents.problems
