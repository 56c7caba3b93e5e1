"""`holdfast schedule`, and schedules in `holdfast job create` and `edit`."""

import json

import pytest
from typer.testing import CliRunner

from core.errors import HoldfastError
from fastapi_app.cli.program import app


@pytest.fixture
def call(data, monkeypatch):
    """Call the command in this process; returns its result."""
    monkeypatch.setenv("HOLDFAST_DATA", str(data))
    return lambda *words: CliRunner().invoke(app, list(map(str, words)))


@pytest.fixture
def create(call, source, destination):
    """Make a job with these words; returns its schedule."""

    def make(*words):
        options = ("-o", f"source={source}", "-o", f"destination={destination}")
        return json.loads(call("job", "create", "photos", *options, *words, "--json").stdout)["schedule"]

    return make


def edited(call, *words):
    return json.loads(call("job", "edit", "photos", *words, "--json").stdout)["schedule"]


def test_a_job_is_given_its_schedule_and_another_one_on_the_command_line(call, create):
    words = ("--cron", "0 2 * * *", "--timezone", "Europe/Berlin", "--blackout", "22:00-06:00 mon-fri")

    made = create(*words, "--missed", "skip", "--spread", "5min")
    every = edited(call, "--every", "15m")
    none = json.loads(call("job", "edit", "photos", "--no-schedule", "--json").stdout)

    assert (made["cron"], made["timezone"], made["missed"], made["jitter"]) == (
        "0 2 * * *", "Europe/Berlin", "skip", 300.0,
    )  # fmt: skip
    assert made["blackout"] == [{"start": "22:00", "end": "06:00", "days": [0, 1, 2, 3, 4]}]
    assert (every["every"], every.get("cron", ""), every["timezone"]) == (900.0, "", "Europe/Berlin")
    assert none.get("schedule") is None


def test_a_time_on_the_command_line_is_of_its_time_zone(create):
    made = create("--at", "2030-12-24 18:00", "--timezone", "Europe/Berlin")

    assert made["at"] == "2030-12-24T17:00:00Z"


def test_jobs_with_schedules_are_listed_on_the_command_line(call, create):
    before = call("schedule", "list").stdout
    create("--cron", "@daily", "--timezone", "UTC")

    listed, as_json = call("schedule", "list"), json.loads(call("schedule", "list", "--json").stdout)

    assert "No job has a schedule" in before
    assert "every day at 00:00 (UTC)" in listed.stdout
    assert as_json[0]["job"] == "photos"


def test_a_schedule_is_said_in_words_on_the_command_line_before_it_is_kept(call):
    shown = call("schedule", "preview", "--cron", "30 2 * * *", "--timezone", "Europe/Berlin", "-n", "3")

    assert "Due every day at 02:30 (Europe/Berlin)." in shown.stdout
    assert shown.stdout.count("02:30:00 CE") == 3


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--cron", "0 0 31 2 *"), "never comes"),
        (("--every", "soon"), "no span of time"),
        (("--at", "Christmas"), "is no time"),
        (("--every", "1h", "--blackout", "at night"), "is no window"),
        ((), "Say when"),
    ],
)
def test_a_mistake_in_a_schedule_is_told_on_the_command_line(call, words, said):
    answer = call("schedule", "preview", *words)

    assert isinstance(answer.exception, HoldfastError)
    assert said in str(answer.exception)
