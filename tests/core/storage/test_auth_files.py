"""Files of accounts that were hurt or left half written: nobody comes in by that, and the start goes on."""

import errno
import logging
import subprocess
import sys
from pathlib import Path

import pytest

from core.accounts import Accounts, WrongCredentials
from core.clock import SystemClock
from core.errors import Refused, StorageFull, StoreUnreadable
from core.passwords import Passwords
from core.people import Role

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


class StrongerPasswords(Passwords):
    """Takes more memory than what was kept before, which is to be hashed anew then."""

    def __init__(self) -> None:
        super().__init__(memory_kib=128)


@pytest.fixture
def full(disk):
    """Fills the disk: nothing can be written, names can be removed."""
    return lambda: disk.fail_at(0, errno.ENOSPC, only="write", again=True)


@pytest.fixture
def accounts(session, folder):
    """The accounts as of the next start."""
    return reopened(folder)


def test_somebody_signs_in_on_a_full_disk(accounts, folder, full, disk, caplog):
    full()

    with caplog.at_level(logging.WARNING):
        value = accounts.open_session(accounts.authenticate("ada", PASSWORD, "127.0.0.1"))

    assert accounts.session(value).name == "ada"
    assert "sessions end when Holdfast stops" in caplog.text
    assert reopened(folder).session(value) is None
    disk.heal()
    accounts.keep_seen()
    assert reopened(folder).session(value) == accounts.session(value)


def test_a_session_ended_on_a_full_disk_does_not_come_back(accounts, session, folder, full):
    key = accounts.session(session).key
    full()

    accounts.end_session(key)

    assert accounts.session(session) is None
    assert reopened(folder).session(session) is None


def test_a_session_ended_on_a_disk_that_takes_nothing_at_all_is_ended_until_the_next_start(
    accounts, session, disk, caplog
):
    disk.fail_at(0, errno.EROFS, again=True)

    accounts.end_session(accounts.session(session).key)

    assert accounts.session(session) is None
    assert "could come back at the next start" in caplog.text


def test_nothing_else_about_accounts_is_kept_in_memory_only(accounts, folder, full):
    ada = accounts.authenticate("ada", PASSWORD, "127.0.0.1")
    full()

    for change in (
        lambda: accounts.add_user("eve", PASSWORD, Role.VIEWER),
        lambda: accounts.issue_token(ada, name="another"),
    ):
        with pytest.raises(StorageFull):
            change()

    with pytest.raises(WrongCredentials):
        accounts.authenticate("eve", PASSWORD, "127.0.0.1")


def test_a_password_that_cannot_be_hashed_anew_lets_its_owner_in_all_the_same(session, folder, full):
    accounts = Accounts(folder, SystemClock(), passwords=StrongerPasswords())
    accounts.open()
    before = (folder / "users.yaml").read_bytes()
    full()

    assert accounts.authenticate("ada", PASSWORD, "127.0.0.1").name == "ada"
    assert (folder / "users.yaml").read_bytes() == before
