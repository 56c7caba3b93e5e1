"""The journal on a real disk, that fails where it is told to."""

import errno
import fcntl
import os
import threading

import pytest

from core.errors import StorageFailed
from core.storage.commit_lock import LONG_ENOUGH, CommitLock
from core.storage.journal import Journal, beginning_of, segment_path, segments_in
from core.storage.lines import opened, sealed, seed_of
from core.storage.records import record_from, text_of

STORE = "7f0c1c5e"
BODY = b'{"gone_jobs":["%d"]}'


@pytest.fixture
def state(tmp_path):
    state = tmp_path / "state"
    state.mkdir()
    segment_path(state, 1).write_bytes(beginning_of(STORE, 1, 1, 0))
    return state


@pytest.fixture
def journal(state):
    made = []

    def make():
        length = segment_path(state, 1).stat().st_size if not made else len(beginning_of(STORE, 1, 1, 0))
        made.append(Journal(state, state / "commit.lock", STORE, segment=1, length=length, n=0, t=0))
        return made[-1]

    yield make
    for one in made:
        one.close()


def numbers_in(state, segment):
    seed = seed_of(STORE, f"journal-{segment}")
    lines = segment_path(state, segment).read_bytes().splitlines()[2:]
    return [record_from(opened(line, seed)).n for line in lines if b'"kind"' not in line]


def test_what_is_appended_is_numbered_and_stands_in_the_file(journal, state):
    first = journal()

    assert first.append([BODY % 1, BODY % 2], 1_000) == 1
    assert first.append([BODY % 3], 999) == 3

    seed = seed_of(STORE, "journal-1")
    lines = segment_path(state, 1).read_bytes().splitlines()[2:]
    assert [(r.n, r.t) for r in (record_from(opened(line, seed)) for line in lines)] == [
        (1, 1_000),
        (2, 1_000),
        (3, 1_000),
    ]


def test_two_processes_see_what_the_other_appended(journal, state):
    one, two = journal(), journal()

    one.append([BODY % 1], 1)
    assert two.is_grown
    seen = two.others()
    two.append([BODY % 2], 1)

    assert [record.gone_jobs for record in seen] == [("1",)]
    assert [record.n for record in one.others()] == [2]
    assert not one.is_grown
    assert numbers_in(state, 1) == [1, 2]


def test_a_new_segment_is_followed_by_whoever_was_in_the_one_before(journal, state):
    one, two = journal(), journal()
    one.append([BODY % 1], 1)

    one.roll()
    one.append([BODY % 2], 1)

    assert [record.n for record in two.others()] == [1, 2]
    assert two.segment == 2
    assert segments_in(state) == [1, 2]


def test_what_a_killed_process_left_half_written_is_cut_off(journal, state):
    one, two = journal(), journal()
    one.append([BODY % 1], 1)
    with segment_path(state, 1).open("ab") as file:
        file.write(b'--- {"n":2,"t":1,"gone_jo')

    seen = two.others()
    two.append([BODY % 2], 1)

    assert [record.n for record in seen] == [1]
    assert numbers_in(state, 1) == [1, 2]


@pytest.mark.parametrize("error", [errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EROFS])
def test_what_could_not_be_written_is_cut_off_and_the_next_goes_in(journal, state, disk, error):
    one = journal()
    one.append([BODY % 1], 1)

    disk.fail_at(0, error, only="write")
    with pytest.raises(OSError, match=os.strerror(error)):
        one.append([BODY % 8], 1)
    disk.heal()
    one.append([BODY % 2], 1)

    assert numbers_in(state, 1) == [1, 2]


def test_after_a_failed_flush_the_end_is_written_anew_in_another_segment(journal, state, disk):
    one, two = journal(), journal()
    one.append([BODY % 1, BODY % 2], 1)

    disk.fail_at(0, errno.EIO, only="fdatasync")
    with pytest.raises(OSError, match="Input/output"):
        one.append([BODY % 8], 1)
    disk.heal()
    one.append([BODY % 3], 1)

    assert numbers_in(state, 2) == [1, 2, 3]
    assert [record.gone_jobs for record in two.others()] == [("1",), ("2",), ("3",)]


def test_a_disk_that_goes_on_failing_refuses_everything_until_it_is_well(journal, state, disk):
    one = journal()
    one.append([BODY % 1], 1)

    disk.fail_at(0, errno.EIO, again=True)
    for _ in range(3):
        with pytest.raises(OSError, match="Input/output"):
            one.append([BODY % 8], 1)
    disk.heal()
    one.others()
    one.append([BODY % 2], 1)

    last = segments_in(state)[-1]
    assert numbers_in(state, last) == [1, 2]
    assert not list(state.glob(".*"))


