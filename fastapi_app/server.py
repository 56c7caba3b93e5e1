"""Runs the app on a socket, from start to a graceful stop."""

import asyncio
import contextlib
import errno
import logging
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable, Collection, Iterator
from typing import Final, NoReturn

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
STOPS: Final = (signal.SIGTERM, signal.SIGINT)
LISTENED_TO: Final = (*STOPS, signal.SIGHUP)
BACKLOG: Final = 2_048
TICK: Final = 0.5
"""Seconds between two looks at the time, and whether to stop."""

LISTENER: Final = "HOLDFAST_LISTENER"
"""The variable that tells the process after a restart which open socket it listens on."""


class CannotListen(HoldfastError):
    """The address cannot be listened on."""

    code = "cannot-listen"
    hint = "Stop what uses it, or name another one with --port; --port 0 takes any that is free."


def run_server(settings: Settings, say: Say) -> None:
    """Serve until SIGTERM or SIGINT; `say` is told, once, where to go with a browser.

    Raises Refused, CannotListen, StoreInUse or StoreUnreadable; nothing was started then.
    """
    os.umask(0o077)
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGHUP])  # it waits until there is something to restart
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
        if server.kept is not None:
            begin_anew(server.kept, server.asked_meanwhile)


def begin_anew(listener: socket.socket, asked_meanwhile: Collection[signal.Signals]) -> NoReturn:
    """Begin again in the same process, as it was begun, with what is installed now; who calls meanwhile waits.

    Signals wait too, until the new beginning listens to them: those that were asked for already are sent once more.
    Raises Refused where what it was begun with is not there any more.
    """
    listener.set_inheritable(True)
    log.info("restarting: programs stay at work and are taken up")
    os.environ[LISTENER] = str(listener.fileno())
    for name in asked_meanwhile:
        signal.pthread_kill(threading.get_ident(), name)
    try:
        os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])  # noqa: S606 - our own arguments once more
    except OSError as error:
        message = f"Holdfast cannot begin anew with {sys.executable}: {error.strerror}."
        raise Refused(
            message, hint="Programs are still at work. Start it again; it takes them up."
        ) from error


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
    """Return a socket that listens, the one from before a restart if there is one; raises CannotListen, saying why."""
    inherited = os.environ.pop(LISTENER, "")
    if inherited.isdigit():
        with contextlib.suppress(OSError):
            return _same_socket(int(inherited))
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


def _same_socket(number: int) -> socket.socket:
    """Return the socket that was left open for us; raises OSError where there is none."""
    listener = socket.socket(fileno=number)
    if not listener.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
        listener.detach()
        raise OSError(errno.EINVAL, "It does not listen.")
    listener.set_inheritable(False)
    return listener


class Server(uvicorn.Server):
    """A server that enters the app's life before it answers, and leaves it after the last answer."""

    def __init__(self, app: FastAPI, listener: socket.socket, say: Say) -> None:
        super().__init__(_config(app))
        self._app = app
        self._listener = listener
        self._say = say
        self._house: House = app.state.house
        self.kept: socket.socket | None = None
        self.asked_meanwhile: set[signal.Signals] = set()
        """What was asked for while a restart was under way."""

        self._ends = asyncio.Event()

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
        with self._stopping_on_signals():
            async with self._app.router.lifespan_context(self._app):
                token = self._house.accounts.open_door()
                with open_door(self._house.service.data, self.address, token):
                    await self.serve(sockets=[self._listener])

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to answer, then say where."""
        await super().startup(sockets)
        await asyncio.to_thread(self._house.service.tell_address, self.address)
        accounts = self._house.accounts
        way = f"setup#{accounts.set_up_code()}" if accounts.needs_set_up else ""
        self._say(f"{self.address}/{way}")

    async def main_loop(self) -> None:
        """Keep the date in answers right until told to stop; uvicorn would look ten times a second."""
        while not await self.on_tick(0):
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(TICK):
                    await self._ends.wait()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave signals to `live`: uvicorn would end the process before the app has stopped."""
        yield

    @contextlib.contextmanager
    def _stopping_on_signals(self) -> Iterator[None]:
        loop = asyncio.get_running_loop()
        for name in STOPS:
            loop.add_signal_handler(name, self._stop, name)
        loop.add_signal_handler(signal.SIGHUP, self._restart)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, LISTENED_TO)
        self._house.service.on_restart = lambda: loop.call_soon_threadsafe(self._restart)
        try:
            yield
        finally:
            self._house.service.on_restart = None
            if self.kept is not None:
                signal.pthread_sigmask(signal.SIG_BLOCK, LISTENED_TO)
            for name in LISTENED_TO:
                loop.remove_signal_handler(name)
                if self.kept is not None:  # a thread that does not block it would let it end the process
                    signal.signal(name, self._note)

    def _note(self, number: int, _: object) -> None:
        self.asked_meanwhile.add(signal.Signals(number))

    def _stop(self, name: signal.Signals) -> None:
        if self.kept is not None:
            log.info("%s while it restarts: it stops as soon as it has", name.name)
            self.asked_meanwhile.add(name)
            return
        if self.should_exit:
            log.info("%s once more: programs at work are ended now", name.name)
            self._house.service.hurry()
            return
        log.info(
            "%s: no new work; what is at work may end by itself for a while, then it is set down", name.name
        )
        self._end()

    def _restart(self) -> None:
        """Stop, and keep the socket for the next beginning: whoever calls meanwhile waits for that."""
        if not self.should_exit:
            self.kept = self._listener.dup()
            self._house.service.programs_stay = True
            self._end()

    def _end(self) -> None:
        self.should_exit = True
        self._house.service.probes.stop()  # who waits for a look is answered, and keeps nobody from the end
        self._ends.set()


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
