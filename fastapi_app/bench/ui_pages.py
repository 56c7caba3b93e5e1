"""How quickly pages are answered, beside a bare page of the same bytes, and what a server with many jobs costs."""

import contextlib
import http.client
import json
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import psutil

from core.bench import crowd
from core.bench.rows import Beside, Row, at_most
from core.models import Value

FEW: Final = 50
MANY: Final = 10_000
TIMES: Final = 300
WARM: Final = 30
IDLE_SECONDS: Final = 20.0
MB: Final = 1e6


class Served(Value, frozen=True, kw_only=True):
    """A server to measure: where it is, who may ask it, its process, and how long it took to answer."""

    address: str
    token: str
    pid: int
    seconds: float


@contextlib.contextmanager
def serving(data: Path) -> Iterator[Served]:
    """Serve the folder in a process of its own."""
    argv = [sys.executable, "-m", "fastapi_app.bench.served", str(data)]
    began = time.perf_counter()
    with subprocess.Popen(argv, stdout=subprocess.PIPE) as process:
        assert process.stdout  # noqa: S101 - it was asked for
        try:
            said = json.loads(process.stdout.readline())
            seconds = time.perf_counter() - began
            yield Served(
                address=said["address"].rstrip("/"), token=said["token"], pid=process.pid, seconds=seconds
            )
        finally:
            process.send_signal(signal.SIGTERM)


@contextlib.contextmanager
def _bare(content: bytes, folder: Path) -> Iterator[Served]:
    file = folder / "bare.html"
    file.write_bytes(content)
    argv = [sys.executable, "-m", "fastapi_app.bench.bare", str(file)]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout  # noqa: S101 - it was asked for
        try:
            yield Served(address=process.stdout.readline().strip(), token="", pid=process.pid, seconds=0.0)
        finally:
            process.send_signal(signal.SIGTERM)


class Asker:
    """One connection that is kept, and asks one thing after the other, as a browser does."""

    def __init__(self, server: Served) -> None:
        self._line = http.client.HTTPConnection(urlsplit(server.address).netloc)
        self._headers = {"Authorization": f"Bearer {server.token}"} if server.token else {}

    def ask(self, path: str) -> tuple[float, bytes]:
        """Return the milliseconds until the whole answer was here, and the answer; raises RuntimeError."""
        began = time.perf_counter()
        self._line.request("GET", path, headers={**self._headers, "Accept": "text/html"})
        answer = self._line.getresponse()
        content = answer.read()
        if answer.status != http.HTTPStatus.OK:
            raise RuntimeError(f"{path}: {answer.status}")
        return (time.perf_counter() - began) * 1e3, content

    def spans(self, path: Callable[[int], str]) -> list[float]:
        """Return how long each of many answers took."""
        for number in range(WARM):
            self.ask(path(number))
        return [self.ask(path(number + WARM))[0] for number in range(TIMES)]


def measure(folder: Path) -> tuple[Row, ...]:
    """Return the figures of pages; `folder` is for scratch."""
    few, many = folder / "few", folder / "many"
    crowd.make(few, FEW)
    crowd.make(many, MANY)
    with serving(few) as server:
        alone = statistics.median(Asker(server).spans(lambda _: "/jobs"))
    with serving(many) as server:
        asker = Asker(server)
        with _bare(asker.ask("/jobs")[1], folder) as bare:
            beside = _percentiles(Asker(bare).spans(lambda _: "/jobs"))
        plain = asker.spans(lambda _: "/jobs")
        return (
            *_three("page of 50 of 10,000 jobs", plain, (4, 9, 16), beside),
            *_three(
                "the same, filtered by a text",
                asker.spans(lambda n: f"/jobs?q=photos+{n}"),
                (10, 20, 30),
                beside,
            ),
            *_three("the same as JSON", asker.spans(lambda _: "/api/v1/jobs?limit=50"), (2, 4, 8), beside),
            at_most("page of jobs, 10,000 jobs against 50", statistics.median(plain) / alone, "times", 1.2),
            *_three("dashboard of 10,000 jobs", asker.spans(lambda _: "/"), (4, 9, 16), beside),
            at_most("start to first job able to run, 10,000 jobs", server.seconds, "s", 2),
            *_idle(server),
        )


def _percentiles(spans: list[float]) -> tuple[float, float, float]:
    cuts = statistics.quantiles(spans, n=100)
    return cuts[49], cuts[94], cuts[98]


def _three(
    what: str, spans: list[float], budgets: tuple[float, float, float], beside: tuple[float, ...]
) -> list[Row]:
    """Return the lines of p50, p95 and p99."""
    return [
        at_most(f"{what}, {word}", ours, "ms", budget, Beside(figure=bare, name="a bare page of those bytes"))
        for word, ours, budget, bare in zip(
            ("p50", "p95", "p99"), _percentiles(spans), budgets, beside, strict=True
        )
    ]


def _idle(server: Served) -> tuple[Row, ...]:
    """Return what a server costs that nobody looks at."""
    process = psutil.Process(server.pid)
    memory = process.memory_info().rss / MB
    before = process.cpu_times()
    time.sleep(IDLE_SECONDS)
    after = process.cpu_times()
    used = after.user + after.system - before.user - before.system
    return (
        at_most("memory with 10,000 jobs, after their pages", memory, "MB", 110),
        at_most("idle with 10,000 jobs", used / IDLE_SECONDS * 100, "% of a core", 0.2),
    )
