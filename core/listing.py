"""The list of jobs as people ask for it: filtered, sorted, paged, counted.

Cost follows what changed: a change touches one entry and, only where its sort key changed, its
place in each order that anybody asked for. What is handed out is immutable and kept until something changes.
What is true of jobs beside what they and their runs say, such as that they are late, is noted from outside.
"""

import base64
import binascii
import json
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from datetime import UTC, datetime
from itertools import islice
from types import MappingProxyType
from typing import Final

from msgspec.structs import replace

from core.asking import asks
from core.errors import InvalidOptions
from core.models import JobOverview, Value
from core.order import Key, Order
from core.picking import Picking, is_warned, state_of, text_of
from core.searching import HELD, LATE, NEVER_RUN, WARNED
from core.states import AT_WORK, RunState

__all__ = ["NEVER_RUN", "WARNED", "is_warned", "state_of"]

PAGE: Final = 50
MOST: Final = 500
MOST_VALUES: Final = 50
"""How many kinds, tags and owners are told of."""
KEPT_PAGES: Final = 200
LONGEST_MARK: Final = 100
"""How much of what a job is sorted by stands in a cursor, so that it fits into any address."""
LAST_LETTER: Final = "\U0010ffff"
LAST_MOMENT: Final = 99_999_999_999_999
BEFORE_ALL: Final = datetime.min.replace(tzinfo=UTC)


def _created(item: JobOverview) -> datetime:
    return item.job.created_at


def _updated(item: JobOverview) -> datetime:
    return item.job.updated_at


def _name(item: JobOverview) -> str:
    return item.job.name.casefold()


def _last_run(item: JobOverview) -> datetime:
    return item.latest_run.created_at if item.latest_run else BEFORE_ALL


def _needs(item: JobOverview) -> str:
    """Return what sorts jobs that need somebody first, then what goes on, then the rest; the latest in front."""
    run = item.latest_run
    since = int(run.created_at.timestamp() * 1_000) if run else 0
    return f"{_rank(item)}{LAST_MOMENT - since:014}"


def _rank(item: JobOverview) -> int:
    run = item.latest_run
    if run is not None and (run.state == RunState.FAILED or asks(run)):
        return 0
    if item.late:
        return 1
    if run is None or run.over or run.state == RunState.PAUSED:
        return 4
    return 2 if run.state in AT_WORK else 3


ORDERS: Final[Mapping[str, Callable[[JobOverview], str | datetime]]] = MappingProxyType(
    {"created": _created, "updated": _updated, "name": _name, "last-run": _last_run, "needs": _needs},
)
"""What jobs can be sorted by; those that have the same are sorted by id."""

STATES: Final = (*RunState, NEVER_RUN, WARNED, LATE, HELD)
"""What a job can show."""


OF_RUNS: Final = ("last-run", "needs")
"""The orders in which a job moves although it is the same."""

IN_WORDS: Final = ("name", "needs")
"""The orders by a text; the others are by a moment."""


class JobQuery(Value, frozen=True, kw_only=True):
    """Which jobs, in which order. `limit` None is all of them; `sort` "-name" is backwards."""

    text: str = ""
    states: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    sort: str = "-created"
    limit: int | None = PAGE
    cursor: str | None = None

    @property
    def unfiltered(self) -> bool:
        """Tell whether every job matches."""
        return not (self.text or self.states or self.kinds or self.tags)


class JobPage(Value, frozen=True, kw_only=True):
    """One page of a list. `next` asks for the page after it; `total` counts all that match.

    `counts` has how many jobs show each state, and `warned` how many of those that ended well did so with warnings;
    `late` and `held` how many of all are late, and how many somebody paused.
    """

    items: tuple[JobOverview, ...]
    next: str | None
    total: int
    counts: Mapping[str, int]
    warned: int = 0
    late: int = 0
    held: int = 0


