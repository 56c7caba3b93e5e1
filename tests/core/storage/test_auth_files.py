"""Files of accounts that were hurt or left half written: nobody comes in by that, and the start goes on."""

import subprocess
import sys
from pathlib import Path

import pytest

from core.accounts import Accounts
from core.clock import SystemClock
from core.errors import Refused, StoreUnreadable
from core.passwords import Passwords

ROOT = Path(__file__).parents[3]
PROGRAM = Path(__file__).parent / "programs" / "sign_in_for_ever.py"
PASSWORD = "nine blue herons over Orkney"

WOUNDS = {
    "emptied": lambda text: b"",
    "filled with zeros": lambda text: b"\0" * len(text),
    "cut in half": lambda text: text[: len(text) // 2],
    "binary": lambda text: bytes(range(256)),
    "only a comment": lambda text: b"# nobody\n",
    "nobody in it": lambda text: b"[]\n",
    "a mapping": lambda text: b"{}\n",
    "an unknown key": lambda text: text + b"  colour: red\n",
    "a time without its zone": lambda text: text.replace(b'Z"', b'"'),
    "an alias bomb": lambda text: b"- &a [x]\n- [*a, *a]\n",
    "deep nesting": lambda text: b"[" * 100_000,
    "too large": lambda text: text + b"#" * 1_100_000,
}


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "data" / "auth"


def reopened(folder: Path) -> Accounts:
    accounts = Accounts(folder, SystemClock(), passwords=Passwords(memory_kib=64))
    accounts.open()
    return accounts


@pytest.fixture
def session(folder):
    """The value of a session of the one person there is."""
    accounts = reopened(folder)
    ada = accounts.set_up(accounts.set_up_code(), "ada", PASSWORD)
    accounts.issue_token(ada, name="script")
    return accounts.open_session(ada)


@pytest.mark.parametrize("wound", WOUNDS)
def test_a_hurt_list_of_people_never_hands_the_house_to_strangers(session, folder, wound):
    path = folder / "users.yaml"
    hurt = WOUNDS[wound](path.read_bytes())
    path.write_bytes(hurt)

    with pytest.raises(StoreUnreadable, match=r"users\.yaml cannot be used") as refused:
        reopened(folder)

    assert "`" not in str(refused.value)
    assert path.read_bytes() == hurt


@pytest.mark.parametrize("thing", ["folder", "dangling link", "link in a circle", "device"])
def test_what_is_no_list_of_people_never_hands_the_house_to_strangers(session, folder, thing):
    path = folder / "users.yaml"
    path.unlink()
    make = {
        "folder": path.mkdir,
        "dangling link": lambda: path.symlink_to("nowhere"),
        "link in a circle": lambda: path.symlink_to(path),
        "device": lambda: path.symlink_to("/dev/zero"),
    }
    make[thing]()

    with pytest.raises(StoreUnreadable, match=r"users\.yaml cannot be used"):
        reopened(folder)


def test_a_lost_list_of_people_never_hands_the_house_to_strangers(session, folder):
    (folder / "users.yaml").unlink()

    with pytest.raises(StoreUnreadable, match=r"users\.yaml is gone") as refused:
        reopened(folder)

    assert "put it back" in refused.value.hint.lower()


def test_a_list_of_people_that_came_back_meanwhile_is_not_written_over(session, folder):
    elsewhere = folder.rename(folder.with_name("not-mounted-yet"))
    accounts = reopened(folder)
    code = accounts.set_up_code()
    elsewhere.rename(folder)
    before = (folder / "users.yaml").read_bytes()

    with pytest.raises(Refused, match="meanwhile"):
        accounts.set_up(code, "mallory", PASSWORD)

    assert (folder / "users.yaml").read_bytes() == before


@pytest.mark.parametrize("name", ["sessions", "tokens"])
@pytest.mark.parametrize("wound", [wound for wound in WOUNDS if wound != "nobody in it"])
def test_hurt_keys_cost_the_keys_only_and_what_is_there_is_kept(session, folder, name, wound):
    path = folder / f"{name}.yaml"
    hurt = WOUNDS[wound](path.read_bytes())
    path.write_bytes(hurt)

    accounts = reopened(folder)

    assert not accounts.needs_set_up
    assert (accounts.session(session) is None) == (name == "sessions")
    assert (folder / f"{name}.unreadable.yaml").read_bytes() == hurt
    assert accounts.open_session(accounts.authenticate("ada", PASSWORD, "127.0.0.1"))


def test_hurt_keys_that_cannot_be_set_aside_do_not_stop_the_start(session, folder):
    (folder / "sessions.yaml").write_bytes(b"")
    (folder / "sessions.unreadable.yaml").mkdir()

    accounts = reopened(folder)

    assert accounts.session(session) is None
    assert accounts.open_session(accounts.authenticate("ada", PASSWORD, "127.0.0.1"))


@pytest.mark.faults
@pytest.mark.parametrize("acknowledged", [1, 7, 20])
def test_a_server_killed_while_people_sign_in_knows_everybody_again(session, folder, acknowledged):
    argv = [sys.executable, str(PROGRAM), str(folder)]
    environment = {"PYTHONPATH": str(ROOT)}
    process = subprocess.Popen(argv, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    told = [process.stdout.readline().strip() for _ in range(acknowledged)]

    process.kill()
    told += process.stdout.read().split()
    process.wait()
    process.stdout.close()
    accounts = reopened(folder)

    assert not accounts.needs_set_up
    assert not list(folder.glob("*.unreadable.yaml"))
    assert all(accounts.session(value) for value in told[-40:])
    accounts.open_session(accounts.authenticate("ada", PASSWORD, "127.0.0.1"))
    assert not list(folder.glob(".*.tmp"))
