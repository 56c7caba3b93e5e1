"""The server from start to stop: where it listens, what it says, whom it keeps waiting."""

import asyncio
import json
import os
import re
import signal
import socket
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest
import uvicorn
from uvicorn.server import ServerState

from core.accounts import Accounts
from core.clock import SystemClock
from core.errors import Refused
from core.passwords import Passwords
from core.settings import Settings
from fastapi_app.protocols import TimedHttpProtocol
from fastapi_app.server import (
    LISTENER,
    CannotListen,
    begin_anew,
    check_address,
    listening_socket,
    run_server,
)
from tests.fastapi_app.conftest import PASSWORD


@pytest.fixture(autouse=True)
def _the_masks_of_this_process():
    """A server hides its files from others for good, and lets signals wait; the tests after it are no servers."""
    before, signals = os.umask(0o022), signal.pthread_sigmask(signal.SIG_BLOCK, [])
    os.umask(before)
    yield
    os.umask(before)
    signal.pthread_sigmask(signal.SIG_SETMASK, signals)


@pytest.fixture
def data(tmp_path):
    return tmp_path / "data"


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "myhost.example"])
def test_holdfast_does_not_listen_to_others_before_it_has_an_administrator(data, host):
    with pytest.raises(Refused, match="administrator") as refused:
        run_server(Settings(data=data, host=host, port=0), lambda _: None)

    assert "without --host" in refused.value.hint
    assert not data.exists()


def test_holdfast_listens_to_others_only_at_an_address_it_knows(data):
    accounts = Accounts(data / "auth", SystemClock(), passwords=Passwords(memory_kib=64))
    accounts.set_up(accounts.set_up_code(), "ada", PASSWORD)
    settings = Settings(data=data, host="0.0.0.0")

    with pytest.raises(Refused, match="address"):
        check_address(settings, accounts)

    check_address(Settings(data=data, host="0.0.0.0", public_origin="https://jobs.example.org"), accounts)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1", "127.9.9.9"])
def test_this_machine_alone_may_always_be_listened_to(data, host):
    check_address(Settings(data=data, host=host), Accounts(data / "auth", SystemClock()))


def test_a_port_that_is_taken_is_said_in_words():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        settings = Settings(port=taken.getsockname()[1])

        with pytest.raises(CannotListen, match="something else listens there"):
            listening_socket(settings)


def started(data: Any) -> tuple[subprocess.Popen[str], str]:
    """Start a real server; return it and the line it said."""
    process = subprocess.Popen(
        [sys.executable, "-m", "fastapi_app.cli", "serve", "--port", "0", "--data", str(data)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )
    assert process.stdout is not None
    return process, process.stdout.readline()


def test_a_restart_without_what_it_was_begun_with_is_refused_in_words(monkeypatch):
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    monkeypatch.setenv(LISTENER, "")

    with socket.create_server(("127.0.0.1", 0)) as listener, pytest.raises(Refused) as refused:
        begin_anew(listener, ())

    assert "/nowhere/python" in str(refused.value)
    assert "Programs are still at work." in refused.value.hint


def test_the_door_for_local_commands_closes_with_the_server(data):
    process, line = started(data)
    door_file = data / "locks" / "door.json"
    door = json.loads(door_file.read_text())
    mode = door_file.stat().st_mode & 0o777

    headers = {"Authorization": f"Bearer {door['token']}"}
    answer = httpx.get(f"{door['address']}/api/v1/jobs", headers=headers, trust_env=False)
    guess = httpx.get(
        f"{door['address']}/api/v1/jobs", headers={"Authorization": "Bearer x"}, trust_env=False
    )
    process.send_signal(signal.SIGTERM)
    said, complained = process.communicate(timeout=30)

    assert re.search(r"http://127\.0\.0\.1:\d+/setup#[\w-]{27,}\s", line)
    assert (door["pid"], mode) == (process.pid, 0o600)
    assert door["address"] in line
    assert (answer.status_code, guess.status_code) == (200, 401)
    assert (process.returncode, said) == (0, "")
    assert "Traceback" not in complained
    assert not door_file.exists()
    assert {path.stat().st_mode & 0o077 for path in data.rglob("*")} == {0}


def test_a_second_server_on_the_folder_is_refused_in_words(data):
    process, _ = started(data)
    second, line = started(data)

    _, complained = second.communicate(timeout=30)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=30)

    assert line == ""
    assert second.returncode not in {0, None}
    assert "in use" in complained
    assert "at http://127.0.0.1:" in complained
    assert "Traceback" not in complained
    assert process.returncode == 0


