"""Whoever asks for a change is named with it, whichever door it came through."""

import pytest

from core.acting import NOBODY, Actor, actor
from core.people import Role
from core.storage.memory import MemoryStore
from fastapi_app.auth import Person
from fastapi_app.cli.house import the_house
from fastapi_app.gate import actor_of


class NotingStore(MemoryStore):
    """Remembers who asked for each change."""

    def __init__(self):
        super().__init__()
        self.asked_by = []

    def submit(self, changes, *note):
        self.asked_by.append(changes.by)
        return super().submit(changes, *note)


@pytest.fixture
def store():
    return NotingStore()


@pytest.fixture
def world(make_world, store):
    return make_world(store=store)


def test_a_change_made_in_the_browser_bears_the_name_of_its_person(world, browser, store):
    job = world.a_job()
    store.asked_by.clear()

    browser.post(f"/jobs/{job.id}/start")

    assert store.asked_by == ["ada"]


def test_a_change_decided_on_the_event_loop_bears_the_name_of_its_person(world, store):
    job = world.a_job()
    store.asked_by.clear()

    world.client.post(f"/api/v1/jobs/{job.id}/runs", headers=world.bearer())

    assert store.asked_by == ["ada"]


def test_what_holdfast_does_by_itself_bears_no_name(world, browser, store):
    job = world.a_job()
    browser.post(f"/jobs/{job.id}/start")
    store.asked_by.clear()

    run = world.house.service.manager.job(job.id).latest_run
    world.house.service.manager.claim(run.id, "slot-1")

    assert store.asked_by == [""]


def test_what_a_command_decides_bears_its_name(tmp_path):
    with the_house(tmp_path / "data"):
        inside = actor()

    assert inside == Actor(name="cli", origin="command line")
    assert actor() == NOBODY


def test_a_command_beside_a_server_is_known_from_a_person_on_the_network():
    local = Person(name="cli", role=Role.ADMIN, local=True)
    ada = Person(name="ada", role=Role.ADMIN)
    scope = {"type": "http", "client": ("192.0.2.7", 4711)}

    assert actor_of(scope, local) == Actor(name="cli", origin="command line")
    assert actor_of(scope, ada) == Actor(name="ada", origin="192.0.2.7")
    assert actor_of(scope, None) == Actor(origin="192.0.2.7", admin=False)
