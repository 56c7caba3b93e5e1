"""Jobs and runs as JSON says them."""

from datetime import datetime
from functools import lru_cache
from typing import Any, Final, Self

from pydantic import BaseModel, ConfigDict, Field

from core.hiding import hidden
from core.log_files import LogPage
from core.models import (
    AfterFailed,
    AfterWhen,
    Attempt,
    Backoff,
    Ending,
    Expectation,
    Failure,
    Job,
    JobOverview,
    Missed,
    OnInterrupt,
    Overlap,
    Priority,
    Progress,
    Retry,
    Run,
    Schedule,
    Trigger,
)
from core.packed import thawed
from core.states import RunState
from core.waiting import Code, Waiting
from core.work import Question

NOT_OF_RUNS: Final = frozenset({"requeued_from", "waiting", "question"})


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


class AttemptOut(Out):
    """One try within a run; `waited` is how many seconds were to pass before it.

    One that is not `counted` tried for others whether something can be reached, and uses up none of `max_attempts`.
    """

    number: int
    worker: str
    waited: float
    started_at: datetime
    ended_at: datetime | None
    ending: Ending | None
    counted: bool
    error: FailureOut | None

    @classmethod
    def of(cls, attempt: Attempt) -> "AttemptOut":
        """Return the attempt as JSON says it."""
        fields = {name: getattr(attempt, name) for name in cls.model_fields}
        fields["error"] = FailureOut.of(attempt.error) if attempt.error else None
        return cls.model_construct(**fields)


class WaitingOut(Out):
    """Why a run is not running: a code, one sentence, when what holds it ends, and when it will probably begin."""

    code: Code
    words: str
    until: datetime | None
    starts_at: datetime | None

    @classmethod
    def of(cls, waiting: Waiting, now: datetime) -> "WaitingOut":
        """Return it as JSON says it."""
        return cls.model_construct(
            code=waiting.code, words=waiting.words(now), until=waiting.until, starts_at=waiting.starts_at
        )


class QuestionOut(Out):
    """What a paused run asks a person; `typed` must be typed to give any answer but the first, careful one."""

    id: str
    about: str
    sentence: str
    details: list[str]
    answers: dict[str, str]
    typed: str
    admin_only: bool

    @classmethod
    def of(cls, question: Question) -> "QuestionOut":
        """Return the question as JSON says it."""
        fields = {name: getattr(question, name) for name in cls.model_fields}
        return cls.model_construct(
            **fields | {"details": list(question.details), "answers": dict(question.answers)}
        )


class RunOut(Out):
    """One time a job is carried out.

    `slot_at` is the due time of its schedule that it stands for, `flow` the run that began the graph it is part of,
    `upstream` the run that it waits for of each job it comes after, `of` the run it was requeued from. `waiting` says why it is not
    running and `question` what it asks a person, where one run is asked for.
    """

    id: str
    job_id: str
    number: int
    kind: str
    options: dict[str, Any]
    state: RunState
    trigger: Trigger
    asked_by: str
    priority: Priority
    attempt: int
    attempts: list[AttemptOut]
    version: int
    progress: ProgressOut
    created_at: datetime
    due_at: datetime | None
    started_at: datetime | None
    ended_at: datetime | None
    worker: str | None
    slot_at: datetime | None
    flow: str
    upstream: dict[str, str]
    groups: list[str]
    reaches: list[str]
    requeued_from: str = Field(serialization_alias="of")
    reason: str
    warnings: list[str]
    error: FailureOut | None
    result: dict[str, Any] | None
    waiting: WaitingOut | None = None
    question: QuestionOut | None = None

    @classmethod
    def of(cls, run: Run, waiting: WaitingOut | None = None, question: QuestionOut | None = None) -> "RunOut":
        """Return the run as JSON says it."""
        fields = {name: getattr(run, name) for name in cls.model_fields if name not in NOT_OF_RUNS}
        fields["requeued_from"], fields["waiting"], fields["question"] = run.of, waiting, question
        fields["progress"] = ProgressOut.of(run.progress)
        fields["error"] = FailureOut.of(run.error) if run.error else None
        fields["attempts"] = [AttemptOut.of(attempt) for attempt in run.attempts]
        fields |= {name: list(fields[name]) for name in ("warnings", "groups", "reaches")}
        fields["upstream"] = thawed(run.upstream)
        fields["options"] = hidden(thawed(run.options))
        fields["result"] = thawed(run.result)
        return cls.model_construct(**fields)


