"""What a run means for those that come after it: made with it, let go when it is over, each exactly once."""

import threading
from datetime import timedelta

import pytest

from core.drafts import JobPatch
from core.errors import InvalidOptions, WrongState
from core.events import RunMoved
from core.models import AfterFailed, AfterWhen, Failure, Schedule, Trigger
from core.states import MOVES, RunState
from core.work import Outcome
from tests.builders import a_job

LOST = Failure(code="engine-failed", message="The disk is gone.")


def carry(manager, job, *, fail=None):
    """Carry out what the job has in line; return how it ended."""
    run = manager.job(job.id).latest_run
    claimed = manager.claim(run.id, "w")
    assert claimed is not None, f"{job.name} is {run.state}"
    if fail is not None:
        return manager.fail(run.id, claimed.attempt, fail)
    return manager.complete(run.id, claimed.attempt, Outcome())


def state(manager, job):
    latest = manager.job(job.id).latest_run
    return None if latest is None else latest.state


@pytest.fixture
def diamond(manager):
    """Dump, then two copies of it, then a report on both."""
    dump = a_job(manager, name="dump")
    left = a_job(manager, name="left", after=(dump.id,))
    right = a_job(manager, name="right", after=(dump.id,))
    report = a_job(manager, name="report", after=(left.id, right.id))
    return dump, left, right, report


def test_a_whole_graph_is_there_as_soon_as_its_first_run_is(manager, diamond):
    dump, left, right, report = diamond

    first = manager.start(dump.id)

    assert [state(manager, job) for job in diamond] == ["queued", "blocked", "blocked", "blocked"]
    assert {manager.job(job.id).latest_run.flow for job in diamond} == {first.id}
    assert manager.job(report.id).latest_run.trigger == Trigger.UPSTREAM
    assert dict(manager.job(report.id).latest_run.upstream) == {
        left.id: manager.job(left.id).latest_run.id,
        right.id: manager.job(right.id).latest_run.id,
    }


def test_each_begins_when_all_before_it_succeeded(manager, diamond):
    dump, left, right, report = diamond
    manager.start(dump.id)

    carry(manager, dump)
    assert [state(manager, job) for job in diamond] == ["completed", "queued", "queued", "blocked"]
    carry(manager, left)
    assert state(manager, report) == "blocked"
    carry(manager, right)

    assert state(manager, report) == "queued"
    assert len(manager.runs_of(report.id)) == 1


def test_one_that_failed_skips_what_comes_after_it_all_the_way_down(manager, diamond):
    dump, left, _right, _report = diamond
    manager.start(dump.id)

    carry(manager, dump, fail=LOST)

    assert [state(manager, job) for job in diamond] == ["failed", "skipped", "skipped", "skipped"]
    assert manager.job(left.id).latest_run.reason == "It comes after 'dump' (run 1) failed."


@pytest.mark.parametrize(
    ("policy", "becomes"),
    [(AfterFailed.SKIP, "skipped"), (AfterFailed.FAIL, "failed"), (AfterFailed.RUN, "queued")],
)
def test_a_failed_parent_is_answered_as_the_job_says(manager, policy, becomes):
    parent = a_job(manager)
    child = a_job(manager, after=(parent.id,), after_failed=policy)
    manager.start(parent.id)

    carry(manager, parent, fail=LOST)

    assert state(manager, child) == becomes


def test_no_move_leaves_the_table_when_a_failed_parent_fails_its_child(manager, heard, events):
    parent = a_job(manager)
    child = a_job(manager, after=(parent.id,), after_failed=AfterFailed.FAIL)
    manager.start(parent.id)

    carry(manager, parent, fail=LOST)

    events.close()
    moves = [(event.was, event.run.state) for event in heard if isinstance(event, RunMoved) and event.was]
    assert all(after in MOVES[before] for before, after in moves)
    assert {letter.job_id for letter in manager.letters()} == {parent.id, child.id}


def test_any_ended_begins_with_the_first_and_only_once(manager):
    one, other = a_job(manager), a_job(manager)
    child = a_job(manager, after=(one.id, other.id), after_when=AfterWhen.ANY_ENDED)
    manager.start(one.id)
    manager.start(other.id)

    carry(manager, one, fail=LOST)
    assert state(manager, child) == "queued"
    carry(manager, other)

    assert len(manager.runs_of(child.id)) == 1


def test_all_ended_waits_for_all_and_does_not_mind_how(manager):
    one, other = a_job(manager), a_job(manager)
    child = a_job(manager, after=(one.id, other.id), after_when=AfterWhen.ALL_ENDED)
    manager.start(one.id)
    manager.start(other.id)

    carry(manager, one, fail=LOST)
    assert state(manager, child) == "blocked"
    manager.cancel(manager.job(other.id).latest_run.id)

    assert state(manager, child) == "queued"


