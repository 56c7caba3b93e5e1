"""Job, Run, Attempt: frozen values, no behaviour beyond questions about themselves."""

import re
from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, Final

import msgspec

from core import packed
from core.states import RunState, is_final

frozen = packed.frozen
NOTHING: Final[Mapping[str, Any]] = packed.NOTHING

GOOD_ID: Final = re.compile(r"[0-9A-Za-z][0-9A-Za-z_-]{0,63}\Z")
"""What can name a job or a run, and its files."""

LARGEST: Final = 2**53 - 1
"""The largest whole number that every reader of JSON keeps as it is."""

Count = Annotated[int, msgspec.Meta(ge=0, le=LARGEST)]
Number = Annotated[int, msgspec.Meta(ge=1, le=LARGEST)]
MOST_ATTEMPTS: Final = 100
SECONDS_OF_A_CENTURY: Final = 3_155_760_000

Moment = Annotated[datetime, msgspec.Meta(tz=True)]


class Priority(StrEnum):
    """Which queued run goes first."""

    LOW = "low"
    NORMAL = "normal"
    HIGH = "high"
    CRITICAL = "critical"


class Trigger(StrEnum):
    """Why a run exists."""

    MANUAL = "manual"
    SCHEDULE = "schedule"
    UPSTREAM = "upstream"
    API = "api"
    REQUEUE = "requeue"


class OnInterrupt(StrEnum):
    """What becomes of a run whose worker was lost."""

    RESUME = "resume"
    PAUSE = "pause"
    FAIL = "fail"


class Backoff(StrEnum):
    """How the wait grows from one attempt to the next."""

    FIXED = "fixed"
    LINEAR = "linear"
    EXPONENTIAL = "exponential"
    FIBONACCI = "fibonacci"
    DECORRELATED = "decorrelated"


class Missed(StrEnum):
    """What becomes of due times that passed while Holdfast was off."""

    ONCE = "once"
    ALL = "all"
    SKIP = "skip"


class Overlap(StrEnum):
    """What a due time does while the run before it is not over."""

    SKIP = "skip"
    QUEUE = "queue"
    CANCEL = "cancel"


class AfterWhen(StrEnum):
    """What the jobs that a job comes after must have done."""

    ALL_SUCCEEDED = "all_succeeded"
    ANY_ENDED = "any_ended"
    ALL_ENDED = "all_ended"


class AfterFailed(StrEnum):
    """What becomes of a run that waits for all to succeed, when one of them did not."""

    SKIP = "skip"
    FAIL = "fail"
    RUN = "run"


class Ending(StrEnum):
    """How an attempt ended."""

    COMPLETED = "completed"
    FAILED = "failed"
    PAUSED = "paused"
    CANCELLED = "cancelled"
    INTERRUPTED = "interrupted"


class Value(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, gc=False):
    """A value that never changes; `msgspec.structs.replace` makes the next one.

    It holds what was there before it, so it is never part of a circle, and the garbage collector
    passes over it.
    """


class Progress(Value, frozen=True, kw_only=True):
    """How far the present stage of a run is.

    `done` and `total` count `unit` ("bytes", "files") of this stage; `percent` is 0 to 100 or
    None while the total is unknown; `rate` is units a second; `eta_seconds` is for the whole run.
    """

    stage: str = ""
    percent: float | None = None
    done: int = 0
    total: int | None = None
    unit: str = "bytes"
    rate: float | None = None
    eta_seconds: float | None = None
    message: str = ""


class Failure(Value, frozen=True, kw_only=True):
    """Why an attempt or a run failed, in words and as a code."""

    code: str
    message: str
    hint: str = ""
    transient: bool = False


class Attempt(Value, frozen=True, kw_only=True):
    """One try within a run, counted from 1; `waited` is how many seconds were to pass before it.

    One that is not `counted` does not count against `max_attempts`: it tried for others whether a breaker may close,
    or was interrupted.
    """

    number: Number
    worker: str
    started_at: datetime
    waited: float = 0.0
    counted: bool = True
    ended_at: datetime | None = None
    ending: Ending | None = None
    error: Failure | None = None


Seconds = Annotated[float, msgspec.Meta(ge=0, le=SECONDS_OF_A_CENTURY)]


class Retry(Value, frozen=True, kw_only=True, omit_defaults=True):
    """Whether and when a failed attempt is followed by another; waits are seconds.

    `jitter` draws each wait between nothing and what the formula says, so that many do not come back at once.
    """

    max_attempts: Annotated[int, msgspec.Meta(ge=1, le=MOST_ATTEMPTS)] = 1
    backoff: Backoff = Backoff.EXPONENTIAL
    wait: Seconds = 30.0
    longest_wait: Seconds = 3_600.0
    jitter: bool = False


ONCE: Final = Retry()
"""A run has one attempt, unless somebody says otherwise."""


