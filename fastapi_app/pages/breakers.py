"""What people do about what cannot be reached."""

from typing import Annotated

from fastapi import APIRouter, Form
from starlette.responses import Response

from core.errors import NotFound
from fastapi_app.dependencies import Manager
from fastapi_app.pages.drawing import see

router = APIRouter(prefix="/breakers")

Text = Annotated[str, Form(max_length=2_000)]


@router.post("/reset")
def reset(manager: Manager, name: Text, back: Text = "") -> Response:
    """Let whoever waits for it try at once."""
    if name not in manager.breakers():
        raise NotFound("breaker", name[:80], hint="It can be reached again, or somebody was first.")
    manager.reset_breaker(name)
    return see(back, "/queue")
