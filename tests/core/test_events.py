import threading

from core.events import QUEUE_LIMIT, EventBus, EventsMissed, LogGrew
from tests.builders import a_running_run


def test_a_slow_or_failing_listener_harms_nobody(manager, events, heard):
    release = threading.Event()
    events.subscribe("slow", lambda _: release.wait(30))
    events.subscribe("failing", lambda _: 1 / 0)

    run = a_running_run(manager)
    manager.cancel(run.id)
    manager.stopped(run.id, 1)

    release.set()
    events.close()
    states = [event.run.state for event in heard if hasattr(event, "run")]
    assert states == ["queued", "running", "cancelling", "cancelled"]


def test_a_listener_that_falls_behind_is_told_how_much_it_missed():
    bus, holding, held, told = EventBus(), threading.Event(), threading.Event(), []

    def listen(event):
        if not told:
            held.set()
            holding.wait(30)
        told.append(event)

    bus.subscribe("behind", listen)
    bus.publish(LogGrew(run_id="first", lines=0))
    held.wait(30)
    for number in range(QUEUE_LIMIT + 7):
        bus.publish(LogGrew(run_id="later", lines=number))
    holding.set()
    bus.close()

    assert told[1] == EventsMissed(count=7)
    assert told[-1] == LogGrew(run_id="later", lines=QUEUE_LIMIT + 6)
    assert len(told) == 1 + 1 + QUEUE_LIMIT


def test_a_listener_that_left_hears_no_more():
    bus, told = EventBus(), []
    subscription = bus.subscribe("leaver", told.append)
    bus.publish(LogGrew(run_id="one", lines=1))

    bus.unsubscribe(subscription)
    bus.publish(LogGrew(run_id="two", lines=2))
    bus.close()

    assert told == [LogGrew(run_id="one", lines=1)]


def test_a_listener_hears_only_what_it_wants():
    bus, told = EventBus(), []
    bus.subscribe("choosy", told.append, lambda event: event != LogGrew(run_id="one", lines=1))

    bus.publish(LogGrew(run_id="one", lines=1))
    bus.publish(LogGrew(run_id="one", lines=2))
    bus.close()

    assert told == [LogGrew(run_id="one", lines=2)]


def test_a_listener_in_no_hurry_is_told_everything_all_the_same_when_the_bus_closes():
    bus, told = EventBus(), []
    bus.subscribe("patient", told.append, pace=3_600.0)

    events = [LogGrew(run_id="one", lines=number) for number in range(100)]
    for event in events:
        bus.publish(event)
    bus.close()

    assert told == events


def test_who_only_notes_what_happens_is_told_before_publishing_returns():
    def fail(event):
        raise ValueError(event)

    bus, told = EventBus(), []
    bus.tell_at_once("failing", fail)
    bus.tell_at_once("noting", told.append)

    bus.publish(LogGrew(run_id="one", lines=1))
    at_once = tuple(told)
    bus.tell_no_more(told.append)
    bus.publish(LogGrew(run_id="two", lines=1))

    assert at_once == tuple(told) == (LogGrew(run_id="one", lines=1),)