class Window(Value, frozen=True, kw_only=True, omit_defaults=True):
    """A span of the day in the schedule's time zone, "22:00" to "06:00"; over midnight it belongs to the day it begins.

    `days` are 0 for Monday to 6; empty is every day.
    """

    start: str
    end: str
    days: tuple[Annotated[int, msgspec.Meta(ge=0, le=6)], ...] = ()


class Schedule(Value, frozen=True, kw_only=True, omit_defaults=True):
    """When a job is due: one of `cron`, `every` (seconds) and `at`, or `on_start`, alone or beside it.

    `cron` has five fields, or six with seconds first. `timezone` is a name of the IANA list; empty is this
    machine's. `on_start` is each time Holdfast starts. `jitter` is up to how many seconds a run waits beyond its
    due time. Nothing begins in `blackout`: what is due then waits for its end.
    """

    cron: str = ""
    every: Seconds | None = None
    at: Moment | None = None
    on_start: bool = False
    timezone: str = ""
    missed: Missed = Missed.ONCE
    overlap: Overlap = Overlap.SKIP
    jitter: Seconds = 0.0
    blackout: tuple[Window, ...] = ()


class Expectation(Value, frozen=True, kw_only=True, omit_defaults=True):
    """The rhythm a job is expected to keep: at least one success every so many seconds, and so many of grace.

    `ping` is an address outside that is told of every success, so that somebody notices when Holdfast itself is gone.
    """

    every: Seconds
    grace: Seconds = 3_600.0
    ping: str = ""


class Job(Value, frozen=True, kw_only=True):
    """What someone wants done, kept under a name.

    `after` are the ids of the jobs it comes after. `timeout` is how many seconds one attempt may take,
    `run_timeout` a whole run with its waits. In each of its `groups` only so many runs are at work at once.
    """

    id: str
    name: str
    kind: str
    options: Mapping[str, Any] = NOTHING
    priority: Priority = Priority.NORMAL
    schedule: Schedule | None = None
    after: tuple[str, ...] = ()
    after_when: AfterWhen = AfterWhen.ALL_SUCCEEDED
    after_failed: AfterFailed = AfterFailed.SKIP
    retry: Retry = ONCE
    timeout: Seconds | None = None
    run_timeout: Seconds | None = None
    expect: Expectation | None = None
    groups: tuple[str, ...] = ()
    on_interrupt: OnInterrupt = OnInterrupt.RESUME
    tags: tuple[str, ...] = ()
    owner: str = ""
    enabled: bool = True
    version: Number = 1
    created_at: datetime
    updated_at: datetime


class Run(Value, frozen=True, kw_only=True):
    """One time a job is carried out.

    `number` counts the runs of its job from 1. `attempt` is the number of the latest attempt, 0
    before the first. `checkpoint` is what the engine wants to be told when it goes on. `kind` and
    `options` are the job's when the run was asked for: a later edit concerns the next run.

    `due_at` is when it may begin, or begin again. `slot_at` is the due time of the schedule that it stands for.
    `flow` is the id of the run that began the graph it is part of, and `upstream` has, for each job it comes
    after, the id of the run it waits for, empty while that job has yet to begin. `groups` and `reaches` say
    what it shares with other runs: places in a group, and remotes or destinations that a breaker guards.
    `of` is the run that it was requeued from. `reason` says in words why it is in its state, where that is not plain.
    """

    id: str
    job_id: str
    number: Number
    kind: str
    options: Mapping[str, Any] = NOTHING
    state: RunState
    trigger: Trigger
    asked_by: str = ""
    priority: Priority = Priority.NORMAL
    version: Number = 1
    attempt: Count = 0
    attempts: tuple[Attempt, ...] = ()
    progress: Progress = Progress()
    checkpoint: Mapping[str, Any] = NOTHING
    created_at: datetime
    due_at: datetime | None = None
    started_at: datetime | None = None
    ended_at: datetime | None = None
    worker: str | None = None
    slot_at: datetime | None = None
    flow: str = ""
    upstream: Mapping[str, str] = NOTHING
    groups: tuple[str, ...] = ()
    reaches: tuple[str, ...] = ()
    of: str = ""
    reason: str = ""
    warnings: tuple[str, ...] = ()
    error: Failure | None = None
    result: Mapping[str, Any] | None = None

    @property
    def over(self) -> bool:
        """Tell whether the run is in a final state."""
        return is_final(self.state)

    @property
    def begun(self) -> bool:
        """Tell whether an attempt was made at it and it is not over: at most one run of a job is."""
        return self.attempt > 0 and not self.over


class Going(Value, frozen=True, kw_only=True):
    """Who had a job deleted, and until when that can be taken back."""

    by: str
    since: Moment
    until: Moment


class JobOverview(Value, frozen=True, kw_only=True):
    """A job with its latest run, as lists show it; None has never run.

    `going` is said of one that is being deleted; it is `late` where a success is overdue, `held` where somebody
    paused it.
    """

    job: Job
    latest_run: Run | None = None
    going: Going | None = None
    late: bool = False
    held: bool = False