def test_two_that_begin_by_themselves_start_what_comes_after_both_once_a_night(manager, clock):
    one, other = a_job(manager), a_job(manager)
    child = a_job(manager, after=(one.id, other.id))
    for _ in range(3):
        manager.start(one.id)
        carry(manager, one)
        assert state(manager, child) == "blocked"
        clock.pass_by(timedelta(hours=1))
        manager.start(other.id)
        carry(manager, other)
        assert state(manager, child) == "queued"
        carry(manager, child)
        clock.pass_by(timedelta(hours=23))

    assert len(manager.runs_of(child.id)) == 3


def test_a_night_on_which_one_failed_skips_and_the_next_one_is_whole_again(manager, clock):
    one, other = a_job(manager), a_job(manager)
    child = a_job(manager, after=(one.id, other.id))
    manager.start(one.id)
    carry(manager, one, fail=LOST)
    clock.pass_by(timedelta(hours=1))
    manager.start(other.id)
    carry(manager, other)
    assert state(manager, child) == "skipped"
    clock.pass_by(timedelta(hours=23))

    manager.start(one.id)
    carry(manager, one)

    waits_for = manager.job(child.id).latest_run
    assert waits_for.state == "blocked"
    assert waits_for.upstream[other.id] == ""


def test_a_parent_that_runs_again_while_its_child_is_at_work_is_followed_once_more(manager):
    parent = a_job(manager)
    child = a_job(manager, after=(parent.id,))
    manager.start(parent.id)
    carry(manager, parent)
    first = manager.claim(manager.job(child.id).latest_run.id, "w")

    manager.start(parent.id)
    carry(manager, parent)

    second = manager.job(child.id).latest_run
    assert (first.number, second.number, second.state) == (1, 2, "queued")
    assert manager.claim(second.id, "w") is None, "a job never overlaps itself"
    manager.complete(first.id, first.attempt, Outcome())
    assert manager.claim(second.id, "w") is not None


def test_two_parents_that_end_at_the_same_instant_start_their_child_once(manager):
    one, other = a_job(manager), a_job(manager)
    child = a_job(manager, after=(one.id, other.id))
    for number in range(1, 101):
        runs = [manager.claim(manager.start(job.id).id, "w") for job in (one, other)]
        gate = threading.Barrier(2)

        def end(run, gate=gate):
            gate.wait()
            manager.complete(run.id, run.attempt, Outcome())

        threads = [threading.Thread(target=end, args=(run,)) for run in runs]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        assert state(manager, child) == "queued"
        assert len(manager.runs_of(child.id)) == number
        carry(manager, child)


@pytest.mark.parametrize("makes_a", ["circle", "self", "unknown"])
def test_what_cannot_come_after_is_refused_in_words_and_changes_nothing(manager, makes_a):
    one = a_job(manager, name="one")
    two = a_job(manager, name="two", after=(one.id,))
    wanted = {"circle": two.id, "self": one.id, "unknown": "nobody"}[makes_a]

    with pytest.raises(InvalidOptions) as caught:
        manager.edit(one.id, JobPatch(after=(wanted,)), version=None)

    assert (
        caught.value.problems["after"]
        == {
            "circle": "This would go in a circle: 'one' after 'two' after 'one'.",
            "self": "A job cannot come after itself.",
            "unknown": "There is no job 'nobody' to come after. It may have been deleted.",
        }[makes_a]
    )
    assert manager.job(one.id).job == one


