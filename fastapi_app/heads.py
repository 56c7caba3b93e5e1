"""HEAD: whatever can be read can also be asked about, without its body."""

from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

BODIES: Final = frozenset({"http.response.body", "http.response.pathsend", "http.response.zerocopysend"})


class Heads:
    """Answers HEAD as GET would be, and leaves out the body."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer."""
        if scope["type"] != "http" or scope["method"] != "HEAD":
            await self._app(scope, receive, send)
            return

        async def send_head(message: Message) -> None:
            if message["type"] in BODIES:
                message = {"type": "http.response.body", "more_body": message.get("more_body", False)}
            await send(message)

        await self._app({**scope, "method": "GET"}, receive, send_head)
