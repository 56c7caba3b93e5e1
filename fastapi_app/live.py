"""What changes by itself: /ws, and /live for pages whose socket does not open."""

import asyncio
import contextlib
import logging
from collections import deque
from collections.abc import Callable
from http import HTTPStatus
from typing import Annotated, Final

import msgspec
from fastapi import APIRouter, Query
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Scope
from starlette.websockets import WebSocket, WebSocketDisconnect

from fastapi_app.auth import Person, person_of
from fastapi_app.dependencies import TheHouse
from fastapi_app.frames import reset
from fastapi_app.house import House
from fastapi_app.places import UUID
from fastapi_app.protocols import LINE
from fastapi_app.viewers import TOO_SLOW, LogTail, Viewer

log = logging.getLogger(__name__)

router = APIRouter(include_in_schema=False)

LARGEST_MESSAGE: Final = 4_096
MESSAGES_A_SECOND: Final = 20
NOT_UNDERSTOOD: Final = 1008


class LogFrom(msgspec.Struct, frozen=True):
    """The log that a page follows, from the line after `from`."""

    run: str
    after: int = msgspec.field(name="from", default=0)

    def tail(self) -> LogTail | None:
        """Return it as the hub takes it, None for what is no run."""
        return LogTail(self.run, max(0, self.after)) if UUID.fullmatch(self.run) else None


class Sub(msgspec.Struct, frozen=True, tag_field="t", tag="sub"):
    """What a page shows, and what it saw last."""

    e: str = ""
    s: int = 0
    j: list[str] = []
    k: list[str] = []
    log: LogFrom | None = None


class Hide(msgspec.Struct, frozen=True, tag_field="t", tag="hide"):
    """The page is out of sight."""


class Show(msgspec.Struct, frozen=True, tag_field="t", tag="show"):
    """The page is in sight again."""

    s: int = 0


class Pong(msgspec.Struct, frozen=True, tag_field="t", tag="pong"):
    """The page has heard the beat."""


Said = Sub | Hide | Show | Pong
_decode: Final = msgspec.json.Decoder(Said).decode


@router.websocket("/ws")
async def ws(socket: WebSocket) -> None:
    """Keep a page up to date for as long as it is open; the gate has checked who it is."""
    house: House = socket.app.state.house
    person: Person = socket.scope["state"]["person"]
    viewer = house.hub.admit(person, _may_stay(socket.scope, house))
    if viewer is None:
        await socket.send_denial_response(Response(status_code=HTTPStatus.SERVICE_UNAVAILABLE))
        return
    try:
        await socket.accept()
        await _converse(socket, house, viewer)
    finally:
        house.hub.leave(viewer)


def _may_stay(scope: Scope, house: House) -> Callable[[], bool]:
    """Return how to ask whether the one who came may still be here; nobody counts as seen by it."""
    person: Person = scope["state"]["person"]
    if (key := person.session) is not None:
        return lambda: house.accounts.still_there(key) is not None
    bearer = {"type": "websocket", "headers": scope["headers"]}
    return lambda: person_of(bearer, house.accounts, house.site) is not None


async def _converse(socket: WebSocket, house: House, viewer: Viewer) -> None:
    """Listen and speak until one side has had enough; close with the code that says why."""
    parts: list[asyncio.Future[int]] = [
        asyncio.ensure_future(_listen(socket, house, viewer)),
        asyncio.ensure_future(_speak(socket, house, viewer)),
        viewer.ended,
    ]
    await asyncio.wait(parts, return_when=asyncio.FIRST_COMPLETED)
    codes = [part.result() for part in parts if part.done() and not _failed(part)]
    for part in parts:
        part.cancel()
    await asyncio.gather(*parts, return_exceptions=True)
    with contextlib.suppress(WebSocketDisconnect, RuntimeError):  # it went first
        await socket.close(codes[0] if codes else 1011)


