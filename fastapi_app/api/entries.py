"""What programs may send, checked as far as JSON goes; the rest is checked where it is decided."""

import math
from collections.abc import Mapping
from typing import Annotated, Any, Final

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    Strict,
    StrictBool,
    StrictInt,
)

from core.drafts import JobDraft, JobPatch
from core.models import (
    LARGEST,
    MOST_ATTEMPTS,
    ONCE,
    SECONDS_OF_A_CENTURY,
    AfterFailed,
    AfterWhen,
    Backoff,
    Expectation,
    Missed,
    OnInterrupt,
    Overlap,
    Priority,
    Retry,
    Schedule,
    Window,
    frozen,
)

DEEPEST: Final = 20
LARGEST_NUMBER: Final = 2**63


def plain(value: Any, depth: int = 0) -> Any:  # noqa: ANN401 - any JSON value
    """Return the JSON value if it can be kept as it is; raises ValueError, saying why not."""
    if depth > DEEPEST:
        raise ValueError("This is nested too deeply.")
    if isinstance(value, Mapping):
        return {plain(key): plain(item, depth + 1) for key, item in value.items()}
    if isinstance(value, list):
        return [plain(item, depth + 1) for item in value]
    if isinstance(value, str) and any(letter == "\0" or "\ud800" <= letter <= "\udfff" for letter in value):
        raise ValueError("A text cannot contain NUL or half a character.")
    if isinstance(value, int | float) and not (math.isfinite(value) and abs(value) < LARGEST_NUMBER):
        raise ValueError("This must be a number." if math.isnan(value) else "This number is too large.")
    return value


PlainText = Annotated[str, AfterValidator(plain), Field(max_length=1_000)]
PlainName = Annotated[str, AfterValidator(plain)]
Options = dict[PlainName, Annotated[Any, AfterValidator(plain)]]
Tags = Annotated[list[PlainText], Field(max_length=100)]


