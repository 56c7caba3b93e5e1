"""What is told, to whom and how: frozen values."""

import re
from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Final

import msgspec

from core.models import Moment, Value


class Occasion(StrEnum):
    """What happened, as far as somebody may want to hear of it."""

    FAILURE = "failure"
    RECOVERY = "recovery"
    LATE = "late"
    SUCCESS = "success"
    FIRST_RUN = "first-run"
    UNUSUAL = "unusual"
    WARNINGS = "warnings"
    DEAD_LETTER = "dead-letter"
    INTERRUPTED = "interrupted"
    QUESTION = "question"
    BREAKER = "breaker-opened"
    DESTINATION_LOST = "destination-lost"
    DESTINATION_BACK = "destination-back"
    DESTINATION_FULL = "destination-nearly-full"


IN_WORDS: Final[Mapping[Occasion, str]] = {
    Occasion.FAILURE: "a run failed",
    Occasion.RECOVERY: "a job works again",
    Occasion.LATE: "a job is late",
    Occasion.SUCCESS: "a run succeeded",
    Occasion.FIRST_RUN: "the first run of a job ended",
    Occasion.UNUSUAL: "a run was unusual",
    Occasion.WARNINGS: "a run ended with warnings",
    Occasion.DEAD_LETTER: "a run became a dead letter",
    Occasion.INTERRUPTED: "a run was interrupted",
    Occasion.QUESTION: "a run asks something",
    Occasion.BREAKER: "something cannot be reached",
    Occasion.DESTINATION_LOST: "a destination was lost",
    Occasion.DESTINATION_BACK: "a destination is back",
    Occasion.DESTINATION_FULL: "a destination is nearly full",
}

GOOD: Final = frozenset({Occasion.SUCCESS, Occasion.RECOVERY, Occasion.FIRST_RUN, Occasion.DESTINATION_BACK})
"""Occasions that ask nothing of anybody."""


class Notice(Value, frozen=True, kw_only=True, omit_defaults=True):
    """Something that happened, in words; `id` is the same whenever the same thing is noticed again.

    `occasions` has the one that the words are about first. `key` is shared by notices that say the same of the same
    job: of these, one message goes out in a while. `shown` tells whether it is listed in the application.
    """

    id: str
    occasions: tuple[Occasion, ...]
    at: Moment
    subject: str
    text: str
    job_id: str = ""
    job: str = ""
    tags: tuple[str, ...] = ()
    run_id: str = ""
    destination_id: str = ""
    number: int = 0
    state: str = ""
    attempts: int = 0
    code: str = ""
    error: str = ""
    hint: str = ""
    key: str = ""
    critical: bool = False
    shown: bool = True

    @property
    def occasion(self) -> Occasion:
        """Return what the words are about."""
        return self.occasions[0]


class ChannelKind(StrEnum):
    """How a channel sends."""

    APPRISE = "apprise"
    WEBHOOK = "webhook"


class Channel(Value, frozen=True, kw_only=True, omit_defaults=True):
    """A way to somebody. `url` and `secret` are secret: `shown` is what may be seen of them."""

    id: str
    name: str
    kind: ChannelKind
    url: str
    shown: str
    secret: str = ""
    enabled: bool = True
    created_at: Moment

    def __repr__(self) -> str:
        """Return it without its secrets."""
        return f"Channel({self.name!r}, {self.shown!r})"


class Digest(StrEnum):
    """When what a rule found is sent."""

    IMMEDIATELY = "immediately"
    HOURLY = "hourly"
    DAILY = "daily"


TIME_OF_DAY: Final = re.compile(r"([01]\d|2[0-3]):[0-5]\d\Z")


class Quiet(Value, frozen=True, kw_only=True, omit_defaults=True):
    """Hours of the day in which nothing is sent, "22:00" to "07:00", in the rule's time zone.

    `but_critical` lets through what is about a job of critical priority.
    """

    start: str
    end: str
    but_critical: bool = True


LONGEST_THROTTLE: Final = 10_080


class Rule(Value, frozen=True, kw_only=True, omit_defaults=True):
    """Who is told of what. Without `tag` and `job_id` it is about every job.

    `throttle` is for how many minutes the same failure of the same job is not told again; 0 is always. `digest_at` is
    the time of day of a daily digest. `timezone` is a name of the IANA list, empty for this machine's.
    """

    id: str
    on: tuple[Occasion, ...]
    channels: tuple[str, ...]
    tag: str = ""
    job_id: str = ""
    quiet: Quiet | None = None
    digest: Digest = Digest.IMMEDIATELY
    digest_at: str = "08:00"
    timezone: str = ""
    throttle: Annotated[int, msgspec.Meta(ge=0, le=LONGEST_THROTTLE)] = 60
    created_at: Moment


class Item(Value, frozen=True, kw_only=True, omit_defaults=True):
    """One notice, as a digest lists it."""

    at: Moment
    occasion: Occasion
    subject: str
    job_id: str = ""
    run_id: str = ""


MOST_ITEMS: Final = 50
"""How many notices a digest lists; the rest is counted."""


class Message(Value, frozen=True, kw_only=True, omit_defaults=True):
    """What is sent through one channel, once it is `due_at`; `id` stays the same however often it is tried.

    One with a `notice` is about that; a digest has `items`, and `count` of them altogether. `muted` counts the same
    failures since the last message about them, that were not told.
    """

    id: str
    channel: str
    put_at: Moment
    due_at: Moment
    notice: Notice | None = None
    items: tuple[Item, ...] = ()
    count: int = 1
    muted: int = 0
    tries: int = 0
    trouble: str = ""

    @property
    def is_digest(self) -> bool:
        """Tell whether it is about several notices."""
        return self.notice is None


class Ended(Value, frozen=True, kw_only=True, omit_defaults=True):
    """A message that will not be tried any more; without `trouble` it arrived."""

    id: str
    channel: str
    at: Moment
    subject: str
    tries: int
    trouble: str = ""


class Outcome(Value, frozen=True, kw_only=True, omit_defaults=True):
    """What came of trying to send: whether it arrived, in words that hold no secret, and whether to try again."""

    sent: bool
    words: str
    again: bool = True
    status: int = 0


class Standing(Value, frozen=True, kw_only=True):
    """How a channel is: how much waits, why it did not get through, and what became of the last that is over.

    A receiver that failed `rests` for so many seconds.
    """

    channel: Channel
    waiting: int
    trouble: str
    rests: float
    last: Ended | None
