"""Whole graphs on the command line."""

import json

import pytest
from typer.testing import CliRunner

from fastapi_app.cli.graphs import GraphJob, tree
from fastapi_app.cli.program import app


@pytest.fixture
def call(data, monkeypatch):
    """Call the command in this process; returns its result."""
    monkeypatch.setenv("HOLDFAST_DATA", str(data))
    return lambda *words: CliRunner().invoke(app, list(map(str, words)))


@pytest.fixture
def diamond(call, source, tmp_path):
    """Four jobs: b and c come after a, d after both; each copies the same photos."""
    for name, after in (("a", ()), ("b", ("a",)), ("c", ("a",)), ("d", ("b", "c"))):
        folders = ("-o", f"source={source}", "-o", f"destination={tmp_path / name}")
        parents = [word for parent in after for word in ("--after", parent)]
        assert call("job", "create", name, *folders, *parents).exit_code == 0


def states(call):
    return {
        item["job"]["name"]: item["latest_run"] and item["latest_run"]["state"]
        for item in json.loads(call("job", "list", "--json").stdout)
    }


def test_a_graph_is_shown_as_a_tree(call, diamond):
    shown = call("job", "graph", "c")

    assert shown.output.splitlines() == [
        "a  never",
        "├─ b  never",
        "│  └─ d  never, also after c",
        "└─ c  never",
    ]


def test_a_whole_graph_is_carried_out_by_one_command(call, diamond, tmp_path):
    done = call("job", "start", "d", "--graph")

    assert done.exit_code == 0, done.output
    assert set(states(call).values()) == {"completed"}
    assert all((tmp_path / name / "notes.txt").exists() for name in "abcd")
    said = [line for line in done.output.splitlines() if line.endswith(".")]
    assert said.index("a is completed.") < said.index("b is completed.") < said.index("d is completed.")


def test_what_failed_is_retried_with_what_follows(call, diamond, tmp_path):
    (tmp_path / "b").write_text("in the way")
    failed = call("job", "graph", "a", "--start")
    before = states(call)
    (tmp_path / "b").unlink()

    retried = call("job", "graph", "a", "--retry")

    assert failed.exit_code == 1
    assert (before["b"], before["d"]) == ("failed", "skipped")
    assert retried.exit_code == 0, retried.output
    assert set(states(call).values()) == {"completed"}


def test_only_one_thing_is_done_to_a_graph_at_once(call, diamond):
    answer = call("job", "graph", "a", "--start", "--cancel")

    assert "not both" in str(answer.exception)


def test_a_graph_as_json_has_every_job(call, diamond):
    jobs = json.loads(call("job", "graph", "b", "--json").stdout)

    assert jobs[0]["name"] == "b"
    assert {job["name"] for job in jobs} == {"a", "b", "c", "d"}


def test_a_long_chain_is_no_deep_tree_to_draw():
    jobs = [
        GraphJob(id=str(one), name=f"job {one}", after=(str(one - 1),) if one else ()) for one in range(3_000)
    ]

    lines = tree(jobs)

    assert len(lines) == 3_000
    assert lines[-1].endswith("└─ job 2999  never")


def test_jobs_in_a_circle_are_told_all_the_same():
    jobs = [GraphJob(id="a", name="a", after=("b",)), GraphJob(id="b", name="b", after=("a",))]

    assert len(tree(jobs)) == 2
