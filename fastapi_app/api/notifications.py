"""What was told to people, through which channels, and by which rules."""

from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query
from msgspec.structs import asdict
from pydantic import Field, StrictBool, StrictInt

from core.notifications import texts
from core.notifications.registers import LONGEST_URL, MOST_CHANNELS
from core.notifications.values import (
    LONGEST_THROTTLE,
    Channel,
    ChannelKind,
    Digest,
    Ended,
    Message,
    Notice,
    Occasion,
    Outcome,
    Quiet,
    Rule,
    Standing,
)
from fastapi_app.api.entries import Entry, PlainText
from fastapi_app.api.values import Out
from fastapi_app.dependencies import Person, TheService

router = APIRouter(tags=["notifications"])

MOST = 1_000
TIME_OF_DAY = r"^([01]\d|2[0-3]):[0-5]\d$"


class NoticeOut(Out):
    """Something that happened. `page` is where more of it is to be read; `unread` is for who asks."""

    number: int
    id: str
    at: datetime
    occasions: list[Occasion]
    subject: str
    text: str
    job_id: str
    run_id: str
    critical: bool
    page: str
    unread: bool

    @classmethod
    def of(cls, number: int, notice: Notice, read: int) -> "NoticeOut":
        """Return the notice as JSON says it."""
        return cls.model_construct(
            number=number,
            id=notice.id,
            at=notice.at,
            occasions=list(notice.occasions),
            subject=notice.subject,
            text=notice.text,
            job_id=notice.job_id,
            run_id=notice.run_id,
            critical=notice.critical,
            page=texts.place_of(notice),
            unread=number > read,
        )


class NoticesOut(Out):
    """The newest notices, and how many of all that are listed are unread and there."""

    items: list[NoticeOut]
    unread: int
    total: int


class MessageOut(Out):
    """Something that is not sent yet; a digest has `count` notices. `trouble` is why it was not sent before."""

    id: str
    channel: str
    subject: str
    put_at: datetime
    due_at: datetime
    count: int
    tries: int
    trouble: str

    @classmethod
    def of(cls, message: Message) -> "MessageOut":
        """Return the message as JSON says it."""
        fields: dict[str, Any] = {name: getattr(message, name, "") for name in cls.model_fields}
        return cls.model_construct(**fields | {"subject": texts.subject_of(message)})


class EndedOut(Out):
    """Something that will not be tried any more; without `trouble` it arrived."""

    id: str
    channel: str
    at: datetime
    subject: str
    tries: int
    trouble: str


class OutboxOut(Out):
    """What waits to be sent, the oldest first, and what is over, the newest first."""

    waiting: list[MessageOut]
    ended: list[EndedOut]
    trouble: str


class ChannelOut(Out):
    """A way to somebody. `shown` is as much of its address as everybody may see."""

    id: str
    name: str
    kind: ChannelKind
    shown: str
    enabled: bool
    created_at: datetime

    @classmethod
    def of(cls, channel: Channel) -> "ChannelOut":
        """Return the channel as JSON says it: nothing secret is among the fields."""
        return cls.model_construct(**{name: getattr(channel, name) for name in cls.model_fields})


class NewChannelOut(ChannelOut):
    """A channel that was just added. `secret` is what a receiver of webhooks needs; it is never shown again."""

    secret: str | None


class StandingOut(ChannelOut):
    """A channel, how many messages wait for it, why, and what became of the last one that is over."""

    waiting: int
    trouble: str
    rests: float
    last: EndedOut | None

    @classmethod
    def of_standing(cls, standing: Standing) -> "StandingOut":
        """Return the channel as JSON says it."""
        fields = {name: getattr(standing.channel, name) for name in ChannelOut.model_fields}
        last = _ended_out(standing.last) if standing.last else None
        rest = {
            "waiting": standing.waiting,
            "trouble": standing.trouble,
            "rests": standing.rests,
            "last": last,
        }
        return cls.model_construct(**fields | rest)


class ChannelEntry(Entry):
    """A new channel: an address of Apprise's, or of http(s) for signed webhooks."""

    name: PlainText
    url: Annotated[PlainText, Field(max_length=LONGEST_URL)]
    secret: PlainText = ""


class ChannelChange(Entry):
    """What of a channel is to be changed."""

    enabled: StrictBool


class QuietEntry(Entry):
    """Hours in which nothing is sent; over midnight where the end is before the start."""

    start: Annotated[str, Field(pattern=TIME_OF_DAY)]
    end: Annotated[str, Field(pattern=TIME_OF_DAY)]
    but_critical: StrictBool = True


class RuleEntry(Entry):
    """A new rule: on what, through which channels; about every job, a tag or one job."""

    on: Annotated[list[Occasion], Field(min_length=1, max_length=len(Occasion))]
    channels: Annotated[list[PlainText], Field(min_length=1, max_length=MOST_CHANNELS)]
    tag: PlainText = ""
    job_id: PlainText = ""
    quiet: QuietEntry | None = None
    digest: Digest = Digest.IMMEDIATELY
    digest_at: Annotated[str, Field(pattern=TIME_OF_DAY)] = "08:00"
    timezone: PlainText = ""
    throttle: Annotated[StrictInt, Field(ge=0, le=LONGEST_THROTTLE)] = 60


