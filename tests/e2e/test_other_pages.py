"""A page of another program on this machine, in the browser of somebody who is signed in.

To a browser it is the same site: cookies with SameSite=Strict are sent along. Only the exact origin and
the token of the session stand between it and Holdfast.
"""

import functools
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from playwright.sync_api import Browser

from tests.e2e.conftest import set_up

PAGE = """<!doctype html><title>Other</title>
<form id="form" method="post" action="{target}/preferences" target="away"><input name="theme" value="dark"></form>
<iframe name="away"></iframe>"""

ATTACK = """async (target) => {
  const said = {};
  const asked = async (name, path, options) => {
    try { said[name] = (await fetch(target + path, {credentials: "include", ...options})).status; }
    catch (error) { said[name] = String(error.name); }
  };
  await asked("read", "/api/v1/jobs", {});
  await asked("write", "/api/v1/jobs", {method: "POST", mode: "no-cors", headers: {"Content-Type": "text/plain"},
    body: '{"name":"evil","kind":"copy"}'});
  await asked("logout", "/logout", {method: "POST", mode: "no-cors"});
  said.socket = await new Promise((resolve) => {
    const line = new WebSocket(target.replace("http", "ws") + "/ws");
    line.onopen = () => resolve("open");
    line.onerror = () => resolve("refused");
    setTimeout(() => resolve("silence"), 10000);
  });
  await new Promise((resolve) => {
    document.querySelector("iframe").onload = resolve;
    setTimeout(resolve, 10000);  // a browser need not tell of what it does not show
    document.getElementById("form").submit();
  });
  return said;
}"""


class OtherProgram(BaseHTTPRequestHandler):
    """Serves one page."""

    def __init__(self, target: str, *rest: Any) -> None:
        self.target = target
        super().__init__(*rest)

    def do_GET(self) -> None:
        content = PAGE.replace("{target}", self.target).encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - its name in the library
        pass


@pytest.fixture
def other_program(server) -> Iterator[str]:
    """The address of another program on this machine."""
    program = ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(OtherProgram, server.url))
    threading.Thread(target=program.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{program.server_port}"
    program.shutdown()
    program.server_close()


@pytest.mark.parametrize("name", ["127.0.0.1", "localhost"])
def test_a_page_of_another_program_can_do_nothing(browser: Browser, server, other_program, name):
    server.login = server.login or set_up(browser, server)
    context = browser.new_context(storage_state=server.login)
    own, other = context.new_page(), context.new_page()
    other.goto(other_program.replace("127.0.0.1", name))

    said = other.evaluate(ATTACK, server.url)
    own.goto(f"{server.url}/")
    token = own.get_attribute("meta[name=csrf-token]", "content")
    jobs = context.request.get(f"{server.url}/api/v1/jobs").json()

    assert (said["read"], said["socket"]) == ("TypeError", "refused")
    assert token
    assert "evil" not in json.dumps(jobs)
    assert not [cookie for cookie in context.cookies(server.url) if cookie["name"] == "theme"]
    assert own.url == f"{server.url}/"
    context.close()
