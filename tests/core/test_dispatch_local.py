import threading

import pytest

from core.dispatch.local import LocalDispatcher
from core.models import Priority


@pytest.fixture
def one_slot():
    dispatcher = LocalDispatcher(1)
    yield dispatcher
    dispatcher.stop()


def test_the_most_urgent_run_goes_first(one_slot):
    carried, all_carried = [], threading.Event()
    asked = [
        ("low", Priority.LOW),
        ("older", Priority.NORMAL),
        ("high", Priority.HIGH),
        ("younger", Priority.NORMAL),
        ("critical", Priority.CRITICAL),
    ]
    for run_id, priority in asked:
        one_slot.enqueue(run_id, priority)

    def carry(run_id):
        carried.append(run_id)
        if len(carried) == len(asked):
            all_carried.set()

    one_slot.start(carry)

    assert all_carried.wait(30)
    assert carried == ["critical", "high", "older", "younger", "low"]


def test_a_run_is_carried_once_however_often_it_was_queued(one_slot):
    carried, last = [], threading.Event()
    for _ in range(3):
        one_slot.enqueue("same", Priority.NORMAL)
    one_slot.enqueue("last", Priority.LOW)

    one_slot.start(lambda run_id: (carried.append(run_id), last.set() if run_id == "last" else None))

    assert last.wait(30)
    assert carried == ["same", "last"]


def test_a_withdrawn_run_is_not_carried(one_slot):
    carried, last = [], threading.Event()
    one_slot.enqueue("withdrawn", Priority.HIGH)
    one_slot.enqueue("last", Priority.LOW)

    one_slot.withdraw("withdrawn")
    one_slot.start(lambda run_id: (carried.append(run_id), last.set()))

    assert last.wait(30)
    assert carried == ["last"]


def test_the_load_tells_slots_busy_and_waiting():
    dispatcher = LocalDispatcher(2)
    at_work, release = threading.Barrier(3), threading.Event()
    for run_id in ("one", "two", "three"):
        dispatcher.enqueue(run_id, Priority.NORMAL)

    def carry(run_id):
        if run_id != "three":
            at_work.wait(30)
            release.wait(30)

    dispatcher.start(carry)
    at_work.wait(30)
    load = dispatcher.load()
    release.set()
    dispatcher.stop()

    assert (load.slots, load.busy, load.waiting) == (2, 2, 1)
    assert dispatcher.load().busy == 0