def test_two_edits_at_once_cannot_make_a_circle_together(manager):
    for _ in range(50):
        one, two = a_job(manager), a_job(manager)
        refused = []
        gate = threading.Barrier(2)

        def put(job, other, gate=gate, refused=refused):
            gate.wait()
            try:
                manager.edit(job.id, JobPatch(after=(other.id,)), version=None)
            except InvalidOptions as error:
                refused.append(error)

        threads = [threading.Thread(target=put, args=pair) for pair in ((one, two), (two, one))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        assert len(refused) == 1


def test_a_parent_that_is_deleted_counts_no_more(manager):
    one, other = a_job(manager), a_job(manager)
    child = a_job(manager, after=(one.id, other.id))
    manager.start(one.id)
    carry(manager, one)
    assert state(manager, child) == "blocked"

    manager.delete(other.id)

    assert manager.job(child.id).job.after == (one.id,)
    assert state(manager, child) == "queued"


def test_a_person_starts_what_waits_without_waiting(manager):
    parent = a_job(manager)
    child = a_job(manager, after=(parent.id,))
    manager.start(parent.id)

    started = manager.start(child.id)

    assert (started.state, started.number) == ("queued", 1)
    assert len(manager.runs_of(child.id)) == 1


def test_the_whole_graph_is_started_from_where_it_begins(manager, diamond):
    dump, _, right, report = diamond

    started = manager.start_graph(right.id)

    assert [run.job_id for run in started] == [dump.id]
    assert state(manager, report) == "blocked"


def test_the_whole_graph_is_cancelled_in_one_change(manager, diamond):
    dump, left, _right, report = diamond
    manager.start(dump.id)
    carry(manager, dump)
    at_work = manager.claim(manager.job(left.id).latest_run.id, "w")

    manager.cancel_graph(report.id)

    assert [state(manager, job) for job in diamond] == ["completed", "cancelling", "cancelled", "cancelled"]
    manager.stopped(at_work.id, at_work.attempt)
    assert [state(manager, job) for job in diamond] == ["completed", "cancelled", "cancelled", "cancelled"]


def test_a_graph_is_retried_from_what_failed_and_what_succeeded_stays(manager, diamond):
    dump, left, right, report = diamond
    manager.start(dump.id)
    carry(manager, dump)
    carry(manager, left, fail=LOST)
    carry(manager, right)
    assert state(manager, report) == "skipped"

    again = manager.retry_graph(dump.id)

    assert [run.job_id for run in again] == [left.id]
    assert len(manager.runs_of(right.id)) == 1
    assert state(manager, report) == "blocked"
    carry(manager, left)
    assert state(manager, report) == "queued"
    assert manager.letters() == ()


def test_nothing_to_retry_is_said(manager, diamond):
    with pytest.raises(WrongState, match="Nothing of it failed"):
        manager.retry_graph(diamond[0].id)


def test_a_job_with_a_schedule_is_not_made_by_those_before_it(manager):
    parent = a_job(manager)
    child = a_job(manager, after=(parent.id,), schedule=Schedule(every=3600))

    manager.start(parent.id)
    carry(manager, parent)

    assert state(manager, child) is None


def test_a_chain_of_a_thousand_is_made_in_one_change_and_skipped_in_another(manager):
    jobs = [a_job(manager)]
    for _ in range(999):
        jobs.append(a_job(manager, after=(jobs[-1].id,)))
    manager.start(jobs[0].id)
    assert state(manager, jobs[-1]) == "blocked"

    carry(manager, jobs[0], fail=LOST)

    assert {state(manager, job) for job in jobs[1:]} == {"skipped"}


def test_what_waits_is_taken_up_after_a_restart(a_manager, manager, store, dispatcher):
    parent = a_job(manager)
    child = a_job(manager, after=(parent.id,))
    manager.start(parent.id)
    manager.close()

    again = a_manager(store, dispatcher)
    carry(again, parent)

    assert state(again, child) == RunState.QUEUED


def test_one_that_follows_any_is_not_let_go_by_what_was_over_before(manager):
    root = a_job(manager)
    good, bad = a_job(manager, after=(root.id,)), a_job(manager, after=(root.id,))
    child = a_job(manager, after=(good.id, bad.id), after_when=AfterWhen.ANY_ENDED)
    manager.start(root.id)
    carry(manager, root)
    carry(manager, good)
    carry(manager, child)
    carry(manager, bad, fail=LOST)

    manager.retry_graph(root.id)

    assert state(manager, child) == "blocked"
    carry(manager, bad)
    assert state(manager, child) == "queued"


def test_a_child_that_was_let_go_is_held_by_the_breaker_like_any_other(manager, clock):
    nas = {"kind": "remote", "options": {"remote": "nas-02"}}
    parent = a_job(manager)
    child = a_job(manager, after=(parent.id,), **nas)
    manager.start(parent.id)
    for _ in range(3):
        run = manager.claim(manager.start(a_job(manager, **nas).id).id, "w")
        manager.fail(run.id, run.attempt, Failure(code="unreachable", message="No answer.", transient=True))

    carry(manager, parent)

    held = manager.job(child.id).latest_run
    assert (held.state, held.reaches) == ("queued", ("nas-02",))
    assert manager.claim(held.id, "w") is None


@pytest.mark.parametrize("ends", ["cancelled", "hurried"])
def test_what_a_person_did_with_a_waiting_run_is_not_undone_when_the_parent_ends(manager, ends):
    parent = a_job(manager)
    child = a_job(manager, after=(parent.id,))
    manager.start(parent.id)
    if ends == "hurried":
        manager.start(child.id)
        carry(manager, child)
    else:
        manager.cancel(manager.job(child.id).latest_run.id)
    manager.start(child.id)
    carry(manager, child)

    carry(manager, parent)

    assert len(manager.runs_of(child.id)) == 2


def test_what_waits_for_its_time_is_skipped_when_its_job_is_switched_off(manager, clock):
    parent = a_job(manager)
    child = a_job(manager, after=(parent.id,))
    run = manager.start(parent.id, at=clock.now() + timedelta(hours=1))

    manager.edit(parent.id, JobPatch(enabled=False), version=None)

    assert manager.ripen(run.id).state == "skipped"
    assert manager.run(run.id).reason == "The job is switched off."
    assert state(manager, child) == "skipped"
