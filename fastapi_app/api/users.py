"""People and what they come in with: for admins everybody's, for everybody their own."""

from datetime import datetime
from typing import Annotated, Final

from fastapi import APIRouter, Path, Query
from pydantic import Field
from starlette.responses import Response

from core.models import LARGEST
from core.people import ApiToken, Role, Session
from core.roster import SHOWN, Member
from fastapi_app.api.entries import Entry
from fastapi_app.api.values import Out
from fastapi_app.auth import Person as SomePerson
from fastapi_app.dependencies import NotByToken, OnlyAdmins, Person, TheRoster

router = APIRouter(tags=["people"])

PLAIN: Final = 1_000
Name = Annotated[str, Path(max_length=64)]
Key = Annotated[str, Path(max_length=64)]
Word = Annotated[str, Field(max_length=PLAIN)]
Version = Annotated[int | None, Query(ge=1, le=LARGEST)]


class MemberOut(Out):
    """Somebody who may come in."""

    name: str
    role: Role
    version: int
    created_at: datetime
    seen_at: datetime | None
    sessions: int
    tokens: int

    @classmethod
    def of(cls, member: Member) -> "MemberOut":
        """Return the person as JSON says it."""
        return cls.model_validate(member)


class MembersOut(Out):
    """Everybody, by name."""

    items: list[MemberOut]
    total: int


class SessionOut(Out):
    """A browser in which somebody is signed in; `here` is the one that asks."""

    id: str
    created_at: datetime
    seen_at: datetime
    address: str
    long: bool
    here: bool

    @classmethod
    def of(cls, session: Session, key: str | None) -> "SessionOut":
        """Return the session as JSON says it."""
        return cls(
            id=session.key[:SHOWN],
            created_at=session.created_at,
            seen_at=session.seen_at,
            address=session.address,
            long=session.long,
            here=session.key == key,
        )


class SessionsOut(Out):
    """Where somebody is signed in."""

    items: list[SessionOut]


class KeyOut(Out):
    """A token, without what it is proved by."""

    id: str
    user: str
    name: str
    role: Role
    created_at: datetime
    expires_at: datetime

    @classmethod
    def of(cls, token: ApiToken) -> "KeyOut":
        """Return the token as JSON says it."""
        return cls(
            id=token.key[:SHOWN],
            user=token.user,
            name=token.name,
            role=token.role,
            created_at=token.created_at,
            expires_at=token.expires_at,
        )


class KeysOut(Out):
    """The tokens that act for somebody."""

    items: list[KeyOut]


class MadeOut(Out):
    """A new token; `token` is shown this once."""

    token: str = Field(repr=False)


class UserEntry(Entry):
    """Somebody who is to come in."""

    name: Word
    password: Word = Field(repr=False)
    role: Role = Role.VIEWER


class UserPatch(Entry):
    """What is to change of somebody; `version` is the one that was seen."""

    role: Role | None = None
    password: Word | None = Field(default=None, repr=False)
    version: int | None = Field(default=None, ge=1, le=LARGEST)


class TokenEntry(Entry):
    """A token: what it is for, what it may, and for how many days. Without `user` it is one's own."""

    name: Word
    role: Role = Role.VIEWER
    days: int = 90
    user: Annotated[str, Field(max_length=64)] = ""


@router.get("/users", dependencies=[OnlyAdmins])
def users(roster: TheRoster) -> MembersOut:
    """Return everybody who may come in."""
    members = roster.members()
    return MembersOut(items=[MemberOut.of(member) for member in members], total=len(members))


@router.post("/users", status_code=201)
def add(entry: UserEntry, roster: TheRoster) -> MemberOut:
    """Let somebody in from now on."""
    return MemberOut.of(roster.add(entry.name, entry.password, entry.role))


@router.get("/users/{name}", dependencies=[OnlyAdmins])
def user(name: Name, roster: TheRoster) -> MemberOut:
    """Return somebody who may come in."""
    return MemberOut.of(roster.member(name))


@router.patch("/users/{name}")
def change(name: Name, entry: UserPatch, roster: TheRoster) -> MemberOut:
    """Give somebody another role or a new password; both sign them out. Where one is refused, neither is done."""
    member = roster.change(name, role=entry.role, password=entry.password, version=entry.version)
    return MemberOut.of(member)


@router.delete("/users/{name}", status_code=204)
def remove(name: Name, roster: TheRoster, version: Version = None) -> Response:
    """Let somebody in no more; never the last admin."""
    roster.remove(name, version)
    return Response(status_code=204)


@router.get("/sessions")
def sessions(roster: TheRoster, person: Person) -> SessionsOut:
    """Return where who asks is signed in."""
    return SessionsOut(
        items=[SessionOut.of(session, person.session) for session in roster.sessions_of(person.name)]
    )


@router.delete("/sessions/{key}", status_code=204)
def end_session(key: Key, roster: TheRoster, person: Person) -> Response:
    """Sign oneself out of one browser."""
    roster.end_session(person.name, key)
    return Response(status_code=204)


@router.get("/tokens")
def tokens(roster: TheRoster, person: Person, user: Annotated[str, Query(max_length=64)] = "") -> KeysOut:
    """Return the tokens that act for who asks; admins may name somebody else."""
    return KeysOut(items=[KeyOut.of(token) for token in roster.tokens_of(_whose(person, user))])


@router.post("/tokens", status_code=201, dependencies=[NotByToken])
def make_token(entry: TokenEntry, roster: TheRoster, person: Person) -> MadeOut:
    """Make a token; whoever has only a token cannot make more of them."""
    whose = _whose(person, entry.user)
    return MadeOut(token=roster.make_token(whose, entry.name, entry.role, entry.days))


@router.delete("/tokens/{key}", status_code=204)
def drop_token(
    key: Key, roster: TheRoster, person: Person, user: Annotated[str, Query(max_length=64)] = ""
) -> Response:
    """Take a token back."""
    roster.drop_token(_whose(person, user), key)
    return Response(status_code=204)


def _whose(person: SomePerson, named: str) -> str:
    """Return about whom it is: only admins ask about others."""
    return named if named and person.may(Role.ADMIN) else person.name
