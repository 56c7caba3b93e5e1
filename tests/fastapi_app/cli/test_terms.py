"""How a job is carried through, said on the command line."""

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
def create(call, source, destination):
    folders = ("-o", f"source={source}", "-o", f"destination={destination}")
    return lambda name, *words: call("job", "create", name, *folders, *words, "--json")


ALL = (
    *("--after", "photos", "--after-when", "all_ended", "--after-failed", "run"),
    *("--retries", "3", "--backoff", "linear", "--wait", "1min30s", "--longest-wait", "2h", "--jitter"),
    *("--timeout", "10min", "--run-timeout", "1h", "--group", "to nas-02", "--group", "night"),
    *("--expect-every", "26h", "--grace", "30min", "--ping", "https://example.org/ping"),
)


def shown(call, which):
    return json.loads(call("job", "show", which, "--json").stdout)["job"]


def test_a_job_is_made_with_everything_that_is_agreed(call, create):
    photos = json.loads(create("photos").stdout)

    answer = create("mail", *ALL)

    job = shown(call, "mail")
    assert answer.exit_code == 0, answer.output
    assert (job["after"], job["after_when"], job["after_failed"]) == ([photos["id"]], "all_ended", "run")
    assert job["retry"] == {
        "max_attempts": 4, "backoff": "linear", "wait": 90.0, "longest_wait": 7200.0, "jitter": True,
    }  # fmt: skip
    assert (job["timeout"], job["run_timeout"], job["groups"]) == (600.0, 3600.0, ["to nas-02", "night"])
    assert job["expect"] == {"every": 93600.0, "grace": 1800.0, "ping": "https://example.org/ping"}


def test_what_is_agreed_is_shown_in_sentences(call, create):
    create("photos")
    create("mail", *ALL)

    said = call("job", "show", "mail").output

    assert "Begins after “photos”, when it is over, well or not." in said
    assert "Tries again after up to 1 min 30 s, 3 min and 4 min 30 s." in said
    assert "At least one good run every 1 d 2 h" in said


def test_terms_are_changed_one_by_one_and_taken_away(call, create):
    create("photos")
    create("mail", *ALL)

    changed = call("job", "edit", "mail", "--retries", "0", "--grace", "1h", "--timeout", "none")
    kept = shown(call, "mail")
    call("job", "edit", "mail", "--no-after", "--no-groups", "--expect-every", "none")

    gone = shown(call, "mail")
    assert changed.exit_code == 0, changed.output
    assert (kept["retry"]["max_attempts"], kept["retry"]["wait"]) == (1, 90.0)
    assert (kept["expect"]["every"], kept["expect"]["grace"]) == (93600.0, 3600.0)
    assert kept["timeout"] is None
    assert (gone["after"], gone["groups"], gone["expect"]) == ([], [], None)


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (("--wait", "soon"), "no span of time"),
        (("--after", "nowhere"), "nowhere"),
        (("--grace", "1h"), "--expect-every"),
        (("--timeout", "1h", "--run-timeout", "1min"), "less time"),
        (("--group", "a,b"), "no commas"),
    ],
)
def test_terms_that_make_no_sense_are_refused_by_command(create, words, complaint):
    answer = create("mail", *words)

    assert answer.exit_code != 0
    assert complaint in str(answer.exception)


def test_a_circle_is_refused_by_command(call, create):
    create("photos")
    create("mail", "--after", "photos")

    answer = call("job", "edit", "photos", "--after", "mail")

    assert "circle" in str(answer.exception)
    assert shown(call, "photos")["after"] == []
