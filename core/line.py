"""The line: what is queued, in the order in which it may begin. Pure and not thread-safe: its owner holds a lock.

Who waits on a higher level goes first, then who waits longer, then the lower number. Every `lift_after` a run stands
one level higher, so that in the end it is the first. Runs that share whatever could hold them back wait in one lane,
and only the first of each lane is looked at: a pick costs as much as there are lanes, however many wait.
"""

import heapq
import itertools
from collections import deque
from collections.abc import Iterator
from datetime import datetime
from operator import itemgetter
from typing import Final, NamedTuple

from msgspec.structs import replace

from core.breakers import BreakerState
from core.models import Priority, Value
from core.queueing import HIGHEST, LEVELS, Busy, Holdup, Place, Reason, Rules, Scope, holds, level

MOST_GONE: Final = 1_000
"""How many places that are gone may stay in the lanes beside those that are not."""

NOT_COUNTED: Final = frozenset({Reason.PAUSED, Reason.BREAKER})
"""What holds runs back however soon it would be their turn: nobody waits for those."""

Order = tuple[int, datetime, int]
"""What decides who goes first; the lower."""


class Standing(Value, frozen=True, kw_only=True):
    """A place in line, and what holds it there."""

    place: Place
    holdup: Holdup


class _Lane(NamedTuple):
    """What its places have in common; all of it can hold them back together, nothing else can."""

    priority: Priority
    kind: str
    groups: tuple[str, ...]
    reaches: tuple[str, ...]


Entry = tuple[datetime, int, int, Place]


