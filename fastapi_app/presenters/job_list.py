"""The list of jobs as its page shows it, and the addresses that lead from it to others."""

from collections.abc import Callable, Mapping, Sequence
from typing import Final
from urllib.parse import urlencode

from markupsafe import Markup
from msgspec.structs import asdict, replace

from core.listing import PAGE, JobPage, JobQuery, cursor_at
from core.models import JobOverview, Value
from core.preferences import Preferences, SavedView
from core.searching import WORDS_OF, folded, search_of, with_term, without_key
from fastapi_app.presenters.states import CHIPS, counts_of_chips, edition
from fastapi_app.presenters.texts import plural

SORTS: Final = (
    ("needs", "Needs you first"),
    ("-last-run", "Latest run first"),
    ("last-run", "Longest not run first"),
    ("name", "Name, A to Z"),
    ("-name", "Name, Z to A"),
    ("-created", "Newest first"),
    ("-updated", "Changed last first"),
)
EVERY_JOB: Final = "/jobs?all=1"
"""The list without anything left out, whatever the browser remembers or a person opens it with."""

PICKED: Final = (("kind", "Kind"), ("tag", "Tag"), ("owner", "Owner"))
ALWAYS: Final = frozenset({"running", "waiting", "failed", "late", "paused", "never"})
"""The chips that are there although they stand for no job; the others come with the first."""

MOST_CHOICES: Final = 14
NEEDS_ONE: Final[Mapping[str, int]] = {"kind": 2, "tag": 1, "owner": 2}
"""How many values there must be for a choice among them to be worth showing."""


class ListAddress(Value, frozen=True, kw_only=True):
    """What the address of the list says. `at` counts the jobs on the pages before."""

    q: str = ""
    state: str = ""
    sort: str = SORTS[0][0]
    cursor: str = ""
    before: str = ""
    at: int = 0

    def path(self, page: str = "/jobs") -> str:
        """Return the address, shortest form."""
        usual = asdict(ListAddress())
        parts = {name: value for name, value in asdict(self).items() if value != usual[name]}
        return f"{page}?{urlencode(parts)}" if parts else EVERY_JOB if page == "/jobs" else page

    @property
    def start(self) -> "ListAddress":
        """Return the first page of the same list."""
        return replace(self, cursor="", before="", at=0)


class Chip(Value, frozen=True, kw_only=True):
    """A group of states to filter by."""

    name: str
    word: str
    count: str
    address: str
    chosen: bool


class Choice(Value, frozen=True, kw_only=True):
    """A value to filter by, or to filter by no more."""

    word: str
    address: str
    chosen: bool


class Picker(Value, frozen=True, kw_only=True):
    """A key with the values that jobs have."""

    key: str
    word: str
    choices: tuple[Choice, ...]


class View(Value, frozen=True, kw_only=True):
    """A list that somebody kept under a name; `first` is the one that the list opens with."""

    name: str
    address: str
    chosen: bool
    first: bool


class DrawnRow(Value, frozen=True, kw_only=True):
    """A row as it stands in the page."""

    id: str
    version: str
    html: Markup


class ListView(Value, frozen=True, kw_only=True):
    """Everything the page shows."""

    q: str
    state: str
    sort: str
    sorts: tuple[tuple[str, str], ...]
    sort_name: str
    sort_last_run: str
    address: str
    here: str
    csv: str
    chips: tuple[Chip, ...]
    range: str
    total: int
    rows: tuple[DrawnRow, ...]
    previous: str
    next: str
    filtered: bool
    problem: str
    notes: tuple[str, ...]
    pickers: tuple[Picker, ...]
    terms: tuple[str, ...]
    views: tuple[View, ...]
    called: str


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
    draw: Callable[[JobOverview], str],
    *,
    facets: Mapping[str, Sequence[str]],
    wanted: Preferences,
    problem: str = "",
) -> ListView:
    """Return the list's page; `draw` draws a row, `facets` are the values that jobs have, by key."""
    items = page.items[::-1] if address.before else page.items
    start = address.start
    earlier, later = _ways(address, page, items)
    views = _views(wanted, start.path())
    return ListView(
        q=address.q,
        state=address.state,
        sort=address.sort,
        sorts=SORTS,
        sort_name=replace(start, sort="-name" if address.sort == "name" else "name").path(),
        sort_last_run=replace(start, sort="last-run" if address.sort == "-last-run" else "-last-run").path(),
        address=start.path(),
        here=address.path(),
        csv=start.path("/jobs.csv"),
        chips=_chips(start, page),
        range="" if problem else _range(address.at, len(items), page.total),
        total=page.total,
        rows=tuple(_drawn(overview, draw) for overview in items),
        previous=earlier,
        next=later,
        filtered=bool(address.q or address.state),
        problem=problem,
        notes=() if problem else _notes(address.q, facets),
        pickers=() if problem else tuple(_pickers(start, facets)),
        terms=_terms(facets),
        views=views,
        called=next((view.name for view in views if view.chosen), ""),
    )


