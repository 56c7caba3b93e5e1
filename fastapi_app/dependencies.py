"""What a route may ask for: the manager, the person."""

from typing import Annotated

from fastapi import Depends
from starlette.requests import HTTPConnection

from core.accounts import Accounts
from core.manager import JobManager
from core.people import Role
from core.roster import Roster
from core.service import Service
from fastapi_app.auth import Person as SomePerson
from fastapi_app.house import House
from fastapi_app.refusals import NotAllowed, NotSignedIn, TokensMakeNone


async def _house(connection: HTTPConnection) -> House:
    house: House = connection.app.state.house
    return house


TheHouse = Annotated[House, Depends(_house)]


async def _service(house: TheHouse) -> Service:
    return house.service


async def _manager(house: TheHouse) -> JobManager:
    return house.service.manager


async def _accounts(house: TheHouse) -> Accounts:
    return house.accounts


async def _roster(house: TheHouse) -> Roster:
    return house.roster


async def _person(connection: HTTPConnection) -> SomePerson:
    """Return who asks, as the gate found out."""
    person: SomePerson | None = connection.scope.get("state", {}).get("person")
    if person is None:
        raise NotSignedIn
    return person


TheService = Annotated[Service, Depends(_service)]
Manager = Annotated[JobManager, Depends(_manager)]
TheAccounts = Annotated[Accounts, Depends(_accounts)]
TheRoster = Annotated[Roster, Depends(_roster)]
Person = Annotated[SomePerson, Depends(_person)]


async def _only_admins(person: Person) -> None:
    if not person.may(Role.ADMIN):
        raise NotAllowed(person.role, Role.ADMIN)


OnlyAdmins = Depends(_only_admins)
"""For a route that shows what only admins may know; what changes something, the gate keeps."""


async def _not_by_token(person: Person) -> None:
    if person.session is None and not person.local:
        raise TokensMakeNone


NotByToken = Depends(_not_by_token)
"""For a route that hands out a token: whoever has only one, of whatever role, cannot make more of them."""
