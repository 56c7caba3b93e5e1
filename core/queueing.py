"""What may begin now: the rules of the queue, and the first of them that holds a run back.

Pure. The line asks before it offers a run, and the manager asks again when the run is claimed; so both mean the same.
The rules are what people said, kept in the register "queue", and what the breakers know.
"""

import logging
from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import Any, Final

import msgspec
from msgspec.structs import replace

from core.breakers import Breaker
from core.models import Priority, Run, Value
from core.packed import thawed

log = logging.getLogger(__name__)

LIFT_AFTER: Final = timedelta(hours=1)
"""How long a run waits before it stands one level higher, and again for each such time."""

MOST_IN_A_GROUP: Final = 1
"""How many runs of a group are at work at once, unless somebody says otherwise."""

LEVELS: Final = {Priority.LOW: 0, Priority.NORMAL: 1, Priority.HIGH: 2, Priority.CRITICAL: 3}
HIGHEST: Final = max(LEVELS.values())


class Scope(StrEnum):
    """What of the queue a pause or a limit is about."""

    QUEUE = "queue"
    KIND = "kind"
    JOB = "job"
    GROUP = "group"

    def key(self, name: str) -> str:
        """Return what the rules call it: "queue", "kind/copy", "group/nas-02"."""
        return self.value if self is Scope.QUEUE else f"{self.value}/{name}"


class Place(Value, frozen=True, kw_only=True):
    """A queued run as the line knows it; `since` is when it began to wait, `number` counts the runs of its job.

    An adopted one is at work already, in a program that outlived its server, and needs somebody to look after it.
    """

    run_id: str
    job_id: str
    kind: str
    priority: Priority = Priority.NORMAL
    since: datetime
    number: int = 1
    groups: tuple[str, ...] = ()
    reaches: tuple[str, ...] = ()
    adopted: bool = False


def place_of(run: Run, *, adopted: bool = False) -> Place:
    """Return the place of a run; one whose time came later waits since then."""
    return Place(
        run_id=run.id,
        job_id=run.job_id,
        kind=run.kind,
        priority=run.priority,
        since=max(run.due_at or run.created_at, run.created_at),
        number=run.number,
        groups=run.groups,
        reaches=run.reaches,
        adopted=adopted,
    )


