"""The commands of jobs and runs, from the command line."""

import json

import pytest
from typer.testing import CliRunner

from fastapi_app.cli.program import app


@pytest.fixture
def call(data, monkeypatch):
    """Call the command in this process; returns its result."""
    monkeypatch.setenv("HOLDFAST_DATA", str(data))
    return lambda *words: CliRunner().invoke(app, list(map(str, words)))


def test_the_command_of_a_run_is_told_on_the_command_line(call):
    call("job", "create", "say", "--kind", "command", "-o", "argv=/bin/echo 'a b'")
    call("job", "start", "say")
    (run,) = json.loads(call("run", "list", "say", "--json").stdout)

    of_run = call("run", "command", run["id"])
    of_job = call("job", "command", "say")

    assert (of_run.exit_code, of_run.stdout) == (0, "/bin/echo 'a b'\n")
    assert of_job.stdout == of_run.stdout
