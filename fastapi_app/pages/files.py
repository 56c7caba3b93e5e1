"""Files: what runs left for people, and backups of Holdfast's own state."""

from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter, Query
from starlette.responses import HTMLResponse, Response

from core.errors import NotFound
from core.kept_files import KeptFile, Kind
from core.models import LARGEST
from core.service import Service
from fastapi_app.dependencies import Person, TheService
from fastapi_app.kept import name_of_kept
from fastapi_app.pages.drawing import TheCanvas
from fastapi_app.presenters.files import PAGE, Whose, files_view
from fastapi_app.shelves import files_for, hand_out, matching, run_of

router = APIRouter(prefix="/files")

Word = Annotated[str, Query(max_length=200)]


@router.get("")
def show(  # each is one part of the address
    canvas: TheCanvas,
    service: TheService,
    person: Person,
    kind: Word = "",
    q: Word = "",
    at: Annotated[int, Query(ge=0, le=LARGEST)] = 0,
) -> HTMLResponse:
    """Show fifty files, the newest first."""
    kind = kind if kind in set(Kind) else ""
    listing = files_for(service, person)
    found = matching(service, listing.files, kind, q.strip())
    whose = _whose(service, found[at : at + PAGE])
    view = files_view(listing.files, found, whose, kind=kind, q=q.strip(), at=at, whole=listing.whole)
    return canvas.draw("pages/files.html", "files", view=view)


@router.get("/{kind}/{name}")
def save(kind: str, name: str, service: TheService, person: Person) -> Response:
    """Hand a file out."""
    return hand_out(service, person, kind, name)


def _whose(service: Service, files: Sequence[KeptFile]) -> dict[KeptFile, Whose]:
    found = {}
    for file in files:
        run = run_of(service, file.run_id)
        if run is None:
            continue
        try:
            job = service.manager.job(run.job_id).job
        except NotFound:  # it was deleted meanwhile
            continue
        called = name_of_kept(run, file.number) if file.kind is Kind.RESULT else ""
        found[file] = Whose(job_id=job.id, job=job.name, number=run.number, called=called)
    return found
