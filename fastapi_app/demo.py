"""The main job once, without a browser: set up, back a real folder up, follow it until it is verified.

`make demo` runs this. It talks to a server of its own, on a free port and a folder that goes away.
"""

import logging
import re
import secrets
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import httpx
import orjson
from websockets.exceptions import WebSocketException
from websockets.sync.client import connect

from core.errors import HoldfastError
from core.states import RunState, is_final

log = logging.getLogger("holdfast.demo")

LINK: Final = re.compile(r"(http://127\.0\.0\.1:\d+)/setup#(\S+)")
PATIENCE: Final = 120
NAME: Final = "demo"
SHOWN: Final = ("s", "d", "r", "e")
"""Of the fields of a live frame: what is done, how much, how fast, how long."""


class DemoFailed(HoldfastError):
    """The demonstration did not come to its end."""

    code = "demo-failed"
    hint = "What the server said stands above."


def main() -> int:
    """Run the demonstration; 0 only when the copy was verified."""
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stdout)
    logging.getLogger("httpx").setLevel(logging.WARNING)
    with tempfile.TemporaryDirectory(prefix="holdfast-demo-") as scratch:
        try:
            with _server(Path(scratch) / "data") as (address, code):
                return _demonstrate(address, code, Path(scratch) / "copy")
        except (
            HoldfastError,
            httpx.HTTPError,
            OSError,
            WebSocketException,
            subprocess.TimeoutExpired,
        ) as error:
            log.error("%s", error)  # noqa: TRY400 - one line for people; a traceback would not help them
            return 1


@contextmanager
def _server(data: Path) -> Iterator[tuple[str, str]]:
    """Start a server; yield its address and its one-time set-up code."""
    argv = [sys.executable, "-m", "fastapi_app.cli", "serve", "--port", "0", "--data", str(data)]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield _link(process)
        finally:
            process.terminate()
            process.wait(PATIENCE)


def _link(process: "subprocess.Popen[str]") -> tuple[str, str]:
    for line in process.stdout or ():
        if found := LINK.search(line):
            return found[1], found[2]
        log.info("%s", line.rstrip())
    raise DemoFailed("The server ended before it told its address.")


def _demonstrate(address: str, code: str, destination: Path) -> int:
    source = Path(sysconfig.get_paths()["stdlib"])
    log.info("Holdfast runs on %s. Copying %s, a real folder, to a new one.", address, source)
    token = _set_up(address, code)
    headers = {"Authorization": f"Bearer {token}"}
    with httpx.Client(
        base_url=f"{address}/api/v1", headers=headers, timeout=PATIENCE, trust_env=False
    ) as api:
        options = {
            "source": str(source),
            "destination": str(destination),
            "exclude": ["site-packages/", "__pycache__/"],
        }
        job = _answer(api.post("/jobs", json={"name": "Python library", "kind": "copy", "options": options}))
        with connect(f"{address.replace('http', 'ws', 1)}/ws", additional_headers=headers) as socket:
            _subscribe(socket, "", job["id"])
            run = _answer(api.post(f"/jobs/{job['id']}/runs"))
            for frame in _frames(socket):
                if frame["t"] == "reset":  # the server tells its epoch to whoever does not know it
                    _subscribe(socket, frame["e"], job["id"])
                _show(frame)
                run = _answer(api.get(f"/runs/{run['id']}"))
                if is_final(RunState(run["state"])):
                    break
    return _verdict(run)


def _set_up(address: str, code: str) -> str:
    """Make the first account, and return a token of it."""
    password = secrets.token_urlsafe(24)
    form = {"code": code, "username": NAME, "password": password}
    answer = httpx.post(f"{address}/setup", data=form, headers={"Origin": address}, trust_env=False)
    if answer.status_code != httpx.codes.SEE_OTHER:
        raise DemoFailed(f"The set-up link was refused with {answer.status_code}.")
    login = {"username": NAME, "password": password}
    token = _answer(httpx.post(f"{address}/api/v1/auth/token", json=login, trust_env=False))["access_token"]
    return str(token)


def _subscribe(socket: Any, epoch: str, job_id: str) -> None:  # noqa: ANN401 - a connection of websockets
    socket.send(orjson.dumps({"t": "sub", "e": epoch, "s": 0, "j": [job_id], "k": []}).decode())


def _frames(socket: Any) -> Iterator[dict[str, Any]]:  # noqa: ANN401 - a connection of websockets
    """Yield each frame that the server pushes."""
    while True:
        try:
            frame: dict[str, Any] = orjson.loads(socket.recv(timeout=PATIENCE))
        except TimeoutError as error:
            raise DemoFailed(f"Nothing came over the WebSocket for {PATIENCE} s.") from error
        yield frame


def _show(frame: dict[str, Any]) -> None:
    for _, fields in frame.get("j", ()):
        if words := [str(fields[name]) for name in SHOWN if fields.get(name)]:
            log.info("  live: %s", ", ".join(words))


def _answer(answer: httpx.Response) -> dict[str, Any]:
    if answer.is_error:
        raise DemoFailed(f"The server answered {answer.status_code}: {answer.text}")
    found: dict[str, Any] = answer.json()
    return found


def _verdict(run: dict[str, Any]) -> int:
    result = run.get("result") or {}
    log.info("The run is %s. %s", run["state"], (result.get("verification") or {}).get("sentence", ""))
    for word in (*run.get("warnings", ()), (run.get("error") or {}).get("message")):
        if word:
            log.info("  %s", word)
    return 0 if run["state"] == RunState.COMPLETED and result.get("verified") is True else 1


if __name__ == "__main__":
    sys.exit(main())
