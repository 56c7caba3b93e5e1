"""Suggestions: what this machine does already and could be a job here. For admins; nothing is looked at before they say so."""

from fastapi import APIRouter
from starlette.responses import HTMLResponse, RedirectResponse

from fastapi_app.dependencies import OnlyAdmins, TheService
from fastapi_app.pages.drawing import TheCanvas, see
from fastapi_app.presenters.suggestions import suggestions_view

router = APIRouter(prefix="/suggestions", dependencies=[OnlyAdmins])

HERE = "suggestions"


@router.get("")
def show(canvas: TheCanvas, service: TheService) -> HTMLResponse:
    """Show what was found the last time somebody asked, or ask whether to look."""
    looked = service.suggestions.last
    view = suggestions_view(looked) if looked else None
    return canvas.draw("pages/suggestions.html", HERE, view=view)


@router.post("")
def look(service: TheService) -> RedirectResponse:
    """Look at this machine; only reading, and only now."""
    service.suggestions.look()
    return see("/suggestions")


@router.post("/forget")
def forget(service: TheService) -> RedirectResponse:
    """Let go of what was found."""
    service.suggestions.forget()
    return see("/suggestions")


@router.post("/{suggestion_id}/import")
def as_import(suggestion_id: str, service: TheService) -> RedirectResponse:
    """Show what an import of it would make."""
    preview = service.suggestions.as_import(suggestion_id)
    return see(f"/import/{preview.hash}")
