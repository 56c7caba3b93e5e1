"""`holdfast dead-letters`, alone and beside a server."""

import json
import subprocess

import pytest
from typer.testing import CliRunner

from core.drafts import JobDraft
from core.errors import HoldfastError, InvalidOptions
from core.models import Failure
from core.service import Service
from core.settings import Settings
from fastapi_app.cli.letter_rows import LetterRow
from fastapi_app.cli.program import app

ADDRESS = "http://127.0.0.1:"


@pytest.fixture
def failed(data, source, destination):
    """Two jobs with two failed runs each."""
    service = Service(Settings(data=data))
    manager = service.manager
    with service.opened(at_work=True):
        for name in ("photos", "music"):
            options = {"source": str(source), "destination": str(destination)}
            job = manager.create(JobDraft(name=name, kind="copy", options=options))
            for number in range(2):
                run = manager.claim(manager.start(job.id).id, "here")
                assert run is not None
                error = Failure(code="engine-failed", message=f"There is no folder '/srv/{name}/{number}'.")
                manager.fail(run.id, run.attempt, error)
        return [LetterRow.of(one) for one in service.dead_letters.find()]


@pytest.fixture
def server(argv, environment, failed):
    """A server on the folder that has them, ready when it has told its address."""
    process = subprocess.Popen(
        argv("serve", "--port", "0", "--slots", "1"),
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert process.stdout is not None
    assert any(ADDRESS in line for line in process.stdout)
    yield process
    process.terminate()
    process.wait(30)
    process.stdout.close()


def left(holdfast):
    return json.loads(holdfast("dead-letters", "list", "--json").stdout)


def test_failed_runs_are_listed_grouped_and_given_up_without_a_server(holdfast, failed):
    listed = holdfast("dead-letters", "list").stdout
    groups = json.loads(holdfast("dead-letters", "groups", "--json").stdout)
    noted = holdfast("dead-letters", "note", groups[0]["group"], "Mount the disk.")
    one = holdfast("dead-letters", "discard", failed[0].run_id[:8], "--reason", "Old.")
    rest = holdfast("dead-letters", "discard", "--job", "photos", "--yes")

    assert len(failed) == 4
    assert listed.count("photos") == listed.count("music") == 4  # its name and its error, twice
    assert [group["runs"] for group in groups] == [4]
    assert (noted.returncode, one.returncode, rest.returncode) == (0, 0, 0)
    assert "1 failed run given up." in one.stdout
    assert "Note by cli: Mount the disk." in holdfast("dead-letters", "groups").stdout
    assert [letter["job"] for letter in left(holdfast)] == ["music"]


def test_failed_runs_are_requeued_and_given_up_through_the_server(server, holdfast, failed):
    group = failed[0].group

    unasked = holdfast("dead-letters", "requeue", "--all")
    requeued = holdfast("dead-letters", "requeue", "--job", "photos", "--yes", "--json")
    noted = holdfast("dead-letters", "note", group, "Mount the disk.")
    given_up = holdfast("dead-letters", "discard", "--job", "music", "--yes", "--reason", "Old.")

    assert unasked.returncode == 1  # nobody answered the question
    done = json.loads(requeued.stdout)
    assert (len(done["made"]), len(done["covered"]), done["kept"]) == (1, 1, [])
    assert (noted.returncode, given_up.returncode) == (0, 0), given_up.stderr
    assert "2 failed runs given up." in given_up.stdout


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["requeue"], "Say which"),
        (["discard"], "Say which"),
        (["requeue", "abcd1234", "--all"], "not both"),
        (["discard", "zzzz9999"], "zzzz9999"),
        (["discard", "a"], "'a'"),
        (["note", "../queue", "x"], "16 characters"),
        (["list", "--job", "nobody"], "nobody"),
    ],
)
def test_a_wish_that_cannot_be_met_is_told_in_words(data, monkeypatch, words, complaint):
    monkeypatch.setenv("HOLDFAST_DATA", str(data))

    refused = CliRunner().invoke(app, ["dead-letters", *words]).exception

    assert isinstance(refused, HoldfastError)
    told = str(refused.problems) if isinstance(refused, InvalidOptions) else str(refused)
    assert complaint in told


def test_a_house_without_failures_says_that_all_is_well(data, monkeypatch):
    monkeypatch.setenv("HOLDFAST_DATA", str(data))

    def said(*words):
        return CliRunner().invoke(app, ["dead-letters", *words]).output

    assert "All is well" in said("list")
    assert "All is well" in said("groups")
    assert "No failed run matches." in said("requeue", "--all")
