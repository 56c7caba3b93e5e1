"""The same verbs as JSON, under /api/v1."""

from fastapi import APIRouter

from fastapi_app.api import auth, docs, jobs, kinds, runs, stats

router = APIRouter(prefix="/api/v1")
router.include_router(auth.router)
router.include_router(jobs.router)
router.include_router(runs.router)
router.include_router(kinds.router)
router.include_router(stats.router)

documentation = docs.router
