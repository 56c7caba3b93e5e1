"""Who may ask for what: people, their roles, and the keys by which they are known again."""

from enum import StrEnum
from typing import Final

from core.models import Moment, Value


class Role(StrEnum):
    """What someone may do; each may all that the ones before it may."""

    VIEWER = "viewer"
    OPERATOR = "operator"
    ADMIN = "admin"

    def covers(self, needed: "Role") -> bool:
        """Tell whether this role is enough where `needed` is asked for."""
        return _RANKS.index(self) >= _RANKS.index(needed)


_RANKS: Final = tuple(Role)


class User(Value, frozen=True, kw_only=True):
    """Someone with a password; `password` is its argon2id hash. `version` counts what was changed."""

    name: str
    role: Role
    password: str
    created_at: Moment
    version: int = 1


class Session(Value, frozen=True, kw_only=True):
    """A browser that is signed in. `key` is the SHA-256 of the value in its cookie."""

    key: str
    user: str
    created_at: Moment
    seen_at: Moment
    long: bool = False
    address: str = ""


class ApiToken(Value, frozen=True, kw_only=True):
    """A program that may act for someone. `key` is the SHA-256 of the token."""

    key: str
    user: str
    name: str
    role: Role
    created_at: Moment
    expires_at: Moment


class SignedIn(Value, frozen=True, kw_only=True):
    """Someone who proved who they are. `key` names the session; None is a token's bearer.

    Who is `local` can read this user's own files, and may do what nobody may from the network.
    """

    name: str
    role: Role
    key: str | None = None
    local: bool = False