class RetryOut(Out):
    """Whether and when a failed attempt is followed by another; waits are seconds."""

    max_attempts: int
    backoff: Backoff
    wait: float
    longest_wait: float
    jitter: bool


@lru_cache(1_000)
def _retry_out(retry: Retry) -> RetryOut:
    """Return the retry as JSON says it; most jobs have the same."""
    return RetryOut.model_construct(**{name: getattr(retry, name) for name in RetryOut.model_fields})


class ExpectOut(Out):
    """The rhythm that a job is expected to keep, in seconds; `ping` is told of every success."""

    every: float
    grace: float
    ping: str

    @classmethod
    def of(cls, expect: Expectation) -> "ExpectOut":
        """Return the rhythm as JSON says it."""
        return cls.model_construct(**{name: getattr(expect, name) for name in cls.model_fields})


class WindowOut(Out):
    """A span of the day; `days` are 0 for Monday to 6, none is every day."""

    start: str
    end: str
    days: list[int]


class ScheduleOut(Out):
    """When a job is due; spans are seconds, an empty time zone is the server's."""

    cron: str
    every: float | None
    at: datetime | None
    on_start: bool
    timezone: str
    missed: Missed
    overlap: Overlap
    jitter: float
    blackout: list[WindowOut]

    @classmethod
    def of(cls, schedule: Schedule) -> "ScheduleOut":
        """Return the schedule as JSON says it."""
        fields = {name: getattr(schedule, name) for name in cls.model_fields}
        fields["blackout"] = [WindowOut.model_validate(window) for window in schedule.blackout]
        return cls.model_construct(**fields)


LISTS: Final = ("after", "groups", "tags")


class JobOut(Out):
    """What someone wants done, with its latest run. Spans are seconds."""

    id: str
    name: str
    kind: str
    options: dict[str, Any]
    priority: Priority
    schedule: ScheduleOut | None
    after: list[str]
    after_when: AfterWhen
    after_failed: AfterFailed
    retry: RetryOut
    timeout: float | None
    run_timeout: float | None
    expect: ExpectOut | None
    groups: list[str]
    on_interrupt: OnInterrupt
    tags: list[str]
    owner: str
    enabled: bool
    version: int
    created_at: datetime
    updated_at: datetime
    latest_run: RunOut | None

    @classmethod
    def of(cls, job: Job, latest_run: Run | None, waiting: WaitingOut | None = None) -> "JobOut":
        """Return the job as JSON says it."""
        fields = {name: getattr(job, name) for name in cls.model_fields if hasattr(job, name)}
        fields["options"] = hidden(thawed(job.options))
        fields |= {name: list(fields[name]) for name in LISTS}
        fields["schedule"] = ScheduleOut.of(job.schedule) if job.schedule else None
        fields["retry"] = _retry_out(job.retry)
        fields["expect"] = ExpectOut.of(job.expect) if job.expect else None
        fields["latest_run"] = RunOut.of(latest_run, waiting) if latest_run else None
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
    """One line of a log, counted from 1.

    `stream` is "out" or "err" for what a program said; `painted` is its text with the colours that it gave.
    """

    number: int
    at: datetime
    level: str
    text: str
    stream: str
    painted: str


class LogOut(Out):
    """Some lines of a log; `next` is the `after` that asks for those that follow."""

    lines: list[LogLineOut]
    total: int
    next: int

    @classmethod
    def of(cls, page: LogPage) -> Self:
        """Return the page as JSON says it."""
        return cls.model_validate(page)
