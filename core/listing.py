"""The list of jobs as people ask for it: filtered, sorted, paged, counted.

Cost follows what changed: a change touches one entry and, only where its sort key changed, its
place in each order. What is handed out is immutable and kept until something changes.
"""

import base64
import binascii
import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from itertools import islice
from types import MappingProxyType
from typing import Final

from sortedcontainers import SortedList

from core.errors import InvalidOptions
from core.models import Job, JobOverview, Value
from core.states import RunState

NEVER_RUN: Final = "never"
PAGE: Final = 50
MOST: Final = 500
KEPT_PAGES: Final = 200
LONGEST_MARK: Final = 100
"""How much of what a job is sorted by stands in a cursor, so that it fits into any address."""
LAST_LETTER: Final = "\U0010ffff"

Key = tuple[str, str]


def _created(item: JobOverview) -> Key:
    return item.job.created_at.isoformat(), item.job.id


def _updated(item: JobOverview) -> Key:
    return item.job.updated_at.isoformat(), item.job.id


def _name(item: JobOverview) -> Key:
    return item.job.name.casefold(), item.job.id


def _last_run(item: JobOverview) -> Key:
    return item.latest_run.created_at.isoformat() if item.latest_run else "", item.job.id


ORDERS: Final[Mapping[str, Callable[[JobOverview], Key]]] = MappingProxyType(
    {"created": _created, "updated": _updated, "name": _name, "last-run": _last_run},
)


STATES: Final = (*RunState, NEVER_RUN)
"""What a job can show."""


OF_RUNS: Final = ("last-run",)
"""The orders in which a job moves although it is the same."""


def state_of(item: JobOverview) -> str:
    """Return the state that a job shows: its latest run's, or "never"."""
    return item.latest_run.state if item.latest_run else NEVER_RUN


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
    """One page of a list. `next` asks for the page after it; `total` counts all that match."""

    items: tuple[JobOverview, ...]
    next: str | None
    total: int
    counts: Mapping[str, int]


class Listing:
    """Every job with its latest run, in each order. Not thread-safe: its owner holds a lock.

    An order keeps (sort key, id) pairs, so that a run that only progresses moves nothing.
    """

    def __init__(self) -> None:
        self._items: dict[str, JobOverview] = {}
        self._orders: dict[str, SortedList[Key]] = {name: SortedList() for name in ORDERS}
        self._counts: Counter[str] = Counter()
        self._pages: dict[JobQuery, JobPage] = {}

    def put(self, item: JobOverview) -> None:
        """Show the job as it now is."""
        old = self._items.get(item.job.id)
        same_job = old is not None and old.job is item.job
        for name in OF_RUNS if same_job else ORDERS:
            key = ORDERS[name]
            self._reorder(name, key(old) if old else None, key(item))
        self._items[item.job.id] = item
        self._count(old, item)

    def drop(self, job_id: str) -> None:
        """Show the job no more."""
        old = self._items.pop(job_id, None)
        if old is None:
            return
        for name, key in ORDERS.items():
            self._reorder(name, key(old), None)
        self._count(old, None)

    def _reorder(self, name: str, old: Key | None, new: Key | None) -> None:
        if old == new:
            return
        if old is not None:
            self._orders[name].remove(old)
        if new is not None:
            self._orders[name].add(new)

    def _count(self, old: JobOverview | None, new: JobOverview | None) -> None:
        self._pages.clear()
        if old is not None:
            self._counts[state_of(old)] -= 1
        if new is not None:
            self._counts[state_of(new)] += 1

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
        )

    def _ids(self, query: JobQuery) -> tuple[list[str], int]:
        """Return the ids after the cursor, at least one more than the limit if there are, and the total."""
        _check_states(query.states)
        order, backwards = self._order(query.sort)
        after = self._after(query) if query.cursor else None
        if query.unfiltered:
            wanted = None if query.limit is None else query.limit + 1
            return [key[1] for key in islice(_from(order, after, backwards), wanted)], len(order)
        matching = [key for key in _from(order, None, backwards) if _matches(self._items[key[1]], query)]
        later = [key[1] for key in matching if after is None or (key < after if backwards else key > after)]
        return later, len(matching)

    def _after(self, query: JobQuery) -> Key:
        """Return the key that the cursor's page begins after.

        Of a long one the cursor has the beginning, the job has the rest. Should that job be gone or
        be called otherwise now, the page begins where it may repeat some and leaves out none.
        """
        value, job_id = _mark_in(query)
        if len(value) < LONGEST_MARK:
            return value, job_id
        item = self._items.get(job_id)
        key = ORDERS[query.sort.removeprefix("-")](item) if item else ("", job_id)
        if key[0].startswith(value):
            return key
        return (value + LAST_LETTER if query.sort.startswith("-") else value), ""

    def _order(self, sort: str) -> "tuple[SortedList[Key], bool]":
        name = sort.removeprefix("-")
        if name not in self._orders:
            raise InvalidOptions({"sort": f"Jobs can be sorted by {', '.join(ORDERS)}, not by {name!r}."})
        return self._orders[name], sort.startswith("-")


def _check_states(states: tuple[str, ...]) -> None:
    unknown = next((state for state in states if state not in STATES), None)
    if unknown is not None:
        raise InvalidOptions(
            {"state": f"A job is {', '.join(STATES[:-1])} or {STATES[-1]}, not {unknown[:40]!r}."}
        )


def _from(order: "SortedList[Key]", after: Key | None, backwards: bool) -> Iterator[Key]:
    if after is None:
        return reversed(order) if backwards else iter(order)
    if backwards:
        return order.irange(maximum=after, inclusive=(True, False), reverse=True)
    return order.irange(minimum=after, inclusive=(False, True))


def _matches(item: JobOverview, query: JobQuery) -> bool:
    job = item.job
    return (
        (not query.states or state_of(item) in query.states)
        and (not query.kinds or job.kind in query.kinds)
        and (not query.tags or not set(query.tags).isdisjoint(job.tags))
        and _has_words(job, query.text)
    )


def _has_words(job: Job, text: str) -> bool:
    """Tell whether every word stands in the name, kind, tags, id or places of the job."""
    words = text.casefold().split()
    if not words:
        return True
    places = (value for value in job.options.values() if isinstance(value, str))
    where = " ".join((job.name, job.kind, *job.tags, job.id, *places)).casefold()
    return all(word in where for word in words)


def cursor_at(query: JobQuery, last: JobOverview) -> str:
    """Return the cursor that asks for what follows this job in that order."""
    value, job_id = ORDERS[query.sort.removeprefix("-")](last)
    mark = json.dumps([query.sort, value[:LONGEST_MARK], job_id], ensure_ascii=False, separators=(",", ":"))
    return base64.urlsafe_b64encode(mark.encode()).decode()


def _mark_in(query: JobQuery) -> Key:
    try:
        sort, value, job_id = json.loads(base64.urlsafe_b64decode(str(query.cursor).encode()))
    except (ValueError, TypeError, RecursionError, binascii.Error):
        sort, value, job_id = None, None, None
    if sort != query.sort or not isinstance(value, str) or not isinstance(job_id, str):
        raise InvalidOptions({"cursor": "This cursor does not belong to this list. Begin again without it."})
    return value, job_id
