"""Rows of jobs, drawn once for everybody and kept while they say the same."""

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Mapping
from datetime import datetime
from typing import Any, Final

from core.firing import SCHEDULE, coming
from core.models import Job, JobOverview
from core.service import Service
from fastapi_app.presenters import times
from fastapi_app.presenters.jobs import live_of, row_of
from fastapi_app.presenters.notifications import late_in_words
from fastapi_app.presenters.states import edition

MOST_KEPT: Final = 1_000
"""Rows, of about a kilobyte each; a page has fifty."""

MOST_DUE: Final = 20_000


class Rows:
    """Draws the rows of jobs. Safe to use from several threads."""

    def __init__(self, service: Service, render: Callable[..., str]) -> None:
        self._service = service
        self._render = render
        self._lock = threading.Lock()
        self._kept: OrderedDict[str, tuple[Hashable, str]] = OrderedDict()
        self._due: dict[str, tuple[Job, Mapping[str, Any] | None, datetime | None]] = {}

    def html(self, overview: JobOverview) -> str:
        """Return the job's row; raises NotFound where the job is gone meanwhile."""
        job_id, run, now = overview.job.id, overview.latest_run, self._service.clock.now()
        late = late_in_words(self._service.notifications.rhythm.of(job_id), now)
        due_at = self._due_at(overview.job, now)
        says = (edition(overview), overview.held, late, due_at, times.ago(run.created_at, now) if run else "")
        if live_of(run) is not None:
            return self._draw(overview, late, due_at)
        known = self._kept.get(job_id)
        if known is None or known[0] != says:
            known = says, self._draw(overview, late, due_at)
            self._keep(job_id, known)
        return known[1]

    def _draw(self, overview: JobOverview, late: str, due_at: datetime | None) -> str:
        runs = self._service.manager.runs_of(overview.job.id) if overview.latest_run else ()
        return self._render("partials/job_row.html", row=row_of(overview, runs, late, due_at))

    def _keep(self, job_id: str, row: tuple[Hashable, str]) -> None:
        with self._lock:
            self._kept[job_id] = row
            self._kept.move_to_end(job_id)
            while len(self._kept) > MOST_KEPT:
                self._kept.popitem(last=False)

    def _due_at(self, job: Job, now: datetime) -> datetime | None:
        """Return when the job's schedule is next due, worked out once until then."""
        if job.schedule is None:
            return None
        kept = self._service.manager.register(SCHEDULE + job.id)
        known = self._due.get(job.id)
        if known is None or known[0] is not job or known[1] is not kept or (known[2] and known[2] <= now):
            if len(self._due) >= MOST_DUE:
                self._due.clear()
            known = self._due[job.id] = job, kept, next(iter(coming(job, kept, now, 1)), None)
        return known[2]
