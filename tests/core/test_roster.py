"""People are added, given roles and passwords, and removed; never the last admin."""

from datetime import timedelta

import pytest

from core.accounts import Accounts, WrongCredentials
from core.audit import Audit
from core.errors import InvalidOptions, NotFound, VersionConflict
from core.passwords import Passwords
from core.people import Role
from core.roster import LastAdmin, Roster
from tests.doubles import SettableClock

PASSWORD = "nine blue herons over Orkney"
ANOTHER = "eleven white swans over Skye"


@pytest.fixture
def clock():
    return SettableClock()


@pytest.fixture
def accounts(tmp_path, clock):
    accounts = Accounts(tmp_path / "auth", clock, passwords=Passwords(memory_kib=64))
    accounts.open()
    return accounts


@pytest.fixture
def audit(tmp_path, clock):
    return Audit(tmp_path / "audit", clock)


@pytest.fixture
def roster(accounts, audit):
    roster = Roster(accounts, audit)
    roster.add("ada", PASSWORD, Role.ADMIN)
    roster.add("ben", PASSWORD, Role.VIEWER)
    return roster


def signed_in(accounts: Accounts, name: str) -> str:
    return accounts.open_session(accounts.authenticate(name, PASSWORD, "10.0.0.1"))


def test_the_first_person_is_an_admin(accounts, audit):
    roster = Roster(accounts, audit)

    with pytest.raises(InvalidOptions) as refused:
        roster.add("ada", PASSWORD, Role.OPERATOR)

    assert set(refused.value.problems) == {"role"}
    assert accounts.needs_set_up


def test_a_new_role_signs_the_person_out(roster, accounts):
    cookie = signed_in(accounts, "ben")

    changed = roster.set_role("Ben", Role.OPERATOR, version=1)

    assert (changed.role, changed.version) == (Role.OPERATOR, 2)
    assert accounts.session(cookie) is None


def test_the_last_admin_stays_an_admin_and_stays(roster):
    for act in (lambda: roster.set_role("ada", Role.VIEWER, None), lambda: roster.remove("ada", None)):
        with pytest.raises(LastAdmin):
            act()

    assert roster.member("ada").role == Role.ADMIN


def test_an_admin_who_is_not_the_last_can_go(roster):
    roster.set_role("ben", Role.ADMIN, None)

    roster.remove("ada", None)

    assert [member.name for member in roster.members()] == ["ben"]


def test_a_change_of_somebody_who_was_changed_meanwhile_is_refused(roster):
    roster.set_role("ben", Role.OPERATOR, version=1)

    for act in (
        lambda: roster.set_role("ben", Role.ADMIN, version=1),
        lambda: roster.set_password("ben", ANOTHER, version=1),
        lambda: roster.remove("ben", version=1),
    ):
        with pytest.raises(VersionConflict):
            act()

    assert roster.member("ben").role == Role.OPERATOR


def test_a_removed_person_is_out_at_once_and_a_namesake_inherits_nothing(roster, accounts):
    cookie = signed_in(accounts, "ben")
    token = roster.make_token("ben", "ci", Role.VIEWER, 30)

    roster.remove("ben", None)
    roster.add("ben", PASSWORD, Role.ADMIN)

    assert accounts.session(cookie) is None
    assert accounts.token(token) is None


def test_changing_ones_password_wants_the_old_one_and_ends_sessions_and_tokens(roster, accounts):
    cookie, token = signed_in(accounts, "ben"), roster.make_token("ben", "ci", Role.VIEWER, 30)

    with pytest.raises(InvalidOptions):
        roster.change_own_password("ben", "not the old one at all", ANOTHER, "10.0.0.1")
    still = accounts.session(cookie), accounts.token(token)
    roster.change_own_password("ben", PASSWORD, ANOTHER, "10.0.0.1")

    assert all(still)
    assert (accounts.session(cookie), accounts.token(token)) == (None, None)
    with pytest.raises(WrongCredentials):
        accounts.authenticate("ben", PASSWORD, "10.0.0.1")
    assert accounts.authenticate("ben", ANOTHER, "10.0.0.1").name == "ben"


def test_a_bad_new_password_changes_nothing(roster, accounts):
    cookie = signed_in(accounts, "ben")

    with pytest.raises(InvalidOptions) as refused:
        roster.set_password("ben", "short")

    assert set(refused.value.problems) == {"password"}
    assert accounts.session(cookie) is not None


def test_one_browser_of_several_is_signed_out(roster, accounts):
    first, second = signed_in(accounts, "ben"), signed_in(accounts, "ben")
    key = accounts.session(first).key

    roster.end_session("ben", key[:16])

    assert accounts.session(first) is None
    assert accounts.session(second) is not None


def test_nobody_signs_out_a_browser_of_somebody_else(roster, accounts):
    cookie = signed_in(accounts, "ada")
    key = accounts.session(cookie).key

    with pytest.raises(NotFound):
        roster.end_session("ben", key)

    assert accounts.session(cookie) is not None


@pytest.mark.parametrize("key", ["", "0", "0" * 64, "x" * 64])
def test_a_key_that_is_none_ends_nothing(roster, accounts, key):
    signed_in(accounts, "ben")

    with pytest.raises(NotFound):
        roster.end_session("ben", key)

    assert len(roster.sessions_of("ben")) == 1


def test_a_token_may_no_more_than_its_owner_at_any_time(roster, accounts):
    with pytest.raises(InvalidOptions) as refused:
        roster.make_token("ben", "ci", Role.ADMIN, 30)
    token = roster.make_token("ada", "ci", Role.OPERATOR, 30)

    assert set(refused.value.problems) == {"role"}
    assert accounts.token(token).role == Role.OPERATOR


@pytest.mark.parametrize(
    ("label", "days", "field"),
    [("", 30, "name"), ("x" * 61, 30, "name"), ("a\nb", 30, "name"), ("ci", 0, "days"), ("ci", 367, "days")],
)
def test_a_token_has_a_name_and_an_end(roster, label, days, field):
    with pytest.raises(InvalidOptions) as refused:
        roster.make_token("ben", label, Role.VIEWER, days)

    assert set(refused.value.problems) == {field}
    assert roster.tokens_of("ben") == ()


def test_a_token_that_was_taken_back_acts_no_more_even_after_a_restart(roster, accounts, tmp_path, clock):
    token = roster.make_token("ben", "ci", Role.VIEWER, 30)

    roster.drop_token("ben", roster.tokens_of("ben")[0].key)

    again = Accounts(tmp_path / "auth", clock, passwords=Passwords(memory_kib=64))
    again.open()
    assert (accounts.token(token), again.token(token)) == (None, None)


def test_a_token_that_ran_out_is_not_listed(roster, clock):
    roster.make_token("ben", "ci", Role.VIEWER, 1)

    clock.pass_by(timedelta(days=1))

    assert roster.tokens_of("ben") == ()


def test_every_change_of_people_is_in_the_audit_without_a_secret(roster, audit):
    token = roster.make_token("ben", "ci", Role.VIEWER, 30)
    roster.set_password("ben", ANOTHER)
    roster.set_role("ben", Role.OPERATOR, None)
    roster.remove("ben", None)

    told = audit.entries()
    assert [entry.kind for entry in reversed(told)] == [
        "user.added",
        "user.added",
        "token.made",
        "user.password",
        "user.role",
        "user.removed",
    ]
    everything = " ".join(entry.words for entry in told)
    assert not any(secret in everything for secret in (PASSWORD, ANOTHER, token))
