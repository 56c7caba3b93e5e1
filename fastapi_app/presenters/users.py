"""People as their pages show them."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from core.models import Value
from core.people import Role
from core.roster import Member
from fastapi_app.presenters.texts import plural

WORDS: Final = {
    Role.VIEWER: "Looks",
    Role.OPERATOR: "Runs jobs",
    Role.ADMIN: "Everything",
}
ROLES: Final = (
    (Role.VIEWER, "Viewer: looks, and changes nothing"),
    (Role.OPERATOR, "Operator: makes, starts and stops jobs"),
    (Role.ADMIN, "Admin: everything, also people and destinations"),
)
"""What people read of each role."""


class PersonRow(Value, frozen=True, kw_only=True):
    """Somebody who may come in; `last_admin` is that nobody else could look after things."""

    name: str
    role: Role
    may: str
    version: int
    created_at: datetime
    seen_at: datetime | None
    sessions: int
    tokens: int
    you: bool
    last_admin: bool


def person_rows(members: Sequence[Member], name: str) -> tuple[PersonRow, ...]:
    """Return everybody; `name` is who asks."""
    admins = sum(member.role == Role.ADMIN for member in members)
    return tuple(
        PersonRow(
            name=member.name,
            role=member.role,
            may=WORDS[member.role],
            version=member.version,
            created_at=member.created_at,
            seen_at=member.seen_at,
            sessions=member.sessions,
            tokens=member.tokens,
            you=member.name.casefold() == name.casefold(),
            last_admin=member.role == Role.ADMIN and admins == 1,
        )
        for member in members
    )


def people_in_words(rows: Sequence[PersonRow]) -> str:
    """Return in one sentence who may come in."""
    if len(rows) == 1:
        return "Only you may come in."
    admins = sum(row.role == Role.ADMIN for row in rows)
    return f"{plural(len(rows), 'person', 'people')} may come in, {admins:,} of them {'an admin' if admins == 1 else 'admins'}."
