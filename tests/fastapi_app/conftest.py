"""The app on a data folder of its own, with a settable clock, nobody's slots, and browsers without a screen.

No slot carries anything out: a test plays the worker through the manager, so it knows what has happened.
"""

import asyncio
import contextlib
import queue
import threading
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import uvloop
from fastapi import FastAPI
from starlette.testclient import TestClient

from core.accounts import Accounts
from core.drafts import JobDraft
from core.models import Job, Run
from core.passwords import Passwords
from core.people import Role
from core.service import Service
from core.settings import Settings
from core.storage.memory import MemoryStore
from fastapi_app.app import create_app
from fastapi_app.auth import csrf_token_of, masked
from fastapi_app.house import House
from fastapi_app.server import Server, listening_socket
from tests.builders import some_progress
from tests.doubles import SettableClock

ORIGIN = "http://127.0.0.1:8080"
PASSWORD = "nine blue herons over Orkney"


@dataclass
class Browser:
    """A browser that is signed in, as far as servers can tell."""

    client: TestClient
    cookie: str

    @property
    def csrf(self) -> str:
        return masked(csrf_token_of(self.cookie))

    @property
    def headers(self) -> dict[str, str]:
        return {"Cookie": f"holdfast_session={self.cookie}", "Origin": ORIGIN, "X-CSRF-Token": self.csrf}

    def request(self, method: str, path: str, headers: dict[str, str] | None = None, **rest: Any) -> Any:
        """Ask as a page of ours would; a header that is empty is left out."""
        merged = {name: value for name, value in (self.headers | (headers or {})).items() if value}
        return self.client.request(method, path, headers=merged, **rest)

    def get(self, path: str, **rest: Any) -> Any:
        return self.request("GET", path, **rest)

    def post(self, path: str, **rest: Any) -> Any:
        return self.request("POST", path, **rest)


@dataclass
class World:
    """A running app and what tests do behind its back."""

    app: FastAPI
    client: TestClient
    clock: SettableClock
    folder: Path

    @property
    def house(self) -> House:
        house: House = self.app.state.house
        return house

    def signed_in(self, name: str = "ada") -> Browser:
        """Return another browser in which this person is signed in."""
        user = self.house.accounts.authenticate(name, PASSWORD, "127.0.0.1")
        return Browser(self.client, self.house.accounts.open_session(user))

    def bearer(self, name: str = "ada") -> dict[str, str]:
        """Return the header of a program that acts for this person."""
        user = self.house.accounts.authenticate(name, PASSWORD, "127.0.0.1")
        return {"Authorization": f"Bearer {self.house.accounts.issue_token(user, name='test')}"}

    def options(self) -> dict[str, Any]:
        """Return options of a copy that would work."""
        source = self.folder / "source"
        source.mkdir(exist_ok=True)
        (source / "a.txt").write_text("a")
        return {"source": str(source), "destination": str(self.folder / "destination")}

    def a_job(self, name: str = "photos") -> Job:
        """Return a job that is kept."""
        draft = JobDraft(name=name, kind="copy", options=self.options())
        return self.house.service.manager.create(draft, asked_by="ada")

    def a_running_run(self, job: Job) -> Run:
        """Return a run of the job in its first attempt."""
        manager = self.house.service.manager
        run = manager.claim(manager.start(job.id).id, "test-worker")
        assert run is not None
        return run

    def report(self, run: Run, percent: float) -> None:
        """Let the run get further."""
        self.house.service.manager.report(run.id, run.attempt, some_progress(percent))


MakeWorld = Callable[..., World]


@pytest.fixture
def clock() -> SettableClock:
    return SettableClock()


@pytest.fixture
def make_world(tmp_path, clock) -> Iterator[MakeWorld]:
    """Starts apps; a second one on the same folder is the server started again."""
    clients: list[TestClient] = []

    def make(*, store: Any = None, set_up: bool = True, **settings: Any) -> World:
        chosen = Settings(**{"data": tmp_path / "data", "slots": 0} | settings)
        service = Service(chosen, store=store, clock=clock)
        accounts = Accounts(service.data / "auth", clock, passwords=Passwords(memory_kib=64))
        app = create_app(chosen, service=service, accounts=accounts)
        client = TestClient(app, base_url=ORIGIN, follow_redirects=False, raise_server_exceptions=False)
        client.__enter__()
        clients.append(client)
        if set_up and accounts.needs_set_up:
            accounts.set_up(accounts.set_up_code(), "ada", PASSWORD)
        return World(app, client, clock, tmp_path)

    def stop(client: TestClient) -> None:
        clients.remove(client)
        client.__exit__(None, None, None)

    make.stop = stop  # type: ignore[attr-defined]
    yield make
    for client in clients:
        client.__exit__(None, None, None)


@pytest.fixture
def world(make_world) -> World:
    """An app that is set up by ada, kept in memory."""
    return make_world(store=MemoryStore())


@pytest.fixture
def browser(world) -> Browser:
    """A browser in which ada is signed in."""
    return world.signed_in()


class ThreadedServer(Server):
    """A server in a thread of a test; signals are not for it."""

    @contextlib.contextmanager
    def _stopping_on_signals(self) -> Iterator[None]:
        yield


@dataclass
class Served(World):
    """A running app behind a real socket."""

    url: str
    server: ThreadedServer
    loop: asyncio.AbstractEventLoop

    @property
    def origin(self) -> str:
        return self.url.rstrip("/")

    def headers(self, browser: Browser) -> dict[str, str]:
        """Return what this browser would send from a page of this server."""
        return {"Cookie": f"holdfast_session={browser.cookie}", "Origin": self.origin}

    def call(self, work: Coroutine[Any, Any, Any]) -> Any:
        """Do something on the server's event loop."""
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(timeout=30)


@pytest.fixture
def served(tmp_path, clock) -> Iterator[Served]:
    """An app behind a real socket of its own, set up by ada, kept in memory."""
    settings = Settings(data=tmp_path / "data", slots=0, port=0)
    (tmp_path / "data" / "locks").mkdir(parents=True)
    service = Service(settings, store=MemoryStore(), clock=clock)
    accounts = Accounts(service.data / "auth", clock, passwords=Passwords(memory_kib=64))
    accounts.set_up(accounts.set_up_code(), "ada", PASSWORD)
    app = create_app(settings, service=service, accounts=accounts)
    said: queue.Queue[str] = queue.Queue()
    loop = uvloop.new_event_loop()
    with contextlib.closing(listening_socket(settings)) as listener:
        server = ThreadedServer(app, listener, said.put)
        thread = threading.Thread(target=lambda: loop.run_until_complete(server.live()))
        thread.start()
        url = said.get(timeout=30)
        client = TestClient(app, base_url=url.rstrip("/"))
        yield Served(app=app, client=client, clock=clock, folder=tmp_path, url=url, server=server, loop=loop)
        server.should_exit = True
        thread.join()
        loop.close()


@pytest.fixture
def people(world) -> dict[Role, Browser]:
    """A browser of each role."""
    for role in (Role.VIEWER, Role.OPERATOR):
        world.house.accounts.add_user(role.value, PASSWORD, role)
    return {
        Role.VIEWER: world.signed_in("viewer"),
        Role.OPERATOR: world.signed_in("operator"),
        Role.ADMIN: world.signed_in(),
    }
