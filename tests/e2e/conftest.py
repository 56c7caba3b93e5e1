"""A real server and a real browser.

`page` is logged in as the administrator, and its test fails when the browser complains about the
page or the page asks another host for anything. `new_page` gives more of them, each a browser of
its own with the same login; `stranger` has no login.
"""

import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Page,
    Request,
    StorageState,
    expect,
    sync_playwright,
)

SETUP_LINK = re.compile(r"http://127\.0\.0\.1:\d+/setup#\S+")
ADDRESS = re.compile(r"http://127\.0\.0\.1:\d+")
START_SECONDS = 30
PATIENCE = 15_000
"""Milliseconds until what a page is expected to show counts as missing: other tests have their share of the machine."""

expect.set_options(timeout=PATIENCE)
CHROMIUM_FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--font-render-hinting=none",
    "--disable-lcd-text",
    "--force-color-profile=srgb",
    "--hide-scrollbars",
)
NAME = "ada"
PASSWORD = "seven grey herons over still water"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--renew-pictures", action="store_true", help="keep what pages look like now")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Everything in this folder needs a browser."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.e2e)


@dataclass
class Server:
    """A `holdfast serve` of its own, on a data folder of its own."""

    data: Path
    port: int = 0
    said: list[str] = field(default_factory=list)
    process: subprocess.Popen[str] | None = None
    login: StorageState | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Return when the server has told its address; a second start keeps the port."""
        self.said = []
        self.process = subprocess.Popen(
            [
                Path(sys.executable).with_name("holdfast"),
                "serve",
                "--port",
                str(self.port),
                "--data",
                self.data,
            ],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            text=True,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
            start_new_session=True,
        )
        ready = threading.Event()
        threading.Thread(target=self._listen, args=(self.process, ready), daemon=True).start()
        ready.wait(START_SECONDS)
        assert any(map(ADDRESS.search, self.said)), "The server told no address:\n" + "".join(self.said)

    def _listen(self, process: subprocess.Popen[str], ready: threading.Event) -> None:
        assert process.stdout is not None
        with process.stdout:
            for line in process.stdout:
                self.said.append(line)
                if match := ADDRESS.search(line):
                    self.port = int(match.group().rpartition(":")[2])
                    ready.set()
        ready.set()

    def setup_link(self) -> str:
        """Return the one-time link that the first start printed."""
        return next(match.group() for line in self.said if (match := SETUP_LINK.search(line)))

    def stop(self) -> int:
        """End it as a service manager would; return its exit code."""
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=30)

    def kill(self) -> None:
        """End it as a power cut would, without a word."""
        assert self.process is not None
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(timeout=30)


def chromium() -> str:
    names = ("chromium", "chromium-browser", "google-chrome")
    found = next((path for name in names if (path := shutil.which(name))), None)
    assert found, "No Chromium on this machine; `make e2e` installs it."
    return found


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        fonts = {"FONTCONFIG_FILE": str(Path(__file__).with_name("fonts.conf"))}
        browser = playwright.chromium.launch(
            executable_path=chromium(), args=list(CHROMIUM_FLAGS), env={**os.environ, **fonts}
        )
        yield browser
        browser.close()


@pytest.fixture
def make_server(tmp_path) -> Iterator[Callable[[], Server]]:
    """Starts servers that a test may stop or kill; ends those still there afterwards."""
    servers: list[Server] = []

    def make() -> Server:
        server = Server(tmp_path / f"data-{len(servers)}")
        server.start()
        servers.append(server)
        return server

    yield make
    for server in servers:
        if server.process is not None and server.process.poll() is None:
            server.kill()


@pytest.fixture(scope="session")
def server(tmp_path_factory) -> Iterator[Server]:
    """The server that tests share which leave it running."""
    server = Server(tmp_path_factory.mktemp("server") / "data")
    server.start()
    yield server
    if server.process is not None and server.process.poll() is None:
        server.stop()


def set_up(browser: Browser, server: Server) -> StorageState:
    """Make the first account through the one-time link; return what the browser then keeps."""
    context = browser.new_context(base_url=server.url)
    page = context.new_page()
    page.goto(server.setup_link())
    page.fill("input[name=username]", NAME)
    page.fill("input[name=password]", PASSWORD)
    page.click("button[type=submit]")
    expect(page, page.locator("main").inner_text()).not_to_have_url(re.compile("/setup"))
    state = context.storage_state()
    context.close()
    return state


class Watch:
    """Collects what no page of ours may do."""

    def __init__(self) -> None:
        self.complaints: list[str] = []
        # A test that provokes an answer such as 404 names it here: the browser reports it on the console.
        self.expected: list[str] = []

    def over(self, context: BrowserContext, url: str) -> None:
        context.on("console", self._console)
        context.on("weberror", lambda error: self.complaints.append(f"script: {error.error}"))
        context.on("request", lambda request: self._request(request, url))

    def expect_an_outage(self) -> None:
        """From here on the server may be away."""
        self.expected += ["WebSocket", "net::ERR_", "Failed to fetch"]

    def _console(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"} and not any(part in message.text for part in self.expected):
            self.complaints.append(f"console: {message.text} ({message.location.get('url', '')})")

    def _request(self, request: Request, url: str) -> None:
        if not request.url.startswith((url, "data:", "blob:", "about:")):
            self.complaints.append(f"request: {request.url}")


@pytest.fixture
def watch() -> Iterator[Watch]:
    watch = Watch()
    yield watch
    assert not watch.complaints, "\n".join(watch.complaints)


@pytest.fixture
def new_page(browser: Browser, server: Server, watch: Watch) -> Iterator[Callable[..., Page]]:
    """Opens pages, each in a browser of its own that is logged in.

    `at` is another server than the shared one; the rest are the options of a browser's context.
    """
    contexts: list[BrowserContext] = []

    def open_page(at: Server = server, **options: Any) -> Page:
        if "storage_state" not in options:
            at.login = options["storage_state"] = at.login or set_up(browser, at)
        options.setdefault("viewport", {"width": 1440, "height": 900})
        context = browser.new_context(base_url=at.url, **options)
        contexts.append(context)
        watch.over(context, at.url)
        return context.new_page()

    yield open_page
    for context in contexts:
        context.close()


@pytest.fixture
def page(new_page: Callable[..., Page]) -> Page:
    return new_page()


@pytest.fixture
def stranger(new_page: Callable[..., Page], browser: Browser, server: Server) -> Page:
    """A browser without a login, at a server that has people."""
    server.login = server.login or set_up(browser, server)
    return new_page(storage_state=None)


@pytest.fixture(scope="session")
def scenes(tmp_path_factory) -> Iterator[Callable[[str], Any]]:
    """Opens scenes by their names, each once."""
    from tests.e2e import scenes  # noqa: PLC0415 - it needs what is above

    with contextlib.ExitStack() as opened:

        @cache
        def scene(name: str) -> Any:
            return opened.enter_context(scenes.staged(name, tmp_path_factory.mktemp(name)))

        yield scene