def _drawn(overview: JobOverview, draw: Callable[[JobOverview], str]) -> DrawnRow:
    # It was drawn by a template that escapes; here it only takes its place.
    return DrawnRow(id=overview.job.id, version=edition(overview), html=Markup(draw(overview)))  # noqa: S704


def _ways(address: ListAddress, page: JobPage, items: Sequence[JobOverview]) -> tuple[str, str]:
    """Return the addresses of the pages before and after; nothing where there is none."""
    start, earlier, later = address.start, "", ""
    more_before = page.next is not None if address.before else bool(address.cursor)
    more_after = bool(address.before) or page.next is not None
    query = query_of(start)
    if items and more_before:
        mark = cursor_at(replace(query, sort=opposite(query.sort)), items[0])
        earlier = replace(start, before=mark, at=max(address.at - PAGE, 0)).path()
    if items and more_after:
        later = replace(start, cursor=cursor_at(query, items[-1]), at=address.at + len(items)).path()
    return earlier, later


def _chips(start: ListAddress, page: JobPage) -> tuple[Chip, ...]:
    every = Chip(
        name="jobs",
        word="All",
        count=f"{sum(page.counts.values()):,}",
        address=replace(start, state="").path(),
        chosen=not start.state,
    )
    counts = counts_of_chips(page.counts, warned=page.warned, late=page.late, held=page.held)
    groups = tuple(
        Chip(
            name=name,
            word=word,
            count=f"{counts[name]:,}",
            address=replace(start, state=name).path(),
            chosen=start.state == name,
        )
        for name, word, _ in CHIPS
        if name in ALWAYS or counts[name] or start.state == name
    )
    return (every, *groups)


def _range(at: int, shown: int, total: int) -> str:
    if shown == total:
        return plural(total, "job")
    return f"{at + 1:,} to {at + shown:,} of {total:,}"


def _notes(text: str, facets: Mapping[str, Sequence[str]]) -> tuple[str, ...]:
    """Return what to know about a search that is understood: values that no job has."""
    said = []
    for term in search_of(text):
        known = {folded(value) for value in facets.get(term.key, ())}
        missing = [value for value in term.values if term.key in facets and value not in known]
        if missing:
            there = ", ".join(list(facets[term.key])[:MOST_CHOICES]) or "none"
            said.append(f"No job has {term.key} “{missing[0]}”. There are: {there}.")
    return tuple(said)


def _pickers(start: ListAddress, facets: Mapping[str, Sequence[str]]) -> Sequence[Picker]:
    chosen = {(term.key, value) for term in search_of(start.q) if not term.negated for value in term.values}
    found = []
    for key, word in PICKED:
        values = list(facets[key])[:MOST_CHOICES]
        if len(values) < NEEDS_ONE[key]:
            continue
        choices = [_choice(start, key, value, chosen=(key, folded(value)) in chosen) for value in values]
        found.append(Picker(key=key, word=word, choices=tuple(choices)))
    return found


def _choice(start: ListAddress, key: str, value: str, *, chosen: bool) -> Choice:
    text = without_key(start.q, key) if chosen else with_term(start.q, key, value)
    return Choice(word=value, address=replace(start, q=text).path(), chosen=chosen)


def _terms(facets: Mapping[str, Sequence[str]]) -> tuple[str, ...]:
    """Return what can be typed, for suggestions."""
    fixed = [with_term("", key, value) for key, values in WORDS_OF.items() for value in values]
    return (*(with_term("", key, value) for key in facets for value in facets[key]), *fixed)


def _views(wanted: Preferences, here: str) -> tuple[View, ...]:
    def view(saved: SavedView) -> View:
        first = saved.name == wanted.default_view
        return View(name=saved.name, address=saved.address, chosen=saved.address == here, first=first)

    return tuple(view(saved) for saved in wanted.views if saved.address.partition("?")[0] == "/jobs")
