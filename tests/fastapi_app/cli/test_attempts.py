"""Attempts of a run that a command carries out by itself."""

import json

import pytest
from typer.testing import CliRunner

from fastapi_app.cli.program import app


@pytest.fixture
def call(data, monkeypatch):
    """Call the command in this process; returns its result."""
    monkeypatch.setenv("HOLDFAST_DATA", str(data))
    return lambda *words: CliRunner().invoke(app, list(map(str, words)))


@pytest.fixture
def create(call, tmp_path):
    """Make a job that fails until its file is so long."""

    def make(good_at, *words):
        script = f"echo x >> {tmp_path}/tries; test $(wc -l < {tmp_path}/tries) -ge {good_at}"
        argv = json.dumps(["sh", "-c", script])
        made = call("job", "create", "flaky", "--kind", "command", "-o", f"argv={argv}", *words)
        assert made.exit_code == 0, made.output

    return make


def runs(call):
    return json.loads(call("run", "list", "flaky", "--json").stdout)


def test_a_command_tries_again_as_a_server_would(call, create):
    create(3, "--retries", "2", "--wait", "0.1s", "--backoff", "fixed")

    done = call("job", "start", "flaky")

    (run,) = runs(call)
    assert done.exit_code == 0, done.output
    assert [attempt["ending"] for attempt in run["attempts"]] == ["failed", "failed", "completed"]
    assert [attempt["waited"] for attempt in run["attempts"]] == [0.0, 0.1, 0.1]


def test_a_command_gives_up_after_the_last_attempt(call, create):
    create(9, "--retries", "1", "--wait", "0.1s")

    done = call("job", "start", "flaky")

    (run,) = runs(call)
    assert done.exit_code == 1
    assert (run["state"], run["attempt"]) == ("failed", 2)
