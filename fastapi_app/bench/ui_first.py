"""How soon somebody who comes for the first time sees the first row, and what that takes over the wire."""

import statistics
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from core.bench import crowd
from core.bench.rows import Beside, Row, at_most
from fastapi_app.bench.browsers import a_browser
from fastapi_app.bench.ui_pages import Served, serving

if TYPE_CHECKING:
    from playwright.sync_api import Browser

JOBS: Final = 10_000
VISITS: Final = 7
FIRST_ROW: Final = """() => new Promise((tell) => {
    const look = () => document.querySelector("tbody tr")
        ? requestAnimationFrame(() => requestAnimationFrame(() => tell(performance.now())))
        : requestAnimationFrame(look);
    look();
})"""
"""Milliseconds from the beginning of the visit to the frame that shows the first row."""


class Visit:
    """One visit with nothing kept from before: what was asked for, and how much came."""

    def __init__(self, browser: "Browser", server: Served) -> None:
        self._context = browser.new_context(extra_http_headers={"Authorization": f"Bearer {server.token}"})
        self._page = self._context.new_page()
        self._address = server.address
        self._asked: dict[str, str] = {}
        self.bytes = 0.0
        line = self._context.new_cdp_session(self._page)
        line.send("Network.enable")
        line.on("Network.requestWillBeSent", self._ask)
        line.on("Network.loadingFinished", self._take)

    def _ask(self, event: dict[str, Any]) -> None:
        self._asked[event["requestId"]] = event["request"]["url"]

    def _take(self, event: dict[str, Any]) -> None:
        self.bytes += event["encodedDataLength"]

    @property
    def requests(self) -> int:
        """Return how many things were asked for over the wire."""
        return sum(not url.startswith("data:") for url in self._asked.values())

    @property
    def outside(self) -> int:
        """Return how many of them were asked of somebody else."""
        return sum(not url.startswith((self._address, "data:")) for url in self._asked.values())

    def first_row(self) -> float:
        """Return the milliseconds until the first row was to be seen; waits until all has come."""
        self._page.goto(f"{self._address}/jobs", wait_until="commit")
        shown = float(self._page.evaluate(FIRST_ROW))
        self._page.wait_for_load_state("networkidle")
        return shown

    def end(self) -> None:
        """Forget everything."""
        self._context.close()


def measure(folder: Path) -> tuple[Row, ...]:
    """Return the figures of a first visit to the jobs page; `folder` is for scratch."""
    data = folder / "first"
    crowd.make(data, JOBS)
    with serving(data) as server, a_browser() as browser:
        bare = [_bare_visit(browser, server) for _ in range(VISITS)]
        visits = [_visit(browser, server) for _ in range(VISITS)]
    shown = statistics.median(span for span, _, _, _ in visits)
    beside = Beside(figure=statistics.median(bare), name="a page with nothing on it")
    _, size, requests, outside = visits[-1]
    return (
        at_most("first row to be seen, nothing kept, 10,000 jobs", shown, "ms", 250, beside),
        at_most("bytes of a first visit", size / 1e3, "KB", 90),
        at_most("requests of a first visit", requests, "requests", 8),
        at_most("requests of a first visit to other hosts", outside, "requests", 0),
    )


def _visit(browser: "Browser", server: Served) -> tuple[float, float, int, int]:
    visit = Visit(browser, server)
    shown = visit.first_row()
    visit.end()
    return shown, visit.bytes, visit.requests, visit.outside


def _bare_visit(browser: "Browser", server: Served) -> float:
    """Return the milliseconds until a page without anything is painted."""
    context = browser.new_context()
    page = context.new_page()
    page.goto(f"{server.address}/livez")
    painted = "() => new Promise((t) => requestAnimationFrame(() => requestAnimationFrame(() => t(performance.now()))))"
    shown = float(page.evaluate(painted))
    context.close()
    return shown
