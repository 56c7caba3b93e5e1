"""Puts together what tells people: listens, notices, plans, keeps, and lets the senders send."""

import contextlib
import logging
import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from core.asking import asks
from core.clock import Clock
from core.errors import HoldfastError
from core.events import (
    Event,
    EventBus,
    EventsMissed,
    JobChangedOutside,
    JobCreated,
    JobDeleted,
    JobEdited,
    RegisterChanged,
    RunMoved,
)
from core.listing import JobQuery
from core.models import Ending, Run
from core.notifications import apprise_urls, noticing, webhooks
from core.notifications.book import Book
from core.notifications.noticing import Noticer, Unusual, notice_id
from core.notifications.of_destinations import notices_of
from core.notifications.outgoing import Client
from core.notifications.pings import OWN, Pings
from core.notifications.planning import Planner
from core.notifications.registers import CHANNEL, RULE, Choices
from core.notifications.rhythm import Expected, Rhythm
from core.notifications.senders import Senders
from core.notifications.values import Channel, ChannelKind, Message, Notice, Occasion, Outcome, Rule, Standing
from core.notifications.wishes import Manager, Wishes
from core.places.states import STATE
from core.states import RunState

log = logging.getLogger(__name__)

MOST_TAKEN: Final = 20_000
LOOK_EVERY: Final = 1.0
"""Seconds between two looks at what became late."""

SLACK: Final = timedelta(minutes=10)
"""How far before the last mark a start looks for what was not noticed."""

GATHER: Final = 0.1
"""Seconds in which what happens is gathered, so that much of it is one write."""

MARK_EVERY: Final = timedelta(minutes=1)
BREAKER: Final = "breaker/"
GRACE: Final = 3.0
"""Seconds that whoever stops waits for what is being sent."""


