"""What runs ask, answered from the command line; the copy and the deletion are real."""

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
def asking(call, tmp_path):
    """Return the id of a run that has copied three files and asks whether to take them away."""
    source = tmp_path / "source"
    source.mkdir()
    for name in ("one", "two", "three"):
        (source / name).write_text(name)
    options = {"source": source, "destination": tmp_path / "copy", "delete_source": "true"}
    words = [word for name, value in options.items() for word in ("-o", f"{name}={value}")]
    call("job", "create", "move", "--kind", "rsync", *words)
    call("job", "start", "move")
    (run,) = json.loads(call("run", "list", "move", "--json").stdout)
    return run["id"]


def shown(call, run_id):
    return json.loads(call("run", "show", run_id, "--json").stdout)


def test_a_question_is_shown_and_answered_from_the_command_line(call, asking, tmp_path):
    asked = call("run", "show", asking)
    refused = call("run", "answer", asking, "delete")
    typed = shown(call, asking)["question"]["typed"]
    answered = call("run", "answer", asking, "delete", "--typed", typed)
    run = shown(call, asking)

    assert "It asks: Take 3 files" in asked.stdout
    assert f"Type exactly: {typed}" in str(refused.exception)
    assert answered.exit_code == 0
    assert (run["state"], run["question"], run["result"]["deletion"]["files"]) == ("completed", None, 3)
    assert [path.name for path in (tmp_path / "source").iterdir() if path.is_file()] == [".holdfast-source"]


def test_what_earlier_attempts_carried_counts_for_the_run(call, asking):
    call("run", "answer", asking, "keep")

    result = shown(call, asking)["result"]
    assert (result["copied"], result["files"], result["deletion"]["files"]) == (3, 3, 0)


def test_answering_a_run_that_asks_nothing_says_so(call, asking):
    call("run", "answer", asking, "keep")

    again = call("run", "answer", asking, "keep")

    assert again.exit_code != 0
    assert "asks nothing" in str(again.exception)
