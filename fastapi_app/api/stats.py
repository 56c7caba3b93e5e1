"""Numbers about the whole house."""

from fastapi import APIRouter

from fastapi_app.api.values import Out
from fastapi_app.dependencies import TheService

router = APIRouter(tags=["stats"])


class LoadOut(Out):
    """How busy the slots are."""

    slots: int
    busy: int
    waiting: int


class StatsOut(Out):
    """How many jobs show each state ("never" for those that never ran), and how busy the slots are."""

    counts: dict[str, int]
    load: LoadOut


@router.get("/stats")
def stats(service: TheService) -> StatsOut:
    """Return numbers about the whole house."""
    load = LoadOut.model_validate(service.dispatcher.load())
    return StatsOut(counts=dict(service.manager.counts()), load=load)
