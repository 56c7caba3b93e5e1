import json
import re
import shutil

import pytest
from typer.main import get_command
from typer.testing import CliRunner

from core.engines import ENGINES
from fastapi_app.cli.program import app


def every_command(command=None, path=()):
    command = command or get_command(app)
    yield path
    for name, part in getattr(command, "commands", {}).items():
        yield from every_command(part, (*path, name))


@pytest.fixture
def call(data, monkeypatch):
    """Call the command in this process; returns its result."""
    monkeypatch.setenv("HOLDFAST_DATA", str(data))
    return lambda *words: CliRunner().invoke(app, list(map(str, words)))


def test_every_command_has_help(call):
    paths = list(every_command())

    for path in paths:
        answer = call(*path, "--help")
        assert answer.exit_code == 0
        assert "Usage:" in answer.output
    assert {("serve",), ("backup",), ("doctor",), ("bench",), ("job", "start"), ("run", "show")} <= set(paths)


def test_every_option_of_every_command_is_described():
    def undescribed(command, path=()):
        for parameter in command.params:
            if not getattr(parameter, "help", None):
                yield " ".join((*path, parameter.name))
        for name, part in getattr(command, "commands", {}).items():
            yield from undescribed(part, (*path, name))

    assert list(undescribed(get_command(app))) == []


def test_the_options_of_a_kind_are_told_from_its_engine(call):
    words = call("kinds", "copy")
    schema = call("kinds", "copy", "--json")
    everything = call("kinds")

    assert all(name in words.output for name in ENGINES["copy"].model_fields)
    assert json.loads(schema.output)["properties"].keys() == ENGINES["copy"].model_fields.keys()
    assert all(kind in everything.output for kind in ENGINES)


def test_the_doctor_says_what_is_missing_and_what_that_costs(call, monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    (tmp_path / "file").touch()

    good = call("doctor", "--data", tmp_path / "new")
    bad = call("doctor", "--data", tmp_path / "file" / "data", "--json")

    assert (good.exit_code, bad.exit_code) == (0, 1)
    assert "missing  rclone: not installed" in good.output
    assert {one["name"] for one in json.loads(bad.output) if one["verdict"] == "bad"} == {"data folder"}


def test_a_command_finds_its_job_by_name_or_by_the_beginning_of_its_id(call, holdfast, source, tmp_path):
    def make(name, number):
        words = ("-o", f"source={source}", "-o", f"destination={tmp_path / number}", "--json")
        return json.loads(call("job", "create", name, *words).stdout)

    photos, twice = make("photos", "1"), make("twice", "2")
    make("twice", "3")

    for which in ("photos", photos["id"], photos["id"][:8]):
        assert json.loads(call("job", "show", which, "--json").stdout)["job"]["id"] == photos["id"]
    assert json.loads(call("job", "show", twice["id"], "--json").stdout)["job"]["name"] == "twice"
    told = call("job", "show", twice["id"]).stdout
    assert not any(word in told for word in ("None", "True", "False"))
    doubled, unknown = holdfast("job", "show", "twice"), holdfast("job", "show", "nothing")
    assert (doubled.returncode, unknown.returncode) == (2, 2)
    assert "2 jobs are called 'twice'" in doubled.stderr
    assert "no job 'nothing'" in unknown.stderr


def test_a_command_that_opens_a_damaged_store_says_so(holdfast, data, source, tmp_path):
    holdfast("job", "create", "photos", "-o", f"source={source}", "-o", f"destination={tmp_path / 'a'}")
    good = holdfast("job", "list")
    shutil.rmtree(data / "state")

    damaged, check = holdfast("job", "list", "--json"), holdfast("store", "check")

    assert good.stderr == ""
    assert [item["job"]["name"] for item in json.loads(damaged.stdout)] == ["photos"]
    assert re.search(
        r"^\d+ problems? in the store; `holdfast store check` names", damaged.stderr, re.MULTILINE
    )
    assert check.returncode == 1


def test_an_empty_list_says_how_to_begin(call):
    assert "holdfast backup" in call("job", "list").output
