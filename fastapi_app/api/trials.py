"""Trials: what a run of a job would do, found out without writing."""

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Path

from core.packed import thawed
from core.rehearsals import Rehearsal, RehearsalState
from fastapi_app.api.entries import JobEntry
from fastapi_app.api.values import FailureOut, Out, ProgressOut
from fastapi_app.dependencies import Person, TheService
from fastapi_app.places import JobId

router = APIRouter(tags=["trials"])

TrialId = Annotated[str, Path(max_length=100)]


class TrialOut(Out):
    """One try; `result` has `sentence`, the counts `new`, `changed`, `removed`, `bytes`, and `changes`, pairs of what and path."""

    id: str
    name: str
    kind: str
    job_id: str
    by: str
    state: RehearsalState
    began_at: datetime
    ended_at: datetime | None
    progress: ProgressOut
    result: dict[str, Any]
    warnings: list[str]
    error: FailureOut | None
    lines: list[str]

    @classmethod
    def of(cls, one: Rehearsal) -> "TrialOut":
        """Return the trial as JSON says it."""
        fields = {name: getattr(one, name) for name in cls.model_fields}
        fields |= {"warnings": list(one.warnings), "lines": list(one.lines), "result": thawed(one.result)}
        fields["progress"] = ProgressOut.of(one.progress)
        fields["error"] = FailureOut.of(one.error) if one.error else None
        return cls.model_construct(**fields)


@router.post("/jobs/{job_id}/try", status_code=202)
def of_job(job_id: JobId, service: TheService, person: Person) -> TrialOut:
    """Begin to find out what a run of the job would do; nothing is written."""
    return TrialOut.of(service.rehearsals.of_job(job_id, by=person.name))


@router.post("/trials", status_code=202)
def of_draft(entry: JobEntry, service: TheService, person: Person) -> TrialOut:
    """Begin to find out what a job would do that is not kept yet; nothing is written."""
    return TrialOut.of(service.rehearsals.of_draft(entry.draft(), by=person.name))


@router.get("/trials/{trial_id}")
def show(trial_id: TrialId, service: TheService) -> TrialOut:
    """Return how a trial stands, and what it found."""
    return TrialOut.of(service.rehearsals.show(trial_id))


@router.post("/trials/{trial_id}/cancel", status_code=202)
def cancel(trial_id: TrialId, service: TheService) -> TrialOut:
    """Ask a trial to end."""
    return TrialOut.of(service.rehearsals.cancel(trial_id))
