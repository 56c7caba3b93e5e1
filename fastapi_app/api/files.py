"""Files that runs left for people, as JSON, and handed out."""

from datetime import datetime
from typing import Annotated, Final

from fastapi import APIRouter, Query, Response

from core.kept_files import KeptFile, Kind
from core.models import LARGEST
from fastapi_app.api.values import Out
from fastapi_app.dependencies import Person, TheService
from fastapi_app.shelves import files_for, hand_out, matching

router = APIRouter(prefix="/files", tags=["files"])

PAGE: Final = 50
MOST: Final = 500


class FileOut(Out):
    """A file; `href` is where it is handed out, `run_id` is null for a backup of Holdfast's own state."""

    kind: Kind
    name: str
    run_id: str | None
    bytes: int
    at: datetime
    href: str

    @classmethod
    def of(cls, file: KeptFile) -> "FileOut":
        """Return the file as JSON says it."""
        return cls.model_construct(
            kind=file.kind,
            name=file.name,
            run_id=file.run_id or None,
            bytes=file.bytes,
            at=file.at,
            href=f"/api/v1/files/{file.kind}/{file.name}",
        )


class FilesOut(Out):
    """Some of the files that match, the newest first; `total` and `bytes` are of all that do."""

    items: list[FileOut]
    total: int
    bytes: int


@router.get("")
def files(  # each is one part of the question
    service: TheService,
    person: Person,
    kind: Kind | None = None,
    q: Annotated[str, Query(max_length=200)] = "",
    limit: Annotated[int, Query(ge=1, le=MOST)] = PAGE,
    offset: Annotated[int, Query(ge=0, le=LARGEST)] = 0,
) -> FilesOut:
    """Return files: of a kind, with `q` in their name or in that of their job."""
    found = matching(service, files_for(service, person).files, kind or "", q.strip())
    items = [FileOut.of(file) for file in found[offset : offset + limit]]
    return FilesOut.model_construct(items=items, total=len(found), bytes=sum(file.bytes for file in found))


@router.get("/{kind}/{name}", response_class=Response)
def file(kind: str, name: str, service: TheService, person: Person) -> Response:
    """Hand a file out, to be saved."""
    return hand_out(service, person, kind, name)
