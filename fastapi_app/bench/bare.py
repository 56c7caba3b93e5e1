"""A bare page to stand beside: `python -m fastapi_app.bench.bare FILE` serves its bytes with Starlette alone."""

import sys
from pathlib import Path

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route


def app_of(content: bytes) -> Starlette:
    """Return an app that answers the content, whatever is asked for."""

    def page(_request: Request) -> Response:
        return Response(content, media_type="text/html")

    return Starlette(routes=[Route("/{rest:path}", page)])


def serve(file: Path) -> None:
    """Serve until told to end; says the address first, as a line of its own."""
    config = uvicorn.Config(
        app_of(file.read_bytes()), host="127.0.0.1", port=0, log_level="error", access_log=False
    )
    listener = config.bind_socket()
    sys.stdout.write(f"http://127.0.0.1:{listener.getsockname()[1]}\n")
    sys.stdout.flush()
    uvicorn.Server(config).run(sockets=[listener])


if __name__ == "__main__":
    serve(Path(sys.argv[1]))
