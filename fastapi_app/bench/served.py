"""A server to measure, in a process of its own: `python -m fastapi_app.bench.served FOLDER`.

It carries nothing out. It says its address and a token that may do everything, and serves until it
is told to end.
"""

import asyncio
import contextlib
import json
import secrets
import sys
from pathlib import Path

import uvloop

from core.accounts import Accounts
from core.people import Role
from core.service import Service
from core.settings import Settings
from fastapi_app.app import create_app
from fastapi_app.server import Server, listening_socket


def serve(data: Path) -> None:
    """Serve the folder."""
    settings = Settings(data=data, port=0, slots=0)
    service = Service(settings)
    accounts = Accounts(service.data / "auth", service.clock)
    accounts.open()
    user = accounts.add_user("bench", secrets.token_urlsafe(), Role.ADMIN)
    token = accounts.issue_token(user, name="bench")

    def tell(address: str) -> None:
        sys.stdout.write(json.dumps({"address": address, "token": token}) + "\n")
        sys.stdout.flush()

    with contextlib.closing(listening_socket(settings)) as listener:
        app = create_app(settings, service=service, accounts=accounts)
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(Server(app, listener, tell).live())


if __name__ == "__main__":
    serve(Path(sys.argv[1]))
