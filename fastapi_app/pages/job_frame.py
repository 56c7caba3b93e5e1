"""What every section of a job's page shows around it."""

from typing import Any

from core.manager import JobManager
from core.models import Run
from core.queueing import Scope
from core.storage.excerpts import line_of
from core.timetable import Appointment, appointment
from fastapi_app.house import House
from fastapi_app.presenters.job_page import can_rehearse, job_view
from fastapi_app.presenters.job_sections import SECTIONS, rhythm_of, tabs_of, trust_of
from fastapi_app.presenters.mistakes import mistake_view
from fastapi_app.presenters.notifications import late_since
from fastapi_app.presenters.usual import usual_of_job

MOST_TIMES = 5


class Frame:
    """A job as all its sections know it: read once for a request."""

    def __init__(self, house: House, job_id: str, section: str) -> None:
        """Raise NotFound where there is no such job."""
        service = house.service
        self.house = house
        self.section = section
        self.manager: JobManager = service.manager
        self.overview = self.manager.job(job_id)
        self.history = self.manager.runs_of(job_id)
        self.past = service.histories.of(job_id)
        self.now = service.clock.now()
        self.expected = service.notifications.rhythm.of(job_id)
        self.planned: Appointment | None = appointment(self.manager, job_id, self.now, MOST_TIMES)

    @property
    def latest(self) -> Run | None:
        """Return the newest run."""
        return self.history[0] if self.history else None

    def context(self) -> dict[str, Any]:
        """Return what the template of every section needs."""
        job, data = self.overview.job, self.house.service.data
        problem = self.manager.mistakes.get(job.id)
        tabs = tabs_of(job, len(self.history))
        return {
            "section": self.section,
            "title": dict(SECTIONS)[self.section],
            "tabs": tabs,
            "here_address": next(tab.address for tab in tabs if tab.name == self.section),
            "job": job_view(self.overview, self.history, problem),
            "rhythm": rhythm_of(job),
            "trust": trust_of(job, self.history, self.planned.next_at if self.planned else None),
            "total": len(self.history),
            "may_try": can_rehearse(job.kind),
            "held": self._is_held(),
            "going": self.manager.going(job.id),
            "usual": usual_of_job(job.kind, job.options, self.past),
            "late": late_since(self.expected, self.now),
            "mistake": mistake_view(problem, line_of(data, problem)) if problem else None,
        }

    def _is_held(self) -> bool:
        """Tell whether somebody paused the job, so that nothing new of it begins."""
        pause = self.manager.rules().pause(Scope.JOB, self.overview.job.id)
        return pause is not None and pause.binds(self.now)
