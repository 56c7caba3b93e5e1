"""Which jobs use a destination."""

from collections.abc import Iterator, Mapping
from typing import Any, Protocol

from core.engines.base import Engine
from core.errors import HoldfastError
from core.listing import MOST, JobPage, JobQuery
from core.models import Job


class Jobs(Protocol):
    """The jobs there are: the manager."""

    def list_jobs(self, query: JobQuery) -> JobPage:
        """Return a page of jobs."""
        ...

    def engine(self, kind: str, options: Mapping[str, Any]) -> Engine:
        """Return the engine with these options; raises NotFound or InvalidOptions."""
        ...


def users_of(jobs: Jobs, destination_id: str) -> tuple[str, ...]:
    """Return the names of the jobs that use a destination, in no order."""
    return tuple(job.name for job in _every(jobs) if _uses(jobs, job, destination_id))


def _every(jobs: Jobs) -> Iterator[Job]:
    cursor: str | None = None
    while True:
        page = jobs.list_jobs(JobQuery(limit=MOST, cursor=cursor))
        yield from (overview.job for overview in page.items)
        cursor = page.next
        if cursor is None:
            return


def _uses(jobs: Jobs, job: Job, destination_id: str) -> bool:
    """Tell whether a job names the destination; one whose options cannot be read any more counts if it seems to."""
    if not any(_names(text, destination_id) for text in _texts(job.options)):
        return False
    try:
        return destination_id in jobs.engine(job.kind, job.options).destinations
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
