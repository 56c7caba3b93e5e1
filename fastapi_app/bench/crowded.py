"""A server to be watched by a crowd, in a process of its own: `python -m fastapi_app.bench.crowded FOLDER PORT`.

Its jobs run and get further when it is told so. Beside it stands a bare server that sends the same frames with
Starlette alone. It takes one word a line and answers each with one line of JSON.
"""

import asyncio
import contextlib
import gc
import json
import random
import socket
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Final

import uvicorn
import uvloop
from starlette.applications import Starlette
from starlette.routing import WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from core.accounts import Accounts
from core.drafts import JobDraft
from core.errors import NotFound
from core.models import Progress, Run
from core.passwords import Passwords
from core.people import Role, User
from core.service import Service
from core.settings import Settings
from fastapi_app.app import create_app
from fastapi_app.auth import Person
from fastapi_app.bench.live import PacedEngine, make_paced
from fastapi_app.house import House
from fastapi_app.hub import Flush
from fastapi_app.server import Server, listening_socket
from fastapi_app.viewers import Viewer

JOBS: Final = 50
BUSY: Final = 20
PEOPLE: Final = 60
PASSWORD: Final = "a bench of its own"  # noqa: S105 - for accounts that go away with the bench
SETTLED: Final = 0.4
STATM: Final = Path("/proc/self/statm")
PAGE: Final = 4_096
SIZE: Final = 200_000_000_000
RATE: Final = 38_000_000
Answer = dict[str, Any]


class Bare:
    """Sends every socket what it is told to, one after the other."""

    def __init__(self) -> None:
        self.sockets: set[WebSocket] = set()

    @property
    def app(self) -> Starlette:
        """Return it as an app."""
        return Starlette(routes=[WebSocketRoute("/ws", self._serve)])

    async def _serve(self, line: WebSocket) -> None:
        await line.accept()
        self.sockets.add(line)
        with contextlib.suppress(WebSocketDisconnect):
            while True:
                await line.receive_text()
        self.sockets.discard(line)

    async def send(self, text: str) -> None:
        """Send one frame to everybody."""
        for line in self.sockets:
            await line.send_text(text)


class Ear:
    """A line that keeps the last frame it was given, so that the bare server can send the same."""

    heard = b""

    def write_framed(self, data: bytes) -> bool:
        """Keep the frame."""
        self.heard = data
        return True


