import threading
from datetime import timedelta

import pytest

from core.dispatch.local import LocalDispatcher
from core.models import Priority
from core.queueing import Pause, Rules, Scope, limited, paused, resumed
from tests.builders import WHEN, a_place
from tests.doubles import SettableClock

SOON = timedelta(minutes=5)


@pytest.fixture
def clock():
    return SettableClock(WHEN)


@pytest.fixture
def make_dispatcher(clock):
    """Make a dispatcher that is stopped with the test."""
    made = []

    def make(slots):
        made.append(LocalDispatcher(slots, clock))
        return made[-1]

    yield make
    for dispatcher in made:
        dispatcher.stop()


@pytest.fixture
def one_slot(make_dispatcher):
    return make_dispatcher(1)


class Carried:
    """Remembers which runs were carried, and waits for so many."""

    def __init__(self, many):
        self.run_ids = []
        self._many = many
        self._all = threading.Event()

    def __call__(self, run_id):
        self.run_ids.append(run_id)
        if len(self.run_ids) == self._many:
            self._all.set()

    def all_there(self):
        return self._all.wait(30)


def test_the_most_urgent_run_goes_first(one_slot):
    asked = [
        ("low", Priority.LOW),
        ("older", Priority.NORMAL),
        ("high", Priority.HIGH),
        ("younger", Priority.NORMAL),
        ("critical", Priority.CRITICAL),
    ]
    carried = Carried(len(asked))
    for run_id, priority in asked:
        one_slot.enqueue(a_place(run_id, priority=priority))

    one_slot.start(carried)

    assert carried.all_there()
    assert carried.run_ids == ["critical", "high", "older", "younger", "low"]


def test_a_run_is_carried_once_however_often_it_was_queued(one_slot):
    carried = Carried(2)
    for _ in range(3):
        one_slot.enqueue(a_place("same"))
    one_slot.enqueue(a_place("last", priority=Priority.LOW))

    one_slot.start(carried)

    assert carried.all_there()
    assert carried.run_ids == ["same", "last"]


def test_a_withdrawn_run_is_not_carried(one_slot):
    carried = Carried(1)
    one_slot.enqueue(a_place("withdrawn", priority=Priority.HIGH))
    one_slot.enqueue(a_place("last", priority=Priority.LOW))

    one_slot.withdraw("withdrawn")
    one_slot.start(carried)

    assert carried.all_there()
    assert carried.run_ids == ["last"]


def test_the_load_tells_slots_busy_and_waiting(make_dispatcher):
    dispatcher = make_dispatcher(2)
    at_work, release = threading.Barrier(3), threading.Event()
    for run_id in ("one", "two", "three"):
        dispatcher.enqueue(a_place(run_id))

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


def test_a_run_that_is_queued_again_before_its_slot_is_free_is_carried_again(make_dispatcher):
    dispatcher = make_dispatcher(2)
    carried = Carried(2)

    def carry(run_id):
        if not carried.run_ids:
            dispatcher.enqueue(a_place("again", number=1))
        carried(run_id)

    dispatcher.start(carry)
    dispatcher.enqueue(a_place("again"))

    assert carried.all_there()
    assert carried.run_ids == ["again", "again"]


def test_a_run_that_fails_its_handler_leaves_the_slot_to_the_next(one_slot):
    carried = Carried(2)

    def carry(run_id):
        carried(run_id)
        if run_id == "bad":
            raise ValueError(run_id)

    for run_id in ("bad", "good"):
        one_slot.enqueue(a_place(run_id))
    one_slot.start(carry)

    assert carried.all_there()
    assert carried.run_ids == ["bad", "good"]


def test_what_is_resumed_begins_at_once(one_slot):
    carried = Carried(1)
    rules = paused(Rules(), Scope.QUEUE, "", Pause(at=WHEN))
    one_slot.govern(rules)
    one_slot.start(carried)
    one_slot.enqueue(a_place("held"))
    held = one_slot.holdup("held")

    one_slot.govern(resumed(rules, Scope.QUEUE, ""))

    assert held is not None
    assert carried.all_there()


def test_a_pause_that_is_over_lets_runs_begin_by_itself(one_slot, clock):
    carried = Carried(1)
    one_slot.govern(paused(Rules(), Scope.KIND, "copy", Pause(at=WHEN, until=WHEN + SOON)))
    one_slot.start(carried)
    one_slot.enqueue(a_place("held"))
    before = list(carried.run_ids)

    clock.pass_by(SOON)
    one_slot.tick()

    assert before == []
    assert carried.all_there()


def test_a_pause_of_a_moment_ends_without_anybody_saying_so():
    carried, now = Carried(1), LocalDispatcher(1)
    at = now._clock.now()
    now.govern(paused(Rules(), Scope.QUEUE, "", Pause(at=at, until=at + timedelta(milliseconds=50))))
    now.start(carried)

    now.enqueue(a_place("held"))

    assert carried.all_there()
    now.stop()


def test_two_slots_become_busy_when_one_end_lets_two_begin(make_dispatcher):
    dispatcher = make_dispatcher(3)
    began, both, end = threading.Event(), threading.Barrier(3), threading.Event()

    def carry(run_id):
        if run_id == "holds both":
            began.set()
            end.wait(30)
        else:
            both.wait(30)

    dispatcher.start(carry)
    dispatcher.enqueue(a_place("holds both", groups=("one", "two")))
    began.wait(30)
    dispatcher.enqueue(a_place("first", groups=("one",)))
    dispatcher.enqueue(a_place("second", groups=("two",)))
    end.set()

    assert both.wait(30) in range(3)


def test_adopted_runs_are_looked_after_however_few_slots_there_are(one_slot):
    together, release = threading.Barrier(4), threading.Event()
    carried = Carried(4)

    def carry(run_id):
        if run_id != "new":
            together.wait(30)
            release.wait(30)
        carried(run_id)

    one_slot.enqueue(a_place("new", priority=Priority.CRITICAL))
    for number in range(3):
        one_slot.enqueue(a_place(f"adopted {number}", groups=("nas-02",), adopted=True))
    one_slot.start(carry)
    together.wait(30)
    load = one_slot.load()
    release.set()

    assert (load.busy, load.waiting) == (3, 1)
    assert carried.all_there()
    assert carried.run_ids[-1] == "new"


def test_whatever_is_paused_and_limited_meanwhile_each_run_is_carried_once(make_dispatcher):
    dispatcher = make_dispatcher(6)
    places = [
        a_place(str(number), number=number + 1, groups=(("one",), ("two",), ("one", "two"), ())[number % 4])
        for number in range(400)
    ]
    carried = Carried(len(places))
    at_once = limited(Rules(), Scope.GROUP, "one", 3)
    rules = [
        at_once,
        paused(Rules(), Scope.GROUP, "two", Pause(at=WHEN)),
        limited(at_once, Scope.QUEUE, "", 1),
    ]
    dispatcher.start(carried)

    for number, place in enumerate(places):
        dispatcher.enqueue(place)
        if number % 10 == 0:
            dispatcher.govern(rules[number // 10 % 3])
    dispatcher.govern(Rules())

    assert carried.all_there()
    assert sorted(carried.run_ids, key=int) == [place.run_id for place in places]
    assert dispatcher.load().waiting == 0
