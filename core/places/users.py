"""Which jobs use a destination."""

from collections.abc import Iterator, Mapping
from typing import Any, Protocol

from core.engines.base import Engine
from core.errors import HoldfastError
from core.listing import MOST, JobPage, JobQuery
from core.models import Job, Run
from core.states import is_final


class Jobs(Protocol):
    """The jobs there are: the manager."""

    def list_jobs(self, query: JobQuery) -> JobPage:
        """Return a page of jobs."""
        ...

    def runs_at_hand(self) -> tuple[Run, ...]:
        """Return the runs at hand, all that are not over among them."""
        ...

    def engine(self, kind: str, options: Mapping[str, Any]) -> Engine:
        """Return the engine with these options; raises NotFound or InvalidOptions."""
        ...


def users_of(jobs: Jobs, destination_id: str) -> tuple[str, ...]:
    """Return the names of the jobs that use a destination, or have a run that is not over and does, in no order."""
    every = tuple(_every(jobs))
    begun = (run for run in jobs.runs_at_hand() if not is_final(run.state))
    busy = {run.job_id for run in begun if _uses(jobs, run, destination_id)}
    return tuple(job.name for job in every if job.id in busy or _uses(jobs, job, destination_id))


def _every(jobs: Jobs) -> Iterator[Job]:
    cursor: str | None = None
    while True:
        page = jobs.list_jobs(JobQuery(limit=MOST, cursor=cursor))
        yield from (overview.job for overview in page.items)
        cursor = page.next
        if cursor is None:
            return


def _uses(jobs: Jobs, one: Job | Run, destination_id: str) -> bool:
    """Tell whether a job or a run names the destination; if its options cannot be read any more, whether it seems to."""
    if not any(_names(text, destination_id) for text in _texts(one.options)):
        return False
    try:
        return destination_id in jobs.engine(one.kind, one.options).destinations
    except HoldfastError:
        return True


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from _texts(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _texts(item)


def _names(text: str, destination_id: str) -> bool:
    """Tell whether a text, or a word of it, may be the destination: of several copies each is a line of words."""
    return any(word.partition(":")[0] == destination_id for word in text.split())
