"""How open pages keep up with what happens, and what that takes: seen in a real browser."""

import json
import statistics
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from core.bench.rows import Row, at_most
from fastapi_app.bench.browsers import a_browser
from fastapi_app.bench.crowd import Told, crowded

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page, WebSocket

CHANGES: Final = 30
BUSY_SECONDS: Final = 12.0
IDLE_SECONDS: Final = 32.0
SETTLED_MS: Final = 2_500
HEADER: Final = 4
"""Bytes around the text of most frames."""

PATIENCE_MS: Final = 40_000
LIVE: Final = "() => document.getElementById('conn').textContent.trim() === 'Live'"

WATCH: Final = """([counted, moved]) => {
    window.seen = {};
    const now = () => performance.timeOrigin + performance.now();
    const look = () => {
        const percent = document.getElementById(`job-${counted}`)?.querySelector('[data-f="p"]')?.textContent.trim();
        if (percent) window.seen[percent] ??= now();
        const state = document.getElementById(`row-${moved}`)?.dataset.st;
        if (state) window.seen[state] ??= now();
        const line = document.querySelector('[role="log"] [data-n]:last-child')?.textContent.match(/said-\\d+/);
        if (line) window.seen[line[0]] ??= now();
        const mark = document.getElementById('conn').textContent.trim();
        if (mark !== window.mark) { window.mark = mark; window.marked = now(); }
    };
    new MutationObserver(look).observe(document.body, {
        subtree: true, childList: true, characterData: true, attributes: true,
    });
}"""
"""Notes when a job's percentage, another's state, the last line of a log and the mark changed."""


class Wire:
    """Counts what goes over the socket of a page, and what the page asks for beside it."""

    def __init__(self, page: "Page") -> None:
        self.bytes = 0
        self.frames: list[str] = []
        self.polls = 0
        page.on("websocket", self._listen)
        page.on("request", self._note)

    def _listen(self, line: "WebSocket") -> None:
        line.on("framereceived", lambda frame: self._take(str(frame)))
        line.on("framesent", lambda frame: self._count(str(frame)))

    def _take(self, text: str) -> None:
        self._count(text)
        self.frames.append(text)

    def _count(self, text: str) -> None:
        self.bytes += len(text.encode()) + HEADER

    def _note(self, request: Any) -> None:  # noqa: ANN401 - the browser's own
        self.polls += "/live?" in request.url

    def begin(self) -> None:
        """Count from here."""
        self.bytes, self.polls = 0, 0
        self.frames.clear()

    @property
    def rows(self) -> list[int]:
        """Return how many bytes each row of a batch took."""
        said = [json.loads(frame).get("j", ()) for frame in self.frames]
        return [
            len(json.dumps(row, separators=(",", ":"), ensure_ascii=False).encode())
            for each in said
            for row in each
        ]


@contextmanager
def _page(browser: "Browser", begun: dict[str, Any], path: str) -> Iterator[tuple["Page", Wire]]:
    address = f"http://127.0.0.1:{begun['port']}"
    context = browser.new_context(viewport={"width": 1440, "height": 900}, reduced_motion="reduce")
    context.add_cookies([{"name": "holdfast_session", "value": begun["cookie"], "url": address}])
    page = context.new_page()
    wire = Wire(page)
    page.goto(f"{address}{path}")
    page.wait_for_function(LIVE, timeout=PATIENCE_MS)
    page.wait_for_timeout(SETTLED_MS)
    yield page, wire
    context.close()


def _seen(page: "Page", key: str) -> float:
    """Return when the page showed it first."""
    found = page.wait_for_function("key => window.seen[key]", arg=key, timeout=PATIENCE_MS, polling=50)
    return float(found.json_value())


def _p(percent: int, spans: list[float]) -> float:
    return statistics.quantiles(spans, n=100)[percent - 1]


def _busy(browser: "Browser", told: Told, begun: dict[str, Any]) -> list[Row]:
    """Return what a page takes that shows twenty jobs which report each second."""
    with _page(browser, begun, "/jobs?sort=name") as (page, wire):
        told.ask("busy")
        page.wait_for_timeout(SETTLED_MS)
        line = page.context.new_cdp_session(page)
        line.send(
            "Performance.enable", {"timeDomain": "threadTicks"}
        )  # other work of the machine does not count
        before, began = _task_ms(line), time.monotonic()
        wire.begin()
        page.wait_for_timeout(BUSY_SECONDS * 1_000)
        spent, seconds = _task_ms(line) - before, time.monotonic() - began
        told.ask("quiet")
        batches = [frame for frame in wire.frames if '"j":' in frame]
        rows = wire.rows
        return [
            at_most("bytes of a changed row", statistics.mean(rows), "B", 64),
            at_most("a page with 20 jobs that report each second", wire.bytes / seconds / 1_000, "KB/s", 3.2),
            at_most("messages in 10 s of 20 running jobs", len(batches) / seconds * 10, "", 100),
            at_most("main thread for a batch", spent / max(1, len(batches)), "ms", 15),
            at_most("questions beside the socket while it is up", wire.polls, "", 0),
        ]


