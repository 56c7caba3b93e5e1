"""What happened, in the past tense, and who wants to hear.

Every listener has its own queue and its own thread: one that is slow or fails delays and harms
nobody else, and no publisher ever waits. Who only notes that something happened is told at once. Events reach each listener in the order in which they
were published, so all events of one run are in order.
"""

import contextlib
import logging
import threading
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any, Final

from core.models import Job, Run, Value
from core.states import RunState

log = logging.getLogger(__name__)

QUEUE_LIMIT: Final = 10_000


class Event(Value, frozen=True, kw_only=True):
    """Something that has happened and is durable; `by` and `why` are those of `Changes`."""

    by: str = ""
    why: str = ""


class JobCreated(Event, frozen=True, kw_only=True):
    """A job is new."""

    job: Job


class JobEdited(Event, frozen=True, kw_only=True):
    """A job has another version."""

    job: Job


class JobChangedOutside(Event, frozen=True, kw_only=True):
    """A person changed a job in its file; `changes` says in words what."""

    job: Job
    changes: tuple[str, ...]


class JobDeleted(Event, frozen=True, kw_only=True):
    """A job and its runs are gone."""

    job_id: str
    run_ids: tuple[str, ...] = ()


class RunMoved(Event, frozen=True, kw_only=True):
    """A run is new (`was` is None) or in another state."""

    run: Run
    was: RunState | None


class RunProgressed(Event, frozen=True, kw_only=True):
    """A run at work told how far it is."""

    run: Run


class RunsForgotten(Event, frozen=True, kw_only=True):
    """Old runs are gone."""

    run_ids: tuple[str, ...]


class RegisterChanged(Event, frozen=True, kw_only=True):
    """A register has another value; None is gone."""

    name: str
    value: Mapping[str, Any] | None


class RunUnusual(Event, frozen=True, kw_only=True):
    """A run completed and was unlike the ones before it; `findings` says how, in words: "wrote 3 % of its usual size"."""

    run: Run
    findings: tuple[str, ...]


class LogGrew(Event, frozen=True, kw_only=True):
    """A run's log has more lines; `lines` is how many it has now."""

    run_id: str
    lines: int


class EventsMissed(Event, frozen=True, kw_only=True):
    """The listener was too slow and older events were left out; look at the state instead."""

    count: int


Listener = Callable[[Event], None]
Wants = Callable[[Event], bool]


def anything(_event: Event) -> bool:
    """Want to hear of everything."""
    return True


class Subscription:
    """One listener's place on the bus; `close` ends it.

    One that is not in a hurry gathers for `pace` seconds what happens, so that much of it wakes it once.
    """

    def __init__(self, name: str, listener: Listener, wants: Wants = anything, *, pace: float = 0.0) -> None:
        self.name = name
        self._listener = listener
        self.wants = wants
        self._pace = pace
        self._waiting: deque[Event] = deque()
        self._missed = 0
        self._changed = threading.Condition(threading.Lock())
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._deliver, name=f"events-{name}", daemon=True)
        self._thread.start()

    def put(self, event: Event) -> None:
        """Take an event without waiting; the oldest gives way when the queue is full."""
        with self._changed:
            if self._ending.is_set():
                return
            if len(self._waiting) >= QUEUE_LIMIT:
                self._waiting.popleft()
                self._missed += 1
            self._waiting.append(event)
            self._changed.notify()

    def close(self, *, wait: float = 5.0) -> None:
        """Deliver what has been taken, for at most `wait` seconds, and end."""
        with self._changed:
            self._ending.set()
            self._changed.notify()
        if threading.current_thread() is not self._thread:
            self._thread.join(wait)

    def _deliver(self) -> None:
        while self._something_waits():
            if self._pace:
                self._ending.wait(self._pace)
            for event in self._take_all():
                self._tell(event)

    def _something_waits(self) -> bool:
        """Wait for an event; False when there is none and none will come."""
        with self._changed:
            while not self._waiting:
                if self._ending.is_set():
                    return False
                self._changed.wait()
            return True

    def _take_all(self) -> list[Event]:
        with self._changed:
            missed, self._missed = self._missed, 0
            taken = list(self._waiting)
            self._waiting.clear()
        return [EventsMissed(count=missed), *taken] if missed else taken

    def _tell(self, event: Event) -> None:
        _tell(self.name, self._listener, event)


def _tell(name: str, listener: Listener, event: Event) -> None:
    try:
        listener(event)
    except Exception:  # one listener must not end another's work, nor its own next event
        log.exception("listener %s failed on %s", name, type(event).__name__)


class EventBus:
    """Carries events from the manager to whoever listens."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._subscriptions: tuple[Subscription, ...] = ()
        self._at_once: tuple[tuple[str, Listener], ...] = ()

    def subscribe(
        self, name: str, listener: Listener, wants: Wants = anything, *, pace: float = 0.0
    ) -> Subscription:
        """Tell `listener` from now on of the events it wants, in its own thread.

        `wants` is asked by whoever publishes, so it must answer at once. See `Subscription` for `pace`.
        """
        subscription = Subscription(name, listener, wants, pace=pace)
        with self._lock:
            self._subscriptions = (*self._subscriptions, subscription)
        return subscription

    def tell_at_once(self, name: str, listener: Listener) -> None:
        """Tell `listener` of every event from now on in the publisher's thread: it only notes it, and returns."""
        with self._lock:
            self._at_once = (*self._at_once, (name, listener))

    def tell_no_more(self, listener: Listener) -> None:
        """Tell a listener no more that was told at once."""
        with self._lock:
            self._at_once = tuple(told for told in self._at_once if told[1] != listener)

    def unsubscribe(self, subscription: Subscription) -> None:
        """Tell it no more; what it already took is still delivered."""
        with self._lock, contextlib.suppress(ValueError):
            rest = list(self._subscriptions)
            rest.remove(subscription)
            self._subscriptions = tuple(rest)
        subscription.close()

    def publish(self, event: Event) -> None:
        """Hand the event to every listener's queue; returns at once."""
        for name, listener in self._at_once:
            _tell(name, listener, event)
        for subscription in self._subscriptions:
            if subscription.wants(event):
                subscription.put(event)

    def close(self) -> None:
        """Let every listener finish what it took, and end."""
        with self._lock:
            subscriptions, self._subscriptions = self._subscriptions, ()
            self._at_once = ()
        for subscription in subscriptions:
            subscription.close()


class PromptBus(EventBus):
    """Tells every listener at once, in the publisher's thread: for whoever goes through time by hand."""

    def __init__(self) -> None:
        super().__init__()
        self._listeners: list[Listener] = []

    def listen(self, listener: Listener) -> None:
        """Tell `listener` of every event from now on."""
        self._listeners.append(listener)

    def publish(self, event: Event) -> None:
        """Tell every listener before this returns."""
        for listener in self._listeners:
            listener(event)
