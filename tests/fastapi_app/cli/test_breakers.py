"""What cannot be reached, on the command line."""

import json

import pytest
from typer.testing import CliRunner

from core.breakers import Breaker
from core.clock import SystemClock
from fastapi_app.cli.house import OwnHouse, the_house
from fastapi_app.cli.program import app


@pytest.fixture
def call(data, monkeypatch):
    """Call the command in this process; returns its result."""
    monkeypatch.setenv("HOLDFAST_DATA", str(data))
    return lambda *words: CliRunner().invoke(app, list(map(str, words)))


@pytest.fixture
def trip(data):
    """Have something not be reached three times in a row."""

    def fail(name):
        breaker = Breaker()
        for run in range(3):
            breaker = breaker.failed(f"run-{run}", "No route to host.", SystemClock().now())
        with the_house(data) as house:
            assert isinstance(house, OwnHouse)
            house.manager.set_register(f"breaker/{name}", breaker.mapping())

    return fail


def test_what_cannot_be_reached_is_listed(call, trip):
    nothing = call("breaker", "list")
    trip("nas-02\x1b[31m")

    listed = call("breaker", "list")
    (one,) = json.loads(call("breaker", "list", "--json").stdout)

    assert "Everything can be reached" in nothing.output
    assert "Not reached 3 times in a row." in listed.output
    assert "No route to host." in listed.output
    assert "\x1b" not in listed.output
    assert (one["state"], one["message"]) == ("open", "No route to host.")


def test_a_breaker_is_reset_by_command_once(call, trip):
    trip("nas-02")

    reset = call("breaker", "reset", "nas-02")
    again = call("breaker", "reset", "nas-02")

    assert reset.output == "Whoever needs nas-02 may try it now.\n"
    assert json.loads(call("breaker", "list", "--json").stdout) == []
    assert "There is no breaker 'nas-02'." in str(again.exception)
