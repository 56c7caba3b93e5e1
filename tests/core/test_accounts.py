"""Who comes in, how they prove it, and for how long they stay."""

import hashlib
from datetime import timedelta

import pytest

from core.accounts import Accounts, WrongCredentials
from core.errors import InvalidOptions, Refused, StoreUnreadable
from core.passwords import Passwords
from core.people import Role
from core.tries import TooManyTries
from tests.doubles import SettableClock

PASSWORD = "nine blue herons over Orkney"
HOUR = timedelta(hours=1)


class CountingPasswords(Passwords):
    """Counts how often it hashes to compare, with less memory than the real ones."""

    def __init__(self) -> None:
        self.compared = 0
        super().__init__(memory_kib=64)

    def matches(self, password: str, kept: str | None) -> bool:
        self.compared += 1
        return super().matches(password, kept)


@pytest.fixture
def clock():
    return SettableClock()


@pytest.fixture
def passwords():
    return CountingPasswords()


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "data" / "auth"


@pytest.fixture
def reopened(folder, clock, passwords):
    """Opens the accounts as another start of the server would."""

    def open_again() -> Accounts:
        accounts = Accounts(folder, clock, passwords=passwords)
        accounts.open()
        return accounts

    return open_again


@pytest.fixture
def accounts(reopened):
    return reopened()


@pytest.fixture
def ada(accounts):
    return accounts.set_up(accounts.set_up_code(), "ada", PASSWORD)


def test_a_set_up_code_works_once(accounts):
    code = accounts.set_up_code()

    first = accounts.set_up(code, "ada", PASSWORD)

    assert (first.name, first.role) == ("ada", Role.ADMIN)
    assert not accounts.needs_set_up
    with pytest.raises(Refused):
        accounts.set_up(code, "eve", PASSWORD)


def test_a_restart_makes_the_old_set_up_link_void(accounts, reopened):
    old = accounts.set_up_code()
    started_again = reopened()
    new = started_again.set_up_code()

    with pytest.raises(Refused, match="not valid"):
        started_again.set_up(old, "eve", PASSWORD)

    assert started_again.set_up(new, "ada", PASSWORD).role == Role.ADMIN


def test_a_set_up_code_that_was_never_made_is_refused(accounts):
    for guess in ("", "None", "\ud800"):
        with pytest.raises(Refused):
            accounts.set_up(guess, "eve", PASSWORD)


@pytest.mark.parametrize("name", ["", "a b", "../ada", "ada\n", "-ada", "a" * 65, "\ud800", "ad\u0430"])
def test_a_name_that_could_be_mistaken_is_refused(accounts, name):
    with pytest.raises(InvalidOptions) as refused:
        accounts.set_up(accounts.set_up_code(), name, PASSWORD)

    assert set(refused.value.problems) == {"name"}
    assert accounts.needs_set_up


@pytest.mark.parametrize(
    "password",
    [
        "eleven char",
        "x" * 257,
        "1q2w3e4r5t6y",
        "QWERTYUIOP123",
        "abababababab",
        "my-Holdfast-2026",
        "Ada.Lovelace",
    ],
)
def test_a_password_that_others_would_try_first_is_refused_in_words(accounts, password):
    with pytest.raises(InvalidOptions) as refused:
        accounts.set_up(accounts.set_up_code(), "ada.lovelace", password)

    assert "password" in refused.value.problems["password"]
    assert password not in refused.value.problems["password"]


@pytest.mark.parametrize(
    "password", ["twelve chars", "пароль из слов", "🦭 seal on a rock", "x1" + "long words " * 23]
)
def test_a_password_of_any_kind_of_characters_is_accepted(accounts, password):
    accounts.set_up(accounts.set_up_code(), "ada", password)

    assert accounts.authenticate("ada", password, "127.0.0.1").name == "ada"


def test_a_password_is_kept_as_a_hash_only(accounts, ada, folder):
    session, token = accounts.open_session(ada), accounts.issue_token(ada, name="script")

    kept = {path.name: path.read_bytes() for path in folder.iterdir()}

    assert set(kept) == {"users.yaml", "sessions.yaml", "tokens.yaml"}
    for secret in (PASSWORD, session, token):
        assert not any(secret.encode() in content for content in kept.values())
    assert hashlib.sha256(session.encode()).hexdigest().encode() in kept["sessions.yaml"]
    assert b"$argon2id$" in kept["users.yaml"]
    assert {path.stat().st_mode & 0o777 for path in folder.iterdir()} == {0o600}
    assert folder.stat().st_mode & 0o777 == 0o700


def test_an_unknown_name_is_answered_like_a_wrong_password(accounts, ada, passwords):
    said = []

    for name in ("ada", "nobody"):
        with pytest.raises(WrongCredentials) as refused:
            accounts.authenticate(name, "not the pass word", "127.0.0.1")
        said.append((str(refused.value), refused.value.hint, passwords.compared))

    assert said[0][:2] == said[1][:2]
    assert [compared for *_, compared in said] == [1, 2]


def test_real_passwords_are_hashed_with_46_mib():
    passwords = Passwords()

    kept = passwords.hash(PASSWORD)

    assert kept.startswith("$argon2id$v=19$m=47104,t=1,p=1$")
    assert passwords.matches(PASSWORD, kept)
    assert not passwords.matches(PASSWORD + " ", kept)


def test_an_old_hash_is_made_anew_when_its_person_comes_in(accounts, ada, folder, clock):
    newer = Accounts(folder, clock, passwords=Passwords(memory_kib=128))
    newer.open()

    newer.authenticate("ada", PASSWORD, "127.0.0.1")

    assert "m=128," in (folder / "users.yaml").read_text()