def test_what_a_person_interrupts_is_refused_for_good(journal, state, monkeypatch):
    one, fdatasync = journal(), os.fdatasync

    def interrupted(descriptor):
        fdatasync(descriptor)
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fdatasync", interrupted)
    with pytest.raises(KeyboardInterrupt):
        one.append([BODY % 8], 1)
    monkeypatch.undo()

    assert one.others() == []
    one.append([BODY % 1], 1)
    assert numbers_in(state, 1) == [1]


@pytest.mark.parametrize("refused", [("fdatasync", "fsync"), ("fdatasync", "fsync", "ftruncate")])
def test_what_others_append_to_a_segment_that_was_given_up_is_kept(journal, state, disk, refused):
    one, two = journal(), journal()
    one.append([BODY % 1], 1)
    disk.fail_at(0, errno.EIO, only=refused, again=True)
    with pytest.raises(OSError, match="Input/output"):
        one.append([BODY % 8], 1)
    disk.heal()

    two.others()
    kept = two.append([BODY % 2], 1)
    seen = one.others()
    next_one = one.append([BODY % 3], 1)

    assert seen[-1].gone_jobs == ("2",)
    assert [record.gone_jobs for record in two.others()] == [("3",)]
    assert next_one == kept + 1
    assert numbers_in(state, 2) == list(range(1, next_one + 1))


def left_unflushed(state, n):
    """Write a record as a process does that is killed before its flush."""
    line = sealed(text_of(BODY % n, n, 1), seed_of(STORE, "journal-1"))
    with segment_path(state, 1).open("ab") as file:
        file.write(line)


def test_a_flush_of_what_others_wrote_that_fails_is_made_up_for(journal, state, disk):
    two = journal()
    left_unflushed(state, 1)

    disk.fail_at(0, errno.EIO, only="fdatasync")
    with pytest.raises(OSError, match="Input/output"):
        two.others()
    disk.heal()

    assert [record.n for record in two.others()] == [1]
    assert numbers_in(state, 2) == [1]


def test_what_its_writer_has_flushed_is_not_flushed_again(journal, state, disk):
    one, two = journal(), journal()
    one.append([BODY % 1], 1)
    disk.seen.clear()

    flushed = [record.n for record in two.others()], list(disk.seen)
    left_unflushed(state, 2)

    assert flushed == ([1], [])
    assert [record.n for record in two.others()] == [2]
    assert disk.seen == ["fdatasync"]


def test_a_change_that_is_not_the_next_is_refused_loudly(journal, state):
    two = journal()
    left_unflushed(state, 3)

    for _ in range(2):
        with pytest.raises(StorageFailed, match="goes on with change 3"):
            two.others()


def test_leaving_in_peace_is_said_once(journal, state):
    one = journal()
    one.append([BODY % 1], 1)

    one.leave()
    one.leave()

    assert segment_path(state, 1).read_bytes().count(b'"closed"') == 1
    one.append([BODY % 2], 1)
    assert numbers_in(state, 1) == [1, 2]


def test_whoever_does_not_let_go_of_the_store_is_named_and_nobody_waits_for_ever(state):
    path = state / "commit.lock"
    holder = CommitLock(path)
    with holder.held(), pytest.raises(StorageFailed) as refused, CommitLock(path, patience=0.05).held():
        pass

    assert f"process {os.getpid()}" in str(refused.value)
    assert "end it" in refused.value.hint
    with CommitLock(path, patience=0.0).held():
        holder.close()


def test_whoever_has_waited_a_while_comes_before_one_that_lets_go_and_comes_back_at_once(state):
    path = state / "commit.lock"
    holder, waiter, done = CommitLock(path), CommitLock(path), threading.Event()

    def wait():
        with waiter.held():
            done.wait()

    waiting = threading.Thread(target=wait)
    with holder.held():
        waiting.start()
        while waiting.is_alive() and not is_held(path.with_name("next.lock")):
            waiting.join(10 * LONG_ENOUGH)

    with pytest.raises(StorageFailed), CommitLock(path, patience=0.0).held():
        pass
    done.set()
    waiting.join()
    with holder.held():
        assert not is_held(path.with_name("next.lock"))


def is_held(path):
    with path.open("rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False
