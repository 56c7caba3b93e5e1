import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from core.dispatch.local import LocalDispatcher
from core.drafts import JobPatch
from core.errors import (
    AlreadyRunning,
    HoldfastError,
    InvalidOptions,
    LateReport,
    NotFound,
    StorageFull,
    VersionConflict,
    WrongState,
)
from core.events import JobCreated, JobDeleted, RunMoved
from core.manager import JobManager
from core.models import Ending, Failure, Trigger
from core.states import RunState
from core.storage.yaml_files import YamlFilesStore
from core.work import Outcome
from tests.builders import a_draft, a_job, a_paused_run, a_queued_run, a_running_run, some_progress
from tests.doubles import make_scripted_engine

LOST = Failure(code="lost", message="The connection was lost.")


def at_once(count, action):
    """Return the results or errors of `count` threads that all begin in the same moment."""
    ready = threading.Barrier(count)

    def act(_):
        ready.wait()
        try:
            return action()
        except HoldfastError as error:
            return error

    with ThreadPoolExecutor(count) as threads:
        return list(threads.map(act, range(count)))


def test_a_started_job_gets_a_queued_run(manager):
    job = a_job(manager)

    run = manager.start(job.id, trigger=Trigger.API, asked_by="ben")

    assert (run.state, run.number, run.trigger, run.asked_by) == (RunState.QUEUED, 1, Trigger.API, "ben")
    assert manager.job(job.id).latest_run == run


def test_a_job_never_overlaps_itself(manager):
    run = a_running_run(manager)

    results = at_once(10, lambda: manager.start(run.job_id))

    assert [type(result) for result in results] == [AlreadyRunning] * 10
    assert manager.runs_of(run.job_id) == (run,)


def test_ten_threads_that_start_a_job_get_one_run(manager):
    job = a_job(manager)

    results = at_once(10, lambda: manager.start(job.id))

    assert sum(isinstance(result, AlreadyRunning) for result in results) == 9
    assert len(manager.runs_of(job.id)) == 1


def test_ten_threads_that_create_lose_no_job(manager):
    jobs = at_once(10, lambda: [a_job(manager) for _ in range(20)])

    assert manager.list_jobs().total == 200
    assert len({job.id for batch in jobs for job in batch}) == 200


def test_a_run_that_is_claimed_is_in_its_next_attempt(manager, clock):
    queued = a_queued_run(manager)

    run = manager.claim(queued.id, "nas-02")
    second = manager.claim(queued.id, "nas-03")

    assert (run.state, run.attempt, run.worker) == (RunState.RUNNING, 1, "nas-02")
    assert (run.started_at, run.attempts[0].started_at) == (clock.now(), clock.now())
    assert second is None


def test_nothing_leaves_a_final_state(manager):
    run = a_running_run(manager)
    done = manager.complete(run.id, 1, Outcome(result={"verified": True}))

    for command in (manager.cancel, manager.pause, manager.resume):
        with pytest.raises(WrongState):
            command(run.id)

    assert manager.run(run.id) == done


def test_trying_again_is_a_new_run(manager):
    run = a_running_run(manager)
    failed = manager.fail(run.id, 1, LOST)

    again = manager.requeue(run.id, asked_by="ben")

    assert (again.number, again.trigger, again.state) == (2, Trigger.REQUEUE, RunState.QUEUED)
    assert manager.run(run.id) == failed
    assert failed.error == LOST
    assert failed.attempts[0].ending == Ending.FAILED


def test_a_run_that_is_not_over_cannot_be_requeued(manager):
    run = a_running_run(manager)

    with pytest.raises(WrongState):
        manager.requeue(run.id)

    assert manager.runs_of(run.job_id) == (run,)


def test_cancelling_a_queued_run_takes_effect_at_once(manager, dispatcher):
    run = a_queued_run(manager)

    cancelled = manager.cancel(run.id)

    assert cancelled.state == RunState.CANCELLED
    assert cancelled.ended_at is not None
    assert dispatcher.load().waiting == 0
    assert manager.claim(run.id, "nas-02") is None


def test_a_run_whose_cancelling_the_disk_refused_still_waits_for_its_slot(manager, dispatcher, store):
    run = a_queued_run(manager)
    store.fail_next(StorageFull("The disk is full."))

    with pytest.raises(StorageFull):
        manager.cancel(run.id)

    assert manager.run(run.id) == run
    assert dispatcher.load().waiting == 1