class Listing:
    """Every job with its latest run, in each order. Not thread-safe: its owner holds a lock.

    An order is made when it is first asked for; a run that only progresses moves nothing in it.
    """

    def __init__(self) -> None:
        self._items: dict[str, JobOverview] = {}
        self._orders: dict[str, Order] = {}
        self._counts: Counter[str] = Counter()
        self.warned = 0
        self.late: AbstractSet[str] = frozenset()
        self.held: AbstractSet[str] = frozenset()
        self._facets: Mapping[str, tuple[str, ...]] | None = None
        self._texts: dict[str, str] = {}
        """What is said of each job in words, casefolded, made when it is first looked through."""
        self._pages: dict[JobQuery, JobPage] = {}

    def fill(self, items: Iterable[JobOverview]) -> None:
        """Show these jobs and no others."""
        self._items = {item.job.id: item for item in items}
        self._orders.clear()
        self._pages.clear()
        self._texts.clear()
        self._facets = None
        self._counts = Counter(map(state_of, self._items.values()))
        self.warned = sum(map(is_warned, self._items.values()))

    def put(self, item: JobOverview) -> None:
        """Show the job as it now is."""
        job_id = item.job.id
        old = self._items.get(job_id)
        moved = [order for name, order in self._orders.items() if _moves(name, old, item)]
        if old is not None:
            for order in moved:
                order.remove(job_id)
        if old is None or old.job is not item.job:
            self._texts.pop(job_id, None)
            if old is None or _facets_of(old) != _facets_of(item):
                self._facets = None
        self._items[job_id] = item
        for order in moved:
            order.add(job_id)
        self._count(old, item)

    def drop(self, job_id: str) -> None:
        """Show the job no more."""
        if job_id not in self._items:
            return
        for order in self._orders.values():
            order.remove(job_id)
        self._texts.pop(job_id, None)
        self._facets = None
        self._count(self._items.pop(job_id), None)

    def note(self, late: AbstractSet[str], held: AbstractSet[str]) -> None:
        """Take note of which jobs are late, and which somebody paused."""
        changed = (late ^ self.late) | (held ^ self.held)
        self.late, self.held = late, held
        for job_id in changed & self._items.keys():
            self.put(replace(self._items[job_id], late=job_id in late, held=job_id in held))

    def held_beside(self) -> int:
        """Return how many jobs somebody paused that do not show a paused run."""
        there = (self._items[job_id] for job_id in self.held & self._items.keys())
        return sum(state_of(item) != RunState.PAUSED for item in there)

    def facets(self) -> Mapping[str, tuple[str, ...]]:
        """Return the kinds, tags and owners that jobs have, of each those of most jobs first."""
        if self._facets is None:
            counted = {
                "kind": Counter(item.job.kind for item in self._items.values()),
                "tag": Counter(tag for item in self._items.values() for tag in item.job.tags),
                "owner": Counter(item.job.owner for item in self._items.values() if item.job.owner),
            }
            self._facets = MappingProxyType(
                {
                    key: tuple(sorted(found, key=lambda value: (-found[value], value))[:MOST_VALUES])
                    for key, found in counted.items()
                }
            )
        return self._facets

    def prepare(self, most: int) -> int:
        """Make ready up to so many jobs to be looked through for words; return how many are not."""
        if len(self._texts) == len(self._items):
            return 0
        missing = self._items.keys() - self._texts.keys()
        for job_id in islice(missing, most):
            self._texts[job_id] = text_of(self._items[job_id].job)
        return max(0, len(missing) - most)

    def _count(self, old: JobOverview | None, new: JobOverview | None) -> None:
        self._pages.clear()
        if old is not None:
            self._counts[state_of(old)] -= 1
            self.warned -= is_warned(old)
        if new is not None:
            self._counts[state_of(new)] += 1
            self.warned += is_warned(new)

    def counts(self) -> Mapping[str, int]:
        """Return how many jobs show each state, and "never"."""
        return MappingProxyType({state: count for state, count in self._counts.items() if count})

    def page(self, query: JobQuery) -> JobPage:
        """Return the page asked for; raises InvalidOptions for a state, sort or cursor that is none."""
        page = self._pages.get(query)
        if page is None:
            if len(self._pages) >= KEPT_PAGES:
                self._pages.clear()
            page = self._pages[query] = self._build(query)
        return page

    def _build(self, query: JobQuery) -> JobPage:
        ids, total = self._ids(query)
        items = tuple(self._items[job_id] for job_id in ids[: query.limit])
        more = query.limit is not None and len(ids) > query.limit
        return JobPage(
            items=items,
            next=cursor_at(query, items[-1]) if more and items else None,
            total=total,
            counts=self.counts(),
            warned=self.warned,
            late=len(self.late & self._items.keys()),
            held=self.held_beside(),
        )

    def _ids(self, query: JobQuery) -> tuple[list[str], int]:
        """Return the ids after the cursor, at least one more than the limit if there are, and the total."""
        _check_states(query.states)
        order, backwards = self._order(query.sort)
        after = self._after(query) if query.cursor else None
        if query.unfiltered:
            wanted = None if query.limit is None else query.limit + 1
            return list(islice(_from(order, after, backwards), wanted)), len(order)
        matching = self._picking(query).of(order)
        return _later(matching, order, after, backwards), len(matching)

    def _picking(self, query: JobQuery) -> Picking:
        if query.text:
            self.prepare(len(self._items))
        return Picking(
            self._items,
            self._texts,
            text=query.text,
            states=query.states,
            kinds=query.kinds,
            tags=query.tags,
        )

    def _after(self, query: JobQuery) -> Key:
        """Return the key that the cursor's page begins after.

        Of a long one the cursor has the beginning, the job has the rest. Should that job be gone or
        be called otherwise now, the page begins where it may repeat some and leaves out none.
        """
        value, job_id = _mark_in(query)
        if isinstance(value, datetime) or len(value) < LONGEST_MARK:
            return value, job_id
        item = self._items.get(job_id)
        known = item.job.name.casefold() if item else ""
        if known.startswith(value):
            return known, job_id
        return (value + LAST_LETTER if query.sort.startswith("-") else value), ""

    def _order(self, sort: str) -> tuple[Order, bool]:
        name = sort.removeprefix("-")
        if name not in ORDERS:
            raise InvalidOptions({"sort": f"Jobs can be sorted by {', '.join(ORDERS)}, not by {name!r}."})
        if name not in self._orders:
            value = ORDERS[name]
            self._orders[name] = Order(self._items, lambda job_id: value(self._items[job_id]))
        return self._orders[name], sort.startswith("-")


