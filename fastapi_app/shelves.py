"""Which of the files that runs left a person may see, those that match, and handing one out: the same for pages and JSON."""

from collections.abc import Iterable
from typing import Final

from starlette.responses import StreamingResponse

from core.errors import NotFound
from core.kept_files import KeptFile, Kind, Listing
from core.listing import JobQuery
from core.models import Run
from core.people import Role
from core.service import Service
from fastapi_app.auth import Person
from fastapi_app.kept import handed_out, name_of_kept

MOST_JOBS: Final = 50
"""Of how many jobs whose names match the files are looked for."""


def files_for(service: Service, person: Person) -> Listing:
    """Return what this person may see; backups of everything are an admin's."""
    listing = service.kept_files.list()
    if person.may(Role.ADMIN):
        return listing
    mine = tuple(file for file in listing.files if file.kind is not Kind.BACKUP)
    return Listing(files=mine, whole=listing.whole)


def matching(service: Service, files: Iterable[KeptFile], kind: str, text: str) -> tuple[KeptFile, ...]:
    """Return the files of a kind whose name has the text, or whose job's name has it."""
    of_kind = (file for file in files if not kind or file.kind == kind)
    if not text:
        return tuple(of_kind)
    wanted, runs = text.casefold(), _runs_of_jobs(service, text)
    return tuple(file for file in of_kind if wanted in file.name.casefold() or file.run_id in runs)


def _runs_of_jobs(service: Service, text: str) -> frozenset[str]:
    manager = service.manager
    jobs = manager.list_jobs(JobQuery(text=text, limit=MOST_JOBS)).items
    return frozenset(run.id for item in jobs for run in _runs(service, item.job.id))


def _runs(service: Service, job_id: str) -> tuple[Run, ...]:
    try:
        return service.manager.runs_of(job_id)
    except NotFound:  # it was deleted meanwhile
        return ()


def run_of(service: Service, run_id: str) -> Run | None:
    """Return the run that left a file; None where nobody knows it any more."""
    try:
        return service.manager.run(run_id) if run_id else None
    except NotFound:
        return None


def hand_out(service: Service, person: Person, kind: str, name: str) -> StreamingResponse:
    """Return a file to be saved; raises NotFound, also for one that this person may not see."""
    known = next((each for each in Kind if each == kind), None)
    if known is None or (known is Kind.BACKUP and not person.may(Role.ADMIN)):
        raise NotFound("file", name[:80])
    opened = service.kept_files.open(known, name)
    run = run_of(service, opened.file.run_id)
    called = name_of_kept(run, opened.file.number) if known is Kind.RESULT and run is not None else ""
    service.audit.note("file.saved", f"Saved {known} {name}.", by=person.name)
    return handed_out(opened.handle, opened.file.bytes, called or opened.called)
