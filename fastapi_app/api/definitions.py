"""The versions of a job: what it was, who changed it, and making it that again."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Path, Response

from core.errors import NotFound
from core.models import LARGEST
from core.storage.definitions import plain_of
from core.versions import Version
from fastapi_app.api.values import JobOut, Out
from fastapi_app.api.versions import IfMatch, agreed, etag
from fastapi_app.dependencies import Manager
from fastapi_app.places import JobId

router = APIRouter(prefix="/jobs/{job_id}/versions", tags=["jobs"])

Number = Annotated[int, Path(ge=1, le=LARGEST)]


class VersionOut(Out):
    """A version of a job: when it was made, by whom and from where, and in words what that changed."""

    version: int
    at: datetime
    by: str
    origin: str
    changes: list[str]

    @classmethod
    def of(cls, version: Version) -> "VersionOut":
        """Return it as JSON says it."""
        return cls.model_construct(
            version=version.number,
            at=version.at,
            by=version.by,
            origin=version.origin,
            changes=list(version.changes),
        )


class VersionsOut(Out):
    """The versions of a job that are known, the newest first."""

    items: list[VersionOut]


class DefinitionOut(VersionOut):
    """A version with all that was decided about the job; of secrets, dots."""

    definition: dict[str, Any]


@router.get("")
def list_versions(job_id: JobId, manager: Manager) -> VersionsOut:
    """Return the versions of the job that are known, the newest first."""
    return VersionsOut(items=[VersionOut.of(version) for version in manager.versions(job_id)])


@router.get("/{number}")
def show(job_id: JobId, number: Number, manager: Manager) -> DefinitionOut:
    """Return a version of the job."""
    version = _found(manager.versions(job_id), number)
    said = VersionOut.of(version)
    return DefinitionOut(**said.model_dump(), definition=plain_of(version.shown))


@router.post("/{number}/restore")
def restore(job_id: JobId, number: Number, manager: Manager, response: Response, named: IfMatch) -> JobOut:
    """Make the job what a version of it was, as a new version; If-Match names the one that is changed."""
    version = agreed(named, None).of(lambda: manager.job(job_id).job.version)
    job = manager.restore(job_id, number, version=version)
    response.headers["ETag"] = etag(job.version)
    return JobOut.of(job, manager.job(job_id).latest_run)


def _found(versions: Sequence[Version], number: int) -> Version:
    version = next((one for one in versions if one.number == number), None)
    if version is None:
        raise NotFound("version", str(number))
    return version
