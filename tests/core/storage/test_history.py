"""Older runs: appended to whatever stands there, read one by one."""

import errno
import os

import pytest

from core.models import frozen
from core.storage.history import History
from tests.builders import a_kept_run
from tests.core.storage.books import ANA, BEN, books

ONE = a_kept_run("r1", ANA, options=frozen({"text": "Ångström \u2028 \x85"}))
TWO = a_kept_run("r2", ANA, number=2)


@pytest.fixture
def store(folder):
    with books(folder) as opened:
        yield opened


@pytest.fixture
def told():
    return []


@pytest.fixture
def history(store, told):
    return History(store.folder, told.append)


@pytest.fixture
def path(store):
    return store.folder.history_path(ANA)


def test_older_runs_are_read_as_they_were(history):
    history.append([ONE, a_kept_run("b1", BEN)])
    history.append([TWO])

    assert set(map(repr, history.read(ANA))) == {repr(ONE), repr(TWO)}
    assert [run.id for run in history.read(BEN)] == ["b1"]


def test_a_job_without_older_runs_has_none(history, told):
    assert history.read(ANA) == ()
    assert not told


def test_the_last_of_an_id_counts(history):
    history.append([TWO, a_kept_run("r2", ANA, number=2, version=2)])
    history.append([a_kept_run("r2", ANA, number=2, version=3)])

    assert [run.version for run in history.read(ANA)] == [3]


@pytest.mark.parametrize("cut", [1, 2, 30])
def test_a_torn_older_run_swallows_no_other(history, path, told, cut):
    history.append([ONE, TWO])
    path.write_bytes(path.read_bytes()[:-cut])

    history.append([a_kept_run("r3", ANA, number=3)])

    survived = {"r1", "r2", "r3"} if cut == 1 else {"r1", "r3"}
    assert {run.id for run in history.read(ANA)} == survived
    assert len(told) == (cut != 1)


def test_a_bad_older_run_is_named_once_and_stays(history, path, told):
    history.append([ONE, TWO])
    path.write_bytes(path.read_bytes().replace(b'"number":2', b'"number":7'))
    hurt = path.read_bytes()

    for _ in range(3):
        assert [run.id for run in history.read(ANA)] == ["r1"]

    (problem,) = told
    assert (problem.path, problem.line, problem.job_id) == (f"runs/3f/{ANA}.yaml", 3, ANA)
    assert path.read_bytes() == hurt


@pytest.mark.parametrize(
    "content", [b"", b"\0" * 300, b"\xff\xfe\x00junk\n", b"jobs: 5\n", b"--- {} # 00000000\n"]
)
def test_a_file_of_older_runs_that_says_nothing_costs_nothing_else(history, path, told, content):
    history.append([ONE, a_kept_run("b1", BEN)])
    path.write_bytes(content)

    assert history.read(ANA) == ()
    assert len(history.read(BEN)) == 1
    assert len(told) == bool(content)


def test_older_runs_of_another_job_are_not_taken_for_ours(history, store, path, told):
    history.append([a_kept_run("b1", BEN)])
    path.parent.mkdir(exist_ok=True)

    store.folder.history_path(BEN).rename(path)

    assert history.read(ANA) == ()
    assert len(told) == 1


def test_a_file_that_cannot_be_read_is_named(history, path, told):
    path.mkdir(parents=True)

    assert history.read(ANA) == ()
    assert "directory" in told[0].message


def test_what_is_not_to_be_kept_goes_and_bad_lines_stay(history, path, told):
    history.append([ONE, TWO])
    with path.open("ab") as file:
        file.write(b"what is this\n")

    history.keep_only(ANA, {"r2"})

    assert [run.id for run in history.read(ANA)] == ["r2"]
    assert b"what is this\n" in path.read_bytes()
    assert path.read_bytes().count(b"--- ") == 1


def test_a_file_of_which_nothing_is_kept_goes(history, path):
    history.append([ONE])

    history.keep_only(ANA, set())

    assert not path.exists()
    history.remove(ANA)


def test_a_file_that_is_kept_whole_is_not_written_again(history, path, disk):
    history.append([ONE])
    disk.seen.clear()

    history.keep_only(ANA, {"r1"})

    assert "write" not in disk.seen


def test_many_jobs_are_written_before_the_first_is_flushed(history, monkeypatch):
    calls = []
    for name in ("write", "fdatasync"):
        call = getattr(os, name)
        monkeypatch.setattr(
            os, name, lambda *given, call=call, name=name: (calls.append(name), call(*given))[1]
        )

    history.append(a_kept_run(f"r{number}", f"{number:08x}") for number in range(5))

    assert calls == ["write"] * 5 + ["fdatasync"] * 5


@pytest.mark.parametrize("call", ["open", "write", "fsync"])
def test_older_runs_that_the_disk_refuses_leave_the_files_as_they_were(history, path, files, disk, call):
    history.append([ONE])
    before = {name: content for name, content in files().items() if content}
    disk.fail_at(1 if call == "open" else 0, errno.ENOSPC, only=call, again=True)

    with pytest.raises(OSError, match="No space"):
        history.append([TWO, a_kept_run("b1", BEN)])

    disk.heal()
    after = {name: content for name, content in files().items() if content}
    assert after == before


def test_a_rewriting_that_the_disk_refuses_leaves_all_runs(history, disk):
    history.append([ONE, TWO])
    disk.fail_at(0, errno.EIO, only="fsync", again=True)

    with pytest.raises(OSError, match="Input/output"):
        history.keep_only(ANA, {"r2"})

    disk.heal()
    assert len(history.read(ANA)) == 2
