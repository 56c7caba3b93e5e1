"""Tokens for programs."""

from typing import Literal

from fastapi import APIRouter
from starlette.requests import Request

from core.accounts import TOKEN_LIFE, WrongCredentials
from core.people import Role
from fastapi_app.api.entries import Credentials
from fastapi_app.api.values import Out
from fastapi_app.auth import address_of
from fastapi_app.dependencies import TheAccounts, TheService

router = APIRouter(tags=["auth"])


class UserOut(Out):
    """Whose token it is."""

    username: str
    role: Role


class TokenOut(Out):
    """A token, shown this once. Send it as `Authorization: Bearer …`."""

    access_token: str
    token_type: Literal["bearer"]
    expires_in: int
    user: UserOut


@router.post("/auth/token")
def issue(entry: Credentials, request: Request, accounts: TheAccounts, service: TheService) -> TokenOut:
    """Give a token to who proves who they are."""
    address = address_of(request.scope)
    try:
        user = accounts.authenticate(entry.username, entry.password, address)
    except WrongCredentials:
        words = "Somebody asked for a token: name and password do not belong together."
        service.audit.note("login.failed", words, origin=address)
        raise
    service.audit.note("token.issued", "Asked for a token with a password.", by=user.name, origin=address)
    return TokenOut(
        access_token=accounts.issue_token(user, name="asked for with a password"),
        token_type="bearer",  # noqa: S106 - the type of the token, not a token
        expires_in=int(TOKEN_LIFE.total_seconds()),
        user=UserOut(username=user.name, role=user.role),
    )