def _failed(part: asyncio.Future[int]) -> bool:
    """Tell whether one side of the line broke; that it was cut by the page is nothing to log."""
    error = part.exception()
    if error is not None and not isinstance(error, WebSocketDisconnect):
        log.error("a page's line broke", exc_info=error)
    return error is not None


async def _listen(socket: WebSocket, house: House, viewer: Viewer) -> int:
    """Take in what the page says; returns why to listen no more."""
    said_at: deque[float] = deque(maxlen=MESSAGES_A_SECOND)
    loop = asyncio.get_running_loop()
    while True:
        try:
            text = await socket.receive_text()
        except WebSocketDisconnect as gone:
            return gone.code
        except KeyError:  # it was not text
            return NOT_UNDERSTOOD
        now = loop.time()
        if len(said_at) == MESSAGES_A_SECOND and now - said_at[0] < 1.0:
            return NOT_UNDERSTOOD
        said_at.append(now)
        if not _understood(text, house, viewer):
            return NOT_UNDERSTOOD


def _understood(text: str, house: House, viewer: Viewer) -> bool:
    if len(text) > LARGEST_MESSAGE:
        return False
    try:
        said = _decode(text)
    except (msgspec.MsgspecError, UnicodeEncodeError, RecursionError):
        return False
    match said:
        case Sub():
            tail = said.log.tail() if said.log else None
            house.hub.subscribe(viewer, said.e, said.s, house.hub.shown(said.j, said.k), tail)
        case Hide():
            house.hub.hide(viewer)
        case Show():
            house.hub.show(viewer, said.s)
        case Pong():
            pass
    return True


async def _speak(socket: WebSocket, house: House, viewer: Viewer) -> int:
    """Send one frame after another; returns why to speak no more."""
    viewer.line = socket.scope["extensions"].get(LINE)
    while True:
        await viewer.awake.wait()
        viewer.speaks = True
        text = await house.hub.next_frame(viewer)
        if text is not None:
            try:
                async with asyncio.timeout(house.hub.patience):
                    await socket.send_text(text)
            except TimeoutError:
                return TOO_SLOW
        viewer.speaks = False


@router.get("/live")
async def live(  # each is one part of what the page says
    request: Request,
    house: TheHouse,
    e: Annotated[str, Query(max_length=40)] = "",
    s: Annotated[int, Query(ge=0, le=2**53)] = 0,
    j: Annotated[str, Query(max_length=16_000)] = "",
    k: Annotated[str, Query(max_length=100)] = "",
    log: Annotated[str, Query(max_length=100)] = "",
) -> Response:
    """Return one frame with what changed after `s`; 304 when that is what the page has.

    `j` and `k` are lists with commas, `log` is a run's id, a colon and the number of a line.
    """
    hub = house.hub
    if e != hub.epoch:
        return _json(reset(hub.epoch))
    shown, tail = hub.shown(_listed(j), _listed(k)), _tail_in(log)
    await hub.freshen(shown)
    lines = await asyncio.to_thread(house.service.logs.tail, tail.run_id, 1) if tail else None
    tag = f'"{hub.epoch}-{hub.newest(shown)}-{lines.total if lines else 0}"'
    if Headers(scope=request.scope).get("if-none-match") == tag:
        return Response(status_code=HTTPStatus.NOT_MODIFIED, headers={"ETag": tag})
    return _json(await hub.frame_since(s, shown, tail), tag)


def _json(text: str, tag: str | None = None) -> Response:
    headers = {"Cache-Control": "no-cache", "ETag": tag} if tag else None
    return Response(text, media_type="application/json", headers=headers)


def _listed(text: str) -> list[str]:
    return [part for part in text.split(",") if part]


def _tail_in(text: str) -> LogTail | None:
    run_id, _, after = text.partition(":")
    digits = after if after.isascii() and after.isdigit() and len(after) <= len(str(2**53)) else "0"
    return LogTail(run_id, int(digits)) if UUID.fullmatch(run_id) else None
