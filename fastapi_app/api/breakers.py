"""Circuit breakers: remotes and destinations that could not be reached, and who waits for them."""

from datetime import datetime

from fastapi import APIRouter

from core.breakers import Breaker, BreakerState
from core.errors import NotFound
from core.manager import JobManager
from fastapi_app.api.values import Out
from fastapi_app.dependencies import Manager, TheService

router = APIRouter(prefix="/breakers", tags=["breakers"])


class BreakerOut(Out):
    """What is known of one: its state, failures in a row, since and until when it is open, and the run that probes.

    `waiting` are the runs that wait and need it.
    """

    name: str
    state: BreakerState
    failures: int
    opened_at: datetime | None
    until: datetime | None
    probe: str
    message: str
    waiting: list[str]

    @classmethod
    def of(cls, name: str, breaker: Breaker, now: datetime, manager: JobManager) -> "BreakerOut":
        """Return the breaker as JSON says it."""
        return cls.model_construct(
            name=name,
            state=breaker.state(now),
            failures=breaker.failures,
            opened_at=breaker.opened_at,
            until=breaker.until,
            probe=breaker.probe,
            message=breaker.message,
            waiting=sorted(run.id for run in manager.waiting_runs() if name in run.reaches),
        )


class BreakersOut(Out):
    """Every breaker that remembers a failure; one that is not named here is closed."""

    items: list[BreakerOut]


@router.get("")
def show(manager: Manager, service: TheService) -> BreakersOut:
    """Return what could not be reached of late."""
    now = service.clock.now()
    every = sorted(manager.breakers().items())
    return BreakersOut.model_construct(items=[BreakerOut.of(name, one, now, manager) for name, one in every])


@router.post("/{name:path}/reset")
def reset(name: str, manager: Manager, service: TheService) -> BreakerOut:
    """Close a breaker; whoever waits for it may begin at once."""
    if name not in manager.breakers():
        raise NotFound("breaker", name[:80], hint="It can be reached again, or somebody was first.")
    manager.reset_breaker(name)
    return BreakerOut.of(name, Breaker(), service.clock.now(), manager)
