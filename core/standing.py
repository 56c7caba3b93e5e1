"""How all jobs stand, kept up to date job by job: who needs somebody, what is at work, how old each copy is.

Whoever asks pays for what changed since the last time and for what is shown, not for how many jobs there are.
"""

import heapq
import logging
import threading
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, timedelta
from itertools import chain, islice
from types import MappingProxyType
from typing import Final, Protocol

from core.clock import Clock
from core.errors import HoldfastError, NotFound
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
    RunsForgotten,
)
from core.facts import (
    ORDERS,
    Copy,
    Fact,
    Picture,
    can_prove,
    copy_by,
    ended_well,
    fact_of,
    flags_of,
    is_at_work,
    newest_copy,
    orders_of,
    same_places,
)
from core.listing import JobPage, JobQuery
from core.models import JobOverview, Run
from core.notifications.rhythm import Expected
from core.order import Order
from core.shown import GOING
from core.states import RunState

log = logging.getLogger(__name__)

MOST_NEEDS: Final = 5
MOST_AT_WORK: Final = 8
MOST_COPIES: Final = 6
MOST_RECENT: Final = 5
FAILURES_KNOWN: Final = 1_000
"""How many of the last failures can be counted since somebody looked."""

SET_BACK: Final = timedelta(minutes=1)
"""A clock that goes back by more makes late what is not, and old what is fresh."""

GENTLY: Final = 0.02
"""Seconds between two jobs whose older runs are looked through for a copy."""


class Manager(Protocol):
    """What is asked of jobs and runs."""

    def job(self, job_id: str) -> JobOverview: ...  # noqa: D102 - see JobManager

    def list_jobs(self, query: JobQuery = ...) -> JobPage: ...  # noqa: D102

    def runs_of(self, job_id: str) -> tuple[Run, ...]: ...  # noqa: D102

    def runs_at_hand(self) -> tuple[Run, ...]: ...  # noqa: D102

    def at_hand_of(self, job_id: str) -> tuple[tuple[Run, ...], bool]: ...  # noqa: D102

    def knows_run(self, run_id: str) -> bool: ...  # noqa: D102


class Rhythm(Protocol):
    """Knows when each job is late."""

    on_change: Callable[[str], object]

    def of(self, job_id: str) -> Expected | None: ...  # noqa: D102 - see core.notifications.rhythm


