"""What Holdfast keeps: how much, how safe, how long, and what of it could not be read."""

from typing import Annotated

from fastapi import APIRouter, Form, Query
from starlette.responses import HTMLResponse, RedirectResponse

from core.edits import ALL_GONE
from core.errors import NotFound
from core.models import LARGEST
from core.service import Service
from fastapi_app.dependencies import TheService
from fastapi_app.pages.drawing import TheCanvas, see
from fastapi_app.presenters.store import done_in_words, store_view

router = APIRouter(prefix="/store")


@router.get("")
def show(
    canvas: TheCanvas,
    service: TheService,
    did: Annotated[str, Query(max_length=20)] = "",
    freed: Annotated[int, Query(ge=0, le=LARGEST)] = 0,
) -> HTMLResponse:
    """Show what there is."""
    manager, stock = service.manager, service.stock
    view = store_view(
        stock.holdings(),
        manager.problems,
        manager.mistakes,
        _names(service),
        stock.quarantine(),
        service.troubles,
        service.settings,
    )
    return canvas.draw("pages/store.html", "store", view=view, done=done_in_words(did, freed))


def _names(service: Service) -> dict[str, str]:
    """Return what the jobs are called that have problems and are there all the same."""
    names = {}
    for problem in service.manager.problems:
        if problem.job_id is not None:
            try:
                names[problem.job_id] = service.manager.job(problem.job_id).job.name
            except NotFound:
                continue
    return names


@router.post("/discard")
def discard(service: TheService, key: Annotated[str, Form(max_length=1_000)]) -> RedirectResponse:
    """Put a file aside that is no job and cannot become one; or write back the files that are gone."""
    if key == ALL_GONE:
        service.edits.put_back()
    elif key in service.manager.mistakes:
        service.edits.discard(key)
    return see("/store")


@router.post("/backup")
def back_up(service: TheService) -> RedirectResponse:
    """Make a backup of Holdfast's own state now."""
    service.back_up_own_state()
    service.stock.forget()
    return see("/store?did=backup")


@router.post("/compact")
def compact(service: TheService) -> RedirectResponse:
    """Write the snapshot anew and let go of what it supersedes."""
    freed = service.compact()
    service.stock.forget()
    return see(f"/store?did=compact&freed={max(freed.before - freed.after, 0)}")
