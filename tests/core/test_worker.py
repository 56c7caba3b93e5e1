import threading

import pytest

from core.dispatch.local import LocalDispatcher
from core.errors import EngineFailed, InvalidOptions, StorageFull
from core.events import RunMoved
from core.logs import RunLogs
from core.models import Ending
from core.queueing import place_of
from core.states import RunState
from core.work import Outcome
from core.worker import Worker
from tests.builders import a_queued_run, some_progress
from tests.doubles import ScriptedEngine


@pytest.fixture
def script(monkeypatch):
    """Give the scripted engine a script by name, for this test alone."""

    def give(name, action):
        monkeypatch.setitem(ScriptedEngine.scripts, name, action)
        return {"script": name}

    return give


@pytest.fixture
def logs(tmp_path, events, clock):
    kept = RunLogs(tmp_path / "logs", events, clock)
    yield kept
    kept.close_all()


@pytest.fixture
def worker(manager, logs, tmp_path, surroundings, clock):
    return Worker("nas-02", manager, logs, tmp_path / "work", surroundings, clock)


@pytest.fixture
def ended(events):
    """Wait until a run is over or set down, as a listener is told."""
    seen, changed = [], threading.Condition()

    def listen(event):
        if isinstance(event, RunMoved):
            with changed:
                seen.append((event.run.id, event.run.state))
                changed.notify_all()

    events.subscribe("ended", listen)

    def wait(run_id, state):
        with changed:
            return changed.wait_for(lambda: (run_id, state) in seen, 30)

    return wait


def test_options_that_do_not_work_any_more_are_failed_with_a_hint_that_fits(manager, worker, script):
    def folder_is_gone(_):
        raise InvalidOptions({"options.source": "There is no folder here."})

    run = a_queued_run(manager, options=script("gone", folder_is_gone))

    worker.carry_out(run.id)

    failure = manager.run(run.id).error
    assert failure.message == "There is no folder here."
    assert "mounted" in failure.hint
    assert "Correct" not in failure.hint


def words_of(logs, run_id):
    return [line.text for line in logs.read(run_id).lines]


def test_a_run_that_is_carried_out_ends_with_its_result(manager, worker, logs):
    run = a_queued_run(manager)

    worker.carry_out(run.id)

    done = manager.run(run.id)
    assert (done.state, done.result["verified"]) == (RunState.COMPLETED, True)
    assert words_of(logs, run.id) == ["Attempt 1 began on nas-02.", "Attempt 1 ended; the run is completed."]


def test_a_failed_attempt_keeps_what_it_has_to_show(manager, worker, logs, script):
    def fail(context):
        context.warn("One file vanished.")
        raise EngineFailed(
            "2 files could not be read.",
            hint="Look at them.",
            result={"copied": 5},
            warnings=("One vanished.",),
        )

    run = a_queued_run(manager, options=script("fail", fail))

    worker.carry_out(run.id)

    failed = manager.run(run.id)
    assert (failed.state, failed.error.code) == (RunState.FAILED, "engine-failed")
    assert (failed.result, failed.warnings) == ({"copied": 5}, ("One vanished.",))
    assert "2 files could not be read. Look at them." in words_of(logs, run.id)


def test_a_failing_engine_does_not_take_its_slot_along(manager, dispatcher, worker, ended, script):
    failing = a_queued_run(manager, options=script("mistake", lambda _: Outcome(result={"oops": 1 / 0})))
    good = a_queued_run(manager)

    dispatcher.start(worker.carry_out)

    assert ended(good.id, RunState.COMPLETED)
    dispatcher.stop()
    failed = manager.run(failing.id)
    assert (failed.state, failed.error.code) == (RunState.FAILED, "internal")
    assert "division" not in failed.error.message


def test_an_engine_that_is_asked_to_cancel_stops(manager, dispatcher, worker, ended, script):
    run = a_queued_run(manager, options=script("long", lambda context: context.wait(3600)))
    dispatcher.start(worker.carry_out)
    assert ended(run.id, RunState.RUNNING)

    manager.cancel(run.id)

    # The clock of the house stands still, so only the wish ends the wait.
    assert ended(run.id, RunState.CANCELLED)
    dispatcher.stop()


def test_leaving_gives_every_run_back(manager, worker, ended, script):
    two_slots = LocalDispatcher(2)
    options = script("long", lambda context: context.wait(3600))
    runs = [a_queued_run(manager, options=options) for _ in range(2)]
    two_slots.start(worker.carry_out)
    for run in runs:
        two_slots.enqueue(place_of(run))
        assert ended(run.id, RunState.RUNNING)

    worker.leave()
    two_slots.stop()

    for run in runs:
        back = manager.run(run.id)
        assert (back.state, back.attempts[0].ending) == (RunState.QUEUED, Ending.INTERRUPTED)


def test_a_run_whose_end_cannot_be_kept_is_told_again_until_it_can(manager, store, worker, script):
    def work(context):
        store.fail_next(StorageFull("The disk is full."), times=2)
        return Outcome(result={"copied": 7})

    run = a_queued_run(manager, options=script("full", work))

    worker.carry_out(run.id)

    assert manager.run(run.id).state == RunState.COMPLETED
    assert manager.run(run.id).result == {"copied": 7}


def test_a_result_that_cannot_be_kept_does_not_leave_its_run_at_work(manager, worker, script):
    run = a_queued_run(manager, options=script("half", lambda _: Outcome(warnings=("half \udcff",))))

    worker.carry_out(run.id)

    failed = manager.run(run.id)
    assert (failed.state, failed.error.code) == (RunState.FAILED, "internal")


def test_progress_that_cannot_be_kept_does_not_end_a_run(manager, store, worker, script):
    def work(context):
        store.fail_next(StorageFull("The disk is full."))
        context.report(some_progress(), {"at": 3})
        return Outcome()

    run = a_queued_run(manager, options=script("progress", work))

    worker.carry_out(run.id)

    done = manager.run(run.id)
    assert (done.state, done.progress, done.checkpoint) == (RunState.COMPLETED, some_progress(), {"at": 3})


def test_an_engine_finds_its_checkpoint_and_workspace_in_the_next_attempt(manager, worker, script):
    found = []

    def work(context):
        found.append((dict(context.checkpoint), sorted(path.name for path in context.workspace.iterdir())))
        (context.workspace / "plan").touch()
        context.report(some_progress(), {"at": 3})
        if len(found) == 1:
            manager.pause(context.run_id)
            context.raise_if_asked()
        return Outcome()

    run = a_queued_run(manager, options=script("again", work))
    worker.carry_out(run.id)
    manager.resume(run.id)

    worker.carry_out(run.id)

    assert found == [({}, []), ({"at": 3}, ["plan"])]
    assert manager.run(run.id).state == RunState.COMPLETED


def test_a_run_that_keeps_nothing_has_no_folder_of_its_own(manager, worker, script):
    run = a_queued_run(manager, options=script("idle", lambda _: Outcome()))

    worker.carry_out(run.id)

    assert manager.run(run.id).state == RunState.COMPLETED
    assert not worker.workspaces.exists()


def test_a_run_that_has_no_place_to_work_in_says_so(manager, worker, script):
    worker.workspaces.write_text("no folder")
    run = a_queued_run(manager, options=script("homeless", lambda context: context.workspace))

    worker.carry_out(run.id)

    assert manager.run(run.id).error.message.startswith("The run has no place to work in: ")
