"""How Holdfast is, for whoever watches over it; public, and saying nothing of what it holds."""

from typing import Literal

import msgspec
from fastapi import APIRouter, Response
from pydantic import BaseModel

from fastapi_app.dependencies import TheHouse
from fastapi_app.health import Status

router = APIRouter(tags=["health"])


class CheckOut(BaseModel):
    """One thing that was looked at."""

    name: str
    status: Status
    message: str


class HealthOut(BaseModel):
    """Everything that was looked at; `status` is that of the worst."""

    status: Status
    version: str
    checks: list[CheckOut]


class AliveOut(BaseModel):
    """That the server answers."""

    status: Literal["alive"] = "alive"


class ReadyOut(BaseModel):
    """Whether work can be taken."""

    status: Literal["ready", "not-ready"]


@router.head("/health", include_in_schema=False)
@router.get("/health")
def health(house: TheHouse, response: Response) -> HealthOut:
    """Return how everything is; 503 when something that is needed does not work."""
    report = house.health.report()
    if report.status == Status.UNHEALTHY:
        response.status_code = 503
    return HealthOut.model_validate(msgspec.to_builtins(report))


@router.head("/livez", include_in_schema=False)
@router.get("/livez")
async def live() -> AliveOut:
    """Answer, as long as the server can."""
    return AliveOut()


@router.head("/readyz", include_in_schema=False)
@router.get("/readyz")
def ready(house: TheHouse, response: Response) -> ReadyOut:
    """Tell whether work can be taken; 503 when not."""
    if house.health.is_ready():
        return ReadyOut(status="ready")
    response.status_code = 503
    return ReadyOut(status="not-ready")
