"""What was told to people, the channels and the rules, as their page shows them; and who is late."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final

from core.models import Job, Value
from core.notifications.rhythm import Expected
from core.notifications.texts import place_of, stamp, subject_of
from core.notifications.values import IN_WORDS, Digest, Ended, Message, Notice, Occasion, Rule, Standing
from fastapi_app.presenters import times
from fastapi_app.presenters.job_sections import Said
from fastapi_app.presenters.states import Mark
from fastapi_app.presenters.texts import plural

MOST_SHOWN: Final = 100
MOST_TROUBLES: Final = 20

MARKS: Final[Mapping[Occasion, Mark]] = {
    Occasion.FAILURE: Mark(st="failed", icon="st-failed", word="Failed"),
    Occasion.DEAD_LETTER: Mark(st="failed", icon="st-failed", word="Failed"),
    Occasion.BREAKER: Mark(st="failed", icon="st-failed", word="Not reached"),
    Occasion.LATE: Mark(st="late", icon="st-late", word="Late"),
    Occasion.UNUSUAL: Mark(st="late", icon="st-late", word="Unusual"),
    Occasion.WARNINGS: Mark(st="late", icon="st-late", word="Warnings"),
    Occasion.QUESTION: Mark(st="paused", icon="st-pause", word="Asks"),
    Occasion.INTERRUPTED: Mark(st="paused", icon="st-pause", word="Interrupted"),
    Occasion.DESTINATION_LOST: Mark(st="failed", icon="st-failed", word="Lost"),
    Occasion.DESTINATION_FULL: Mark(st="late", icon="st-late", word="Nearly full"),
    Occasion.DESTINATION_BACK: Mark(st="ok", icon="st-ok", word="Back"),
    Occasion.RECOVERY: Mark(st="ok", icon="st-ok", word="Works again"),
    Occasion.FIRST_RUN: Mark(st="ok", icon="st-ok", word="First run"),
    Occasion.SUCCESS: Mark(st="ok", icon="st-ok", word="Good"),
}

WORKS: Final = Mark(st="ok", icon="st-ok", word="Works")
UNTRIED: Final = Mark(st="scheduled", icon="i-clock", word="Not used yet")
TROUBLED: Final = Mark(st="late", icon="st-late", word="Does not get through")
GIVEN_UP: Final = Mark(st="failed", icon="st-failed", word="Not delivered")
OFF: Final = Mark(st="cancelled", icon="st-cancelled", word="Switched off")
LATE: Final = MARKS[Occasion.LATE]

CHOICES: Final = tuple((occasion.value, IN_WORDS[occasion]) for occasion in Occasion)
USUAL: Final = frozenset(
    {
        Occasion.FAILURE,
        Occasion.RECOVERY,
        Occasion.LATE,
        Occasion.INTERRUPTED,
        Occasion.QUESTION,
        Occasion.DESTINATION_LOST,
        Occasion.DESTINATION_FULL,
    }
)
"""What a new rule is about unless somebody says otherwise."""


class NoticeRow(Value, frozen=True, kw_only=True):
    """Something that happened."""

    mark: Mark
    subject: str
    lines: tuple[str, ...]
    at: datetime
    page: str
    unread: bool


class ChannelRow(Value, frozen=True, kw_only=True):
    """A way to somebody, and how it is."""

    id: str
    name: str
    shown: str
    mark: Mark
    words: str
    enabled: bool


class RuleRow(Value, frozen=True, kw_only=True):
    """A rule in a sentence."""

    id: str
    on: str
    about: str
    through: str
    when: str


class TroubleRow(Value, frozen=True, kw_only=True):
    """A message that did not get through, or not yet."""

    subject: str
    channel: str
    words: str
    at: datetime
    mark: Mark


class NotificationsView(Value, frozen=True, kw_only=True):
    """Everything the page shows."""

    sentence: str
    unread: int
    rows: tuple[NoticeRow, ...]
    more: int
    channels: tuple[ChannelRow, ...]
    rules: tuple[RuleRow, ...]
    troubles: tuple[TroubleRow, ...]
    choices: tuple[tuple[str, str], ...]
    usual: frozenset[str]


def notifications_view(  # each is one thing that the page shows
    notices: Sequence[tuple[int, Notice]],
    read: int,
    standings: Sequence[Standing],
    rules: Sequence[Rule],
    names: Mapping[str, str],
    waiting: Sequence[Message],
    ended: Sequence[Ended],
) -> NotificationsView:
    """Return the page; `names` are those of the jobs that rules are about."""
    unread = sum(number > read for number, _ in notices)
    channels = {standing.channel.id: standing.channel.name for standing in standings}
    return NotificationsView(
        sentence=_sentence(len(notices), unread),
        unread=unread,
        rows=tuple(_notice_row(number, notice, read) for number, notice in notices[:MOST_SHOWN]),
        more=max(0, len(notices) - MOST_SHOWN),
        channels=tuple(map(_channel_row, standings)),
        rules=tuple(_rule_row(rule, channels, names) for rule in rules),
        troubles=_troubles(waiting, ended, channels),
        choices=CHOICES,
        usual=frozenset(occasion.value for occasion in USUAL),
    )


def _sentence(total: int, unread: int) -> str:
    if not total:
        return "Nothing happened yet that somebody should know."
    return f"{unread:,} unread of {total:,}." if unread else "You have seen everything."


def _notice_row(number: int, notice: Notice, read: int) -> NoticeRow:
    return NoticeRow(
        mark=MARKS[notice.occasion],
        subject=notice.subject,
        lines=tuple(notice.text.splitlines()),
        at=notice.at,
        page="" if place_of(notice) == "/notifications" else place_of(notice),
        unread=number > read,
    )


def _channel_row(standing: Standing) -> ChannelRow:
    mark, words = _how(standing)
    channel = standing.channel
    return ChannelRow(
        id=channel.id, name=channel.name, shown=channel.shown, mark=mark, words=words, enabled=channel.enabled
    )


def _how(standing: Standing) -> tuple[Mark, str]:
    if not standing.channel.enabled:
        return OFF, f"{plural(standing.waiting, 'message')} waiting." if standing.waiting else ""
    if standing.trouble:
        again = f" Tried again in {times.span(standing.rests)}." if standing.rests else ""
        return TROUBLED, f"{standing.trouble} {plural(standing.waiting, 'message')} waiting.{again}"
    if standing.last is None:
        return UNTRIED, ""
    if standing.last.trouble:
        return GIVEN_UP, standing.last.trouble
    return WORKS, f"Last sent {stamp(standing.last.at)}."


def _rule_row(rule: Rule, channels: Mapping[str, str], names: Mapping[str, str]) -> RuleRow:
    about = "of every job"
    if rule.tag:
        about = f"of jobs tagged {rule.tag}"
    elif rule.job_id:
        about = f"of {names.get(rule.job_id, 'a job that is gone')}"
    return RuleRow(
        id=rule.id,
        on=", ".join(IN_WORDS[occasion] for occasion in rule.on),
        about=about,
        through=", ".join(channels.get(each, "a channel that is gone") for each in rule.channels),
        when=when_in_words(rule),
    )


def when_in_words(rule: Rule) -> str:
    """Return when a rule sends."""
    zone = f" ({rule.timezone})" if rule.timezone else ""
    parts = {
        Digest.IMMEDIATELY: "At once",
        Digest.HOURLY: "Once an hour, together",
        Digest.DAILY: f"Every day at {rule.digest_at}{zone}, together",
    }[rule.digest]
    if rule.quiet is not None:
        but = ", but for what is critical" if rule.quiet.but_critical else ""
        parts += f"; quiet from {rule.quiet.start} to {rule.quiet.end}{zone}{but}"
    if rule.throttle:
        parts += f"; the same failure once in {times.span(rule.throttle * 60)}"
    return f"{parts}."


def _troubles(
    waiting: Sequence[Message], ended: Sequence[Ended], channels: Mapping[str, str]
) -> tuple[TroubleRow, ...]:
    late = [
        TroubleRow(
            subject=subject_of(message),
            channel=channels.get(message.channel, ""),
            words=f"{message.trouble} Tried {plural(message.tries, 'time')}.",
            at=message.put_at,
            mark=TROUBLED,
        )
        for message in waiting
        if message.trouble
    ]
    failed = [
        TroubleRow(
            subject=each.subject,
            channel=channels.get(each.channel, "a channel that is gone"),
            words=f"{each.trouble} Given up after {plural(each.tries, 'try', 'tries')}.",
            at=each.at,
            mark=GIVEN_UP,
        )
        for each in ended
        if each.trouble
    ]
    return tuple((*late, *failed)[:MOST_TROUBLES])


def late_in_words(expected: Expected | None, now: datetime) -> str:
    """Return that a job is late, and since when; nothing for one that is not."""
    if expected is None or not expected.is_late(now):
        return ""
    last = f"the last was at {stamp(expected.last_success)}" if expected.last_success else "it never had one"
    return f"Late: no success by {stamp(expected.deadline)}, {last}."


def late_since(expected: Expected | None, now: datetime) -> Said:
    """Return the same for a page, which tells the times in the reader's zone."""
    if expected is None or not expected.is_late(now):
        return ()
    last: Said = (
        (", the last was at ", expected.last_success) if expected.last_success else (", it never had one",)
    )
    return ("Late: no success by ", expected.deadline, *last, ".")


def late_after(job: Job, expected: Expected | None) -> Said:
    """Return when a job is late without another success; nothing where nothing is expected of it."""
    if not job.enabled and (job.expect or job.schedule):
        return ("Never, while it is switched off",)
    return (expected.deadline, ", without another success") if expected else ()
