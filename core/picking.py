"""Which jobs match a query, all of them looked through at once: each condition is one pass over what is left."""

from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import Final

from core.asking import asks
from core.models import Job, JobOverview
from core.searching import HELD, LATE, NEVER_RUN, WARNED, Term, folded, search_of, states_of
from core.states import RunState

Matches = Callable[[JobOverview], bool]


def state_of(item: JobOverview) -> str:
    """Return the state that a job shows: its latest run's, or "never"."""
    return item.latest_run.state if item.latest_run else NEVER_RUN


def is_warned(item: JobOverview) -> bool:
    """Tell whether the job's latest run ended well, with warnings."""
    run = item.latest_run
    return run is not None and run.state == RunState.COMPLETED and bool(run.warnings)


def text_of(job: Job) -> str:
    """Return what plain words are looked for in: name, kind, tags, owner, id and places of the job, folded."""
    places = (value for value in job.options.values() if isinstance(value, str))
    return folded("\n".join((job.name, job.kind, *job.tags, job.owner, job.id, *places)))


class Picking:
    """Picks ids of jobs; `items` are all there are, `texts` what is said of each. Keeps the order it is given."""

    def __init__(  # each word is one condition
        self,
        items: Mapping[str, JobOverview],
        texts: Mapping[str, str],
        *,
        text: str,
        states: tuple[str, ...] = (),
        kinds: tuple[str, ...] = (),
        tags: tuple[str, ...] = (),
    ) -> None:
        """Take the question apart; raises InvalidOptions for a search that cannot be understood."""
        self._items = items
        self._texts = texts
        search = search_of(text)
        self._words = tuple(term for term in search if not term.key)
        self._tests = [_test_of(term, items) for term in search if term.key]
        if states:
            wanted = frozenset(states)
            self._tests.append(lambda item: _shows(item, wanted))
        if kinds:
            self._tests.append(lambda item: item.job.kind in kinds)
        if tags:
            self._tests.append(lambda item: not set(tags).isdisjoint(item.job.tags))

    def of(self, ids: Iterable[str]) -> list[str]:
        """Return those of the ids that match everything."""
        left, texts, items = list(ids), self._texts, self._items
        for term in self._words:
            word = term.values[0]
            if term.negated:
                left = [job_id for job_id in left if word not in texts[job_id]]
            else:
                left = [job_id for job_id in left if word in texts[job_id]]
        for test in self._tests:
            left = [job_id for job_id in left if test(items[job_id])]
        return left


def _shows(item: JobOverview, states: frozenset[str]) -> bool:
    return (
        state_of(item) in states
        or (WARNED in states and is_warned(item))
        or (LATE in states and item.late)
        or (HELD in states and item.held)
    )


def _test_of(term: Term, items: Mapping[str, JobOverview]) -> Matches:
    test = _positive(term, items)
    return (lambda item: not test(item)) if term.negated else test


def _positive(term: Term, items: Mapping[str, JobOverview]) -> Matches:
    values = term.values
    if term.key in {"state", "last"}:
        states = states_of(term)
        return lambda item: _shows(item, states)
    if term.key == "after":
        meant = _meant(values, items)
        return lambda item: not meant.isdisjoint(item.job.after)
    if term.key == "is":
        tests = [STANDINGS[value] for value in values]
        return lambda item: any(test(item) for test in tests)
    return lambda item: OF_JOBS[term.key](item.job, values)


def _meant(values: tuple[str, ...], items: Mapping[str, JobOverview]) -> frozenset[str]:
    """Return the ids of the jobs that are called that, or have that id."""
    return frozenset(
        job_id for job_id, item in items.items() if job_id in values or folded(item.job.name) in values
    )


def _needs(item: JobOverview) -> bool:
    """Tell whether the job failed, asks or is late, and is not being deleted."""
    troubled = state_of(item) == RunState.FAILED or asks(item.latest_run)
    return (troubled or item.late) and item.going is None


OF_JOBS: Final[Mapping[str, Callable[[Job, tuple[str, ...]], bool]]] = MappingProxyType(
    {
        "kind": lambda job, values: folded(job.kind) in values,
        "tag": lambda job, values: any(folded(tag) in values for tag in job.tags),
        "owner": lambda job, values: folded(job.owner) in values,
        "name": lambda job, values: any(value in folded(job.name) for value in values),
    }
)
"""What can be asked of a job itself."""

STANDINGS: Final[Mapping[str, Matches]] = MappingProxyType(
    {
        "late": lambda item: item.late,
        "paused": lambda item: item.held or state_of(item) == RunState.PAUSED,
        "off": lambda item: not item.job.enabled,
        "on": lambda item: item.job.enabled,
        "going": lambda item: item.going is not None,
        "asking": lambda item: asks(item.latest_run),
        "needing": _needs,
        "scheduled": lambda item: item.job.schedule is not None,
    }
)
"""What `is:` can ask."""
