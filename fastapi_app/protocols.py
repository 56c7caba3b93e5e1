"""How long a connection may keep the server waiting."""

import asyncio
from http import HTTPStatus
from typing import Any, Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.frames import Frame, Opcode
from websockets.http11 import Request

FAREWELL_SECONDS: Final = 15.0
"""How long a socket that does not read is kept to tell it why it is closed."""


class TimedHttpProtocol(HttpToolsProtocol):
    """Closes connections whose request does not arrive; uvicorn itself would wait for ever."""

    request_seconds = 20.0
    """How long one request may take to arrive."""

    largest_head = 65_536
    """How many bytes the lines before the body may have."""

    _head_size: int | None = None
    _deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait for a request."""
        super().connection_made(transport)
        self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait no more."""
        self._arrived()
        super().connection_lost(exc)

    def on_message_begin(self) -> None:
        """Wait for the rest of the request."""
        super().on_message_begin()
        self._head_size = 0
        self._wait()

    def on_headers_complete(self) -> None:
        """Have its head."""
        self._head_size = None
        super().on_headers_complete()

    def data_received(self, data: bytes) -> None:
        """Take in some of a request, as long as its head does not grow without end."""
        super().data_received(data)
        if self._head_size is not None and not self.transport.is_closing():
            self._head_size += len(data)
            if self._head_size > self.largest_head:
                self.send_400_response("The head of the request is too large.")

    def on_message_complete(self) -> None:
        """Have all of it."""
        self._arrived()
        super().on_message_complete()

    def handle_websocket_upgrade(self) -> None:
        """Leave the connection to its other protocol."""
        self._arrived()
        super().handle_websocket_upgrade()

    def _wait(self) -> None:
        self._arrived()
        self._deadline = self.loop.call_later(self.request_seconds, self.transport.abort)

    def _arrived(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None


LINE: Final = "holdfast.line"
"""The name among a scope's extensions under which a socket can be written to directly."""

MOST_UNREAD: Final = 16_384
"""How many bytes wait in a socket's buffer before it counts as one that does not read."""


def framed(text: str) -> bytes:
    """Return a text as it goes over any socket: the same bytes for everybody."""
    return Frame(Opcode.TEXT, text.encode()).serialize(mask=False)


class FirmWebSocketProtocol(WebSocketsSansIOProtocol):
    """Closes also those sockets that do not read, and takes frames that were written once for many."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep little in memory for a reader that does not read."""
        super().connection_made(transport)
        self.transport.set_write_buffer_limits(high=MOST_UNREAD)

    def handle_connect(self, event: Request) -> None:
        """Let the app know this line."""
        super().handle_connect(event)
        if self.response.status_code == HTTPStatus.SWITCHING_PROTOCOLS:
            self.scope["extensions"][LINE] = self  # type: ignore[assignment]

    def write_framed(self, data: bytes) -> bool:
        """Send what is framed already, without waiting; False where that cannot be done now."""
        if (
            not self.handshake_complete
            or self.close_sent
            or self.transport.is_closing()
            or not self.writable.is_set()
        ):
            return False
        self.transport.write(data)
        return True

    async def send(self, message: Any) -> None:  # noqa: ANN401 - an ASGI message
        """Send; to close, wait for nobody."""
        if message["type"] == "websocket.close" and not self.writable.is_set():
            self.writable.set()
            self.loop.call_later(FAREWELL_SECONDS, self.transport.abort)
        await super().send(message)
