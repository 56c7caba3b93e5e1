"""What the tests of core have in common: one house in memory, with a clock that is set."""

from pathlib import Path

import pytest

from core.dispatch.local import LocalDispatcher
from core.events import Event, EventBus
from core.logs import RunLogs
from core.manager import JobManager
from core.storage.memory import MemoryStore
from core.work import Surroundings
from tests.doubles import SettableClock, make_scripted_engine


@pytest.fixture
def clock():
    return SettableClock()


@pytest.fixture
def store():
    return MemoryStore()


@pytest.fixture
def events():
    bus = EventBus()
    yield bus
    bus.close()


@pytest.fixture
def heard(events):
    """Every event in the order in which it was told; close the bus before reading it."""
    told: list[Event] = []
    events.subscribe("heard", told.append)
    return told


@pytest.fixture
def dispatcher():
    """A dispatcher that was not started: it keeps what it is told and carries nothing."""
    return LocalDispatcher(1)


@pytest.fixture
def surroundings(tmp_path):
    return Surroundings(own_data=Path(tmp_path / "data"))


@pytest.fixture
def a_manager(events, clock, surroundings):
    """Make a manager on a store, as a Holdfast that starts on it would."""

    def make(store, dispatcher):
        manager = JobManager(store, events, clock, dispatcher, make_scripted_engine, surroundings)
        manager.open()
        return manager

    return make


@pytest.fixture
def manager(a_manager, store, dispatcher):
    return a_manager(store, dispatcher)


@pytest.fixture
def make_logs(tmp_path, clock, events):
    """Make the logs of a process; every one made is ended with the test."""
    made = []

    def make(**settings):
        made.append(RunLogs(tmp_path / "logs", events, clock, **settings))
        return made[-1]

    yield make
    for logs in made:
        logs.close_all()


@pytest.fixture
def logs(make_logs):
    return make_logs()
