"""What messages a notice makes: for each channel that a rule names one, now or in a digest, or none at all."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final

from core.notifications import rules
from core.notifications.book import Book
from core.notifications.log import Held, Told
from core.notifications.noticing import notice_id
from core.notifications.values import Channel, Item, Message, Notice, Occasion, Rule

MOST_SINGLE: Final = 20
"""How many messages of its own a channel is given within a minute; what comes beyond goes into a digest."""

MOST_WAITING: Final = 50
"""How many messages may wait for a channel before everything more goes into a digest."""

A_MINUTE: Final = timedelta(minutes=1)


class Planner:
    """Decides about one notice after the other. One thread uses it."""

    def __init__(self, book: Book) -> None:
        self._book = book
        self._lately: dict[str, list[datetime]] = {}
        self._floods: dict[str, str] = {}

    def plan(
        self, notice: Notice, every: Sequence[Rule], channels: Mapping[str, Channel], now: datetime
    ) -> Told | None:
        """Return the notice with its messages; None where nobody is to hear of it."""
        matching = [rule for rule in every if rules.matches(rule, notice)]
        muted = [rule for rule in matching if self._is_throttled(rule, notice)]
        telling = [rule for rule in matching if rule not in muted]
        due = _due(telling, notice, channels, now)
        if not (notice.shown or due or muted):
            return None
        before = max((self._muted(rule, notice) for rule in telling), default=0)
        single = [channel for channel, at in due.items() if at <= now and not self._is_flooded(channel, now)]
        return Told(
            notice=notice,
            messages=tuple(self._message(notice, channel, now, before) for channel in single),
            held=tuple(
                self._held(notice, channel, at, now) for channel, at in due.items() if channel not in single
            ),
            told=tuple(_key(rule, notice) for rule in telling if notice.key),
            muted=tuple(_key(rule, notice) for rule in muted),
            cleared=f"|{notice.job_id}/" if Occasion.RECOVERY in notice.occasions else "",
        )

    def _is_throttled(self, rule: Rule, notice: Notice) -> bool:
        """Tell whether the rule told the same of the same job a short while ago."""
        standing = self._book.standing(_key(rule, notice)) if notice.key else None
        return standing is not None and timedelta(0) <= notice.at - standing.at < timedelta(
            minutes=rule.throttle
        )

    def _muted(self, rule: Rule, notice: Notice) -> int:
        standing = self._book.standing(_key(rule, notice)) if notice.key else None
        return standing.muted if standing else 0

    def _is_flooded(self, channel: str, now: datetime) -> bool:
        lately = [at for at in self._lately.get(channel, ()) if timedelta(0) <= now - at < A_MINUTE]
        self._lately[channel] = lately
        return len(lately) >= MOST_SINGLE or self._book.count_waiting(channel) >= MOST_WAITING

    def _message(self, notice: Notice, channel: str, now: datetime, muted: int) -> Message:
        self._lately[channel].append(now)
        return Message(
            id=notice_id(notice.id, channel),
            channel=channel,
            put_at=now,
            due_at=now,
            notice=notice,
            muted=muted,
        )

    def _held(self, notice: Notice, channel: str, at: datetime, now: datetime) -> Held:
        item = Item(
            at=notice.at,
            occasion=notice.occasion,
            subject=notice.subject,
            job_id=notice.job_id,
            run_id=notice.run_id,
        )
        digest = notice_id("digest", channel, at)
        if at <= now:
            digest, at = self._flood(channel, notice, now), now + A_MINUTE
        return Held(id=digest, channel=channel, put_at=now, due_at=at, item=item)

    def _flood(self, channel: str, notice: Notice, now: datetime) -> str:
        """Return the digest for what is too much for messages of their own."""
        known = self._floods.get(channel, "")
        if not self._book.is_open(known):
            known = self._floods[channel] = notice_id("flood", channel, now, notice.id)
        return known


def _due(
    every: Sequence[Rule], notice: Notice, channels: Mapping[str, Channel], now: datetime
) -> dict[str, datetime]:
    """Return when each channel is due, by the rule that is the quickest."""
    due: dict[str, datetime] = {}
    for rule in every:
        at = rules.due_at(rule, notice, now)
        for channel in rule.channels:
            if channel in channels and channels[channel].enabled:
                due[channel] = min(at, due.get(channel, at))
    return due


def _key(rule: Rule, notice: Notice) -> str:
    return f"{rule.id}|{notice.key}"
