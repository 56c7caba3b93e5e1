"""Breakers as programs see them."""

from datetime import timedelta
from urllib.parse import quote

import pytest

from core.breakers import Breaker

BREAKERS = "/api/v1/breakers"
ODD = "nas-02:/srv/back ups/…"


@pytest.fixture
def program(world):
    headers = world.bearer()
    return lambda method, path, **rest: world.client.request(method, path, headers=headers, **rest)


@pytest.fixture
def trip(world, clock):
    """Have something not be reached so many times."""

    def fail(name, times=3):
        breaker = Breaker()
        for run in range(times):
            breaker = breaker.failed(f"run-{run}", "No route to host.", clock.now())
        world.house.service.manager.set_register(f"breaker/{name}", breaker.mapping())
        return breaker

    return fail


def test_what_cannot_be_reached_is_told_to_programs(program, trip, clock):
    trip("nas-02")
    trip("mail", times=1)

    mail, nas = program("GET", BREAKERS).json()["items"]
    clock.pass_by(timedelta(seconds=60))
    later = program("GET", BREAKERS).json()["items"][1]

    assert (mail["name"], mail["state"], mail["failures"], mail["until"]) == ("mail", "closed", 1, None)
    assert nas == {
        "name": "nas-02", "state": "open", "failures": 3, "opened_at": "2026-11-21T07:42:00Z",
        "until": "2026-11-21T07:43:00Z", "probe": "", "message": "No route to host.", "waiting": [],
    }  # fmt: skip
    assert later["state"] == "half_open"


@pytest.mark.parametrize("name", ["nas-02", ODD, "a/reset"])
def test_a_breaker_is_reset_whatever_it_guards(world, program, trip, name):
    trip(name)

    answer = program("POST", f"{BREAKERS}/{quote(name, safe='')}/reset")

    assert (answer.status_code, answer.json()["state"], answer.json()["name"]) == (200, "closed", name)
    assert world.house.service.manager.breakers() == {}


def test_a_breaker_that_remembers_nothing_cannot_be_reset(program):
    answer = program("POST", f"{BREAKERS}/nas-02/reset")

    assert (answer.status_code, answer.json()["code"]) == (404, "not-found")