class Office:
    """Tells people what happens to jobs and runs, and remembers what it told."""

    def __init__(  # its collaborators, each a promise of its own
        self,
        manager: Manager,
        events: EventBus,
        clock: Clock,
        folder: Path,
        wishes: Wishes,
        *,
        alive: Callable[[], bool] = lambda: True,
        unusual: Unusual = lambda _run: (),
    ) -> None:
        self._manager = manager
        self._events = events
        self._clock = clock
        self._wishes = wishes
        self._alive = alive
        self._client = Client(private=wishes.private)
        self.book = Book(folder, clock)
        self.choices = Choices(manager, clock)
        self.rhythm = Rhythm(manager, manager, clock)
        self.pings = Pings(self._client, clock)
        self.senders = Senders(self.book, clock, self.send)
        self._noticer = Noticer(manager, unusual)
        self._planner = Planner(self.book)
        self._taken: deque[Event] = deque()
        self._changed = threading.Condition()
        self._missed = False
        self._ended = False
        self._pinged_at = float("-inf")
        self._channels: Mapping[str, Channel] = {}
        self._rules: Sequence[Rule] = ()
        self._listens = False
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._keep_working, name="telling", daemon=True)

    # Its life

    def open(self) -> None:
        """Read what was told before; what cannot be read is left alone, and told of in the log."""
        try:
            self.book.open()
        except HoldfastError as error:
            log.warning("%s", error)

    def start(self) -> None:
        """Listen from now on, and tell what happened since the last time and was not told."""
        self.open()
        self._events.tell_at_once("telling", self.take)
        with self._changed:
            self._listens = self._missed = True
        self._thread.start()

    def stop(self) -> None:
        """Notice what was taken, and send nothing more; the next start does."""
        self._events.tell_no_more(self.take)
        with self._changed:
            self._ended = True
            self._changed.notify()
        self._ending.set()
        if self._thread.is_alive():
            self._thread.join(GRACE)
        self.senders.stop(GRACE)
        self.book.close()
        self.pings.stop()

    def take(self, event: Event) -> None:
        """Take an event; returns at once."""
        if not isinstance(event, HEARD) or (isinstance(event, RunMoved) and event.run.state not in MATTERING):
            return
        if isinstance(event, RegisterChanged) and not event.name.startswith((CHANNEL, RULE, BREAKER, STATE)):
            return
        with self._changed:
            if isinstance(event, EventsMissed) or len(self._taken) >= MOST_TAKEN:
                self._missed = True
            else:
                self._taken.append(event)
            self._changed.notify()  # wakes nobody while more is being gathered

    def _keep_working(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._taken or self._missed or self._ended, LOOK_EVERY)
                busy = bool(self._taken)
            if busy:
                self._ending.wait(GATHER)
            with self._changed:
                ended = self._ended
            try:
                self.work()
                self.tick()
            except Exception:  # what is wrong with one notice must not end the others
                log.exception("something that happened could not be told")
            if ended:
                return

    # What happened

    def work(self) -> None:
        """Notice everything that was taken, as one write."""
        began = self._clock.now()
        with self._changed:
            taken, missed = tuple(self._taken), self._missed
            self._taken.clear()
            self._missed = False
        if missed:
            self._look_at_everything()
        entered = sum(map(self._tell_of, taken))
        if missed:
            entered += sum(self._enter(notice) for notice in self._not_noticed_yet())
        self._settle(entered, began, moved=bool(taken) or missed)

    def _settle(self, entered: int, began: datetime, *, moved: bool) -> None:
        if entered or self.book.trouble:
            self.book.flush()
            self.senders.wake()
        mark = self.book.mark
        if moved and (mark is None or not timedelta(0) <= began - mark < MARK_EVERY):
            self.book.mark_at(began)

    def tick(self) -> None:
        """Look at what became late, and tell the watcher outside that all is well."""
        now = self._clock.now()
        entered = sum(self._enter(notice) for notice in self._late(self.rhythm.tick(now)))
        self._settle(entered, now, moved=False)
        self.pings.tick()
        passed = self._clock.monotonic()
        if self._wishes.ping_url and passed - self._pinged_at >= self._wishes.ping_every:
            self._pinged_at = passed
            self.pings.ping(OWN, self._wishes.ping_url, unless=lambda: not self._alive())

    def _tell_of(self, event: Event) -> int:
        """Take in what there is to tell of an event; return how much that was."""
        try:
            return sum(map(self._enter, self._notices_of(event)))
        except HoldfastError as error:
            log.warning("something that happened could not be told: %s", error)
        except Exception:  # what cannot be told of one keeps no other from being told
            log.exception("something that happened could not be told")
        return 0

    def _notices_of(self, event: Event) -> Iterator[Notice]:
        match event:
            case RunMoved(run=run):
                yield from self._of_run(run)
            case JobCreated(job=job):
                self.rhythm.know(job)
            case JobEdited(job=job) | JobChangedOutside(job=job):
                self.rhythm.know(job, edited=True)
            case JobDeleted(job_id=job_id):
                self._noticer.forget(job_id)
                self.rhythm.forget(job_id)
                self.pings.forget(job_id)
            case RegisterChanged(name=name, value=value) if name.startswith(BREAKER):
                if value is not None and (
                    notice := noticing.breaker_opened(name.removeprefix(BREAKER), value)
                ):
                    yield notice
            case RegisterChanged(name=name, value=value) if name.startswith(STATE):
                yield from notices_of(self._manager, name, value)
            case RegisterChanged():
                self.know_choices()

    def _of_run(self, run: Run) -> Iterator[Notice]:
        late = self.book.told_late(run.job_id)
        was_late = late is not None and run.ended_at is not None and run.ended_at >= late.at
        notice = self._noticer.of_run(run, was_late=was_late)
        if notice is not None and not self.book.knows(notice.id):
            yield notice
            if run.state == RunState.COMPLETED:
                self.rhythm.succeeded(run)
                self._ping(run)

    def _ping(self, run: Run) -> None:
        with contextlib.suppress(HoldfastError):
            expect = self._manager.job(run.job_id).job.expect
            if expect is not None and expect.ping:
                self.pings.ping(run.job_id, expect.ping)

    def _late(self, expected: Sequence[Expected]) -> Iterator[Notice]:
        for each in expected:
            with contextlib.suppress(HoldfastError):
                job = self._manager.job(each.job_id).job
                yield noticing.late(job, each.last_success, each.deadline, each.words)

    def _look_at_everything(self) -> None:
        self.know_choices()
        for overview in self._manager.list_jobs(JobQuery(limit=None)).items:
            self.rhythm.know(overview.job)

    def _not_noticed_yet(self) -> Iterator[Notice]:
        """Yield what happened since the last mark and was not noticed; before the first, nothing was missed."""
        if self.book.mark is None:
            return
        since = self.book.mark - SLACK
        stopped = (run for run in self._manager.runs_at_hand() if _waits_since(run, since))
        runs = sorted(
            (*self._manager.runs_ended_since(since), *stopped), key=lambda run: (_at(run), run.number)
        )
        for run in runs:
            yield from self._of_run(run)
        for name, value in self._manager.registers(BREAKER).items():
            if (notice := noticing.breaker_opened(name.removeprefix(BREAKER), value)) and notice.at >= since:
                yield notice
        for name, value in self._manager.registers(STATE).items():
            yield from (each for each in notices_of(self._manager, name, value) if each.at >= since)

    def _enter(self, notice: Notice) -> bool:
        """Take in a notice with its messages, once; tell whether there was anything to keep."""
        told = None
        if not self.book.knows(notice.id):
            told = self._planner.plan(notice, self._rules, self._channels, self._clock.now())
        if told is not None:
            self.book.enter(told)
        return told is not None

    # Channels and rules

    def know_choices(self) -> None:
        """Look at the channels and rules there are."""
        self._channels, self._rules = self.choices.channels(), self.choices.rules()
        self.senders.know(self._channels)

    def add_channel(self, name: str, url: str, secret: str = "") -> Channel:
        """Keep a new channel; raises InvalidOptions. See `Choices.add_channel`."""
        channel = self.choices.add_channel(name, url, secret)
        self._choose_anew()
        return channel

    def switch_channel(self, channel_id: str, *, enabled: bool) -> Channel:
        """Switch a channel off, or on again; raises NotFound."""
        channel = self.choices.switch_channel(channel_id, enabled=enabled)
        self._choose_anew()
        return channel

    def remove_channel(self, channel_id: str) -> None:
        """Let go of a channel and of what waits for it; raises NotFound."""
        self.choices.remove_channel(channel_id)
        self._choose_anew()

    def add_rule(self, rule: Rule) -> Rule:
        """Keep a new rule; raises InvalidOptions."""
        kept = self.choices.add_rule(rule)
        self._choose_anew()
        return kept

    def remove_rule(self, rule_id: str) -> None:
        """Let go of a rule; raises NotFound."""
        self.choices.remove_rule(rule_id)
        self._choose_anew()

    def _choose_anew(self) -> None:
        """Go by what was chosen at once, where this office is the one that tells."""
        if self._listens:
            self.know_choices()

    def send(self, channel: Channel, message: Message) -> Outcome:
        """Send a message through a channel, now; takes as long as its receiver does, up to a limit."""
        if channel.kind == ChannelKind.WEBHOOK:
            return webhooks.send(self._client, channel, message, self._wishes.origin, self._clock.now())
        return apprise_urls.send(channel, message, self._wishes.origin, private=self._wishes.private)

    def test(self, channel_id: str) -> Outcome:
        """Really send a message that is a test, and return what came of it; raises NotFound."""
        channel = self.choices.channel(channel_id)
        now = self._clock.now()
        notice = Notice(
            id=notice_id("test", channel_id, now),
            occasions=(Occasion.SUCCESS,),
            at=now,
            subject="this is a test",
            text=f"This is a test of the channel “{channel.name}”. If you read it, it works.",
        )
        message = Message(
            id=notice_id(notice.id, channel_id), channel=channel_id, put_at=now, due_at=now, notice=notice
        )
        return self.send(channel, message)

    # What became of it

    def standings(self) -> tuple[Standing, ...]:
        """Return how every channel is."""
        rests, ended, waiting = self.senders.rests(), self.book.ended(), self.book.waiting()
        return tuple(
            Standing(
                channel=channel,
                waiting=sum(message.channel == channel.id for message in waiting),
                trouble=next(
                    (
                        message.trouble
                        for message in waiting
                        if message.channel == channel.id and message.trouble
                    ),
                    "",
                ),
                rests=rests.get(channel.id, 0.0),
                last=next((each for each in ended if each.channel == channel.id), None),
            )
            for channel in self.choices.channels().values()
        )

    def unread(self, person: str) -> int:
        """Return how many notices there are that this person has not seen."""
        return self.book.later_than(self.choices.read_by(person))

    def note_read(self, person: str) -> None:
        """Take note that this person has seen everything there is."""
        self.choices.note_read(person, self.book.newest)


HEARD: Final = (
    RunMoved, JobCreated, JobEdited, JobChangedOutside, JobDeleted, RegisterChanged, EventsMissed,
)  # fmt: skip
MATTERING: Final = frozenset({RunState.COMPLETED, RunState.FAILED, RunState.PAUSED})


def _waits_since(run: Run, since: datetime) -> bool:
    last = run.attempts[-1] if run.attempts else None
    return (
        run.state == RunState.PAUSED
        and last is not None
        and (last.ending == Ending.INTERRUPTED or asks(run))
        and last.ended_at is not None
        and last.ended_at >= since
    )


def _at(run: Run) -> datetime:
    return run.ended_at or (run.attempts[-1].ended_at if run.attempts else None) or run.created_at
