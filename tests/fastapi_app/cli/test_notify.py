"""`holdfast notify`, with a server and without; the commands run within the test, as there are many."""

import json

import pytest
from typer.testing import CliRunner

from core.errors import InvalidOptions, NotFound
from fastapi_app.cli.program import app
from tests.core.notifications.conftest import answering, receiving
from tests.fastapi_app.cli.test_beside_a_server import server

__all__ = ["server"]


@pytest.fixture
def told(data):
    """Call a command; returns what it said, or raises what it would complain of."""

    def call(*words, standard_input=None):
        answer = CliRunner().invoke(
            app,
            ["notify", *words],
            input=standard_input,
            env={"HOLDFAST_DATA": str(data)},
            standalone_mode=False,
        )
        if answer.exception is not None and not isinstance(answer.exception, SystemExit):
            raise answer.exception
        return answer

    return call


@pytest.fixture(params=["beside a server", "alone"])
def house(request):
    """A data folder that a server runs on, or nobody."""
    if request.param == "beside a server":
        request.getfixturevalue("server")


def test_a_channel_is_added_tested_and_removed_from_the_command_line(house, told):
    with receiving(answering()) as receiver:
        added = told("channel", "add", "ops", standard_input=receiver.url + "\n")
        ruled = told("rule", "add", "--channel", "ops", "--on", "late", "--quiet", "22:00-07:00", "--json")
        tested = told("test", "ops")
        listed = told("list")
    failed = told("test", "ops")
    removed = told("channel", "remove", "ops")
    empty = json.loads(told("list", "--json").stdout)

    assert "whsec_" in added.stdout
    assert json.loads(ruled.stdout)["quiet"] == {"start": "22:00", "end": "07:00", "but_critical": True}
    assert (tested.return_value, tested.stdout.strip()) == (None, "The receiver answered 204.")
    assert len(receiver.requests) == 1
    assert "ops" in listed.stdout
    assert "whsec_" not in listed.stdout
    assert "sesame" not in added.output + listed.output + failed.output
    assert (failed.return_value, failed.stdout.strip()) == (
        1,
        "There is no way to the receiver: connection refused.",
    )
    assert removed.stdout.strip() == "Removed."
    assert (empty["channels"], empty["rules"]) == ([], [])


def test_a_command_about_a_channel_that_is_not_there_says_so(told):
    with pytest.raises(NotFound, match="There is no channel 'nobody'"):
        told("test", "nobody")


def test_quiet_hours_that_are_none_are_refused(told):
    with pytest.raises(InvalidOptions, match="such as 22:00-07:00"):
        told("rule", "add", "--channel", "ops", "--quiet", "22:00")
