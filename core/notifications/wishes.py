"""What telling people needs of the house that it is part of: what there is to know, and how it is set."""

from datetime import datetime
from typing import Protocol

from core.listing import JobPage, JobQuery
from core.models import Run, Value
from core.notifications.noticing import Jobs
from core.notifications.registers import Registers
from core.settings import Settings


class Manager(Jobs, Registers, Protocol):
    """What has to be known of jobs and runs; see JobManager."""

    def list_jobs(self, query: JobQuery) -> JobPage:
        """Return a page of jobs."""
        ...

    def runs_at_hand(self) -> tuple[Run, ...]:
        """Return the runs that are not over, the latest of each job and the last day's."""
        ...

    def runs_ended_since(self, moment: datetime) -> tuple[Run, ...]:
        """Return the runs that ended at that moment or later."""
        ...


class Wishes(Value, frozen=True, kw_only=True):
    """How telling is set: the address people use, whether private networks are allowed, the watcher outside."""

    origin: str = ""
    private: bool = True
    ping_url: str = ""
    ping_every: float = 300.0


def wishes_in(settings: Settings) -> Wishes:
    """Return what the settings say."""
    return Wishes(
        origin=settings.public_origin,
        private=settings.private_receivers == "allow",
        ping_url=settings.ping_url,
        ping_every=settings.ping_seconds,
    )