def test_who_waits_for_a_look_is_answered_when_the_server_stops(data):
    process, _ = started(data)
    door = json.loads((data / "locks" / "door.json").read_text())
    headers = {"Authorization": f"Bearer {door['token']}"}
    with socket.create_server(("127.0.0.1", 0)) as silence, ThreadPoolExecutor(1) as other:
        silence.settimeout(30)
        url = f"http://127.0.0.1:{silence.getsockname()[1]}/"
        draft = {"type": "rclone", "settings": {"backend": "webdav", "options": {"url": url}}}
        address = f"{door['address']}/api/v1/destinations/test"
        look = other.submit(httpx.post, address, json=draft, headers=headers, timeout=60, trust_env=False)
        caller, _ = silence.accept()

        process.send_signal(signal.SIGTERM)
        _, complained = process.communicate(timeout=30)

        caller.close()
        answer = look.result()
    assert (answer.status_code, process.returncode) == (409, 0)
    assert "called off" in answer.json()["detail"]
    assert "Traceback" not in complained


class HastyProtocol(TimedHttpProtocol):
    request_seconds = 0.1


async def answers_ok(scope: Any, receive: Any, send: Any) -> None:
    """Read all of the body, then answer."""
    while (await receive()).get("more_body"):
        pass
    await send({"type": "http.response.start", "status": 204, "headers": []})
    await send({"type": "http.response.body"})


@pytest.mark.parametrize(
    "half",
    [
        b"",
        b"GET / HT",
        b"GET / HTTP/1.1\r\nHost: x\r\n",
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nabc",
    ],
)
def test_a_request_that_does_not_arrive_is_not_waited_for(half):
    async def asked() -> tuple[bytes, bytes]:
        loop = asyncio.get_running_loop()
        config = uvicorn.Config(answers_ok, lifespan="off", log_config=None, http=HastyProtocol)
        config.load()
        server = await loop.create_server(lambda: HastyProtocol(config, ServerState(), {}), "127.0.0.1", 0)
        async with server:
            port = server.sockets[0].getsockname()[1]
            whole = await talk(port, b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            return whole, await talk(port, half)

    whole, nothing = asyncio.run(asked())

    assert whole.startswith(b"HTTP/1.1 204")
    assert nothing == b""


def say_for_ever(line: socket.socket) -> None:
    while True:
        line.sendall(b"X-More: " + b"x" * 100_000 + b"\r\n")


def test_a_head_without_end_is_not_taken_in(served):
    with socket.create_connection(("127.0.0.1", served.server.port), timeout=20) as line:
        line.sendall(b"GET /livez HTTP/1.1\r\nHost: localhost\r\n")
        with pytest.raises(OSError):
            say_for_ever(line)

    answer = httpx.get(f"{served.origin}/livez", trust_env=False)
    assert answer.status_code == 200


@pytest.mark.parametrize(
    "said",
    [
        b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nContent-Length: 9\r\n\r\nabc",
        b"GET / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\nabc",
        b"GET / HTTP/9.9\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00",
        b"GET /\x00 HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET http://evil.example/ HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n",
        b"GET * HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
    ],
)
def test_ambiguous_requests_are_refused(served, said):
    answer = asyncio.run(talk(served.server.port, said))

    assert re.match(rb"HTTP/1\.1 4\d\d ", answer)


async def talk(port: int, said: bytes) -> bytes:
    """Say something and return all that is answered until the line is closed."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(said)
    try:
        return await reader.read()
    except ConnectionResetError:
        return b""
    finally:
        writer.close()
