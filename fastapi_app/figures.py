"""`/metrics`: figures for Prometheus, given to this machine and to whoever names their token."""

import hmac
from typing import Final

from fastapi import APIRouter, Response
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.types import Scope

from fastapi_app.auth import address_of
from fastapi_app.dependencies import TheHouse
from fastapi_app.exposition import CONTENT_TYPE_LATEST
from fastapi_app.house import House
from fastapi_app.refusals import MetricsRefused
from fastapi_app.sites import LOOPBACK_NAMES, is_loopback

router = APIRouter(include_in_schema=False)

CARRIED_ON: Final = ("forwarded", "x-forwarded-for", "x-forwarded-host", "x-real-ip", "via")
"""What says that somebody on this machine asks for somebody else."""


@router.head("/metrics")
@router.get("/metrics")
def metrics(house: TheHouse, request: Request) -> Response:
    """Return figures in the text that Prometheus reads."""
    signed_in = request.scope.get("state", {}).get("person") is not None
    if not (signed_in or _is_from_here(request.scope) or _names_the_token(request.scope, house)):
        raise MetricsRefused
    return Response(house.exposition.text(), media_type=CONTENT_TYPE_LATEST)


def _is_from_here(scope: Scope) -> bool:
    """Tell whether a program of this machine asks, by its own name, and for nobody else."""
    headers = Headers(scope=scope)
    name = headers.get("host", "").lower()
    own = name in LOOPBACK_NAMES or name.rpartition(":")[0] in LOOPBACK_NAMES
    return is_loopback(address_of(scope)) and own and not any(header in headers for header in CARRIED_ON)


def _names_the_token(scope: Scope, house: House) -> bool:
    scheme, _, given = Headers(scope=scope).get("authorization", "").partition(" ")
    wanted = house.settings.metrics_token
    same = hmac.compare_digest(given.strip().encode(), wanted.encode())
    return bool(wanted) and scheme.lower() == "bearer" and same