class Line:
    """Orders queued runs and offers each once, when nothing holds it back and a slot is free."""

    def __init__(self, slots: int, rules: Rules | None = None) -> None:
        self._slots = slots
        self._rules = rules or Rules()
        self._busy = Busy()
        self._waiting: dict[str, Place] = {}
        self._adopted: deque[Place] = deque()
        self._lanes: dict[_Lane, list[Entry]] = {}
        self._entries = 0
        self._serial = itertools.count()
        self._aside: dict[str, list[Place]] = {}
        """By job, what something holds back that concerns only this job."""
        self._back_at: datetime | None = None
        """When something of that may go back by itself."""
        self._again: dict[str, Place] = {}
        """Runs that were queued again before their slot was freed."""
        self._probing: dict[str, str] = {}
        """By what a half-open breaker guards, the run that was offered to try it."""

    def __len__(self) -> int:
        return len(self._waiting) + len(self._again)

    @property
    def busy(self) -> int:
        """Return how many runs are in slots."""
        return len(self._busy)

    @property
    def adopted(self) -> int:
        """Return how many adopted runs wait at most; they are few."""
        return len(self._adopted)

    # Who comes and goes

    def add(self, place: Place) -> None:
        """Take a run; known already, it has its new place. One in a slot waits until that is freed."""
        if place.run_id in self._busy:
            self._again[place.run_id] = place
        elif self._waiting.get(place.run_id) != place:
            self._waiting[place.run_id] = place
            self._put(place)

    def remove(self, run_id: str) -> None:
        """Forget a run that has not been offered yet; an adopted one stays, as it is at work all the same."""
        place = self._waiting.get(run_id)
        if place is not None and not place.adopted:
            del self._waiting[run_id]
        self._again.pop(run_id, None)
        if self._entries > MOST_GONE + 2 * len(self._waiting):
            self._sort_anew()

    def take(self, now: datetime) -> Place | None:
        """Return the run that begins now, and count it as busy; None when there is none.

        An adopted one goes first, whatever the rules and however few slots are free: it is at work already.
        """
        if (adopted := self.take_adopted()) is not None:
            return adopted
        place = self._first(now)
        if place is not None:
            self._begin(place)
            self._note_probe(place, now)
        return place

    def take_adopted(self) -> Place | None:
        """Return the adopted run that comes first, and count it as busy; None when there is none."""
        while self._adopted:
            if self._is_here(place := self._adopted.popleft()):
                self._begin(place)
                return place
        return None

    def _begin(self, place: Place) -> None:
        del self._waiting[place.run_id]
        self._busy.add(place)

    def freed(self, run_id: str) -> None:
        """Have the slot of a run back."""
        place = self._busy.remove(run_id)
        self._probing = {name: probe for name, probe in self._probing.items() if probe != run_id}
        if (again := self._again.pop(run_id, None)) is not None:
            self.add(again)
        if place is not None:
            for waiting in self._aside.pop(place.job_id, ()):
                self._put(waiting)

    def govern(self, rules: Rules) -> None:
        """Have other rules from now on."""
        anew = _guarded(rules) != _guarded(self._rules) or bool(self._aside)
        self._probing = {
            name: run_id
            for name, run_id in self._probing.items()
            if rules.breakers.get(name) == self._rules.breakers.get(name)
        }
        self._rules = rules
        if anew:
            self._sort_anew()

    def wakes_at(self, now: datetime) -> datetime | None:
        """Return the next moment at which more may begin just because time passed; None if there is none."""
        return min(self._rules.moments(now), default=None) if self._waiting else None

    # Lanes

    def _lane_of(self, place: Place) -> _Lane:
        guarded = _guarded(self._rules) if place.reaches else frozenset()
        reaches = tuple(name for name in place.reaches if name in guarded)
        return _Lane(place.priority, place.kind, place.groups, reaches)

    def _put(self, place: Place) -> None:
        if place.adopted:
            self._adopted.append(place)
            return
        lane = self._lanes.setdefault(self._lane_of(place), [])
        heapq.heappush(lane, (place.since, place.number, next(self._serial), place))
        self._entries += 1

    def _sort_anew(self) -> None:
        self._lanes, self._aside, self._back_at, self._entries = {}, {}, None, 0
        self._adopted.clear()
        for place in self._waiting.values():
            self._put(place)

    def _is_here(self, place: Place) -> bool:
        return self._waiting.get(place.run_id) is place

    # Who is next

    def _first(self, now: datetime) -> Place | None:
        if len(self._busy) >= self._slots:
            return None
        if self._back_at is not None and now >= self._back_at:
            self._sort_anew()
        reserved: set[str] = set()
        for _, lane in sorted(self._tops(now)):
            place = self._lanes[lane][0][-1]
            shared = self._shared(lane)
            if reserved.isdisjoint(shared):
                holdup = self._held(place, now)
                if holdup is None:
                    self._pop(lane)
                    return place
                if holdup.reason is Reason.LIMIT and now - place.since >= self._rules.lift_after:
                    reserved |= shared
        return None

    def _shared(self, lane: _Lane) -> set[str]:
        """Return what a run that has waited long keeps free, so that it gets all it needs at once."""
        kind = {Scope.KIND.key(lane.kind)} if self._rules.limit(Scope.KIND, lane.kind) is not None else set()
        return kind | {Scope.GROUP.key(group) for group in lane.groups}

    def _tops(self, now: datetime) -> Iterator[tuple[Order, _Lane]]:
        """Give each lane with the order of its first place."""
        for lane in tuple(self._lanes):
            if (place := self._top(lane, now)) is not None:
                yield self._order(place, now), lane

    def _top(self, lane: _Lane, now: datetime) -> Place | None:
        """Return the first in a lane that nothing about its own job holds back; None in an empty one."""
        entries = self._lanes[lane]
        while entries:
            place = entries[0][-1]
            if self._is_here(place) and not self._is_set_aside(place, now):
                return place
            self._pop(lane)
            if self._is_here(place):
                self._aside.setdefault(place.job_id, []).append(place)
        del self._lanes[lane]
        return None

    def _pop(self, lane: _Lane) -> None:
        heapq.heappop(self._lanes[lane])
        self._entries -= 1

    def _is_set_aside(self, place: Place, now: datetime) -> bool:
        if self._busy.has_job(place.job_id):
            return True
        pause = self._rules.pause(Scope.JOB, place.job_id)
        if pause is None or not pause.binds(now):
            return False
        if pause.until is not None:
            self._back_at = min(self._back_at or pause.until, pause.until)
        return True

    def _order(self, place: Place, now: datetime) -> Order:
        return -level(place, now, self._rules.lift_after), place.since, place.number

    # What holds a run back

    def _held(self, place: Place, now: datetime) -> Holdup | None:
        return holds(self._rules, place, self._busy, now) or self._probed(place, now)

    def _probed(self, place: Place, now: datetime) -> Holdup | None:
        """Let one run alone try what could not be reached, also before its attempt is known."""
        for name in place.reaches:
            breaker, probe = self._rules.breakers.get(name), self._probing.get(name)
            if breaker is not None and probe is not None and breaker.state(now) == BreakerState.HALF_OPEN:
                return Holdup(reason=Reason.BREAKER, name=name, breaker=breaker, by=(probe,))
        return None

    def _note_probe(self, place: Place, now: datetime) -> None:
        for name in place.reaches:
            breaker = self._rules.breakers.get(name)
            if breaker is not None and breaker.state(now) == BreakerState.HALF_OPEN:
                self._probing[name] = place.run_id

    def holdup(self, run_id: str, now: datetime) -> Holdup | None:
        """Return what holds a run back; None when it is not in line."""
        if run_id not in self._waiting and run_id not in self._again:
            return None
        return next(one.holdup for one in self.places(now) if one.place.run_id == run_id)

    def places(self, now: datetime, most: int | None = None) -> tuple[Standing, ...]:
        """Return what is in line, who goes first in front, each with what holds it back; at most the first `most`."""
        known: dict[_Lane, Holdup] = {}
        positions = _Positions()
        standings = []
        for order, place in self._in_order(now, most):
            holdup = positions.told(place, self._held_in_line(place, now, known), order[0])
            standings.append(Standing(place=place, holdup=holdup))
        again = (Standing(place=place, holdup=_its_own_slot(place)) for place in self._again.values())
        return tuple(itertools.islice(itertools.chain(standings, again), most))

    def _in_order(self, now: datetime, most: int | None) -> list[tuple[Order, Place]]:
        orders = self._orders(now)
        if most is None:
            return sorted(orders, key=itemgetter(0))
        return heapq.nsmallest(most, orders, key=itemgetter(0))

    def _orders(self, now: datetime) -> Iterator[tuple[Order, Place]]:
        """Give every place with its order: as `level` says, but many at once."""
        marks = [now - lifted * self._rules.lift_after for lifted in range(1, HIGHEST + 1)]
        for place in self._waiting.values():
            lifted = 0
            while lifted < HIGHEST and place.since <= marks[lifted]:
                lifted += 1
            high = HIGHEST + 1 if place.adopted else min(HIGHEST, LEVELS[place.priority] + lifted)
            yield (-high, place.since, place.number), place

    def _held_in_line(self, place: Place, now: datetime, known: dict[_Lane, Holdup]) -> Holdup:
        """Return what holds a place back, looking once a lane where nothing about its own job does."""
        if place.adopted:
            return Holdup(reason=Reason.LINE)
        if self._is_set_aside(place, now):
            return self._held(place, now) or self._free_to_go()
        lane = self._lane_of(place)
        if lane not in known:
            known[lane] = self._held(place, now) or self._free_to_go()
        return known[lane]

    def _free_to_go(self) -> Holdup:
        """Return what holds back whom no rule does: that others are at work, or are before it."""
        if len(self._busy) < self._slots:
            return Holdup(reason=Reason.LINE)
        return Holdup(reason=Reason.SLOTS, most=self._slots, by=self._busy.of(Scope.QUEUE))


