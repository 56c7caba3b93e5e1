"""How quickly the store does its work over HTTP: a real server, and clients in another process.

Both share the machine: with few cores the clients take from the server what it would have.
"""

import asyncio
import contextlib
import json
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from core.bench import crowd, store
from core.bench.rows import Beside, Row, at_least, at_most
from core.bench.workshop import a_draft, a_manager, in_loop

CLIENTS: Final = 64
SPAN: Final = 4.0
PAGES: Final = 200


class Client:
    """One connection that is kept, and asks one thing after the other."""

    def __init__(self, server: dict[str, str]) -> None:
        self._host = urlsplit(server["address"]).netloc
        self._token = server["token"]

    async def open(self) -> None:
        """Connect."""
        host, _, port = self._host.rpartition(":")
        self._reader, self._writer = await asyncio.open_connection(host, int(port))

    async def ask(self, method: str, path: str) -> Any:  # noqa: ANN401 - whatever the answer says
        """Return what the answer says; raises RuntimeError where it is no success."""
        head = f"{method} {path} HTTP/1.1\r\nHost: {self._host}\r\nAuthorization: Bearer {self._token}\r\n"
        self._writer.write(f"{head}Content-Length: 0\r\n\r\n".encode())
        answer = (await self._reader.readuntil(b"\r\n\r\n")).lower()
        length = int(answer.partition(b"content-length:")[2].partition(b"\r\n")[0])
        body = await self._reader.readexactly(length)
        if not answer.startswith(b"http/1.1 2"):
            raise RuntimeError(f"{method} {path}: {answer.decode()}{body.decode()}")
        return json.loads(body)

    def close(self) -> None:
        """Hang up."""
        self._writer.close()


def measure(folder: Path) -> tuple[Row, ...]:
    """Return every figure of the store; `folder` is for scratch."""
    data = folder / "http"
    with a_manager(data) as (manager, _):
        jobs = [manager.create(a_draft(number)).id for number in range(CLIENTS)]
    with _serving(data) as server:
        changes = in_loop(_changes(server, jobs))
    return (*changes, *store.measure(folder, look_at_crowd))


def look_at_crowd(data: Path) -> tuple[Row, ...]:
    """Return how quickly a page of very many jobs is answered."""
    with _serving(data) as server:
        spans = in_loop(_pages(server))
    name = f"first page of 50 of {crowd.JOBS:,} jobs over HTTP, p50"
    return (at_most(name, statistics.median(spans) * 1e3, "ms", 3),)


@contextlib.contextmanager
def _serving(data: Path) -> Iterator[dict[str, str]]:
    argv = [sys.executable, "-m", "fastapi_app.bench.served", str(data)]
    with subprocess.Popen(argv, stdout=subprocess.PIPE) as process:
        assert process.stdout  # noqa: S101 - it was asked for
        try:
            yield json.loads(process.stdout.readline())
        finally:
            process.send_signal(signal.SIGTERM)


async def _changes(server: dict[str, str], jobs: list[str]) -> tuple[Row, ...]:
    """Start and cancel runs, each time a durable change, and only read before."""
    clients = [Client(server) for _ in jobs]
    await asyncio.gather(*(client.open() for client in clients))
    spans: list[float] = []
    reads = await asyncio.gather(*(_reading(client, job) for client, job in zip(clients, jobs, strict=True)))
    await asyncio.gather(*(_toggling(client, job, spans) for client, job in zip(clients, jobs, strict=True)))
    for client in clients:
        client.close()
    beside = Beside(figure=sum(reads) / SPAN, name="the same clients reading a job")
    name = f"durable changes over HTTP, {CLIENTS} clients on this machine"
    return (
        at_least(name, len(spans) / SPAN, "/s", 3_000, beside),
        at_most(f"{name}, p99", statistics.quantiles(spans, n=100)[98] * 1e3, "ms", 50),
    )


async def _reading(client: Client, job_id: str) -> int:
    """Return how often the client was answered."""
    end, done = time.perf_counter() + SPAN, 0
    while time.perf_counter() < end:
        await client.ask("GET", f"/api/v1/jobs/{job_id}")
        done += 1
    return done


async def _toggling(client: Client, job_id: str, spans: list[float]) -> None:
    """Start and cancel runs of a job for a while; add how long each took."""
    end, run_id = time.perf_counter() + SPAN, ""
    while (began := time.perf_counter()) < end:
        if run_id:
            await client.ask("POST", f"/api/v1/runs/{run_id}/cancel")
            run_id = ""
        else:
            run_id = (await client.ask("POST", f"/api/v1/jobs/{job_id}/runs"))["id"]
        spans.append(time.perf_counter() - began)


async def _pages(server: dict[str, str]) -> list[float]:
    """Return how long each of many first pages took."""
    client, spans = Client(server), []
    await client.open()
    for _ in range(PAGES):
        began = time.perf_counter()
        await client.ask("GET", "/api/v1/jobs?limit=50")
        spans.append(time.perf_counter() - began)
    client.close()
    return spans
