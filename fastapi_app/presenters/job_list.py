"""The list of jobs as its page shows it, and the addresses that lead from it to others."""

from collections.abc import Callable, Sequence
from typing import Final
from urllib.parse import urlencode

from msgspec.structs import asdict, replace

from core.listing import PAGE, WARNED, JobPage, JobQuery, cursor_at
from core.models import Run, Value
from fastapi_app.presenters.jobs import JobRow, row_of
from fastapi_app.presenters.states import CHIPS
from fastapi_app.presenters.texts import plural

SORTS: Final = (
    ("-last-run", "Latest run first"),
    ("last-run", "Longest not run first"),
    ("name", "Name, A to Z"),
    ("-name", "Name, Z to A"),
    ("-created", "Newest first"),
    ("-updated", "Changed last first"),
)


class ListAddress(Value, frozen=True, kw_only=True):
    """What the address of the list says. `at` counts the jobs on the pages before."""

    q: str = ""
    state: str = ""
    sort: str = SORTS[0][0]
    cursor: str = ""
    before: str = ""
    at: int = 0

    def path(self) -> str:
        """Return the address, shortest form."""
        usual = asdict(ListAddress())
        parts = {name: value for name, value in asdict(self).items() if value != usual[name]}
        return f"/jobs?{urlencode(parts)}" if parts else "/jobs"


class Chip(Value, frozen=True, kw_only=True):
    """A group of states to filter by."""

    name: str
    word: str
    count: str
    address: str
    chosen: bool


class ListView(Value, frozen=True, kw_only=True):
    """Everything the page shows."""

    q: str
    state: str
    sort: str
    sorts: tuple[tuple[str, str], ...]
    sort_name: str
    sort_last_run: str
    address: str
    chips: tuple[Chip, ...]
    range: str
    rows: tuple[JobRow, ...]
    previous: str
    next: str
    filtered: bool


def query_of(address: ListAddress) -> JobQuery:
    """Return what to ask the manager; going back asks for the opposite order."""
    states = next((states for name, _, states in CHIPS if name == address.state), (address.state,))
    query = JobQuery(
        text=address.q,
        states=tuple(str(state) for state in states if state),
        sort=address.sort,
        cursor=address.cursor or None,
    )
    if address.before:
        return replace(query, sort=opposite(address.sort), cursor=address.before)
    return query


def opposite(sort: str) -> str:
    """Return the order that is this one backwards."""
    return sort.removeprefix("-") if sort.startswith("-") else f"-{sort}"


def view_of(
    address: ListAddress,
    page: JobPage,
    runs_of: Callable[[str], Sequence[Run]],
    late: Callable[[str], str] = lambda _job_id: "",
) -> ListView:
    """Return the list's page; `late` says of a job that it is late, nothing of one that is not."""
    items = page.items[::-1] if address.before else page.items
    start = replace(address, cursor="", before="", at=0)
    more_before = page.next is not None if address.before else bool(address.cursor)
    more_after = bool(address.before) or page.next is not None
    query = query_of(start)
    earlier = later = ""
    if items and more_before:
        mark = cursor_at(replace(query, sort=opposite(query.sort)), items[0])
        earlier = replace(start, before=mark, at=max(address.at - PAGE, 0)).path()
    if items and more_after:
        later = replace(start, cursor=cursor_at(query, items[-1]), at=address.at + len(items)).path()
    return ListView(
        q=address.q,
        state=address.state,
        sort=address.sort,
        sorts=SORTS,
        sort_name=replace(start, sort="-name" if address.sort == "name" else "name").path(),
        sort_last_run=replace(start, sort="last-run" if address.sort == "-last-run" else "-last-run").path(),
        address=start.path(),
        chips=_chips(start, page),
        range=_range(address.at, len(items), page.total),
        rows=tuple(row_of(overview, runs_of(overview.job.id), late(overview.job.id)) for overview in items),
        previous=earlier,
        next=later,
        filtered=bool(address.q or address.state),
    )


def _chips(start: ListAddress, page: JobPage) -> tuple[Chip, ...]:
    every = Chip(
        name="jobs",
        word="All",
        count=f"{sum(page.counts.values()):,}",
        address=replace(start, state="").path(),
        chosen=not start.state,
    )
    groups = tuple(
        Chip(
            name=name,
            word=word,
            count=f"{page.warned if name == WARNED else sum(page.counts.get(state, 0) for state in states):,}",
            address=replace(start, state=name).path(),
            chosen=start.state == name,
        )
        for name, word, states in CHIPS
    )
    return (every, *groups)


def _range(at: int, shown: int, total: int) -> str:
    if shown == total:
        return plural(total, "job")
    return f"{at + 1:,} to {at + shown:,} of {total:,}"