def test_the_eleventh_wrong_try_within_a_minute_is_not_looked_at(accounts, ada, passwords, clock):
    for number, name in enumerate(["ada", "ADA"] * 5):
        with pytest.raises(WrongCredentials):
            accounts.authenticate(name, "not the pass word", f"192.0.2.{number}")
    clock.pass_by(timedelta(seconds=20))

    with pytest.raises(TooManyTries) as refused:
        accounts.authenticate("Ada", PASSWORD, "192.0.2.99")

    assert refused.value.wait_seconds == 40
    assert passwords.compared == 10
    clock.pass_by(timedelta(seconds=41))
    assert accounts.authenticate("Ada", PASSWORD, "192.0.2.99").name == "ada"


@pytest.mark.parametrize(
    "addresses",
    [
        ["192.0.2.7"],
        ["2001:db8::1", "2001:db8::2", "2001:db8:0:0:ffff::3"],
        ["::ffff:192.0.2.7", "192.0.2.7"],
    ],
)
def test_one_address_has_thirty_wrong_tries_a_minute(accounts, ada, addresses):
    for number in range(30):
        with pytest.raises(WrongCredentials):
            accounts.authenticate(f"name{number}", "not the pass word", addresses[number % len(addresses)])

    with pytest.raises(TooManyTries):
        accounts.authenticate("another", "not the pass word", addresses[0])


def test_a_stranger_cannot_lock_out_the_address_that_a_person_comes_from(accounts, ada):
    accounts.authenticate("ada", PASSWORD, "198.51.100.5")
    for number in range(10):
        with pytest.raises(WrongCredentials):
            accounts.authenticate("ada", "not the pass word", f"192.0.2.{number}")

    person = accounts.authenticate("ada", PASSWORD, "198.51.100.5")

    assert person.name == "ada"


def test_coming_in_often_is_no_wrong_try(accounts, ada):
    for _ in range(40):
        accounts.authenticate("ada", PASSWORD, "127.0.0.1")

    assert accounts.authenticate("ada", PASSWORD, "127.0.0.1").name == "ada"


def test_a_session_ends_when_it_is_not_used_or_too_old(accounts, ada, clock):
    unused, used = accounts.open_session(ada), accounts.open_session(ada)
    kept = accounts.open_session(ada, long=True)
    clock.pass_by(11 * HOUR)
    assert accounts.session(used)

    clock.pass_by(HOUR)
    assert accounts.session(unused) is None
    assert accounts.session(used)
    clock.pass_by(11 * HOUR)
    assert accounts.session(used)
    clock.pass_by(HOUR)
    assert accounts.session(used) is None
    assert accounts.session(kept)
    clock.pass_by(6 * 24 * HOUR)
    assert accounts.session(kept) is None


def test_sessions_and_tokens_outlive_the_process(accounts, ada, reopened, clock):
    session, token = accounts.open_session(ada), accounts.issue_token(ada, name="script")
    clock.pass_by(11 * HOUR)
    accounts.session(session)
    accounts.close()
    clock.pass_by(0.5 * HOUR)

    again = reopened()

    assert again.session(session).name == "ada"
    assert again.token(token).role == Role.ADMIN


def test_an_ended_session_is_told_to_who_listens(accounts, ada):
    ended = []
    accounts.on_end(ended.append)
    value = accounts.open_session(ada)
    key = accounts.session(value).key

    accounts.end_session(key)

    assert ended == [key]
    assert accounts.session(value) is None


def test_the_oldest_of_too_many_sessions_gives_way(accounts, ada, clock):
    values = []
    for _ in range(52):
        values.append(accounts.open_session(ada))
        clock.pass_by(timedelta(seconds=1))

    living = [value for value in values if accounts.session(value)]

    assert living == values[2:]


def test_a_token_ends_and_never_has_more_than_its_owner(accounts, ada, clock):
    viewer = accounts.add_user("vic", PASSWORD, Role.VIEWER)
    token = accounts.issue_token(viewer, name="script", life=HOUR)

    assert accounts.token(token).role == Role.VIEWER
    clock.pass_by(HOUR)
    assert accounts.token(token) is None


def test_a_name_is_taken_in_every_case(accounts, ada):
    with pytest.raises(InvalidOptions):
        accounts.add_user("ADA", PASSWORD, Role.VIEWER)

    assert accounts.authenticate("ADA", PASSWORD, "127.0.0.1").name == "ada"


def test_an_unreadable_list_of_people_never_opens_the_set_up_again(accounts, ada, folder, reopened):
    (folder / "users.yaml").write_text("- {name: [")

    with pytest.raises(StoreUnreadable):
        reopened()

    assert (folder / "users.yaml").read_text() == "- {name: ["


def test_an_unreadable_list_of_sessions_costs_the_sessions_only(accounts, ada, folder, reopened):
    value = accounts.open_session(ada)
    (folder / "sessions.yaml").write_bytes(b"\0\0\0")

    again = reopened()

    assert again.session(value) is None
    assert not again.needs_set_up
    assert (folder / "sessions.unreadable.yaml").read_bytes() == b"\0\0\0"


@pytest.mark.parametrize("value", ["", "\ud800", "x" * 100_000, "\0"])
def test_odd_keys_open_nothing(accounts, ada, value):
    assert accounts.session(value) is None
    assert accounts.token(value) is None


@pytest.mark.parametrize("password", ["", "\ud800" * 12, "p" * 1_000_000, "\0"])
def test_odd_passwords_are_wrong_ones(accounts, ada, password):
    with pytest.raises(WrongCredentials):
        accounts.authenticate("ada", password, "127.0.0.1")
