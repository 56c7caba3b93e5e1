"""How a destination over ssh is reached, by the real programs, and what their troubles are."""

import shlex
import subprocess
from pathlib import Path

import pytest

from core.errors import EngineFailed, Unreachable
from core.remotes import asking, ssh
from core.remotes.calls import Call
from tests.servers import SomeDestinations, Sshd, a_free_port, sshd_at

GOOD = {"host": "nas.example", "path": "/srv/copies"}


def a_call(sshd: Sshd, folder: Path, path: Path | str, below: str = "", **settings: object) -> Call:
    """Return how that server is reached."""
    known = SomeDestinations(folder)
    made = known.add("nas", "ssh", sshd.settings(path, **settings), key=sshd.key.read_text())
    return ssh.call(made, known, below)


def listed(call: Call) -> asking.Asked:
    """List what is at a place."""
    return asking.ask([*call.argv, "-s", "-r", "--list-only", "--", f"{call.place}/"], call.environment)


def test_a_destination_is_reached_with_names_that_are_hard_to_say(sshd, tmp_path):
    place = tmp_path / "a 'quoted' \"name\" $HOME ; é"
    (place / "in it").mkdir(parents=True)
    (place / "in it" / "file").write_text("x")

    answer = listed(a_call(sshd, tmp_path / "the data", place, "in it"))

    assert answer.code == 0, answer.err
    assert answer.out.splitlines()[-1].endswith(" file")


def test_no_configuration_of_the_user_is_read(sshd, tmp_path, monkeypatch):
    home = tmp_path / "home"
    (home / ".ssh").mkdir(parents=True)
    (home / ".ssh" / "config").write_text(f"Host *\n  ProxyCommand touch {tmp_path}/ran\n")
    call = a_call(sshd, tmp_path, tmp_path)

    answer = listed(
        Call(argv=call.argv, environment={**call.environment, "HOME": str(home)}, place=call.place)
    )

    assert answer.code == 0
    assert not (tmp_path / "ran").exists()


def test_neither_the_key_nor_a_password_is_in_the_call(sshd, tmp_path):
    call = a_call(sshd, tmp_path, tmp_path)

    said = shlex.join(call.argv) + str(call.environment) + call.place

    assert sshd.key.read_text().splitlines()[1] not in said
    assert "BatchMode=yes" in said
    assert "StrictHostKeyChecking=yes" in said


def test_another_host_key_is_refused_and_said_so(sshd, tmp_path):
    with sshd_at(made(tmp_path / "other")) as other:
        call = a_call(sshd, tmp_path, tmp_path, host_key=other.host_key)

    answer = listed(call)

    assert ssh.trouble(answer.code, answer.err.splitlines()).code == "host-key"
    assert not ssh.trouble(answer.code, answer.err.splitlines()).transient


def test_a_key_that_is_not_let_in_is_said_so(sshd, tmp_path):
    stranger = tmp_path / "stranger"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(stranger)], check=True)
    known = SomeDestinations(tmp_path)
    nas = known.add("nas", "ssh", sshd.settings(tmp_path), key=stranger.read_text())

    answer = listed(ssh.call(nas, known))

    found = ssh.trouble(answer.code, answer.err.splitlines())
    assert (found.code, found.transient) == ("login-refused", False)


def test_a_host_that_does_not_answer_may_answer_later(sshd, tmp_path):
    call = a_call(sshd, tmp_path, tmp_path, port=a_free_port())

    answer = listed(call)

    found = ssh.trouble(answer.code, answer.err.splitlines())
    assert (found.code, found.transient, found.unreachable) == ("unreachable", True, True)


def test_a_folder_that_is_not_there_is_said_so(sshd, tmp_path):
    answer = listed(a_call(sshd, tmp_path, tmp_path / "nowhere"))

    assert ssh.trouble(answer.code, answer.err.splitlines()).code == "missing"


def test_the_keys_of_a_host_are_shown_for_comparing(sshd):
    keys = ssh.scan_key("127.0.0.1", sshd.port)

    wanted = subprocess.run(
        ["ssh-keygen", "-l", "-f", f"{sshd.host_key_file}.pub"], check=True, capture_output=True, text=True
    )
    assert keys.lines == sshd.host_key
    assert keys.fingerprints == (f"ssh-ed25519 {wanted.stdout.split()[1]}",)


def test_a_host_without_a_key_is_not_reached():
    with pytest.raises(Unreachable, match="showed no host key"):
        ssh.scan_key("127.0.0.1", a_free_port(), seconds=5)


@pytest.mark.parametrize(
    "host", ["-oProxyCommand=x", "a b", "a;b", "a:b", "", "..", "a@b", "[::1]", "fe80::1%eth0"]
)
def test_a_host_that_is_none_is_refused(host):
    assert "host" in ssh.settings_problems({**GOOD, "host": host})
    with pytest.raises(EngineFailed):
        ssh.scan_key(host)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("user", "-l"),
        ("user", "a b"),
        ("user", "a@b"),
        ("port", 0),
        ("port", "22"),
        ("port", True),
        ("path", ""),
        ("path", "-e"),
        ("path", ":x"),
        ("path", "~root"),
        ("path", "/a/../b"),
        ("path", "/a\nb"),
        ("host_key", "ssh-ed25519 AAAA"),
        ("host_key", "@cert-authority * ssh-ed25519 AAAA"),
        ("host_key", 7),
        ("proxy_command", "touch x"),
    ],
)
def test_a_setting_that_could_be_an_option_is_refused(field, value):
    assert set(ssh.settings_problems({**GOOD, field: value})) == {field}


@pytest.mark.parametrize(
    ("settings", "below", "place"),
    [
        ({"host": "nas", "path": "/srv"}, "", "nas:/srv"),
        ({"host": "nas", "path": "/"}, "photos", "nas:/photos"),
        ({"host": "2001:db8::1", "path": "/srv/", "user": "ana"}, "a/b", "ana@[2001:db8::1]:/srv/a/b"),
        ({"host": "nas", "path": "copies"}, "", "nas:./copies"),
    ],
)
def test_a_place_is_named_as_rsync_understands_it(settings, below, place):
    assert not ssh.settings_problems(settings)

    assert ssh.place_of(settings, below) == place


def made(folder: Path) -> Path:
    """Make a folder."""
    folder.mkdir()
    return folder
