"""The people of this Holdfast: added, given a role, signed out, removed; each time it is in the audit who asked for it."""

import logging
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

from msgspec.structs import replace

from core.accounts import Accounts, WrongCredentials
from core.audit import Audit
from core.errors import InvalidOptions, NotFound, StorageFailed, VersionConflict, WrongState
from core.models import Value
from core.people import ApiToken, Role, Session, User

log = logging.getLogger(__name__)

LONGEST_NAME_OF_TOKEN: Final = 60
LONGEST_LIFE: Final = 366
"""Days that a token may act for somebody."""

SHOWN: Final = 16
"""Letters of the hash of a key by which people tell it from others."""


class LastAdmin(WrongState):
    """Without this person nobody could look after this Holdfast any more."""

    code = "last-admin"
    hint = "Make somebody else an admin first."

    def __init__(self, name: str) -> None:
        super().__init__(f"{name!r} is the only admin.")


class Member(Value, frozen=True, kw_only=True):
    """Somebody who may come in. `seen_at` is when a browser of theirs last asked for something; None is not lately."""

    name: str
    role: Role
    version: int
    created_at: datetime
    seen_at: datetime | None
    sessions: int
    tokens: int


class Roster:
    """Safe to use from several threads. Who may ask for what is decided before.

    `on_gone` is told the name of whoever was removed, to let go of what else is kept of them.
    """

    def __init__(
        self, accounts: Accounts, audit: Audit, on_gone: Callable[[str], object] = lambda _: None
    ) -> None:
        self._accounts = accounts
        self._audit = audit
        self._on_gone = on_gone

    def members(self) -> tuple[Member, ...]:
        """Return everybody, by name."""
        return tuple(map(self._member, self._accounts.people()))

    def member(self, name: str) -> Member:
        """Return somebody; raises NotFound."""
        return self._member(self._accounts.user(name))

    def _member(self, user: User) -> Member:
        sessions = self._accounts.sessions_of(user.name)
        return Member(
            name=user.name,
            role=user.role,
            version=user.version,
            created_at=user.created_at,
            seen_at=sessions[0].seen_at if sessions else None,
            sessions=len(sessions),
            tokens=len(self._accounts.tokens_of(user.name)),
        )

    # People

    def add(self, name: str, password: str, role: Role) -> Member:
        """Let somebody in from now on; raises InvalidOptions. The first of all is an admin."""
        if self._accounts.needs_set_up and role != Role.ADMIN:
            raise InvalidOptions({"role": "The first person must be an admin."})
        user = self._accounts.add_user(name, password, role)
        self._audit.note("user.added", f"Let {user.name} in as {role}.")
        return self._member(user)

    def set_role(self, name: str, role: Role, version: int | None) -> Member:
        """Give somebody another role and sign them out; raises NotFound, VersionConflict or LastAdmin."""
        return self.change(name, role=role, version=version)

    def set_password(self, name: str, password: str, version: int | None = None) -> Member:
        """Give somebody a new password, and end their sessions and tokens; raises InvalidOptions for one that is not good."""
        return self.change(name, password=password, version=version)

    def change(
        self, name: str, *, role: Role | None = None, password: str | None = None, version: int | None = None
    ) -> Member:
        """Give somebody another role, a new password or both, and sign them out: all of it or nothing.

        Raises NotFound, VersionConflict, LastAdmin, or InvalidOptions for a password that is not good.
        """
        if role == self._accounts.user(name).role:
            role = None
        kept = None if password is None else self._accounts.new_password(name, password)
        if role is None and kept is None:
            return self.member(name)

        def changed(user: User) -> User:
            _check_version(user, version)
            if role not in {None, Role.ADMIN}:
                self._check_not_last(user)
            return replace(user, role=role or user.role, password=kept or user.password)

        self._accounts.change(name, changed)
        if role is not None:
            self._audit.note("user.role", f"Made {name} {_with_article(role)}.")
        if kept is not None:
            self._audit.note("user.password", f"Gave {name} a new password.")
        return self.member(name)

    def change_own_password(
        self, name: str, old: str, new: str, address: str, *, but: str | None = None
    ) -> None:
        """Change the password of who knows the old one; raises InvalidOptions.

        Their tokens end with it, and their sessions, `but` the one of this key.
        """
        try:
            self._accounts.authenticate(name, old, address)
        except WrongCredentials:
            self._audit.note("password.refused", "Somebody gave a wrong password to change it.")
            raise InvalidOptions({"old": "This is not your password."}) from None
        kept = self._accounts.new_password(name, new)
        self._accounts.change(name, lambda user: replace(user, password=kept), but=but)
        self._audit.note("user.password", "Changed the own password.")

    def remove(self, name: str, version: int | None) -> None:
        """Let somebody in no more; what they did stays told. Raises NotFound, VersionConflict or LastAdmin."""

        def changed(user: User) -> None:
            _check_version(user, version)
            self._check_not_last(user)

        self._accounts.change(name, changed)
        self._audit.note("user.removed", f"Removed {name}.")
        try:
            self._on_gone(name)
        except StorageFailed as error:  # they are gone all the same
            log.warning("what %s wanted of pages is still kept: %s", name, error)

    def _check_not_last(self, user: User) -> None:
        admins = [each.name for each in self._accounts.people() if each.role == Role.ADMIN]
        if admins == [user.name]:
            raise LastAdmin(user.name)

    # What they came in with

    def sessions_of(self, name: str) -> tuple[Session, ...]:
        """Return the browsers in which somebody is signed in, the one seen last first."""
        return self._accounts.sessions_of(name)

    def end_session(self, name: str, key: str) -> None:
        """Sign somebody out of one browser; raises NotFound."""
        whole = _whole(key, [session.key for session in self.sessions_of(name)], "session")
        self._accounts.end_session(whole)
        self._audit.note("session.ended", f"Signed {name} out of a browser.")

    def end_other_sessions(self, name: str, but: str | None = None) -> None:
        """Sign somebody out of every browser, `but` the one with this session."""
        folded = name.casefold()
        self._accounts.end_sessions(lambda session: session.user == folded and session.key != but)
        self._audit.note(
            "session.ended", f"Signed {name} out of {'every other' if but else 'every'} browser."
        )

    def tokens_of(self, name: str) -> tuple[ApiToken, ...]:
        """Return the tokens that act for somebody, the newest first."""
        return self._accounts.tokens_of(name)

    def make_token(self, name: str, label: str, role: Role, days: int) -> str:
        """Return a new token of somebody; raises InvalidOptions. It never may more than they may themselves."""
        user = self._accounts.user(name)
        if problems := _problems_of_token(user, label, role, days):
            raise InvalidOptions(problems)
        value = self._accounts.issue_token(user, name=label.strip(), role=role, life=timedelta(days=days))
        self._audit.note("token.made", f"Made a token for {name}, {label.strip()!r}, {role}, {days} days.")
        return value

    def drop_token(self, name: str, key: str) -> None:
        """Let a token act no more; raises NotFound."""
        whole = _whole(key, [token.key for token in self.tokens_of(name)], "token")
        self._accounts.drop_tokens(lambda token: token.key == whole)
        self._audit.note("token.dropped", f"Took a token of {name} back.")


def _check_version(user: User, version: int | None) -> None:
    if version is not None and version != user.version:
        raise VersionConflict(repr(user.name), version, user.version)


def _problems_of_token(user: User, label: str, role: Role, days: int) -> dict[str, str]:
    problems = {}
    bare = label.strip()
    if not (0 < len(bare) <= LONGEST_NAME_OF_TOKEN and bare.isprintable()):
        problems["name"] = f"Name it in up to {LONGEST_NAME_OF_TOKEN} printable letters, by what it is for."
    if not user.role.covers(role):
        problems["role"] = f"You are {_with_article(user.role)}; a token may no more than you may."
    if not 0 < days <= LONGEST_LIFE:
        problems["days"] = f"This must be from 1 to {LONGEST_LIFE} days."
    return problems


def _whole(key: str, keys: list[str], what: str) -> str:
    """Return the key that begins like that; one that is told in a page is cut."""
    matching = [each for each in keys if len(key) >= SHOWN and each.startswith(key)]
    if len(matching) != 1:
        raise NotFound(what, key[:SHOWN], hint="It may have ended meanwhile.")
    return matching[0]


def _with_article(role: Role) -> str:
    return f"{'a' if role == Role.VIEWER else 'an'} {role}"
