"""Whom `holdfast user` asks: the Holdfast that runs on the data folder or, when none does, its files."""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

import filelock

from core.accounts import Accounts
from core.acting import acting_as
from core.errors import StoreInUse
from core.people import Role
from core.roster import Roster
from core.service import Service
from fastapi_app.cli.house import COMMAND_LINE, settings_for

Row = dict[str, Any]
PATIENCE: Final = 30.0
"""Seconds that a command waits for another that changes accounts."""


class People(ABC):
    """What a command may ask about people, wherever the answer comes from; rows are as the API says them."""

    @abstractmethod
    def every(self) -> list[Row]:
        """Return everybody."""

    @abstractmethod
    def add(self, name: str, password: str, role: Role) -> Row:
        """Let somebody in."""

    @abstractmethod
    def change(self, name: str, *, role: Role | None = None, password: str | None = None) -> Row:
        """Give somebody another role or a new password."""

    @abstractmethod
    def remove(self, name: str) -> None:
        """Let somebody in no more."""

    @abstractmethod
    def tokens(self, name: str) -> list[Row]:
        """Return the tokens of somebody."""

    @abstractmethod
    def make_token(self, name: str, label: str, role: Role, days: int) -> str:
        """Return a new token of somebody."""

    @abstractmethod
    def drop_token(self, name: str, key: str) -> None:
        """Take a token back."""


class RemotePeople(People):
    """The people of the Holdfast that is running."""

    def __init__(self, door: Any) -> None:  # noqa: ANN401 - a Door, loaded only where a server runs
        self._door = door

    def every(self) -> list[Row]:
        """Return everybody."""
        found: list[Row] = self._door.ask("GET", "/users")["items"]
        return found

    def add(self, name: str, password: str, role: Role) -> Row:
        """Let somebody in."""
        made: Row = self._door.ask("POST", "/users", json={"name": name, "password": password, "role": role})
        return made

    def change(self, name: str, *, role: Role | None = None, password: str | None = None) -> Row:
        """Give somebody another role or a new password."""
        changed: Row = self._door.ask("PATCH", _place(name), json={"role": role, "password": password})
        return changed

    def remove(self, name: str) -> None:
        """Let somebody in no more."""
        self._door.ask("DELETE", _place(name))

    def tokens(self, name: str) -> list[Row]:
        """Return the tokens of somebody."""
        found: list[Row] = self._door.ask("GET", "/tokens", params={"user": name})["items"]
        return found

    def make_token(self, name: str, label: str, role: Role, days: int) -> str:
        """Return a new token of somebody."""
        body = {"user": name, "name": label, "role": role, "days": days}
        return str(self._door.ask("POST", "/tokens", json=body)["token"])

    def drop_token(self, name: str, key: str) -> None:
        """Take a token back."""
        self._door.ask("DELETE", f"/tokens/{quote(key, safe='')}", params={"user": name})


class OwnPeople(People):
    """The people that the files of accounts tell of."""

    def __init__(self, roster: Roster) -> None:
        from fastapi_app.api import users  # noqa: PLC0415 - only where no server answers

        self._api = users
        self._roster = roster

    def every(self) -> list[Row]:
        """Return everybody."""
        return [self._api.MemberOut.of(member).model_dump(mode="json") for member in self._roster.members()]

    def add(self, name: str, password: str, role: Role) -> Row:
        """Let somebody in."""
        return self._api.MemberOut.of(self._roster.add(name, password, role)).model_dump(mode="json")

    def change(self, name: str, *, role: Role | None = None, password: str | None = None) -> Row:
        """Give somebody another role or a new password."""
        if role is not None:
            self._roster.set_role(name, role, None)
        if password is not None:
            self._roster.set_password(name, password)
        return self._api.MemberOut.of(self._roster.member(name)).model_dump(mode="json")

    def remove(self, name: str) -> None:
        """Let somebody in no more."""
        self._roster.remove(name, None)

    def tokens(self, name: str) -> list[Row]:
        """Return the tokens of somebody."""
        return [self._api.KeyOut.of(token).model_dump(mode="json") for token in self._roster.tokens_of(name)]

    def make_token(self, name: str, label: str, role: Role, days: int) -> str:
        """Return a new token of somebody."""
        return self._roster.make_token(name, label, role, days)

    def drop_token(self, name: str, key: str) -> None:
        """Take a token back."""
        self._roster.drop_token(name, key)


@contextmanager
def the_people(data: Path | None) -> Iterator[People]:
    """Enter the accounts on this data folder; raises StoreInUse where one is at work that cannot be asked."""
    from fastapi_app.cli.door import open_door  # noqa: PLC0415 - only where a server runs

    settings = settings_for(data)
    door = open_door(settings.data)
    if door is not None:
        with door:
            yield RemotePeople(door)
        return
    with Service(settings).opened(at_work=False) as service, acting_as(COMMAND_LINE), _alone(service.data):
        if service.another_is_at_work:
            raise StoreInUse("A Holdfast works on this data folder and does not answer.")
        accounts = Accounts(service.data / "auth", service.clock)
        accounts.open()
        yield OwnPeople(Roster(accounts, service.audit, service.preferences.forget))


def _alone(data: Path) -> filelock.BaseFileLock:
    """Return what keeps two commands from changing accounts at once."""
    return filelock.FileLock(data / "locks" / "accounts.lock", timeout=PATIENCE)


def _place(name: str) -> str:
    return f"/users/{quote(name, safe='')}"