class Entry(BaseModel):
    """Something a program sends; a field that is not known is refused."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


Span = Annotated[float, Strict(), Field(ge=0, le=SECONDS_OF_A_CENTURY, allow_inf_nan=False)]
"""Seconds."""

Limit = Annotated[Span, Field(gt=0)]
Names = Annotated[list[PlainText], Field(max_length=1_000)]


class RetryEntry(Entry):
    """Whether and when a failed attempt is followed by another."""

    max_attempts: Annotated[StrictInt, Field(ge=1, le=MOST_ATTEMPTS)] = ONCE.max_attempts
    backoff: Backoff = ONCE.backoff
    wait: Span = ONCE.wait
    longest_wait: Span = ONCE.longest_wait
    jitter: StrictBool = ONCE.jitter

    def value(self) -> Retry:
        """Return it as jobs have it."""
        return Retry(**self.model_dump())


class ExpectEntry(Entry):
    """The rhythm that a job is expected to keep: a success every so many seconds, and so many of grace."""

    every: Limit
    grace: Span = 3_600.0
    ping: PlainText = ""

    def value(self) -> Expectation:
        """Return it as jobs have it."""
        return Expectation(**self.model_dump())


class WindowEntry(Entry):
    """A span of the day, "22:00" to "06:00"; `days` are 0 for Monday to 6, none is every day."""

    start: PlainText
    end: PlainText
    days: Annotated[list[Annotated[StrictInt, Field(ge=0, le=6)]], Field(max_length=7)] = []

    def value(self) -> Window:
        """Return it as schedules have it."""
        return Window(start=self.start, end=self.end, days=tuple(dict.fromkeys(self.days)))


class ScheduleEntry(Entry):
    """When a job is due: one of `cron`, `every` (seconds) and `at`, or `on_start`, alone or beside it.

    `cron` has five fields, or six with seconds first. `timezone` is a name such as "Europe/Berlin"; empty is the
    server's. Nothing begins in `blackout`: what is due then waits for its end.
    """

    cron: PlainText = ""
    every: Limit | None = None
    at: AwareDatetime | None = None
    on_start: StrictBool = False
    timezone: PlainText = ""
    missed: Missed = Missed.ONCE
    overlap: Overlap = Overlap.SKIP
    jitter: Span = 0.0
    blackout: Annotated[list[WindowEntry], Field(max_length=100)] = []

    def value(self) -> Schedule:
        """Return it as jobs have it."""
        fields = {name: getattr(self, name) for name in Schedule.__struct_fields__}
        return Schedule(**fields | {"blackout": tuple(window.value() for window in self.blackout)})


class JobEntry(Entry):
    """A new job."""

    name: PlainText
    kind: PlainText
    options: Options = {}
    priority: Priority = Priority.NORMAL
    schedule: ScheduleEntry | None = None
    after: Names = []
    after_when: AfterWhen = AfterWhen.ALL_SUCCEEDED
    after_failed: AfterFailed = AfterFailed.SKIP
    retry: RetryEntry | None = None
    timeout: Limit | None = None
    run_timeout: Limit | None = None
    expect: ExpectEntry | None = None
    groups: Names = []
    on_interrupt: OnInterrupt = OnInterrupt.RESUME
    tags: Tags = []
    enabled: StrictBool = True

    def draft(self) -> JobDraft:
        """Return it as the manager takes it."""
        return JobDraft(**{name: _taken(name, getattr(self, name)) for name in JobDraft.__struct_fields__})


class JobChange(Entry):
    """What of a job is to be changed, and the version that is changed; what is left out stays."""

    version: Annotated[StrictInt, Field(ge=1, le=LARGEST)] | None = None
    name: PlainText = Field(default_factory=str)
    options: Options = Field(default_factory=dict)
    priority: Priority = Field(default_factory=lambda: Priority.NORMAL)
    schedule: ScheduleEntry | None = None
    after: Names = Field(default_factory=list)
    after_when: AfterWhen = Field(default_factory=lambda: AfterWhen.ALL_SUCCEEDED)
    after_failed: AfterFailed = Field(default_factory=lambda: AfterFailed.SKIP)
    retry: RetryEntry | None = None
    timeout: Limit | None = None
    run_timeout: Limit | None = None
    expect: ExpectEntry | None = None
    groups: Names = Field(default_factory=list)
    on_interrupt: OnInterrupt = Field(default_factory=lambda: OnInterrupt.RESUME)
    tags: Tags = Field(default_factory=list)
    enabled: StrictBool = Field(default_factory=bool)

    def patch(self) -> JobPatch:
        """Return it as the manager takes it: only what was sent."""
        sent = self.model_fields_set & set(JobPatch.__struct_fields__)
        return JobPatch(**{name: _taken(name, getattr(self, name)) for name in sent})


def _taken(name: str, value: Any) -> Any:  # noqa: ANN401 - a field of a draft
    """Return a field as drafts have it; no retry is one attempt."""
    if name == "retry" and value is None:
        return ONCE
    return value.value() if isinstance(value, RetryEntry | ExpectEntry | ScheduleEntry) else frozen(value)


class AnswerEntry(Entry):
    """An answer to what a run asks; `question` is the id of exactly what was read."""

    question: Annotated[PlainName, Field(min_length=1, max_length=200)]
    answer: Annotated[PlainName, Field(min_length=1, max_length=100)]
    typed: PlainText = ""


class PriorityEntry(Entry):
    """Another priority of a run that waits, and the version that is changed, where that matters."""

    priority: Priority
    version: Annotated[StrictInt, Field(ge=1, le=LARGEST)] | None = None


class OptionsEntry(Entry):
    """Options of a kind that are still being entered."""

    options: Options = {}


class Credentials(Entry):
    """A name and a password."""

    username: Annotated[str, Field(max_length=1_000)]
    password: Annotated[str, Field(max_length=1_000_000, repr=False)]
