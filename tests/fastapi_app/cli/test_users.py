"""`holdfast user`: who may come in, with a server on the folder and without one."""

import json
import subprocess
from collections.abc import Callable, Iterator

import pytest
from typer.testing import CliRunner, Result

from core.errors import HoldfastError
from fastapi_app.cli.program import app

PASSWORD = "nine blue herons over Orkney"
User = Callable[..., Result]


@pytest.fixture
def user(data) -> User:
    """Call `holdfast user` on this test's data folder, with a password on standard input."""

    def call(*rest: str) -> Result:
        return CliRunner().invoke(app, ["user", *rest, "--data", str(data)], input=f"{PASSWORD}\n")

    return call


@pytest.fixture
def server(argv, environment) -> Iterator[None]:
    """A server on this test's data folder, ready when it has told its address."""
    process = subprocess.Popen(
        argv("serve", "--port", "0"),
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert process.stdout is not None
    assert any("http://127.0.0.1:" in line for line in process.stdout)
    yield
    process.terminate()
    process.wait(30)
    process.stdout.close()


def people(user: User) -> list[tuple[str, str]]:
    return [(one["name"], one["role"]) for one in json.loads(user("list", "--json").stdout)]


def test_people_are_made_and_changed_where_no_server_runs(user):
    refused = user("add", "ben", "--password-stdin")
    user("add", "ada", "--role", "admin", "--password-stdin")
    user("add", "ben", "--password-stdin")
    user("role", "ben", "operator")

    assert isinstance(refused.exception, HoldfastError)
    assert people(user) == [("ada", "admin"), ("ben", "operator")]


def test_the_last_admin_is_not_removed_by_the_command(user):
    user("add", "ada", "--role", "admin", "--password-stdin")

    answer = user("remove", "ada", "--yes")

    assert "only admin" in str(answer.exception)
    assert people(user) == [("ada", "admin")]


def test_no_password_is_ever_told_by_the_command(user):
    said = [
        user("add", "ada", "--role", "admin", "--password-stdin"),
        user("passwd", "ada", "--password-stdin"),
    ]

    assert [answer.exit_code for answer in said] == [0, 0]
    assert not any(PASSWORD in answer.output for answer in said)


def test_beside_a_server_people_and_tokens_are_changed_by_it(server, user):
    user("add", "ada", "--role", "admin", "--password-stdin")
    made = user("token", "add", "ada", "backup script", "--role", "operator")
    (token,) = json.loads(user("token", "list", "ada", "--json").stdout)
    user("token", "remove", "ada", token["id"])

    assert "holdfast_" in made.stdout
    assert (token["name"], token["role"]) == ("backup script", "operator")
    assert json.loads(user("token", "list", "ada", "--json").stdout) == []