class Standing:
    """Knows how all jobs stand. Safe to use from several threads; what it hands out never changes."""

    def __init__(self, manager: Manager, rhythm: Rhythm, events: EventBus, clock: Clock) -> None:
        self._manager = manager
        self._rhythm = rhythm
        self._events = events
        self._clock = clock
        self._noting = threading.Lock()
        """Held for moments; whoever holds it takes no other lock. Listeners note under it what the next reader looks at."""
        self._dirty: set[str] = set()
        self._over: list[Run] = []
        self._all_anew = True
        self._lock = threading.RLock()
        self._facts: dict[str, Fact] = {}
        self._found: dict[str, Copy | None] = {}
        self._flips: list[tuple[datetime, str]] = []
        self._at_work: set[str] = set()
        self._recent: dict[str, Run] = {}
        self._failures: deque[tuple[datetime, str, str]] = deque(maxlen=FAILURES_KNOWN)
        self._empty()
        self._picture: Picture | None = None
        self._looked_at: datetime | None = None
        self._unreadable: set[str] = set()
        self._ending = threading.Event()
        self._thread: threading.Thread | None = None

    def _empty(self) -> None:
        self._counts: Counter[str] = Counter()
        self._orders: dict[str, Order] = {name: self._order(name, ()) for name in ORDERS}

    def _order(self, name: str, ids: Iterable[str]) -> Order:
        value = ORDERS[name]

        def moment(job_id: str) -> datetime:
            at = value(self._facts[job_id])
            return at if at is not None else self._facts[job_id].since

        return Order(ids, moment)

    # Its life

    def start(self) -> None:
        """Listen from now on; what there is is looked at when somebody asks, or a little later."""
        self._events.tell_at_once("standing", self.heard)
        self._rhythm.on_change = self.note
        self._ending.clear()
        self._thread = threading.Thread(target=self._keep_seeking, name="standing", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Listen no more."""
        self._events.tell_no_more(self.heard)
        self._ending.set()
        if self._thread is not None:
            self._thread.join()
            self._thread = None

    def heard(self, event: Event) -> None:
        """Note what an event is about; called by whoever publishes."""
        match event:
            case JobCreated(job=job) | JobEdited(job=job) | JobChangedOutside(job=job):
                self.note(job.id)
            case JobDeleted(job_id=job_id):
                self.note(job_id)
            case RegisterChanged(name=name) if name.startswith(GOING):
                self.note(name.removeprefix(GOING))
            case RunMoved(run=run):
                with self._noting:
                    self._dirty.add(run.job_id)
                    if run.over:
                        self._over.append(run)
            case RunsForgotten() | EventsMissed():  # rare, and about any job
                with self._noting:
                    self._all_anew = True
            case _:
                pass

    def note(self, job_id: str) -> None:
        """Look at a job again before anything is told."""
        with self._noting:
            self._dirty.add(job_id)

    # Telling

    def picture(self) -> Picture:
        """Return how everything stands now."""
        with self._lock:
            self._catch_up()
            if self._picture is None:
                self._picture = self._drawn()
            return self._picture

    def fact(self, job_id: str) -> Fact | None:
        """Return how a job stands; None where there is no such job."""
        with self._lock:
            self._catch_up()
            return self._facts.get(job_id)

    def newest_of(self, job_ids: Iterable[str]) -> datetime | None:
        """Return when the newest copy of some jobs was proved; None where none was."""
        with self._lock:
            self._catch_up()
            facts = (self._facts.get(job_id) for job_id in job_ids)
            return max((fact.copy.at for fact in facts if fact and fact.copy), default=None)

    def failed_since(self, moment: datetime) -> tuple[int, int]:
        """Return how many runs failed since then, and of how many of these jobs the latest run failed or is at it again."""
        with self._lock:
            self._catch_up()
            failed = [job_id for at, job_id, _ in self._failures if at > moment and job_id in self._facts]
            still = {job_id for job_id in failed if not ended_well(self._facts[job_id].overview.latest_run)}
            return len(failed), len(still)

    def _drawn(self) -> Picture:
        recent = [run for run in self._recent.values() if run.job_id in self._facts][:MOST_RECENT]
        bare = tuple(islice(self._orders["bare"], MOST_COPIES))
        kept = tuple(islice(chain(self._orders["aimed"], self._orders["free"]), MOST_COPIES))
        room = max(MOST_COPIES // 2, MOST_COPIES - len(kept))
        copies = (*bare[:room], *kept)
        ages = self._orders["ages"]
        counts = {name: count for name, count in self._counts.items() if count}
        counts["at_work"] = len(self._at_work)
        return Picture(
            counts=MappingProxyType(counts),
            needs=tuple(self._first(self._orders["needs"], MOST_NEEDS)),
            at_work=tuple(sorted(self._at_work, key=self._begun)[:MOST_AT_WORK]),
            copies=tuple(self._first(copies, MOST_COPIES)),
            oldest=next(self._first(ages, 1), None),
            newest=next(self._first(reversed(ages), 1), None),
            recent=tuple(recent),
            names=MappingProxyType({run.job_id: self._facts[run.job_id].job.name for run in recent}),
        )

    def _first(self, ids: Iterable[str], most: int) -> Iterator[Fact]:
        return (self._facts[job_id] for job_id in islice(ids, most))

    def _begun(self, job_id: str) -> tuple[datetime, str]:
        run = self._facts[job_id].overview.latest_run
        return (run.started_at or run.created_at if run else self._facts[job_id].since), job_id

    # Keeping up

    def _catch_up(self) -> None:
        now = self._clock.now()
        with self._noting:
            dirty, self._dirty = self._dirty, set()
            over, self._over = self._over, []
            all_anew, self._all_anew = self._all_anew, False
        if self._looked_at is not None and now < self._looked_at - SET_BACK:
            dirty |= self._facts.keys()
        self._looked_at = now
        if all_anew:
            self._begin_anew(now)
        while self._flips and self._flips[0][0] <= now:
            dirty.add(heapq.heappop(self._flips)[1])
        for job_id in dirty:
            self._look_at(job_id, now)
        if over:
            self._ended(over)
        self._let_go_of_recent()
        if dirty or over or all_anew:
            self._picture = None

    def _begin_anew(self, now: datetime) -> None:
        """Take up everything that there is."""
        overviews = self._manager.list_jobs(JobQuery(limit=None)).items
        self._found.clear()
        self._facts = {one.job.id: self._fact(one, now) for one in overviews}
        self._empty()
        ids: dict[str, list[str]] = {name: [] for name in ORDERS}
        for job_id, fact in self._facts.items():
            self._counts.update(flags_of(fact))
            for name in orders_of(fact):
                ids[name].append(job_id)
        self._orders = {name: self._order(name, members) for name, members in ids.items()}
        self._at_work = {job_id for job_id, fact in self._facts.items() if is_at_work(fact)}
        self._plan_flips()
        self._recent.clear()
        self._failures.clear()
        self._ended(run for run in self._manager.runs_at_hand() if run.over)

    def _plan_flips(self) -> None:
        self._flips = [(fact.changes_at, job_id) for job_id, fact in self._facts.items() if fact.changes_at]
        heapq.heapify(self._flips)

    def _look_at(self, job_id: str, now: datetime) -> None:
        """Put the job where it now belongs."""
        try:
            new = self._fact(self._manager.job(job_id), now)
        except NotFound:
            new = None
            self._found.pop(job_id, None)
        if (old := self._facts.get(job_id)) is not None:
            for name in orders_of(old):
                self._orders[name].remove(job_id)
            self._counts.subtract(flags_of(old))
        self._at_work.discard(job_id)
        if new is None:
            self._facts.pop(job_id, None)
            return
        self._facts[job_id] = new
        for name in orders_of(new):
            self._orders[name].add(job_id)
        self._counts.update(flags_of(new))
        if is_at_work(new):
            self._at_work.add(job_id)
        if new.changes_at is not None:
            heapq.heappush(self._flips, (new.changes_at, job_id))
        if len(self._flips) > 4 * len(self._facts) + 1_000:
            self._plan_flips()

    def _ended(self, runs: Iterable[Run]) -> None:
        ended = [(run.ended_at, run) for run in runs if run.ended_at is not None]
        known = {run_id for *_, run_id in self._failures}
        failed = sorted((at, run.job_id, run.id) for at, run in ended if run.state == RunState.FAILED)
        self._failures.extend(one for one in failed if one[2] not in known)
        self._keep_latest(ended)

    def _let_go_of_recent(self) -> None:
        """Forget the latest runs of jobs that are gone; others stand in their place."""
        if all(run.job_id in self._facts for run in self._recent.values()):
            return
        self._recent = {run.id: run for run in self._recent.values() if run.job_id in self._facts}
        if len(self._recent) < MOST_RECENT:
            runs = (run for run in self._manager.runs_at_hand() if run.job_id in self._facts)
            self._keep_latest([(run.ended_at, run) for run in runs if run.over and run.ended_at is not None])

    def _keep_latest(self, ended: Iterable[tuple[datetime, Run]]) -> None:
        known_ended = ((run.ended_at, run) for run in self._recent.values() if run.ended_at is not None)
        lately = heapq.nlargest(2 * MOST_RECENT, (*ended, *known_ended), key=lambda one: one[0])
        self._recent = {run.id: run for _, run in lately}

    def _fact(self, overview: JobOverview, now: datetime) -> Fact:
        makes = overview.latest_run is not None and can_prove(overview.job.kind)
        copy, sought = self._copy_of(overview) if makes else (None, True)
        return fact_of(overview, copy, self._rhythm.of(overview.job.id), now, sought=sought)

    def _copy_of(self, overview: JobOverview) -> tuple[Copy | None, bool]:
        """Return the job's newest copy, as far as that is known without a disk, and whether that is far enough."""
        job, run = overview.job, overview.latest_run
        if run is not None and (copy := copy_by(run, job)) is not None:
            return copy, True
        at_hand, more = self._manager.at_hand_of(job.id)
        if (copy := newest_copy(at_hand, job)) is not None:
            return copy, True
        known = self._facts.get(job.id)
        if known is None or not same_places(known.job, job):
            self._found.pop(job.id, None)
        elif known.copy is not None and self._manager.knows_run(known.copy.run):
            return known.copy, True
        elif job.id in self._found:
            return self._found[job.id], True
        return None, not more

    # Older runs, which lie on the disk

    def _keep_seeking(self) -> None:
        pause = 1.0
        while not self._ending.wait(pause):
            pause = GENTLY if self.seek() else 1.0

    def seek(self) -> bool:
        """Look through the older runs of one job whose copy none at hand proves; tell whether there was one."""
        with self._lock:
            self._catch_up()
            job_id = next((one for one in self._orders["seeking"] if one not in self._unreadable), None)
            fact = self._facts[job_id] if job_id is not None else None
        if job_id is None or fact is None:
            self._unreadable.clear()
            return False
        try:
            copy = newest_copy(self._manager.runs_of(job_id), fact.job)
        except HoldfastError as error:  # the disk is not well, or the job is gone
            log.info("older runs of job %s could not be looked through: %s", job_id, error)
            self._unreadable.add(job_id)
            return True
        with self._lock:
            self._catch_up()
            known = self._facts.get(job_id)
            if known is not None and same_places(known.job, fact.job):
                self._found[job_id] = copy
            self.note(job_id)
            self._catch_up()
        return True
