"""Pages by the hundred, as far as a server can tell: raw sockets that say what they show, and read or do not."""

import asyncio
import base64
import contextlib
import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, Final, cast

MASKED: Final = 0x80
TEXT: Final = 0x81
PONG: Final = 0x8A
PING: Final = 0x9
OPCODE: Final = 0xF
SHORT_HEAD: Final = 2
SHORT: Final = 126
ROOM: Final = 4_096
AT_ONCE: Final = 50


class Place(asyncio.Protocol):
    """One page: counts what it is sent."""

    def __init__(self) -> None:
        self.received = 0
        self.frames = 0
        self._rest = b""
        self.open: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.line: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the line."""
        self.line = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Count; the first is the answer to the handshake."""
        if not self.open.done():
            if b"101" not in data[:16]:
                self.open.set_exception(ConnectionRefusedError(data[:80].decode("latin-1")))
            else:
                self.open.set_result(None)
            return
        self.received += len(data)
        self._rest += data
        while (end := self._end_of_frame()) is not None:
            opcode, frame = self._rest[0] & OPCODE, self._rest[:end]
            self._rest = self._rest[end:]
            if opcode == PING:
                self._send(PONG, frame[2:])
            else:
                self.frames += 1

    def _end_of_frame(self) -> int | None:
        """Return where the first frame that has arrived ends, None while it has not."""
        rest = self._rest
        if len(rest) < SHORT_HEAD:
            return None
        length, head = rest[1], SHORT_HEAD
        if length == SHORT:
            length, head = int.from_bytes(rest[2:4]), SHORT_HEAD + 2
        elif length > SHORT:
            length, head = int.from_bytes(rest[2:10]), SHORT_HEAD + 8
        return head + length if len(rest) >= head + length else None

    def say(self, message: dict[str, Any]) -> None:
        """Send one message."""
        self._send(TEXT, json.dumps(message, separators=(",", ":")).encode())

    def _send(self, kind: int, data: bytes) -> None:
        length = (
            bytes([MASKED | len(data)])
            if len(data) < SHORT
            else bytes([MASKED | SHORT]) + len(data).to_bytes(2)
        )
        if not self.line.is_closing():
            self.line.write(bytes([kind]) + length + bytes(4) + data)  # a mask of zeros changes nothing

    def close(self) -> None:
        """Cut the line."""
        self.line.abort()


async def joined(
    port: int, token: str = "", said: dict[str, Any] | None = None, *, reads: bool = True
) -> Place:
    """Return a page with an open line that has said what it shows."""
    sock = socket.socket()
    sock.setblocking(False)
    if not reads:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, ROOM)
    loop = asyncio.get_running_loop()
    await loop.sock_connect(sock, ("127.0.0.1", port))
    _, place = await loop.create_connection(Place, sock=sock)
    head = (
        f"GET /ws HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {base64.b64encode(os.urandom(16)).decode()}\r\n"
        + (f"Authorization: Bearer {token}\r\n" if token else "")
        + "\r\n"
    )
    place.line.write(head.encode())
    await place.open
    if said is not None:
        place.say(said)
    if not reads:
        place.line.pause_reading()
    return place


async def crowd(
    port: int, count: int, tokens: Sequence[str] = ("",), said: dict[str, Any] | None = None
) -> list[Place]:
    """Return so many pages, of as many people as there are tokens."""
    places: list[Place] = []
    for first in range(0, count, AT_ONCE):
        numbers = range(first, min(first + AT_ONCE, count))
        places += await asyncio.gather(
            *(joined(port, tokens[number % len(tokens)], said) for number in numbers)
        )
    return places


class Told:
    """The server of the crowd, told what to do."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process

    def ask(self, word: str) -> dict[str, Any]:
        """Return what it answers."""
        cast("IO[str]", self._process.stdin).write(word + "\n")
        cast("IO[str]", self._process.stdin).flush()
        said: dict[str, Any] = json.loads(cast("IO[str]", self._process.stdout).readline())
        return said

    async def asked(self, word: str) -> dict[str, Any]:
        """Return what it answers, while others go on."""
        return await asyncio.to_thread(self.ask, word)


@contextmanager
def crowded(folder: Path, port: int = 0) -> Iterator[Told]:
    """Serve a crowd in a process of its own; it is killed at the end, as a power cut would."""
    folder.mkdir(parents=True, exist_ok=True)
    process = subprocess.Popen(
        [sys.executable, "-m", "fastapi_app.bench.crowded", str(folder), str(port)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        yield Told(process)
    finally:
        process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout):
            with contextlib.suppress(BrokenPipeError):
                cast("IO[str]", pipe).close()
