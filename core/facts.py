"""How one job stands, and by what it is counted and sorted; pure.

No colour of good without evidence: a job is good only while a run that proved its copy says so.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any, Final

from core.asking import asks
from core.engines import ENGINES
from core.models import Job, JobOverview, Run, Value
from core.notifications.rhythm import Expected, expected_of
from core.states import AT_WORK, RunState

PLACES: Final = ("source", "destination", "copies", "place", "pattern")
"""The options that say what a proof is about, whatever the kind calls them."""


class Copy(Value, frozen=True, kw_only=True):
    """A copy that was proved: by which run, when, and how much it is; None is not told."""

    run: str
    number: int
    at: datetime
    files: int | None = None
    bytes: int | None = None
    mode: str = ""


class Fact(Value, frozen=True, kw_only=True):
    """How one job stands. `until` is when its newest copy is older than it may be, None where nobody said.

    `since` is since when it needs somebody. `changes_at` is when it stands otherwise although nothing happens.
    """

    overview: JobOverview
    copies: bool
    copy: Copy | None = None
    sought: bool = True
    until: datetime | None = None
    is_old: bool = False
    late: bool = False
    needs: bool = False
    since: datetime
    changes_at: datetime | None = None

    @property
    def job(self) -> Job:
        """Return the job."""
        return self.overview.job

    @property
    def target(self) -> timedelta | None:
        """Return how old the copy may become; None where nobody said."""
        return self.until - self.copy.at if self.until and self.copy else None


class Picture(Value, frozen=True, kw_only=True):
    """How everything stands at a moment.

    `counts` has, by name: jobs; those that need somebody (`needs`) and which of them are late with a copy (`behind`);
    jobs that copy (`copying`) and, of those that need nobody, whose copy is good (`good`, of them `aimed` have a
    target), whose latest run ended without proof (`unproved`), that have yet to show anything (`pending`); jobs that
    have never run (`never`), that run (`at_work`), that have a proved copy (`copies`), and whose older runs are still
    looked through (`seeking`).
    """

    counts: Mapping[str, int]
    needs: tuple[Fact, ...]
    at_work: tuple[str, ...]
    copies: tuple[Fact, ...]
    oldest: Fact | None
    newest: Fact | None
    recent: tuple[Run, ...]
    names: Mapping[str, str]
    """The names of the jobs of the recent runs."""

    def count(self, name: str) -> int:
        """Return a count."""
        return self.counts.get(name, 0)


def proves(run: Run | None) -> bool:
    """Tell whether the run ended with every promised comparison made and found good."""
    if run is None or run.state != RunState.COMPLETED:
        return False
    return run.result is not None and run.result.get("verified") is True


def is_about(run: Run, job: Job) -> bool:
    """Tell whether the run was about the places that the job names today."""
    return run.kind == job.kind and all(run.options.get(name) == job.options.get(name) for name in PLACES)


def copy_by(run: Run, job: Job) -> Copy | None:
    """Return the copy that the run proved, if that is the one which the job keeps today."""
    if run.ended_at is None or not proves(run) or not is_about(run, job):
        return None
    result = run.result or {}
    verification = result.get("verification")
    mode = verification.get("mode") if isinstance(verification, Mapping) else ""
    return Copy(
        run=run.id,
        number=run.number,
        at=run.ended_at,
        files=_number(result.get("files")),
        bytes=_number(result.get("bytes")),
        mode=mode if isinstance(mode, str) else "",
    )


def _number(value: Any) -> int | None:  # noqa: ANN401 - results are what engines say
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def newest_copy(runs: Iterable[Run], job: Job) -> Copy | None:
    """Return the newest copy that one of the runs proved; the newest run is first."""
    return next((copy for run in runs if (copy := copy_by(run, job)) is not None), None)


def can_prove(kind: str) -> bool:
    """Tell whether jobs of this kind make copies that can be verified."""
    engine = ENGINES.get(kind)
    return engine is not None and engine.proves


def fact_of(
    overview: JobOverview, copy: Copy | None, expected: Expected | None, now: datetime, *, sought: bool
) -> Fact:
    """Return how a job stands whose newest proved copy is known, as far as it was `sought`."""
    job, run = overview.job, overview.latest_run
    expected = as_it_is(expected, job, run)
    late = expected is not None and expected.is_late(now)
    until = fresh_until(copy, expected)
    troubled = run is not None and (run.state == RunState.FAILED or asks(run))
    since = job.created_at
    if run is not None and troubled:
        since = troubled_since(run)
    elif expected is not None and late:
        since = expected.deadline
    later = [at for at in (until, expected.deadline if expected else None) if at is not None and at > now]
    return Fact(
        overview=overview,
        copies=can_prove(job.kind),
        copy=copy,
        sought=sought,
        until=until,
        is_old=until is not None and until <= now,
        late=late,
        needs=(troubled or late) and overview.going is None,
        since=since,
        changes_at=min(later, default=None),
    )


def is_at_work(fact: Fact) -> bool:
    """Tell whether an engine works on the job now."""
    run = fact.overview.latest_run
    return run is not None and run.state in AT_WORK


def ended_well(run: Run | None) -> bool:
    """Tell whether the run completed."""
    return run is not None and run.state == RunState.COMPLETED


def same_places(one: Job, other: Job) -> bool:
    """Tell whether a proof about the one is about the other."""
    if one is other:
        return True
    return one.kind == other.kind and all(one.options.get(name) == other.options.get(name) for name in PLACES)


def as_it_is(expected: Expected | None, job: Job, run: Run | None) -> Expected | None:
    """Return what is expected of the job, also while word of its latest success has yet to get around."""
    if expected is None or run is None or run.ended_at is None or not ended_well(run):
        return expected
    if expected.last_success is not None and expected.last_success >= run.ended_at:
        return expected
    return expected_of(job, run, run.ended_at)


def fresh_until(copy: Copy | None, expected: Expected | None) -> datetime | None:
    """Return until when the copy is fresh enough: as long after it as the next success may come after the last."""
    if copy is None or expected is None:
        return None
    if expected.last_success is None:
        return expected.deadline
    return copy.at + max(expected.deadline - expected.last_success, timedelta(0))


def troubled_since(run: Run) -> datetime:
    """Return since when a run that failed or asks has done so."""
    return run.ended_at or (run.attempts[-1].ended_at if run.attempts else None) or run.created_at


ORDERS: Final[Mapping[str, Callable[[Fact], datetime | None]]] = MappingProxyType(
    {
        "needs": lambda fact: fact.since,
        "bare": lambda fact: fact.since,
        "aimed": lambda fact: fact.until,
        "free": lambda fact: fact.copy.at if fact.copy else None,
        "ages": lambda fact: fact.copy.at if fact.copy else None,
        "seeking": lambda fact: fact.since,
    }
)
"""By what the jobs of each order are sorted: those that need somebody; that ran and have no copy; whose copies have
a target, the first to be too old in front; whose copies have none; all with a copy; all whose older runs nobody looked through."""


def orders_of(fact: Fact) -> Iterator[str]:
    """Give the orders that the job belongs to; one that is going belongs to none."""
    if fact.overview.going is not None:
        return
    if fact.needs:
        yield "needs"
    if not fact.sought:
        yield "seeking"
    if not fact.copies or fact.overview.latest_run is None:
        return
    if fact.copy is None:
        if fact.sought and fact.overview.latest_run.over:  # one that has only begun is not without yet
            yield "bare"
        return
    yield "aimed" if fact.until else "free"
    yield "ages"


def flags_of(fact: Fact) -> Iterator[str]:
    """Give the names under which the job is counted; one that is going is not."""
    if fact.overview.going is not None:
        return
    yield "jobs"
    if fact.overview.latest_run is None:
        yield "never"
    if fact.needs:
        yield "needs"
    if not fact.sought:
        yield "seeking"
    if not fact.copies:
        return
    yield "copying"
    if fact.copy is not None:
        yield "copies"
    if fact.needs:
        yield "copying-needs"
        if fact.late:
            yield "behind"
        return
    standing = _standing(fact)
    yield standing
    if standing == "good" and fact.until is not None:
        yield "aimed"


def _standing(fact: Fact) -> str:
    """Return how a job that copies and needs nobody stands: good, unproved, or yet to show anything."""
    run, copy = fact.overview.latest_run, fact.copy
    if run is None:
        return "pending"
    if run.over:
        return "good" if copy is not None and copy.run == run.id else "unproved"
    return "good" if copy is not None and not fact.is_old else "pending"
