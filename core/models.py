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
    """One try within a run, counted from 1."""

    number: Number
    worker: str
    started_at: datetime
    ended_at: datetime | None = None
    ending: Ending | None = None
    error: Failure | None = None


class Job(Value, frozen=True, kw_only=True):
    """What someone wants done, kept under a name."""

    id: str
    name: str
    kind: str
    options: Mapping[str, Any] = NOTHING
    priority: Priority = Priority.NORMAL
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
    warnings: tuple[str, ...] = ()
    error: Failure | None = None
    result: Mapping[str, Any] | None = None

    @property
    def over(self) -> bool:
        """Tell whether the run is in a final state."""
        return is_final(self.state)


class JobOverview(Value, frozen=True, kw_only=True):
    """A job with its latest run, as lists show it; None has never run."""

    job: Job
    latest_run: Run | None = None
