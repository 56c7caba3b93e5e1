"""What was taken away, on the command line."""

import json

import pytest
from typer.testing import CliRunner

from fastapi_app.cli.house import the_house
from fastapi_app.cli.program import app
from tests.core.clearing.world import World, files_in

RUN_ID = "3f2a9c1e-0000-4000-8000-000000000001"


@pytest.fixture
def call(data, monkeypatch):
    """Call the command in this process; returns its result."""
    monkeypatch.setenv("HOLDFAST_DATA", str(data))
    return lambda *words, **rest: CliRunner().invoke(app, list(map(str, words)), **rest)


@pytest.fixture
def place(tmp_path, data):
    """A run that has taken three files away, and nobody has heard of it."""
    with the_house(data):
        pass
    made = World(tmp_path / "place", data, RUN_ID)
    made.put_some()
    made.delete()
    return made


def test_what_was_taken_away_is_listed_also_where_nobody_had_heard_of_it(call, place):
    listed = call("quarantine", "list")
    (one,) = json.loads(call("quarantine", "list", "--json").stdout)

    assert str(place.source) in listed.output.replace("\n", "")
    assert (one["taken"], one["stand"]) == (3, "aside")


def test_its_files_are_shown_with_their_digests(call, place):
    shown = json.loads(call("quarantine", "show", RUN_ID[:8], "--json").stdout)

    assert [file["path"] for file in shown["files"]] == ["year 0/0.jpg", "year 0/2.jpg", "year 1/1.jpg"]
    assert all(len(file["digest"]) == 64 for file in shown["files"])


def test_it_is_put_back_by_command(call, place):
    done = call("quarantine", "put-back", RUN_ID[:8])

    assert "3 files put back." in done.output
    assert len(files_in(place.source)) == 3


def test_it_goes_for_good_only_for_the_words_that_are_asked_for(call, place):
    refused = call("quarantine", "empty", RUN_ID[:8], input="yes\n")
    kept = place.aside()
    done = call("quarantine", "empty", RUN_ID[:8], "--typed", "empty 3")

    assert refused.exit_code != 0
    assert len(kept) == 3
    assert "3 files gone for good." in done.output
    assert place.aside() == {}


def test_a_run_that_took_nothing_away_is_not_found(call, data):
    missing = call("quarantine", "show", "12345678")

    assert missing.exit_code != 0
    assert "no quarantine" in str(missing.exception) + missing.output