def _facets_of(item: JobOverview) -> tuple[object, ...]:
    return item.job.kind, item.job.tags, item.job.owner


def _moves(name: str, old: JobOverview | None, new: JobOverview) -> bool:
    """Tell whether the job has another place in an order than before."""
    if old is None:
        return True
    if old.job is new.job and name not in OF_RUNS:
        return False
    return ORDERS[name](old) != ORDERS[name](new)


def _check_states(states: tuple[str, ...]) -> None:
    unknown = next((state for state in states if state not in STATES), None)
    if unknown is not None:
        raise InvalidOptions(
            {"state": f"A job is {', '.join(STATES[:-1])} or {STATES[-1]}, not {unknown[:40]!r}."}
        )


def _from(order: Order, after: Key | None, backwards: bool) -> Iterator[str]:
    if after is None:
        return reversed(order) if backwards else iter(order)
    return order.before(after) if backwards else order.after(after)


def _later(ids: list[str], order: Order, after: Key | None, backwards: bool) -> list[str]:
    """Return those of the ids, which are in order, that come after the key, in the way that is asked for."""
    if backwards:
        end = len(ids) if after is None else bisect_left(ids, after, key=order.key)
        return ids[:end][::-1]
    return ids if after is None else ids[bisect_right(ids, after, key=order.key) :]


def cursor_at(query: JobQuery, last: JobOverview) -> str:
    """Return the cursor that asks for what follows this job in that order."""
    value = ORDERS[query.sort.removeprefix("-")](last)
    begins = value.isoformat() if isinstance(value, datetime) else value[:LONGEST_MARK]
    mark = json.dumps([query.sort, begins, last.job.id], ensure_ascii=False, separators=(",", ":"))
    return base64.urlsafe_b64encode(mark.encode()).decode()


def _mark_in(query: JobQuery) -> Key:
    """Return what stands in the query's cursor; raises InvalidOptions if that is not of this list."""
    try:
        sort, value, job_id = json.loads(base64.urlsafe_b64decode(str(query.cursor).encode()))
        if sort == query.sort and isinstance(job_id, str) and isinstance(value, str):
            return (value if sort.removeprefix("-") in IN_WORDS else _moment(value)), job_id
    except (ValueError, TypeError, RecursionError, binascii.Error):
        pass
    raise InvalidOptions({"cursor": "This cursor does not belong to this list. Begin again without it."})


def _moment(text: str) -> datetime:
    """Return the time that the text says; raises ValueError where it has no zone."""
    at = datetime.fromisoformat(text)
    if at.tzinfo is None:
        raise ValueError(text)
    return at