def test_cancelling_a_running_run_waits_for_the_engine_to_let_go(manager):
    run = a_running_run(manager)

    asked = manager.cancel(run.id)
    again = manager.cancel(run.id)
    ended = manager.stopped(run.id, 1)

    assert asked.state == RunState.CANCELLING
    assert again == asked
    assert ended.state == RunState.CANCELLED
    assert ended.attempts[0].ending == Ending.CANCELLED


def test_a_run_that_fails_while_it_is_cancelled_is_cancelled(manager):
    run = a_running_run(manager)
    manager.cancel(run.id)

    ended = manager.fail(run.id, 1, LOST)

    assert ended.state == RunState.CANCELLED
    assert ended.error == LOST


def test_a_paused_run_goes_on_in_another_attempt_with_its_checkpoint(manager, dispatcher):
    run = a_running_run(manager)
    manager.report(run.id, 1, some_progress(), {"copied": [1, 2]})
    manager.pause(run.id)
    paused = manager.stopped(run.id, 1)

    manager.resume(run.id)
    further = manager.claim(run.id, "nas-02")

    assert (paused.state, paused.worker) == (RunState.PAUSED, None)
    assert (further.state, further.attempt) == (RunState.RUNNING, 2)
    assert further.checkpoint == {"copied": (1, 2)}
    assert [attempt.ending for attempt in further.attempts] == [Ending.PAUSED, None]


def test_only_a_paused_run_can_be_resumed(manager):
    run = a_running_run(manager)

    with pytest.raises(WrongState, match="running cannot be resumed"):
        manager.resume(run.id)

    assert manager.run(run.id).state == RunState.RUNNING


def test_a_kind_that_cannot_pause_says_so(manager):
    run = a_running_run(manager, kind="once")

    with pytest.raises(WrongState, match="kind 'once' cannot be paused"):
        manager.pause(run.id)

    assert manager.run(run.id) == run


def test_an_attempt_that_was_taken_away_cannot_change_its_run(manager):
    run = a_paused_run(manager)
    manager.resume(run.id)
    second = manager.claim(run.id, "nas-02")

    for late in (
        lambda: manager.report(run.id, 1, some_progress()),
        lambda: manager.complete(run.id, 1, Outcome()),
        lambda: manager.fail(run.id, 1, LOST),
        lambda: manager.stopped(run.id, 1),
    ):
        with pytest.raises(LateReport):
            late()

    assert manager.run(run.id) == second


def test_an_edit_of_an_old_version_is_refused(manager):
    job = a_job(manager, name="photos")

    first = manager.edit(job.id, JobPatch(name="photos of Ana"), version=1)
    with pytest.raises(VersionConflict, match="'photos of Ana' is at version 2, not 1"):
        manager.edit(job.id, JobPatch(name="photos of Ben"), version=1)

    assert first.version == 2
    assert manager.job(job.id).job == first


def test_an_edit_concerns_the_next_run_not_the_one_under_way(manager):
    run = a_paused_run(manager, options={"word": "before"})
    manager.edit(run.job_id, JobPatch(options={"word": "after"}), version=1)

    manager.resume(run.id)
    further = manager.claim(run.id, "nas-02")
    manager.complete(run.id, further.attempt, Outcome())
    following = manager.start(run.job_id)

    assert (further.kind, further.options["word"]) == ("scripted", "before")
    assert following.options["word"] == "after"


def test_of_many_edits_of_one_version_exactly_one_wins(manager):
    job = a_job(manager)

    results = at_once(10, lambda: manager.edit(job.id, JobPatch(tags=("mine",)), version=1))

    assert sum(isinstance(result, VersionConflict) for result in results) == 9
    assert manager.job(job.id).job.version == 2


def test_progress_does_not_make_a_version_old(manager):
    run = a_running_run(manager)

    manager.report(run.id, 1, some_progress())
    cancelled = manager.cancel(run.id, version=run.version)

    assert cancelled.state == RunState.CANCELLING
    assert cancelled.progress == some_progress()


def test_an_old_version_of_a_run_is_refused(manager):
    run = a_running_run(manager)
    manager.pause(run.id)

    with pytest.raises(VersionConflict):
        manager.cancel(run.id, version=run.version)

    assert manager.run(run.id).state == RunState.PAUSING


def test_a_change_that_the_store_refuses_did_not_happen(manager, store, events, heard):
    job = a_job(manager, name="photos")
    before = manager.list_jobs()

    for command in (
        lambda: a_job(manager),
        lambda: manager.edit(job.id, JobPatch(name="other"), version=1),
        lambda: manager.start(job.id),
        lambda: manager.delete(job.id),
    ):
        store.fail_next(StorageFull("The disk is full."))
        with pytest.raises(StorageFull):
            command()

    events.close()
    assert manager.list_jobs().items == before.items
    assert [type(event) for event in heard] == [JobCreated]


