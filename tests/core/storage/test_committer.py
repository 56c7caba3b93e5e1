"""Group commit, whatever it is written to."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from core.errors import Overtaken, StorageFailed, StorageFull
from core.models import Run
from core.states import RunState
from core.storage.committer import Committer
from core.storage.memory import MemoryTape
from core.storage.records import record_from
from core.storage.rows import Changes
from tests.builders import a_kept_job, a_kept_run
from tests.doubles import Onlooker, SettableClock

ONE = "3f2a1b4c-0000-4000-8000-000000000001"
TWO = "3f2a9999-0000-4000-8000-000000000002"
RUN = "77aa0000-0000-4000-8000-000000000001"


class SlowTape(MemoryTape):
    """A disk that flushes when it is let, and tells how many came together."""

    def __init__(self):
        super().__init__()
        self.groups = []
        self.asked = threading.Semaphore(0)
        self.let = threading.Semaphore(0)
        self.foreign = []

    def append(self, bodies, now):
        self.groups.append(len(bodies))
        self.asked.release()
        self.let.acquire()
        return super().append(bodies, now)

    def others(self):
        foreign, self.foreign = self.foreign, []
        self.n += len(foreign)
        return foreign


@pytest.fixture
def onlooker():
    return Onlooker()


@pytest.fixture
def make_committer(onlooker):
    def make(tape):
        return Committer(tape, onlooker, SettableClock(), lambda _: None, lambda *_: None)

    return make


def test_changes_that_wait_together_are_written_together(make_committer):
    tape = SlowTape()
    committer = make_committer(tape)
    with ThreadPoolExecutor(9) as threads:
        first = threads.submit(committer.accept(Changes(jobs=(a_kept_job(ONE),)), None).wait)
        tape.asked.acquire()
        waiting = [committer.accept(Changes(jobs=(a_kept_job(TWO, version=n),)), None) for n in range(1, 9)]

        others = [threads.submit(pending.wait) for pending in waiting]
        tape.let.release(2)

        assert first.result() == 1
        assert [other.result() for other in others] == list(range(2, 10))
    assert tape.groups == [1, 8]


def test_nothing_is_shown_before_it_is_durable(make_committer, onlooker):
    tape = SlowTape()
    committer = make_committer(tape)
    with ThreadPoolExecutor(1) as threads:
        pending = committer.accept(Changes(jobs=(a_kept_job(ONE),)), None)
        writing = threads.submit(pending.wait)
        tape.asked.acquire()

        seen = dict(onlooker.rows.jobs), pending.settled
        tape.let.release()
        writing.result()

    assert seen == ({}, False)
    assert set(onlooker.rows.jobs) == {ONE}


def test_a_refused_group_takes_what_was_decided_on_it_along(make_committer, onlooker):
    tape = SlowTape()
    committer = make_committer(tape)
    tape.failures.append(StorageFull("No room."))
    with ThreadPoolExecutor(1) as threads:
        first = committer.accept(Changes(jobs=(a_kept_job(ONE),)), None)
        writing = threads.submit(first.wait)
        tape.asked.acquire()
        second = committer.accept(Changes(jobs=(a_kept_job(ONE, version=2),)), None)

        tape.let.release()

        with pytest.raises(StorageFull):
            writing.result()
        with pytest.raises(StorageFull):
            second.wait()
    assert (tape.texts, onlooker.rows.jobs) == ([], {})


def test_what_another_process_changed_is_shown_and_what_was_decided_without_it_refused(
    make_committer, onlooker
):
    tape = SlowTape()
    tape.let.release(9)
    committer = make_committer(tape)
    theirs = b'{"n":1,"t":1,"jobs":[{"id":"%b","name":"theirs","kind":"copy","created_at":"2026-11-21T07:42:00Z","updated_at":"2026-11-21T07:42:00Z"}]}'
    mine = committer.accept(Changes(jobs=(a_kept_job(ONE, name="mine"),)), None)
    run_of_it = committer.accept(Changes(runs=(a_kept_run(RUN, ONE),)), None)
    unconcerned = committer.accept(Changes(jobs=(a_kept_job(TWO),)), None)

    tape.foreign = [record_from(theirs % ONE.encode())]
    committer.commit()

    for overtaken in (mine, run_of_it):
        with pytest.raises(Overtaken):
            overtaken.wait()
    assert unconcerned.wait() == 2
    assert {job.name for job in onlooker.rows.jobs.values()} == {"theirs", "photos"}
    assert onlooker.rows.runs == {}


def test_a_closed_committer_settles_what_it_had_and_takes_nothing_more(make_committer):
    committer = make_committer(MemoryTape())
    pending = committer.accept(Changes(jobs=(a_kept_job(ONE),)), None)

    committer.close()
    committer.close()

    assert pending.wait() == 1
    with pytest.raises(StorageFailed):
        committer.accept(Changes(jobs=(a_kept_job(TWO),)), None)


def test_of_a_run_only_what_changed_is_written(make_committer, onlooker):
    tape = MemoryTape()
    committer = make_committer(tape)
    run = a_kept_run(RUN, ONE)
    committer.accept(Changes(runs=(run,)), None).wait()

    cancelled: Run = a_kept_run(RUN, ONE, state=RunState.CANCELLED, version=2)
    committer.accept(Changes(runs=(cancelled,)), None).wait()

    written = record_from(tape.texts[1])
    assert (written.runs, len(written.moved)) == ((), 1)
    assert (written.moved[0].state, written.moved[0].version) == (RunState.CANCELLED, 2)
    assert len(tape.texts[1]) < 250
    assert onlooker.rows.runs[RUN] == cancelled


def test_many_threads_get_numbers_without_gaps_or_repeats(make_committer, onlooker):
    committer = make_committer(MemoryTape())

    def change(version):
        return committer.accept(Changes(jobs=(a_kept_job(ONE, version=version),)), None).wait()

    with ThreadPoolExecutor(16) as threads:
        numbers = sorted(threads.map(change, range(1, 401)))

    assert numbers == list(range(1, 401))
    assert onlooker.told == numbers


def test_a_mistake_of_ours_in_mid_commit_keeps_nobody_waiting(make_committer, onlooker):
    tape = MemoryTape()
    committer = make_committer(tape)
    tape.failures.append(ZeroDivisionError())
    one = committer.accept(Changes(jobs=(a_kept_job(ONE),)), None)
    two = committer.accept(Changes(jobs=(a_kept_job(TWO),)), None)

    with pytest.raises(ZeroDivisionError):
        one.wait()
    with pytest.raises(StorageFailed, match="mistake"):
        two.wait()

    assert committer.accept(Changes(jobs=(a_kept_job(TWO),)), None).wait() == 1
    assert set(onlooker.rows.jobs) == {TWO}