class Crowded:
    """The house, its jobs at work, and the bare server beside it."""

    def __init__(self, house: House, bare: Bare, addresses: Answer) -> None:
        self._house = house
        self._manager = house.service.manager
        self._bare = bare
        self._addresses = addresses
        self._runs: list[Run] = []
        self._round = 0
        self._ear = Ear()
        self._listener: Viewer | None = None
        self._reporting: asyncio.Task[None] | None = None

    def answer(self, word: str) -> Awaitable[Answer]:
        """Do what the word says."""
        asked: dict[str, Callable[[], Awaitable[Answer]]] = {
            "begin": self._begin,
            "where": self._where,
            "batch": self._batch,
            "state": self._state,
            "busy": self._busy,
            "quiet": self._quiet,
            "further": self._further,
            "start": self._start,
            "line": self._line,
        }
        return asked[word]()

    async def _where(self) -> Answer:
        return self._addresses

    async def _begin(self) -> Answer:
        """Let many jobs run, and wait until that was told."""
        for number in range(JOBS):
            self._runs.append(self._running(f"watched {number:02}"))
        await asyncio.sleep(SETTLED * 4)
        epoch, seq = self._house.position
        hub, jobs = self._house.hub, [run.job_id for run in self._runs]
        self._listener = hub.admit(Person(name="ear", role=Role.VIEWER), lambda: True)
        if self._listener is not None:
            self._listener.line = self._ear
            hub.subscribe(self._listener, epoch, seq, hub.shown(jobs, ["counts"]), None)
        return self._addresses | {"jobs": jobs, "run": self._runs[0].id, "epoch": epoch, "seq": seq}

    def _running(self, name: str) -> Run:
        job = self._manager.create(JobDraft(name=name, kind=PacedEngine.kind))
        run = self._manager.claim(self._manager.start(job.id).id, "bench")
        if run is None:
            raise RuntimeError(name)
        return run

    def _report(self, runs: list[Run]) -> None:
        """Let runs get further, each at a rate that trembles a little, as programs do."""
        self._round += 1
        for number, run in enumerate(runs):
            percent = (self._round * 0.5 + number) % 100
            rate = RATE * random.uniform(0.97, 1.03)  # noqa: S311 - not a secret
            done = int(SIZE * percent / 100)
            further = Progress(
                stage="copy",
                percent=percent,
                done=done,
                total=SIZE,
                rate=rate,
                eta_seconds=(SIZE - done) / rate,
            )
            self._manager.report(run.id, run.attempt, further)

    async def _batch(self) -> Answer:
        """Let every job get further; return what telling everybody took, and what it takes bare."""
        await asyncio.sleep(SETTLED)
        self._round += 1
        self._report(self._runs)
        jobs = {run.job_id: False for run in self._runs}
        if self._listener is not None:  # nobody takes from it what waits
            self._listener.pending = self._listener.seen = None
            self._listener.awake.clear()
        ours = await _cpu_ms(self._house.hub.publish(Flush(jobs=jobs)))
        text = self._ear.heard[self._ear.heard.index(b"{") :].decode()
        await asyncio.sleep(SETTLED)
        return {
            "ours": ours,
            "bare": await _cpu_ms(self._bare.send(text)),
            "rows": len(json.loads(text).get("j", ())),
        }

    async def _state(self) -> Answer:
        gc.collect()
        return {
            "connected": self._house.hub.connected,
            "bare": len(self._bare.sockets),
            "tasks": len(asyncio.all_tasks()),
            "resident": int((await asyncio.to_thread(STATM.read_text)).split()[1]) * PAGE,
        }

    async def _busy(self) -> Answer:
        self._reporting = asyncio.create_task(self._keep_reporting())
        return {}

    async def _keep_reporting(self) -> None:
        """Let some jobs report each second, each at a moment of its own."""
        while True:
            for run in self._runs[:BUSY]:
                self._round += 1
                self._report_one(run)
                await asyncio.sleep(1 / BUSY)

    def _report_one(self, run: Run) -> None:
        before = self._round
        self._round = before // BUSY
        self._report([run])
        self._round = before

    async def _quiet(self) -> Answer:
        if self._reporting is not None:
            self._reporting.cancel()
        return {}

    async def _further(self) -> Answer:
        """Let one job get one percent further."""
        self._round += 1
        run, percent = self._runs[0], self._round % 100
        self._manager.report(
            run.id, run.attempt, Progress(stage="copy", percent=percent, done=percent, total=100)
        )
        return {"at": time.time() * 1_000, "percent": percent}

    async def _start(self) -> Answer:
        """Let one run of the second job end and another begin."""
        run = self._runs[1]
        self._manager.cancel(run.id)
        at = time.time() * 1_000
        self._manager.stopped(run.id, run.attempt)
        again = self._manager.claim(self._manager.start(run.job_id).id, "bench")
        if again is not None:
            self._runs[1] = again
        return {"at": at, "number": again.number if again else 0}

    async def _line(self) -> Answer:
        """Let one run say a line."""
        self._round += 1
        word, at = f"said-{self._round}", time.time() * 1_000
        self._house.service.logs.write(self._runs[0].id, "info", word)
        return {"at": at, "word": word}


async def _cpu_ms(work: Awaitable[object]) -> float:
    """Return the milliseconds of this process that it took until everything was handed to the kernel."""
    began = time.process_time()
    await work
    for _ in range(3):
        await asyncio.sleep(0)
    return (time.process_time() - began) * 1_000


async def _listen(crowded: Crowded) -> None:
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), sys.stdin
    )
    while line := await reader.readline():
        sys.stdout.write(json.dumps(await crowded.answer(line.decode().strip())) + "\n")
        sys.stdout.flush()


def _person(accounts: Accounts, name: str) -> User:
    """Return somebody of the bench; who was there at an earlier start is there still."""
    try:
        return accounts.user(name)
    except NotFound:
        return accounts.add_user(name, PASSWORD, Role.ADMIN)


async def _serve(data: Path, port: int) -> None:
    settings = Settings(data=data, port=port, slots=0)
    service = Service(settings, make_engine=make_paced)
    accounts = Accounts(service.data / "auth", service.clock, passwords=Passwords(memory_kib=64))
    accounts.open()
    people = [_person(accounts, f"person-{number}") for number in range(PEOPLE)]
    bare, beside = Bare(), socket.create_server(("127.0.0.1", 0), backlog=2_048)
    config = uvicorn.Config(
        bare.app, ws="websockets-sansio", log_level="error", access_log=False, ws_per_message_deflate=False, lifespan="off"
    )  # fmt: skip
    plain = uvicorn.Server(config)
    with contextlib.closing(listening_socket(settings)) as listener:
        app = create_app(settings, service=service, accounts=accounts)
        ready = asyncio.Event()
        server = Server(app, listener, lambda _: ready.set())
        serving = [asyncio.create_task(server.live()), asyncio.create_task(plain.serve(sockets=[beside]))]
        await ready.wait()
        addresses = {
            "port": server.port,
            "bare": beside.getsockname()[1],
            "tokens": [accounts.issue_token(user, name="bench") for user in people],
            "cookie": accounts.open_session(people[-1]),
        }
        await _listen(Crowded(app.state.house, bare, addresses))
        server.should_exit = plain.should_exit = True
        await asyncio.gather(*serving)


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_serve(Path(sys.argv[1]), int(sys.argv[2])))
