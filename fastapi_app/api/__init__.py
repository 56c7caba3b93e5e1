"""The same verbs as JSON, under /api/v1."""

from typing import Any, Final

from fastapi import APIRouter

from fastapi_app.api import (
    auth,
    breakers,
    bulk,
    commands,
    dead_letters,
    definitions,
    destinations,
    docs,
    events,
    files,
    graphs,
    imports,
    jobs,
    kinds,
    notifications,
    quarantines,
    queue,
    restart,
    runs,
    schedules,
    stats,
    store,
    suggestions,
    trials,
    users,
    workers,
)
from fastapi_app.api.values import ProblemOut

PROBLEM: Final[dict[str, Any]] = {
    "description": "What went wrong, in words",
    "content": {"application/problem+json": {"schema": ProblemOut.model_json_schema()}},
}

router = APIRouter(prefix="/api/v1", responses={"4XX": PROBLEM, "5XX": PROBLEM})
router.include_router(auth.router)
router.include_router(users.router)
router.include_router(bulk.router)
router.include_router(jobs.router)
router.include_router(definitions.router)
router.include_router(graphs.router)
router.include_router(imports.router)
router.include_router(suggestions.router)
router.include_router(breakers.router)
router.include_router(runs.router)
router.include_router(dead_letters.router)
router.include_router(quarantines.router)
router.include_router(queue.router)
router.include_router(workers.router)
router.include_router(schedules.router)
router.include_router(notifications.router)
router.include_router(destinations.router)
router.include_router(trials.router)
router.include_router(commands.router)
router.include_router(kinds.router)
router.include_router(stats.router)
router.include_router(store.router)
router.include_router(events.router)
router.include_router(files.router)
router.include_router(restart.router)

documentation = docs.router
