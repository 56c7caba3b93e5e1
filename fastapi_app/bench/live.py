"""How long a change takes to reach the page, in a real browser with one viewer."""

import queue
import random
import statistics
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Final

import uvicorn

from core.bench.rows import Row
from core.drafts import JobDraft
from core.engines.base import Engine
from core.events import Event, RunMoved
from core.models import Progress
from core.service import Service
from core.settings import Settings
from core.states import RunState
from core.work import Outcome, RunContext
from fastapi_app.app import create_app
from fastapi_app.bench.browsers import a_browser
from fastapi_app.server import listening_socket

if TYPE_CHECKING:
    from playwright.sync_api import Page

CHANGES: Final = 60
BUDGET_MS: Final = 300.0
BATCH_MS: Final = 250.0
PATIENCE: Final = 30.0
PASSWORD: Final = "a bench that lasts a minute"  # noqa: S105 - for an account that goes away with the bench

WATCH: Final = """() => {
    window.seen = {};
    const look = () => document.querySelectorAll('[data-f="p"]').forEach((one) => {
        window.seen[one.textContent.trim()] ??= performance.timeOrigin + performance.now();
    });
    new MutationObserver(look).observe(document.body, {subtree: true, childList: true, characterData: true});
}"""


class PacedEngine(Engine):
    """Reports what it is handed, when it is handed it."""

    kind: ClassVar[str] = "paced"
    label: ClassVar[str] = "Paced"
    summary: ClassVar[str] = "For the bench"
    stages: ClassVar[tuple[str, ...]] = ("copy",)
    reports: ClassVar["queue.SimpleQueue[Progress | None]"] = queue.SimpleQueue()

    def run(self, context: RunContext) -> Outcome:
        """Report until there is no more."""
        while (progress := self.reports.get()) is not None:
            context.report(progress)
        return Outcome()


def make_paced(_kind: str, _options: Mapping[str, Any]) -> Engine:
    """Make the one engine of this bench."""
    return PacedEngine()


def measure(folder: Path) -> tuple[Row, ...]:
    """Return how long a change takes from the manager to the page's DOM; `folder` is for scratch."""
    service = Service(Settings(data=folder / "data", port=0), make_engine=make_paced)
    with _serving(service) as (address, code), a_browser() as browser:
        page = browser.new_page()
        _sign_in(page, f"{address}/setup#{code}")
        job = service.manager.create(JobDraft(name="paced", kind=PacedEngine.kind))
        running = _when_running(service)
        service.manager.start(job.id)
        running.wait(PATIENCE)
        PacedEngine.reports.put(_progress(0))
        page.goto(f"{address}/jobs/{job.id}")
        page.wait_for_function("() => document.querySelector('[data-f=\"p\"]')?.textContent.trim() === '0%'")
        page.evaluate(WATCH)
        spans = [_span(page, percent) for percent in range(1, CHANGES + 1)]
        PacedEngine.reports.put(None)
    return (
        _row("change to DOM, p50, one viewer", spans, 50),
        _row("change to DOM, p95, one viewer", spans, 95),
    )


def _span(page: "Page", percent: int) -> float:
    """Return the milliseconds from one change to the page; changes fall anywhere between two batches."""
    page.wait_for_timeout(random.uniform(50, 450))  # noqa: S311 - not a secret
    began = time.time() * 1000
    PacedEngine.reports.put(_progress(percent))
    seen = page.wait_for_function(f"() => window.seen['{percent}%']", timeout=PATIENCE * 1000).json_value()
    return float(seen) - began


def _progress(percent: int) -> Progress:
    return Progress(stage="copy", percent=percent, done=percent, total=100, rate=1000.0, eta_seconds=60.0)


def _row(name: str, spans: list[float], percentile: int) -> Row:
    ours = statistics.quantiles(spans, n=100)[percentile - 1]
    return Row(
        name=name,
        ours=ours,
        yardstick=BATCH_MS,
        yardstick_name="the pace of batches",
        unit="ms",
        budget=f"at most {BUDGET_MS:g} ms",
        met=ours <= BUDGET_MS,
    )


def _when_running(service: Service) -> threading.Event:
    running = threading.Event()

    def listen(event: Event) -> None:
        if isinstance(event, RunMoved) and event.run.state == RunState.RUNNING:
            running.set()

    service.events.subscribe("bench", listen)
    return running


@contextmanager
def _serving(service: Service) -> Iterator[tuple[str, str]]:
    """Serve in a thread; yield the address and the set-up code."""
    listener = listening_socket(service.settings)
    app = create_app(service.settings, service=service)
    config = uvicorn.Config(app, log_level="warning", access_log=False, ws_per_message_deflate=False)
    server = uvicorn.Server(config)
    started = threading.Event()
    server_thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    server_thread.start()
    while not server.started and not started.wait(0.05):
        pass
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}", app.state.house.accounts.set_up_code()
    finally:
        server.should_exit = True
        server_thread.join()


def _sign_in(page: "Page", link: str) -> None:
    page.goto(link)
    page.fill("#username", "bench")
    page.fill("#password", PASSWORD)
    page.click("button[type=submit]")
    page.wait_for_url(lambda url: "/setup" not in url)
