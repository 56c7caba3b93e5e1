"""`holdfast destination`, with a server and without; the commands run within the test, as there are many."""

import json

import pytest
from typer.testing import CliRunner

from core.errors import HoldfastError, InvalidOptions, VersionConflict
from fastapi_app.cli.program import app
from tests.fastapi_app.cli.test_beside_a_server import server

__all__ = ["server"]

SECRET = "seven grey geese"
DAV = ("cloud", "rclone-webdav", "--set", "url=http://127.0.0.1:1/")


@pytest.fixture
def told(data):
    """Call a command; returns what it said, or raises what it would complain of."""

    def call(*words, standard_input=None):
        answer = CliRunner().invoke(
            app,
            ["destination", *map(str, words)],
            input=standard_input,
            env={"HOLDFAST_DATA": str(data)},
            standalone_mode=False,
        )
        if answer.exception is not None and not isinstance(answer.exception, SystemExit):
            raise answer.exception
        return answer

    return call


@pytest.fixture(params=["beside a server", "alone"])
def house(request):
    """A data folder that a server runs on, or nobody."""
    if request.param == "beside a server":
        request.getfixturevalue("server")


@pytest.mark.usefixtures("house")
def test_a_destination_is_made_from_the_command_line(told, tmp_path):
    added = told("add", "Big Disk", "folder", "--set", f"path={tmp_path / 'disk'}").stdout
    tested = told("test", "big-disk")
    prepared = told("prepare", "big-disk").stdout
    listed = json.loads(told("list", "--json").stdout)
    told("edit", "big-disk", "--name", "Small Disk")
    shown = told("show", "big-disk").stdout
    removed = told("remove", "big-disk", "--yes").stdout

    assert "Added Big Disk as big-disk." in added
    assert "holdfast destination prepare big-disk" in added
    assert "There is no such folder." in tested.stdout
    assert tested.return_value == 1
    assert "can be written to" in prepared
    assert [(each["id"], each["state"]["reachable"]) for each in listed] == [("big-disk", True)]
    assert shown.startswith("Small Disk (big-disk, folder)")
    assert removed == "Removed.\n"
    assert told("list").stdout.startswith("There is no destination yet")


@pytest.mark.usefixtures("house")
def test_secrets_come_from_files_and_never_as_words(told, tmp_path, data):
    (tmp_path / "secret").write_text(f"{SECRET}\n")

    with pytest.raises(InvalidOptions, match="--secret-file"):
        told("add", *DAV, "--set", f"pass={SECRET}")
    added = told("add", *DAV, "--secret-file", f"pass={tmp_path / 'secret'}")
    piped = told("add", "other", *DAV[1:], "--secret-file", "pass=-", standard_input=SECRET)
    shown = told("show", "cloud", "--json")

    assert (data / "secrets" / "cloud" / "pass").read_text() == SECRET
    assert (data / "secrets" / "other" / "pass").read_text() == SECRET
    assert not any(SECRET in each.output for each in (added, piped, shown))


def test_a_repository_is_made_with_a_password_that_is_typed_or_made(told, tmp_path, data):
    for name in ("one", "two"):
        told("add", name, "restic-local", "--set", f"repository={tmp_path / name}")

    typed = told("prepare", "one", standard_input=f"{SECRET}\n")
    made = told("prepare", "two", "--generate")

    password = (data / "secrets" / "two" / "password").read_text()
    assert (data / "secrets" / "one" / "password").read_text() == SECRET
    assert SECRET not in typed.output
    assert made.stdout.startswith(f"The password of the repository: {password}\n")
    assert "Keep it somewhere else too" in made.output


def test_the_key_of_a_host_is_kept_once_its_fingerprint_is_confirmed(told, sshd, tmp_path):
    (tmp_path / "copies").mkdir()
    settings = {"host": "127.0.0.1", "port": sshd.port, "user": sshd.user, "path": tmp_path / "copies"}
    words = [word for name, value in settings.items() for word in ("--set", f"{name}={value}")]
    added = told("add", "nas", "ssh", *words, "--secret-file", f"key={sshd.key}")
    shown = json.loads(told("test", "nas", "--json").stdout)["seen"]["fingerprints"]

    wrong = told("test", "nas", "--fingerprint", "SHA256:" + "A" * 43)
    right = told("test", "nas", "--fingerprint", shown[0].split()[1])

    assert shown[0] in added.output
    assert (wrong.return_value, right.return_value) == (1, None)
    assert "The login works" in right.stdout
    assert "host_key" in json.loads(told("show", "nas", "--json").stdout)["settings"]


def test_what_can_be_a_destination_is_listed_with_what_it_asks_for(told):
    kinds = told("types").stdout
    asked = told("types", "rclone-webdav").stdout

    assert "rclone-webdav" in kinds
    assert "restic-rest" in kinds
    assert any(line.split()[:2] == ["--secret-file", "pass"] for line in asked.splitlines())
    assert any(line.split()[:3] == ["--set", "url", "needed"] for line in asked.splitlines())


@pytest.mark.parametrize(
    "words",
    [
        ("add", "x", "no-such-type"),
        ("add", "x", "folder", "--set", "paths=/x"),
        ("add", "x", "folder", "--set", "path"),
        ("add", "x", "folder"),
        ("add", "x", "folder", "--set", "path=relative"),
        ("add", *DAV, "--secret-file", "pass=/not/there"),
        ("add", *DAV, "--secret-file", "../pass=/etc/hostname"),
        ("show", "../../etc"),
        ("unlock", "nobody"),
    ],
)
def test_what_makes_no_sense_is_refused_in_words(told, words):
    with pytest.raises(HoldfastError) as refused:
        told(*words)

    assert str(refused.value)
    assert not isinstance(refused.value, VersionConflict)