def level(place: Place, now: datetime, lift_after: timedelta = LIFT_AFTER) -> int:
    """Return how high it stands now, by its priority and by how long it has waited."""
    lifted = max(0, (now - place.since) // lift_after)
    return min(HIGHEST, LEVELS[place.priority] + lifted)


class Pause(Value, frozen=True, kw_only=True, omit_defaults=True):
    """Nothing new begins; `by` whom, since when, why, and until when, None for until somebody resumes it."""

    by: str = ""
    at: datetime
    reason: str = ""
    until: datetime | None = None

    def binds(self, now: datetime) -> bool:
        """Tell whether it is not over yet."""
        return self.until is None or now < self.until


NOBODY_SAID: Final[Mapping[str, Any]] = MappingProxyType({})


class Rules(Value, frozen=True, kw_only=True):
    """What holds runs back: pauses and limits by the keys of `Scope`, and breakers by what they guard.

    `most["queue"]` is how many runs are at work at once, where that is to be fewer than there are slots.
    """

    pauses: Mapping[str, Pause] = NOBODY_SAID
    most: Mapping[str, int] = NOBODY_SAID
    breakers: Mapping[str, Breaker] = NOBODY_SAID
    lift_after: timedelta = LIFT_AFTER

    def pause(self, scope: Scope, name: str = "") -> Pause | None:
        """Return the pause of one kind, job or group, or of the queue."""
        return self.pauses.get(scope.key(name)) if self.pauses else None

    def limit(self, scope: Scope, name: str = "") -> int | None:
        """Return how many may be at work at once; None is as many as there are slots."""
        otherwise = MOST_IN_A_GROUP if scope is Scope.GROUP else None
        return self.most.get(scope.key(name), otherwise) if self.most else otherwise

    def moments(self, now: datetime) -> Iterator[datetime]:
        """Give the moments to come at which something ceases to be held back just by time passing."""
        for pause in self.pauses.values():
            if pause.until is not None and pause.until > now:
                yield pause.until
        for breaker in self.breakers.values():
            if breaker.until is not None and breaker.until > now:
                yield breaker.until


UNREADABLE: Final = "What was said about the queue could not be read; resume it when you have looked."


def rules_of(kept: Mapping[str, Any] | None, breakers: Mapping[str, Breaker] = NOBODY_SAID) -> Rules:
    """Return the rules that a register keeps; without one nothing is paused, and groups take one run at a time.

    Where it cannot be read, the queue is paused: what somebody held back must not begin by mistake.
    """
    try:
        said = msgspec.convert(thawed(kept or {}), _Kept)
    except (msgspec.ValidationError, TypeError, ValueError) as error:
        log.warning("the register of the queue cannot be read: %s", error)
        said = _Kept(
            pauses={Scope.QUEUE.key(""): Pause(at=datetime.fromtimestamp(0, UTC), reason=UNREADABLE)}
        )
    return Rules(pauses=said.pauses, most=said.most, breakers=breakers)


def register_of(rules: Rules) -> dict[str, Any] | None:
    """Return what is to be kept of the rules; None where nobody said anything."""
    kept: dict[str, Any] = msgspec.to_builtins(_Kept(pauses=dict(rules.pauses), most=dict(rules.most)))
    return kept or None


class _Kept(Value, frozen=True, kw_only=True, omit_defaults=True):
    """What people said about the queue."""

    pauses: dict[str, Pause] = msgspec.field(default_factory=dict)
    most: dict[str, int] = msgspec.field(default_factory=dict)


def paused(rules: Rules, scope: Scope, name: str, pause: Pause) -> Rules:
    """Return the rules with one more pause; those that are over are left out."""
    lasting = {key: known for key, known in rules.pauses.items() if known.binds(pause.at)}
    return replace(rules, pauses={**lasting, scope.key(name): pause})


def resumed(rules: Rules, scope: Scope, name: str) -> Rules:
    """Return the rules without that pause."""
    return replace(rules, pauses=_without(rules.pauses, scope.key(name)))


def limited(rules: Rules, scope: Scope, name: str, most: int | None) -> Rules:
    """Return the rules with that limit; None takes it away."""
    rest = _without(rules.most, scope.key(name))
    return replace(rules, most=rest if most is None else {**rest, scope.key(name): most})


def _without(mapping: Mapping[str, Any], gone: str) -> dict[str, Any]:
    return {key: value for key, value in mapping.items() if key != gone}


class Busy:
    """Which runs are at work, by what they share. Not thread-safe."""

    def __init__(self, places: Iterable[Place] = ()) -> None:
        self._places: dict[str, Place] = {}
        self._kinds: dict[str, dict[str, None]] = {}
        self._jobs: dict[str, dict[str, None]] = {}
        self._groups: dict[str, dict[str, None]] = {}
        for place in places:
            self.add(place)

    def __len__(self) -> int:
        return len(self._places)

    def __contains__(self, run_id: str) -> bool:
        return run_id in self._places

    def add(self, place: Place) -> None:
        """Have one more run at work."""
        self._places[place.run_id] = place
        for shared, name in self._sharing(place):
            shared.setdefault(name, {})[place.run_id] = None

    def remove(self, run_id: str) -> Place | None:
        """Have a run at work no more; return its place if it was."""
        place = self._places.pop(run_id, None)
        for shared, name in self._sharing(place) if place is not None else ():
            del shared[name][run_id]
            if not shared[name]:
                del shared[name]
        return place

    def _sharing(self, place: Place) -> Iterator[tuple[dict[str, dict[str, None]], str]]:
        yield self._kinds, place.kind
        yield self._jobs, place.job_id
        for group in dict.fromkeys(place.groups):
            yield self._groups, group

    def of(self, scope: Scope, name: str = "") -> tuple[str, ...]:
        """Return the ids of the runs at work of that kind, job or group, or all."""
        return tuple(self._ids(scope, name))

    def count(self, scope: Scope, name: str = "") -> int:
        """Return how many they are."""
        return len(self._ids(scope, name))

    def has_job(self, job_id: str) -> bool:
        """Tell whether a run of the job is at work."""
        return job_id in self._jobs

    def _ids(self, scope: Scope, name: str) -> Collection[str]:
        if scope is Scope.QUEUE:
            return self._places
        if scope is Scope.KIND:
            return self._kinds.get(name, ())
        return (self._jobs if scope is Scope.JOB else self._groups).get(name, ())


class Reason(StrEnum):
    """What holds a queued run back, in the order in which it is looked for."""

    PAUSED = "paused"
    JOB_AT_WORK = "job-at-work"
    BREAKER = "breaker"
    LIMIT = "limit"
    SLOTS = "slots"
    LINE = "line"


class Holdup(Value, frozen=True, kw_only=True):
    """The first thing that holds a queued run back.

    `scope` and `name` say what is paused or at its limit of `most`, `name` alone which breaker; `by` are the runs at
    work that it waits for. `until` is when it ends by itself. `position` counts from 1 those in line, for what is at
    its limit those in line for that, `above` how many of those before it stand on a higher level, and `ahead` all that
    are before it. Who is paused, or cannot reach what it needs, is not counted.
    """

    reason: Reason
    scope: Scope = Scope.QUEUE
    name: str = ""
    pause: Pause | None = None
    breaker: Breaker | None = None
    most: int = 0
    by: tuple[str, ...] = ()
    until: datetime | None = None
    position: int = 0
    above: int = 0
    ahead: int = 0


def holds(rules: Rules, place: Place, busy: Busy, now: datetime) -> Holdup | None:
    """Return what the rules hold a run back by; None when it may begin.

    First the pauses of queue, kind, job and groups, then another run of its job, then the breakers of what it
    reaches, and at last the limits of queue, kind and groups.
    """
    if rules.pauses and (holdup := _pause(rules, place, now)) is not None:
        return holdup
    others = tuple(run_id for run_id in busy.of(Scope.JOB, place.job_id) if run_id != place.run_id)
    if others:
        return Holdup(reason=Reason.JOB_AT_WORK, scope=Scope.JOB, name=place.job_id, by=others)
    if rules.breakers and (holdup := _breaker(rules, place, now)) is not None:
        return holdup
    return _limit(rules, place, busy)


def _scopes(place: Place) -> Iterator[tuple[Scope, str]]:
    yield Scope.QUEUE, ""
    yield Scope.KIND, place.kind
    yield Scope.JOB, place.job_id
    for group in place.groups:
        yield Scope.GROUP, group


def _pause(rules: Rules, place: Place, now: datetime) -> Holdup | None:
    for scope, name in _scopes(place):
        pause = rules.pause(scope, name)
        if pause is not None and pause.binds(now):
            return Holdup(reason=Reason.PAUSED, scope=scope, name=name, pause=pause, until=pause.until)
    return None


def _breaker(rules: Rules, place: Place, now: datetime) -> Holdup | None:
    for name in place.reaches:
        breaker = rules.breakers.get(name)
        if breaker is not None and breaker.holds(place.run_id, now):
            until = breaker.until if breaker.until is not None and breaker.until > now else None
            probe = (breaker.probe,) if breaker.probe else ()
            return Holdup(reason=Reason.BREAKER, name=name, breaker=breaker, until=until, by=probe)
    return None


def _limit(rules: Rules, place: Place, busy: Busy) -> Holdup | None:
    for scope, name in _scopes(place):
        most = rules.limit(scope, name) if scope is not Scope.JOB else None
        if most is not None and busy.count(scope, name) >= most:
            return Holdup(reason=Reason.LIMIT, scope=scope, name=name, most=most, by=busy.of(scope, name))
    return None
