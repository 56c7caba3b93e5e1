import threading

import pytest

from core.attempts import Fate
from core.models import Ending
from core.states import RunState
from core.watchdog import Watchdog
from core.work import Outcome
from core.worker import Worker
from tests.builders import a_queued_run, a_running_run
from tests.doubles import ScriptedEngine


@pytest.fixture
def worker(manager, logs, tmp_path, surroundings, clock):
    return Worker("test-worker", manager, logs, tmp_path / "work", surroundings, clock)


@pytest.fixture
def watchdog(manager, worker):
    return Watchdog(manager, worker, lambda _: Fate.LOST)


@pytest.mark.parametrize(("kind", "state"), [("scripted", RunState.QUEUED), ("once", RunState.PAUSED)])
def test_a_run_that_nobody_carries_is_judged(manager, watchdog, kind, state):
    run = a_running_run(manager, kind=kind)

    first, second = watchdog.look(), watchdog.look()

    judged = manager.run(run.id)
    assert ([one.id for one in first], [one.id for one in second]) == ([], [run.id])
    assert (judged.state, judged.attempts[0].ending) == (state, Ending.INTERRUPTED)


def test_a_run_that_is_carried_is_left_alone_by_the_watchdog(manager, worker, watchdog, monkeypatch):
    begun, go = threading.Event(), threading.Event()

    def wait(_):
        begun.set()
        go.wait(30)
        return Outcome()

    monkeypatch.setitem(ScriptedEngine.scripts, "wait", wait)
    run = a_queued_run(manager, options={"script": "wait"})
    slot = threading.Thread(target=worker.carry_out, args=(run.id,))
    slot.start()
    begun.wait(30)

    judged = (*watchdog.look(), *watchdog.look())

    state = manager.run(run.id).state
    go.set()
    slot.join()
    assert (judged, state) == ((), RunState.RUNNING)


def test_a_run_of_another_worker_is_none_of_its_business(manager, logs, tmp_path, surroundings, clock):
    other = Worker("another", manager, logs, tmp_path / "work", surroundings, clock)
    watchdog = Watchdog(manager, other, lambda _: Fate.LOST)
    run = a_running_run(manager)

    watchdog.look()
    watchdog.look()

    assert manager.run(run.id).state is RunState.RUNNING
