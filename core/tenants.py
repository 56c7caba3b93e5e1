"""Which jobs copy to which destination, kept up to date job by job: asking costs as much as what changed."""

import threading
from collections.abc import Iterator, Mapping
from typing import Protocol

from core.errors import NotFound
from core.events import (
    Event,
    EventBus,
    EventsMissed,
    JobChangedOutside,
    JobCreated,
    JobDeleted,
    JobEdited,
)
from core.listing import JobPage, JobQuery
from core.models import JobOverview


class Jobs(Protocol):
    """The jobs there are: the manager."""

    def job(self, job_id: str) -> JobOverview: ...  # noqa: D102 - see JobManager

    def list_jobs(self, query: JobQuery = ...) -> JobPage: ...  # noqa: D102


class Tenants:
    """Safe to use from several threads."""

    def __init__(self, jobs: Jobs, events: EventBus) -> None:
        self._jobs = jobs
        self._events = events
        self._noting = threading.Lock()
        """Held for moments; whoever holds it takes no other lock."""
        self._dirty: set[str] = set()
        self._all_anew = True
        self._lock = threading.Lock()
        self._places: dict[str, frozenset[str]] = {}
        self._there: dict[str, set[str]] = {}

    def start(self) -> None:
        """Listen from now on."""
        self._events.tell_at_once("tenants", self.heard)

    def stop(self) -> None:
        """Listen no more."""
        self._events.tell_no_more(self.heard)

    def heard(self, event: Event) -> None:
        """Note which job an event is about; called by whoever publishes."""
        match event:
            case JobCreated(job=job) | JobEdited(job=job) | JobChangedOutside(job=job):
                self._note(job.id)
            case JobDeleted(job_id=job_id):
                self._note(job_id)
            case EventsMissed():
                with self._noting:
                    self._all_anew = True
            case _:
                pass

    def _note(self, job_id: str) -> None:
        with self._noting:
            self._dirty.add(job_id)

    def of(self, destination_id: str) -> tuple[str, ...]:
        """Return the ids of the jobs whose copies go there, or that watch it, in no order."""
        with self._lock:
            self._catch_up()
            return tuple(self._there.get(destination_id, ()))

    def _catch_up(self) -> None:
        with self._noting:
            dirty, self._dirty = self._dirty, set()
            all_anew, self._all_anew = self._all_anew, False
        if all_anew:
            self._places.clear()
            self._there.clear()
            for item in self._jobs.list_jobs(JobQuery(limit=None)).items:
                self._put(item.job.id, places_in(item.job.options))
            return
        for job_id in dirty:
            try:
                places = places_in(self._jobs.job(job_id).job.options)
            except NotFound:
                places = frozenset()
            self._put(job_id, places)

    def _put(self, job_id: str, places: frozenset[str]) -> None:
        for place in self._places.pop(job_id, ()):
            self._there[place].discard(job_id)
        if places:
            self._places[job_id] = places
            for place in places:
                self._there.setdefault(place, set()).add(job_id)


def places_in(options: Mapping[str, object]) -> frozenset[str]:
    """Return the destinations that a job's options seem to name."""
    return frozenset(text.partition(":")[0] for text in _texts_in(options))


def _texts_in(options: Mapping[str, object]) -> Iterator[str]:
    """Give where copies go, or are watched: one place, or several copies, each a line such as "rsync nas:photos full"."""
    yield from (text for name in ("destination", "place") if isinstance(text := options.get(name), str))
    copies = options.get("copies")
    for line in copies if isinstance(copies, list | tuple) else ():
        yield from str(line).split()[1:2]
