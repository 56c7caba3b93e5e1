"""Who has a store open, and who is alone in it."""

import fcntl
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from core.errors import StorageFailed, StoreInUse
from core.storage.folder import StoreFolder
from core.storage.users import Users
from tests.doubles import SettableClock

ROOT = Path(__file__).parents[3]


@pytest.fixture
def locks(tmp_path):
    return tmp_path


@pytest.fixture
def enter(locks):
    """Come in as one more user; all leave at the end."""
    inside = []

    def come_in():
        inside.append(Users(locks))
        return inside[-1]

    yield come_in
    for users in inside:
        users.leave()


def is_alone(users: Users) -> bool:
    with users.alone() as alone:
        return alone


def test_the_only_user_is_alone_and_of_two_neither_is(enter):
    first = enter()
    assert is_alone(first)

    second = enter()

    assert not is_alone(first)
    assert not is_alone(second)
    second.leave()
    assert is_alone(first)


def test_asking_to_be_alone_in_vain_costs_nobody_the_place(enter, locks):
    first, second = enter(), enter()

    assert not is_alone(first)

    second.leave()
    third = enter()
    first_is_still_in = not is_alone(third)
    assert first_is_still_in


def test_who_is_alone_stays_alone_until_done(enter, locks):
    first = enter()
    order = []

    def come_in():
        with Users(locks):
            order.append("the other is in")

    other = threading.Thread(target=come_in)
    with first.alone() as alone:
        other.start()
        descriptor = os.open(locks / "users.lock", os.O_RDWR)
        with pytest.raises(BlockingIOError):
            fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        os.close(descriptor)
        order.append("done")
    other.join()

    assert alone
    assert order == ["done", "the other is in"]


def test_a_user_who_was_killed_is_out(enter, locks):
    first = enter()
    program = (
        "import sys; from pathlib import Path; from core.storage.users import Users; "
        "u = Users(Path(sys.argv[1])); print('in', flush=True); sys.stdin.read()"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", program, str(locks)], cwd=ROOT, stdin=-1, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "in\n"
    assert not is_alone(first)

    process.kill()
    process.communicate()

    assert is_alone(first)


def test_a_program_that_we_start_does_not_hold_our_place(enter, locks):
    first = enter()
    program = "import sys; print('started', flush=True); sys.stdin.read()"
    with subprocess.Popen([sys.executable, "-c", program], stdin=-1, stdout=-1, close_fds=False) as child:
        assert child.stdout is not None
        child.stdout.readline()

        first.leave()

        assert is_alone(enter())
        child.communicate(b"")


def test_users_of_many_threads_are_counted_right(locks):
    alone_at_once = []
    inside = threading.Semaphore(0)

    def visit():
        for _ in range(20):
            with Users(locks) as users, users.alone() as alone:
                if alone:
                    alone_at_once.append(inside.acquire(blocking=False))

    threads = [threading.Thread(target=visit) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert not any(alone_at_once)


def test_visitors_come_in_beside_the_one_at_work(folder):
    worker, visitor = StoreFolder(folder, SettableClock()), StoreFolder(folder, SettableClock())

    worker.take()
    visitor.take(at_work=False)

    assert worker.at_work
    assert not visitor.at_work
    for taken in (worker, visitor):
        with taken.alone() as alone:
            assert not alone
    with pytest.raises(StoreInUse):
        StoreFolder(folder, SettableClock()).take()
    visitor.release()
    worker.release()
    with pytest.raises(StorageFailed):
        worker.alone()


def test_two_who_make_a_new_store_at_once_make_one(folder):
    made = [StoreFolder(folder, SettableClock()) for _ in range(8)]
    start = threading.Barrier(len(made))

    def take(each):
        start.wait()
        each.take(at_work=False)

    threads = [threading.Thread(target=take, args=(each,)) for each in made]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len({each.store_id for each in made}) == 1
    for each in made:
        each.release()


def test_a_store_of_the_format_before_is_opened_by_one_process_only(folder, files):
    worker = StoreFolder(folder, SettableClock())
    worker.take()
    (folder / "backups" / "store.yaml").unlink()
    (folder / "store.yaml").write_text(f"format: 1\nstore: {worker.store_id}\n")
    before = files()

    with pytest.raises(StoreInUse):
        StoreFolder(folder, SettableClock()).take(at_work=False)

    assert files() == before
    worker.release()
    visitor = StoreFolder(folder, SettableClock())
    visitor.take(at_work=False)
    assert visitor.at_work
    visitor.release()