class _Count:
    """Counts places as they come, the highest level first."""

    __slots__ = ("_level", "above", "all")

    def __init__(self) -> None:
        self.all = 0
        self.above = 0
        self._level = 0

    def add(self, level_: int) -> None:
        """Count one more; `above` is how many before it stand higher."""
        if level_ != self._level:
            self._level, self.above = level_, self.all
        self.all += 1


class _Positions:
    """Tells places their positions, as they come: in the whole line, and among those of a kind or a group."""

    def __init__(self) -> None:
        self._line = _Count()
        self._kinds: dict[str, _Count] = {}
        self._groups: dict[str, _Count] = {}

    def told(self, place: Place, holdup: Holdup, level_: int) -> Holdup:
        """Return the holdup with its position; who is not merely waiting for others has none."""
        if holdup.reason in NOT_COUNTED:
            return holdup
        self._line.add(level_)
        self._kinds.setdefault(place.kind, _Count()).add(level_)
        for group in place.groups:
            self._groups.setdefault(group, _Count()).add(level_)
        count = self._line
        if holdup.reason is Reason.LIMIT and holdup.scope is not Scope.QUEUE:
            count = (self._kinds if holdup.scope is Scope.KIND else self._groups)[holdup.name]
        return replace(holdup, position=count.all, above=count.above, ahead=self._line.all - 1)


def _its_own_slot(place: Place) -> Holdup:
    """Return what holds back a run whose last attempt is just being put away."""
    return Holdup(reason=Reason.JOB_AT_WORK, scope=Scope.JOB, name=place.job_id, by=(place.run_id,))


def _guarded(rules: Rules) -> frozenset[str]:
    """Return what cannot be reached at present, as far as known."""
    return frozenset(name for name, breaker in rules.breakers.items() if breaker.until is not None)
