"""Imports: a file of another program, what it would become, and making exactly that."""

from typing import Annotated, Final

from fastapi import APIRouter, Form
from starlette.responses import HTMLResponse

from core.errors import HoldfastError, InvalidOptions
from core.imports.values import SOURCES, SourceType
from fastapi_app.dependencies import OnlyAdmins, TheService
from fastapi_app.pages.drawing import Canvas, TheCanvas
from fastapi_app.presenters.imports import import_view, made_view

router = APIRouter(prefix="/import", dependencies=[OnlyAdmins])

TEMPLATE: Final = "pages/import.html"
HERE: Final = "destinations"
LONGEST: Final = 900_000

Text = Annotated[str, Form(max_length=LONGEST)]
Path = Annotated[str, Form(max_length=4_096)]


@router.get("")
def ask(canvas: TheCanvas) -> HTMLResponse:
    """Ask what is to be imported."""
    return _draw(canvas)


@router.post("")
def preview(
    canvas: TheCanvas,
    service: TheService,
    source: Annotated[SourceType, Form()],
    *,
    text: Text = "",
    path: Path = "",
    other_path: Path = "",
    other_text: Text = "",
) -> HTMLResponse:
    """Show what a file would become. What was entered is not sent back: it may have secrets in it."""
    files = {other_path.strip(): _lines(other_text)} if other_path.strip() else {}
    try:
        shown = service.imports.preview(source, _lines(text), files, path=path.strip())
    except InvalidOptions as error:
        return _draw(canvas, source=source, path=path, problem=str(error), status=422)
    return _draw(canvas, source=source, path=path, view=import_view(shown))


@router.get("/{digest}")
def shown(digest: str, canvas: TheCanvas, service: TheService) -> HTMLResponse:
    """Show again what would be made."""
    found = service.imports.shown(digest)
    return _draw(canvas, source=found.source, view=import_view(found))


@router.post("/{digest}/apply")
def apply(
    digest: str, canvas: TheCanvas, service: TheService, enable: Annotated[str, Form()] = ""
) -> HTMLResponse:
    """Make what was shown under that hash."""
    try:
        made = service.imports.apply(digest, enable=bool(enable))
    except HoldfastError as error:
        return _draw(canvas, problem=f"{error} {error.hint}", status=409)
    return _draw(canvas, made=made_view(made))


def _draw(canvas: Canvas, *, status: int = 200, **context: object) -> HTMLResponse:
    whole = {"source": "rclone", "path": "", "problem": "", "view": None, "made": None} | context
    return canvas.draw(TEMPLATE, HERE, status, sources=SOURCES, **whole)


def _lines(text: str) -> str:
    return text.replace("\r\n", "\n")
