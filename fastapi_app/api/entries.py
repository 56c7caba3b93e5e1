"""What programs may send, checked as far as JSON goes; the rest is checked where it is decided."""

import math
from collections.abc import Mapping
from typing import Annotated, Any, Final

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, StrictBool, StrictInt

from core.drafts import JobDraft, JobPatch
from core.models import LARGEST, OnInterrupt, Priority, frozen

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


def nothing(value: Any) -> Any:  # noqa: ANN401 - any JSON value
    """Return what stands for nothing; raises ValueError for anything else."""
    if value not in (None, []):
        raise ValueError("Jobs do not have this yet; leave it out.")
    return value


NotYet = Annotated[None, BeforeValidator(nothing)]
NoneYet = Annotated[list[str], BeforeValidator(nothing)]


class StillToCome(Entry):
    """What jobs do not have yet; only the value that stands for nothing is accepted."""

    schedule: NotYet = None
    after: NoneYet = []
    retry: NotYet = None
    timeout: NotYet = None


class JobEntry(StillToCome):
    """A new job."""

    name: PlainText
    kind: PlainText
    options: Options = {}
    priority: Priority = Priority.NORMAL
    on_interrupt: OnInterrupt = OnInterrupt.RESUME
    tags: Tags = []
    enabled: StrictBool = True

    def draft(self) -> JobDraft:
        """Return it as the manager takes it."""
        return JobDraft(
            name=self.name,
            kind=self.kind,
            options=frozen(self.options),
            priority=self.priority,
            on_interrupt=self.on_interrupt,
            tags=tuple(self.tags),
            enabled=self.enabled,
        )


class JobChange(StillToCome):
    """What of a job is to be changed, and the version that is changed; what is left out stays."""

    version: Annotated[StrictInt, Field(ge=1, le=LARGEST)] | None = None
    name: PlainText = Field(default_factory=str)
    options: Options = Field(default_factory=dict)
    priority: Priority = Field(default_factory=lambda: Priority.NORMAL)
    on_interrupt: OnInterrupt = Field(default_factory=lambda: OnInterrupt.RESUME)
    tags: Tags = Field(default_factory=list)
    enabled: StrictBool = Field(default_factory=bool)

    def patch(self) -> JobPatch:
        """Return it as the manager takes it: only what was sent."""
        sent = self.model_fields_set & set(JobPatch.__struct_fields__)
        return JobPatch(**{name: frozen(getattr(self, name)) for name in sent})


class OptionsEntry(Entry):
    """Options of a kind that are still being entered."""

    options: Options = {}


class Credentials(Entry):
    """A name and a password."""

    username: Annotated[str, Field(max_length=1_000)]
    password: Annotated[str, Field(max_length=1_000_000, repr=False)]
