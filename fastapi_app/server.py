"""Runs the app on a socket, from start to a graceful stop."""

import asyncio
import contextlib
import errno
import logging
import os
import signal
import socket
from collections.abc import Callable, Iterator
from typing import Final

import uvicorn
import uvloop
from fastapi import FastAPI

from core.accounts import Accounts
from core.errors import HoldfastError, Refused
from core.log_setup import set_up_logging
from core.service import Service
from core.settings import Settings
from fastapi_app.app import create_app
from fastapi_app.door import open_door
from fastapi_app.house import House
from fastapi_app.live import LARGEST_MESSAGE
from fastapi_app.protocols import FirmWebSocketProtocol, TimedHttpProtocol
from fastapi_app.sites import is_loopback

log = logging.getLogger(__name__)

Say = Callable[[str], None]

GRACE_SECONDS: Final = 10
BACKLOG: Final = 2_048


class CannotListen(HoldfastError):
    """The address cannot be listened on."""

    code = "cannot-listen"
    hint = "Stop what uses it, or name another one with --port; --port 0 takes any that is free."


def run_server(settings: Settings, say: Say) -> None:
    """Serve until SIGTERM or SIGINT; `say` is told, once, where to go with a browser.

    Raises Refused, CannotListen, StoreInUse or StoreUnreadable; nothing was started then.
    """
    os.umask(0o077)
    set_up_logging(settings.log_level, settings.log_format)
    service = Service(settings)
    accounts = Accounts(service.data / "auth", service.clock)
    accounts.open()
    check_address(settings, accounts)
    with contextlib.closing(listening_socket(settings)) as listener:
        app = create_app(settings, service=service, accounts=accounts)
        server = Server(app, listener, say)
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(server.live())


def check_address(settings: Settings, accounts: Accounts) -> None:
    """Raise Refused where others could reach a Holdfast that is not ready for them."""
    if is_loopback(settings.host):
        return
    where = f"Holdfast does not listen on {settings.host}"
    if accounts.needs_set_up:
        message = f"{where} before it has an administrator: whoever came first would be the one."
        hint = "Start it without --host, open the link it prints, then start it again with --host."
        raise Refused(message, hint=hint)
    if not settings.public_origin:
        message = f"{where} without knowing the address that people use."
        hint = "Set HOLDFAST_PUBLIC_ORIGIN to it, such as https://jobs.example.org behind a proxy with TLS."
        raise Refused(message, hint=hint)


def listening_socket(settings: Settings) -> socket.socket:
    """Return a socket that listens; raises CannotListen, saying why."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    try:
        return socket.create_server((settings.host, settings.port), family=family, backlog=BACKLOG)
    except (OSError, OverflowError) as error:
        where = f"{settings.host}, port {settings.port}"
        number = error.errno if isinstance(error, OSError) else None
        reasons = {
            errno.EADDRINUSE: "something else listens there",
            errno.EACCES: "this user may not use that port",
            errno.EADDRNOTAVAIL: "this machine does not have that address",
        }
        reason = reasons.get(number or 0) or str(error)
        message = f"Holdfast cannot listen on {where}: {reason}."
        raise CannotListen(message) from error


class Server(uvicorn.Server):
    """A server that enters the app's life before it answers, and leaves it after the last answer."""

    def __init__(self, app: FastAPI, listener: socket.socket, say: Say) -> None:
        super().__init__(_config(app))
        self._app = app
        self._listener = listener
        self._say = say
        self._house: House = app.state.house

    @property
    def address(self) -> str:
        """Return where it answers on this machine."""
        host, port = self._listener.getsockname()[:2]
        name = f"[{host}]" if ":" in host else host
        return f"http://{name}:{port}"

    @property
    def port(self) -> int:
        """Return the port it listens on."""
        port: int = self._listener.getsockname()[1]
        return port

    async def live(self) -> None:
        """Start, answer until told to stop, stop."""
        async with self._app.router.lifespan_context(self._app):
            token = self._house.accounts.open_door()
            with open_door(self._house.service.data, self.address, token), self._stopping_on_signals():
                await self.serve(sockets=[self._listener])

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to answer, then say where."""
        await super().startup(sockets)
        await asyncio.to_thread(self._house.service.tell_address, self.address)
        accounts = self._house.accounts
        way = f"setup#{accounts.set_up_code()}" if accounts.needs_set_up else ""
        self._say(f"{self.address}/{way}")

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave signals to `live`: uvicorn would end the process before the app has stopped."""
        yield

    @contextlib.contextmanager
    def _stopping_on_signals(self) -> Iterator[None]:
        loop = asyncio.get_running_loop()
        names = (signal.SIGTERM, signal.SIGINT)
        for name in names:
            loop.add_signal_handler(name, self._stop, name)
        try:
            yield
        finally:
            for name in names:
                loop.remove_signal_handler(name)

    def _stop(self, name: signal.Signals) -> None:
        log.info("%s: no new work; runs give their slots back and go on at the next start", name.name)
        self.should_exit = True


def _config(app: FastAPI) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        http=TimedHttpProtocol,
        ws=FirmWebSocketProtocol,
        lifespan="off",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        timeout_keep_alive=20,
        timeout_graceful_shutdown=GRACE_SECONDS,
        ws_max_size=LARGEST_MESSAGE,
        ws_per_message_deflate=False,
    )
