"""Workers: who carries runs out, and how busy each is."""

from datetime import datetime

from fastapi import APIRouter

from core.workers import WorkerSeen
from fastapi_app.api.values import Out
from fastapi_app.dependencies import TheService

router = APIRouter(prefix="/workers", tags=["queue"])


class WorkerOut(Out):
    """A worker; `working` is false while it is told to stop, `runs` are the ids of those it has in hand."""

    name: str
    host: str
    slots: int
    busy: int
    working: bool
    since: datetime
    version: str
    runs: list[str]

    @classmethod
    def of(cls, seen: WorkerSeen) -> "WorkerOut":
        """Return it as JSON says it."""
        return cls.model_validate(seen)


class WorkersOut(Out):
    """Every worker; `slots` and `busy` are those of all together."""

    items: list[WorkerOut]
    slots: int
    busy: int

    @classmethod
    def of(cls, seen: tuple[WorkerSeen, ...]) -> "WorkersOut":
        """Return them as JSON says it."""
        return cls.model_construct(
            items=[WorkerOut.of(one) for one in seen],
            slots=sum(one.slots for one in seen),
            busy=sum(one.busy for one in seen),
        )


@router.get("")
def list_(service: TheService) -> WorkersOut:
    """Return who carries runs out."""
    return WorkersOut.of(service.workers())