def _task_ms(line: Any) -> float:  # noqa: ANN401 - the browser's own
    """Return the milliseconds that the page's main thread was at work so far."""
    metrics = {each["name"]: each["value"] for each in line.send("Performance.getMetrics")["metrics"]}
    return float(metrics["TaskDuration"]) * 1_000


def _idle(browser: "Browser", _told: Told, begun: dict[str, Any]) -> list[Row]:
    """Return what a page takes on which nothing happens."""
    with _page(browser, begun, "/jobs?sort=name") as (page, wire):
        wire.begin()
        page.wait_for_timeout(IDLE_SECONDS * 1_000)
        return [at_most("an idle open page", wire.bytes / IDLE_SECONDS, "B/s", 5)]


def _changes(browser: "Browser", told: Told, begun: dict[str, Any]) -> list[Row]:
    """Return how long changes of state and numbers take to the page."""
    with _page(browser, begun, "/jobs?sort=name") as (page, _):
        states, numbers = [], []
        page.evaluate(WATCH, begun["jobs"][:2])
        for number in range(CHANGES):
            page.evaluate("() => { delete window.seen.running; }")
            at = told.ask("start")["at"]
            states.append(_seen(page, "running") - at)
            page.wait_for_timeout(60 + 37 * (number % 9))
            said = told.ask("further")
            numbers.append(_seen(page, f"{said['percent']}%") - said["at"])
            page.wait_for_timeout(120 + 41 * (number % 7))
        return [
            at_most("change of state to DOM, p50", _p(50, states), "ms", 100),
            at_most("change of state to DOM, p95", _p(95, states), "ms", 250),
            at_most("numbers to DOM, p95", _p(95, numbers), "ms", 300),
        ]


def _log(browser: "Browser", told: Told, begun: dict[str, Any]) -> list[Row]:
    """Return how long a line of a log takes to the screen."""
    with _page(browser, begun, f"/runs/{begun['run']}") as (page, _):
        spans = []
        page.evaluate(WATCH, begun["jobs"][:2])
        for number in range(CHANGES):
            said = told.ask("line")
            spans.append(_seen(page, said["word"]) - said["at"])
            page.wait_for_timeout(40 + 31 * (number % 8))
        return [at_most("line of a log to the screen, p50", _p(50, spans), "ms", 120)]


def measure(folder: Path) -> tuple[Row, ...]:
    """Return the figures of an open page."""
    rows: list[Row] = []
    with a_browser() as browser:
        with crowded(folder / "watched") as told:
            begun = told.ask("begin")
            for part in (_changes, _log, _busy, _idle):
                rows += part(browser, told, begun)
        return (*rows, *_restart(browser, folder / "watched", begun))


def _restart(browser: "Browser", folder: Path, begun: dict[str, Any]) -> list[Row]:
    """Return how soon a page notices that its server was killed, and is right again after its return."""
    port = begun["port"]
    with crowded(folder, port) as told:
        here = begun | told.ask("where")
        context = browser.new_context()
        context.add_cookies(
            [{"name": "holdfast_session", "value": here["cookie"], "url": f"http://127.0.0.1:{port}"}]
        )
        page = context.new_page()
        page.goto(f"http://127.0.0.1:{port}/jobs")
        page.wait_for_function(LIVE, timeout=PATIENCE_MS)
        page.evaluate(WATCH, ["", ""])
        killed = time.time() * 1_000
    page.wait_for_function("() => window.mark", timeout=PATIENCE_MS)
    noticed = float(page.evaluate("() => window.marked")) - killed
    with crowded(folder, port) as told:
        told.ask("where")
        back = time.time() * 1_000
        page.wait_for_function(LIVE, timeout=PATIENCE_MS)
        live = time.time() * 1_000 - back
        context.close()
    return [
        at_most("killed server to the mark", noticed, "ms", 1_000),
        at_most("server back to live again", live / 1_000, "s", 5),
    ]
