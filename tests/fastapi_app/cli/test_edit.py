"""`holdfast job edit`."""

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
def photos(call, source, destination):
    words = (
        "-o",
        f"source={source}",
        "-o",
        f"destination={destination}",
        "-o",
        "verify=fast",
        "--tag",
        "home",
    )
    return json.loads(call("job", "create", "photos", *words, "--json").stdout)


def shown(call, job_id):
    return json.loads(call("job", "show", job_id, "--json").stdout)["job"]


def test_what_is_named_changes_and_the_rest_stays(call, photos):
    answer = call(
        "job", "edit", "photos", "--name", "family", "-o", "verify=full", "--priority", "high", "--disabled"
    )

    job = shown(call, photos["id"])
    assert (answer.exit_code, answer.output) == (0, "Changed family; it is at version 2.\n")
    assert (job["name"], job["priority"], job["enabled"], job["tags"]) == ("family", "high", False, ["home"])
    assert job["options"] == photos["options"] | {"verify": "full"}


def test_an_option_that_is_null_has_its_default_again(call, photos):
    call("job", "edit", "photos", "-o", "verify=null", "--no-tags")

    job = shown(call, photos["id"])
    assert (job["options"]["verify"], job["tags"]) == ("full", [])


def test_an_old_version_is_refused_by_command(call, holdfast, photos):
    call("job", "edit", "photos", "--tag", "summer")

    answer = holdfast("job", "edit", "photos", "--name", "mine", "--version", "1")

    assert answer.returncode == 2
    assert "'photos' is at version 2, not 1." in answer.stderr
    assert shown(call, photos["id"])["name"] == "photos"


def test_a_change_to_what_it_is_raises_no_version(call, photos):
    answer = call("job", "edit", "photos", "--tag", "home", "--json")

    assert json.loads(answer.stdout)["version"] == 1


def test_a_change_of_nothing_and_a_wrong_one_are_refused_in_words(holdfast, photos):
    nothing = holdfast("job", "edit", "photos")
    wrong = holdfast("job", "edit", "photos", "-o", "verify=maybe")

    assert (nothing.returncode, wrong.returncode) == (2, 2)
    assert "Say what to change" in nothing.stderr
    assert "verify" in wrong.stderr
