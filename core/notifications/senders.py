"""Sends what is due: a thread for each channel, so that one which does not answer holds up nothing but itself."""

import logging
import random
import threading
from collections.abc import Callable, Mapping
from typing import Final

from core.clock import Clock
from core.models import Backoff, Retry
from core.notifications import texts
from core.notifications.book import Book
from core.notifications.values import Channel, Message, Outcome
from core.retries import wait_after

log = logging.getLogger(__name__)

RETRY: Final = Retry(max_attempts=30, backoff=Backoff.EXPONENTIAL, wait=30.0, longest_wait=3_600.0)
"""Waits that grow from half a minute to an hour, for 23 hours; then a message is given up."""

LOOK_EVERY: Final = 5.0
"""Seconds between two looks at what came due meanwhile."""

OF_THIS_MESSAGE: Final = range(400, 500)
BUSY: Final = 429
"""What a receiver answers that has something against one message; against all of them, it says 429."""

OUR_MISTAKE: Final = "Holdfast could not handle this message; its log has the details."

Send = Callable[[Channel, Message], Outcome]


class Sender:
    """Sends the messages of one channel, one after the other."""

    def __init__(self, channel: Channel, book: Book, clock: Clock, send: Send) -> None:
        self.channel = channel
        self._book = book
        self._clock = clock
        self._send = send
        self._ready_at: dict[str, float] = {}
        self._due_at: dict[str, float] = {}
        self._rests_until = float("-inf")
        self._failures = 0
        self._changed = threading.Condition()
        self._woken = False
        self._ended = False
        self._thread = threading.Thread(target=self._keep_sending, name=f"tells-{channel.id}", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def wake(self) -> None:
        """Look at what is due now."""
        with self._changed:
            self._woken = True
            self._changed.notify()

    def leave(self) -> None:
        """Try nothing more."""
        with self._changed:
            self._ended = True
            self._changed.notify()

    def join(self, seconds: float) -> None:
        """Wait for what is being sent, so long at most."""
        self._thread.join(seconds)

    def rest(self) -> float:
        """Return for how many more seconds nothing is tried, after the receiver failed."""
        return max(0.0, self._rests_until - self._clock.monotonic())

    def _keep_sending(self) -> None:
        while self._awaited():
            try:
                while not self._ended and self.send_next():
                    pass
            except Exception:  # one message must not end what sends the others
                log.exception("channel %s: a message could not be handled", self.channel.name)

    def _awaited(self) -> bool:
        """Wait for something to look at; tell whether to go on."""
        with self._changed:
            self._changed.wait_for(lambda: self._woken or self._ended, LOOK_EVERY)
            self._woken = False
            return not self._ended

    def send_next(self) -> bool:
        """Send what is due first; tell whether there was anything."""
        if self.rest() > 0:
            return False
        message = self._book.take(self.channel.id, self._is_ready)
        if message is None:
            return False
        try:
            outcome = self._send(self.channel, message)
        except Exception:  # one message must not hold up the others; it is tried again, as often as any
            log.exception("channel %s: a message could not be handled", self.channel.name)
            self._try_again((message,), OUR_MISTAKE)
        else:
            self._note(message, outcome)
        return True

    def _is_ready(self, message: Message) -> bool:
        """Tell whether the time of a message has come, by the time of day or by the seconds that passed.

        A clock that is set back holds nothing up for longer than was meant.
        """
        now, passed = self._clock.now(), self._clock.monotonic()
        if passed < self._ready_at.get(message.id, float("-inf")):
            return False
        due = self._due_at.setdefault(message.id, passed + (message.due_at - now).total_seconds())
        return message.due_at <= now or due <= passed

    def _note(self, message: Message, outcome: Outcome) -> None:
        """Take note of what came of a message, and of what would meet with the same."""
        if outcome.sent or not outcome.again:
            self._end((message,), "" if outcome.sent else outcome.words)
        else:
            others = () if _is_of_this_message(outcome) else self._others_due(message)
            self._try_again((message, *others), outcome.words)
        self._rest_after(outcome)
        if not outcome.sent:
            log.warning("channel %s: message %s: %s", self.channel.name, message.id, outcome.words)

    def _try_again(self, messages: tuple[Message, ...], trouble: str) -> None:
        given_up = tuple(each for each in messages if each.tries + 1 >= RETRY.max_attempts)
        self._end(given_up, trouble)
        rest = tuple(each for each in messages if each not in given_up)
        if rest:
            self._book.failed(rest, trouble)
        for each in rest:
            wait = wait_after(RETRY, each.tries + 1, 0.0, random.uniform) or RETRY.longest_wait
            self._ready_at[each.id] = self._clock.monotonic() + wait

    def _end(self, messages: tuple[Message, ...], trouble: str) -> None:
        for each in messages:
            self._ready_at.pop(each.id, None)
            self._due_at.pop(each.id, None)
            self._book.over(each, texts.subject_of(each), trouble)

    def _others_due(self, message: Message) -> tuple[Message, ...]:
        """Return what would have been sent next, and met with the same."""
        due = (each for each in self._book.waiting(self.channel.id) if self._is_ready(each))
        return tuple(each for each in due if each.id != message.id and each.tries <= message.tries)

    def _rest_after(self, outcome: Outcome) -> None:
        """Leave a receiver alone that does not work at all, for as long as the first message waits."""
        if outcome.sent or _is_of_this_message(outcome) or not outcome.again:
            self._failures = 0
            return
        self._failures = min(self._failures + 1, RETRY.max_attempts - 1)
        seconds = wait_after(RETRY, self._failures, 0.0, random.uniform) or RETRY.longest_wait
        self._rests_until = self._clock.monotonic() + seconds


def _is_of_this_message(outcome: Outcome) -> bool:
    return outcome.status in OF_THIS_MESSAGE and outcome.status != BUSY


class Senders:
    """The senders of all channels that there are."""

    def __init__(self, book: Book, clock: Clock, send: Send) -> None:
        self._book = book
        self._clock = clock
        self._send = send
        self._lock = threading.Lock()
        self._senders: dict[str, Sender] = {}
        self._left: list[Sender] = []

    def know(self, channels: Mapping[str, Channel]) -> None:
        """Have a sender for each channel that is switched on, and none for others; what waits for gone ones goes."""
        with self._lock:
            for channel_id, sender in tuple(self._senders.items()):
                wanted = channels.get(channel_id)
                if wanted is None or not wanted.enabled:
                    sender.leave()
                    self._left.append(self._senders.pop(channel_id))
                elif wanted != sender.channel:
                    sender.channel = wanted
            for channel_id, channel in channels.items():
                if channel.enabled and channel_id not in self._senders:
                    self._senders[channel_id] = Sender(channel, self._book, self._clock, self._send)
                    self._senders[channel_id].start()
        self._drop_gone(channels)

    def _drop_gone(self, channels: Mapping[str, Channel]) -> None:
        gone = {message.channel for message in self._book.waiting()} - channels.keys()
        if gone and (count := self._book.drop(gone)):
            log.info("%d messages are not sent: their channel was removed", count)

    def wake(self) -> None:
        """Look at what is due now."""
        for sender in self._all():
            sender.wake()

    def rests(self) -> Mapping[str, float]:
        """Return for how many seconds channels that failed are left alone."""
        return {sender.channel.id: rest for sender in self._all() if (rest := sender.rest()) > 0}

    def stop(self, seconds: float) -> None:
        """Try nothing more, and wait a little for what is being sent; it is tried again at the next start."""
        with self._lock:
            senders = (*self._senders.values(), *self._left)
            self._senders, self._left = {}, []
        for sender in senders:
            sender.leave()
        until = self._clock.monotonic() + seconds
        for sender in senders:
            sender.join(max(0.0, until - self._clock.monotonic()))

    def _all(self) -> tuple[Sender, ...]:
        with self._lock:
            return tuple(self._senders.values())
