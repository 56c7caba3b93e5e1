"""Tokens for programs."""

from typing import Literal

from fastapi import APIRouter
from starlette.requests import Request

from core.accounts import TOKEN_LIFE
from core.people import Role
from fastapi_app.api.entries import Credentials
from fastapi_app.api.values import Out
from fastapi_app.auth import address_of
from fastapi_app.dependencies import TheAccounts

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
def issue(entry: Credentials, request: Request, accounts: TheAccounts) -> TokenOut:
    """Give a token to who proves who they are."""
    user = accounts.authenticate(entry.username, entry.password, address_of(request.scope))
    return TokenOut(
        access_token=accounts.issue_token(user, name="asked for with a password"),
        token_type="bearer",  # noqa: S106 - the type of the token, not a token
        expires_in=int(TOKEN_LIFE.total_seconds()),
        user=UserOut(username=user.name, role=user.role),
    )
