"""Holdfast in HTML: each route takes the question apart, asks the manager, and draws the answer."""

from fastapi import APIRouter

from fastapi_app.pages import (
    account,
    actions,
    breakers,
    dashboard,
    dead_letters,
    destination_form,
    destinations,
    events,
    graph,
    imports,
    job,
    job_form,
    jobs,
    notifications,
    quarantines,
    queue,
    run,
    schedules,
    settings,
    store,
    trials,
    users,
)

router = APIRouter(include_in_schema=False)
for part in (
    account,
    dashboard,
    job_form,
    jobs,
    job,
    actions,
    graph,
    breakers,
    queue,
    run,
    quarantines,
    dead_letters,
    notifications,
    schedules,
    destination_form,
    destinations,
    store,
    events,
    trials,
    imports,
    settings,
    users,
):
    router.include_router(part.router)