def test_a_job_with_a_run_that_is_not_over_cannot_be_deleted(manager):
    run = a_queued_run(manager)

    with pytest.raises(WrongState, match="not over"):
        manager.delete(run.job_id)

    assert manager.run(run.id) == run


def test_runs_that_ended_lately_are_found_whatever_their_job_did_before_and_since(manager, clock):
    job, other = a_job(manager), a_job(manager)

    def ended(job):
        return manager.cancel(manager.start(job.id).id)

    ended(job)
    ended(other)
    clock.pass_by(timedelta(days=2))
    since, lately = clock.now(), [ended(job)]
    clock.pass_by(timedelta(hours=1))
    lately.append(ended(job))
    manager.start(job.id)

    found = manager.runs_ended_since(since)

    assert {run.id for run in found} == {run.id for run in lately}
    assert manager.runs_ended_since(clock.now() + timedelta(seconds=1)) == ()


def test_a_deleted_job_takes_its_runs_along(manager, events, heard):
    run = a_queued_run(manager)
    manager.cancel(run.id)

    manager.delete(run.job_id)

    events.close()
    with pytest.raises(NotFound):
        manager.run(run.id)
    with pytest.raises(NotFound):
        manager.job(run.job_id)
    assert heard[-1] == JobDeleted(job_id=run.job_id, run_ids=(run.id,))


def test_a_job_that_is_switched_off_does_not_start(manager):
    job = a_job(manager, enabled=False)

    with pytest.raises(WrongState, match="switched off"):
        manager.start(job.id)

    assert manager.runs_of(job.id) == ()


@pytest.mark.parametrize(
    ("fields", "place"),
    [
        ({"name": "  "}, "name"),
        ({"name": "x" * 201}, "name"),
        ({"name": "a\x00b"}, "name"),
        ({"name": "a\ud800b"}, "name"),
        ({"name": "a\nb"}, "name"),
        ({"tags": ("",)}, "tags"),
        ({"tags": ("one,two",)}, "tags"),
        ({"tags": tuple(str(n) for n in range(31))}, "tags"),
        ({"options": {"word": "bad"}}, "options.word"),
        ({"options": {"unknown": 1}}, "options.unknown"),
    ],
)
def test_what_cannot_be_a_job_is_refused_with_its_place(manager, fields, place):
    with pytest.raises(InvalidOptions) as refused:
        manager.create(a_draft(**fields))

    assert list(refused.value.problems) == [place]
    assert manager.list_jobs().total == 0


def test_every_wrong_field_is_named_at_once(manager):
    with pytest.raises(InvalidOptions) as refused:
        manager.create(a_draft(name="", tags=("",), options={"word": "bad"}))

    assert set(refused.value.problems) == {"name", "tags", "options.word"}


def test_events_of_a_run_tell_its_whole_life_in_order(manager, events, heard):
    run = a_paused_run(manager)
    manager.resume(run.id)
    manager.claim(run.id, "nas-02")
    manager.complete(run.id, 2, Outcome())

    events.close()
    moves = [(event.was, event.run.state) for event in heard if isinstance(event, RunMoved)]
    assert moves == [
        (None, "queued"),
        ("queued", "running"),
        ("running", "pausing"),
        ("pausing", "paused"),
        ("paused", "queued"),
        ("queued", "running"),
        ("running", "completed"),
    ]


def test_who_pauses_a_run_of_another_process_does_not_set_its_checkpoint_back(
    tmp_path, clock, events, surroundings
):
    stores = [YamlFilesStore(tmp_path / "data", clock=clock, tended=False) for _ in range(2)]
    worker, visitor = (
        JobManager(store, events, clock, LocalDispatcher(1), make_scripted_engine, surroundings)
        for store in stores
    )
    worker.open()
    run = a_running_run(worker)
    for percent in (10.0, 90.0):
        worker.report(run.id, 1, some_progress(percent), {"at": percent})
        stores[0].commit()

    visitor.open(at_work=False)
    visitor.pause(run.id)
    stores[0].look()
    paused = worker.stopped(run.id, 1)
    stores[1].look()

    assert paused.checkpoint == {"at": 90.0}
    assert visitor.run(run.id) == paused
    visitor.close()
    worker.close()
