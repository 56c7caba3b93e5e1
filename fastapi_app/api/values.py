"""Jobs and runs as JSON says them."""

from datetime import datetime
from typing import Any, Self

from pydantic import BaseModel, ConfigDict

from core.log_files import LogPage
from core.models import Failure, Job, JobOverview, OnInterrupt, Priority, Progress, Run, Trigger
from core.packed import thawed
from core.states import RunState


class Out(BaseModel):
    """A value that leaves; it was checked when it came in."""

    model_config = ConfigDict(from_attributes=True, frozen=True)


class ProgressOut(Out):
    """How far the present stage of a run is."""

    percent: float | None
    done: int
    total: int | None
    unit: str
    rate: float | None
    eta_seconds: float | None
    stage: str
    message: str

    @classmethod
    def of(cls, progress: Progress) -> "ProgressOut":
        """Return the progress as JSON says it."""
        return cls.model_construct(**{name: getattr(progress, name) for name in cls.model_fields})


class FailureOut(Out):
    """Why a run failed."""

    code: str
    message: str
    hint: str
    transient: bool

    @classmethod
    def of(cls, failure: Failure) -> "FailureOut":
        """Return the failure as JSON says it."""
        return cls.model_construct(**{name: getattr(failure, name) for name in cls.model_fields})


class RunOut(Out):
    """One time a job is carried out."""

    id: str
    job_id: str
    number: int
    kind: str
    options: dict[str, Any]
    state: RunState
    trigger: Trigger
    asked_by: str
    attempt: int
    version: int
    progress: ProgressOut
    created_at: datetime
    due_at: datetime | None
    started_at: datetime | None
    ended_at: datetime | None
    worker: str | None
    warnings: list[str]
    error: FailureOut | None
    result: dict[str, Any] | None

    @classmethod
    def of(cls, run: Run) -> "RunOut":
        """Return the run as JSON says it."""
        fields = {name: getattr(run, name) for name in cls.model_fields}
        fields["progress"] = ProgressOut.of(run.progress)
        fields["error"] = FailureOut.of(run.error) if run.error else None
        fields["warnings"] = list(run.warnings)
        fields["options"] = thawed(run.options)
        fields["result"] = thawed(run.result)
        return cls.model_construct(**fields)


class JobOut(Out):
    """What someone wants done, with its latest run. What is null or empty here is still to come."""

    id: str
    name: str
    kind: str
    options: dict[str, Any]
    priority: Priority
    schedule: None = None
    after: list[str] = []
    retry: None = None
    timeout: None = None
    on_interrupt: OnInterrupt
    tags: list[str]
    owner: str
    enabled: bool
    version: int
    created_at: datetime
    updated_at: datetime
    latest_run: RunOut | None

    @classmethod
    def of(cls, job: Job, latest_run: Run | None) -> "JobOut":
        """Return the job as JSON says it."""
        fields = {name: getattr(job, name) for name in cls.model_fields if hasattr(job, name)}
        fields["options"] = thawed(job.options)
        fields["tags"] = list(job.tags)
        fields["after"] = []
        fields["latest_run"] = RunOut.of(latest_run) if latest_run else None
        return cls.model_construct(**fields)

    @classmethod
    def of_overview(cls, overview: JobOverview) -> "JobOut":
        """Return the job of a list as JSON says it."""
        return cls.of(overview.job, overview.latest_run)


class ProblemOut(Out):
    """What went wrong and what to do next (RFC 9457).

    `problems` has a sentence for each field; `versions` the one a change named and the one there is.
    """

    type: str
    title: str
    status: int
    detail: str
    code: str
    hint: str
    problems: dict[str, str] = {}
    versions: dict[str, int] = {}


class JobsOut(Out):
    """One page of jobs; `next` is the cursor of the page after it."""

    items: list[JobOut]
    next: str | None
    total: int


class RunsOut(Out):
    """One page of a job's runs, the newest first."""

    items: list[RunOut]
    next: str | None
    total: int


class LogLineOut(Out):
    """One line of a log, counted from 1."""

    number: int
    at: datetime
    level: str
    text: str


class LogOut(Out):
    """Some lines of a log; `next` is the `after` that asks for those that follow."""

    lines: list[LogLineOut]
    total: int
    next: int

    @classmethod
    def of(cls, page: LogPage) -> Self:
        """Return the page as JSON says it."""
        return cls.model_validate(page)