class QuietOut(Out):
    """Hours in which nothing is sent."""

    start: str
    end: str
    but_critical: bool


class RuleOut(Out):
    """Who is told of what."""

    id: str
    on: list[Occasion]
    channels: list[str]
    tag: str
    job_id: str
    quiet: QuietOut | None
    digest: Digest
    digest_at: str
    timezone: str
    throttle: int
    created_at: datetime

    @classmethod
    def of(cls, rule: Rule) -> "RuleOut":
        """Return the rule as JSON says it."""
        fields = {name: getattr(rule, name) for name in cls.model_fields}
        fields["quiet"] = QuietOut.model_validate(rule.quiet) if rule.quiet else None
        return cls.model_construct(**fields | {"on": list(rule.on), "channels": list(rule.channels)})


class OutcomeOut(Out):
    """What came of sending a test."""

    sent: bool
    words: str


class ReadOut(Out):
    """How many notices are unread now."""

    unread: Literal[0] = 0


@router.get("/notifications")
def notifications(
    service: TheService, person: Person, limit: Annotated[int, Query(ge=1, le=MOST)] = 100
) -> NoticesOut:
    """Return what happened, the newest first."""
    office = service.notifications
    read, notices = office.choices.read_by(person.name), office.book.notices()
    items = [NoticeOut.of(number, notice, read) for number, notice in notices[:limit]]
    return NoticesOut(items=items, unread=office.unread(person.name), total=len(notices))


@router.post("/notifications/read")
def read_all(service: TheService, person: Person) -> ReadOut:
    """Take note that who asks has seen everything."""
    service.notifications.note_read(person.name)
    return ReadOut()


@router.get("/notifications/outbox")
def outbox(service: TheService) -> OutboxOut:
    """Return what waits to be sent, and what became of the rest."""
    book = service.notifications.book
    return OutboxOut(
        waiting=[MessageOut.of(message) for message in book.waiting()],
        ended=[_ended_out(ended) for ended in book.ended()],
        trouble=book.trouble,
    )


@router.get("/channels")
def channels(service: TheService) -> list[StandingOut]:
    """Return every channel; of its address, as much as everybody may see."""
    return [StandingOut.of_standing(standing) for standing in service.notifications.standings()]


@router.post("/channels", status_code=201)
def add_channel(entry: ChannelEntry, service: TheService) -> NewChannelOut:
    """Keep a new channel. The secret in the answer is shown this once."""
    channel = service.notifications.add_channel(entry.name, entry.url, entry.secret)
    fields = ChannelOut.of(channel).model_dump()
    return NewChannelOut(**fields, secret=channel.secret or None)


@router.patch("/channels/{channel_id}")
def change_channel(channel_id: str, change: ChannelChange, service: TheService) -> ChannelOut:
    """Switch a channel off, or on again."""
    return ChannelOut.of(service.notifications.switch_channel(channel_id, enabled=change.enabled))


@router.delete("/channels/{channel_id}", status_code=204)
def remove_channel(channel_id: str, service: TheService) -> None:
    """Let go of a channel, of what waits for it, and of rules that name no other."""
    service.notifications.remove_channel(channel_id)


@router.post("/channels/{channel_id}/test")
def test_channel(channel_id: str, service: TheService) -> OutcomeOut:
    """Really send a message that is a test, and say what came of it."""
    outcome = service.notifications.test(channel_id)
    return OutcomeOut(sent=outcome.sent, words=outcome_in_words(outcome))


@router.get("/rules")
def rules(service: TheService) -> list[RuleOut]:
    """Return every rule, the oldest first."""
    return [RuleOut.of(rule) for rule in service.notifications.choices.rules()]


@router.post("/rules", status_code=201)
def add_rule(entry: RuleEntry, service: TheService) -> RuleOut:
    """Keep a new rule; it tells of what happens from now on."""
    return RuleOut.of(service.notifications.add_rule(rule_of(entry, service.clock.now())))


@router.delete("/rules/{rule_id}", status_code=204)
def remove_rule(rule_id: str, service: TheService) -> None:
    """Let go of a rule."""
    service.notifications.remove_rule(rule_id)


def rule_of(entry: RuleEntry, now: datetime) -> Rule:
    """Return the rule as entered."""
    fields = entry.model_dump(exclude={"quiet", "on", "channels"})
    quiet = Quiet(**entry.quiet.model_dump()) if entry.quiet else None
    return Rule(
        id="", on=tuple(entry.on), channels=tuple(entry.channels), quiet=quiet, created_at=now, **fields
    )


def outcome_in_words(outcome: Outcome) -> str:
    """Return what came of it."""
    return outcome.words


def _ended_out(ended: Ended) -> EndedOut:
    return EndedOut.model_construct(**asdict(ended))
