"""Which jobs come after which, at hand for whoever decides about runs."""

from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType

from core.errors import NotFound
from core.models import Job
from core.ordering import circle


class Relations:
    """Of the jobs that come after others, which. Not thread-safe: its owner holds a lock."""

    def __init__(self) -> None:
        self._after: dict[str, tuple[str, ...]] = {}
        self._below: dict[str, set[str]] = {}

    @property
    def after(self) -> Mapping[str, tuple[str, ...]]:
        """Return, for each job that comes after others, their ids."""
        return MappingProxyType(self._after)

    def below(self, job_id: str) -> Iterable[str]:
        """Return the ids of the jobs that come after the job directly."""
        return sorted(self._below.get(job_id, ()))

    def put(self, job: Job) -> None:
        """Know what the job comes after by now."""
        if self._after.get(job.id, ()) == job.after:
            return
        self.drop(job.id)
        if job.after:
            self._after[job.id] = job.after
            for parent in job.after:
                self._below.setdefault(parent, set()).add(job.id)

    def drop(self, job_id: str) -> None:
        """Know no more what the job comes after."""
        for parent in self._after.pop(job_id, ()):
            below = self._below[parent]
            below.discard(job_id)
            if not below:
                del self._below[parent]


def problem_with(after: Mapping[str, tuple[str, ...]], job: Job, job_of: Callable[[str], Job]) -> str | None:
    """Return in a sentence why a job cannot come after the jobs it names; None where it can."""
    if job.id in job.after:
        return "A job cannot come after itself."
    names = {job.id: job.name}
    for parent in job.after:
        try:
            names[parent] = job_of(parent).name
        except NotFound:
            return f"There is no job {parent!r:.80} to come after. It may have been deleted."
    found = circle(after, job.id)
    if found is None:
        return None
    way = [names.get(one) or job_of(one).name for one in (*found, job.id)]
    return f"This would go in a circle: {' after '.join(map(repr, way))}."
