"""create_app(settings): the routes and the service's life."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Final

import anyio
from fastapi import FastAPI

from core.accounts import Accounts
from core.roster import Roster
from core.service import Service
from core.settings import Settings
from fastapi_app import api, errors, figures, live, pages, probes
from fastapi_app.assets import Assets
from fastapi_app.board import Board
from fastapi_app.bundles import bundles_in
from fastapi_app.courses import Courses
from fastapi_app.disk import ASKED_EVERY, Disk
from fastapi_app.exposition import Exposition
from fastapi_app.gate import Gate
from fastapi_app.headers import Headers
from fastapi_app.heads import Heads
from fastapi_app.health import Health
from fastapi_app.house import House
from fastapi_app.hub import Hub
from fastapi_app.live_parts import add_live_parts
from fastapi_app.monitor import Monitor
from fastapi_app.notices import Notices
from fastapi_app.outside import Outside
from fastapi_app.painter import Painter
from fastapi_app.parts import Parts
from fastapi_app.rows import Rows
from fastapi_app.scribe import Scribe
from fastapi_app.sites import Site
from fastapi_app.templating import Templates, folder_of, version_of_holdfast

THREADS: Final = 40
SEEN_KEPT_EVERY: Final = 300.0


def create_app(
    settings: Settings,
    *,
    service: Service | None = None,
    accounts: Accounts | None = None,
) -> FastAPI:
    """Return the app; entering its lifespan starts the service, leaving it stops it."""
    service = service or Service(settings)
    accounts = accounts or Accounts(service.data / "auth", service.clock)
    house = build_house(settings, service, accounts)
    app = FastAPI(
        title="Holdfast",
        version=version_of_holdfast() or "0",
        lifespan=_lifespan,
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        redirect_slashes=False,
    )
    app.state.house = house
    errors.install(app)
    app.add_middleware(Heads)
    app.add_middleware(Gate, house=house)
    app.add_middleware(Headers)
    app.include_router(probes.router)
    app.include_router(figures.router)
    app.include_router(api.router)
    app.include_router(api.documentation)
    app.include_router(live.router)
    app.include_router(pages.router)
    app.mount("/static", Assets(folder_of("static"), bundles_in(folder_of("static"))), name="static")
    return app


def build_house(settings: Settings, service: Service, accounts: Accounts) -> House:
    """Return the house of this service, its lights still out."""
    templates = Templates(service.clock)
    disk = Disk(service.manager, service.clock)
    rows = Rows(service, templates.render)
    scribe = Scribe(service, disk, rows)
    parts = Parts()
    hub = Hub(scribe, lambda: service.clock.now().timestamp(), parts)
    monitor = Monitor(service, hub)
    disk.on_change = monitor.recount
    house = House(
        settings=settings,
        service=service,
        accounts=accounts,
        roster=Roster(accounts, service.audit, service.preferences.forget),
        site=Site(settings),
        templates=templates,
        disk=disk,
        outside=Outside(service.clock),
        courses=Courses(service.clock),
        rows=rows,
        board=Board(service, templates.render),
        scribe=scribe,
        parts=parts,
        hub=hub,
        monitor=monitor,
        notices=Notices(),
        painter=Painter(service.events, hub, parts),
        health=Health(service, monitor, disk, service.clock, version_of_holdfast()),
        exposition=Exposition(service, version_of_holdfast()),
    )
    add_live_parts(house)
    return house


@contextlib.asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    """Run everything that runs by itself; off the event loop where it waits for disks or engines."""
    house: House = app.state.house
    anyio.to_thread.current_default_thread_limiter().total_tokens = THREADS
    house.service.events.tell_at_once("outside", house.outside.take)
    house.service.events.tell_at_once("courses", house.courses.take)
    await anyio.to_thread.run_sync(house.service.start)
    try:
        await anyio.to_thread.run_sync(house.accounts.open)
        async with _in_the_background(house):
            yield
    finally:
        await anyio.to_thread.run_sync(house.service.stop)


@contextlib.asynccontextmanager
async def _in_the_background(house: House) -> AsyncIterator[None]:
    _close_pages_of_ended_sessions(house)
    works = (
        house.monitor.run(),
        house.painter.run(),
        _keep_seen(house.accounts),
        _watch_the_disk(house.disk),
    )
    tasks = [asyncio.create_task(work) for work in works]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await anyio.to_thread.run_sync(house.accounts.close)


def _close_pages_of_ended_sessions(house: House) -> None:
    loop = asyncio.get_running_loop()

    def ended(key: str) -> None:
        with contextlib.suppress(RuntimeError):  # the loop is gone, and every page with it
            loop.call_soon_threadsafe(house.hub.end_session, key)

    house.accounts.on_end(ended)


async def _keep_seen(accounts: Accounts) -> None:
    """Keep now and then when each session was last seen, so that a restart ends none of them."""
    while True:
        await asyncio.sleep(SEEN_KEPT_EVERY)
        await anyio.to_thread.run_sync(accounts.keep_seen)


async def _watch_the_disk(disk: Disk) -> None:
    """While changes cannot be kept, look now and then whether they can again."""
    while True:
        await asyncio.sleep(ASKED_EVERY)
        if disk.trouble:
            await anyio.to_thread.run_sync(disk.look_again)
