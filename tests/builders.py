"""Jobs and runs for tests, each made through the one door where it can be."""

import itertools
from datetime import UTC, datetime
from typing import Any

from core.drafts import JobDraft
from core.manager import JobManager
from core.models import Job, Progress, Run, Trigger
from core.queueing import Place
from core.states import RunState

WHEN = datetime(2026, 11, 21, 7, 42, tzinfo=UTC)

_numbers = itertools.count(1)


def a_draft(**fields: Any) -> JobDraft:
    """Return a draft of kind "scripted"."""
    return JobDraft(**{"name": f"job {next(_numbers)}", "kind": "scripted"} | fields)


def a_job(manager: JobManager, **fields: Any) -> Job:
    """Return a job that is kept."""
    return manager.create(a_draft(**fields), asked_by="ana")


def a_queued_run(manager: JobManager, **fields: Any) -> Run:
    """Return a run that waits for a slot."""
    return manager.start(a_job(manager, **fields).id, asked_by="ana")


def a_running_run(manager: JobManager, **fields: Any) -> Run:
    """Return a run in its first attempt."""
    run = manager.claim(a_queued_run(manager, **fields).id, "test-worker")
    assert run is not None
    return run


def a_paused_run(manager: JobManager, **fields: Any) -> Run:
    """Return a run that was paused in its first attempt."""
    run = a_running_run(manager, **fields)
    manager.pause(run.id)
    return manager.stopped(run.id, run.attempt)


def a_kept_job(job_id: str, **fields: Any) -> Job:
    """Return a job as a store keeps it."""
    defaults: dict[str, Any] = {"name": "photos", "kind": "copy", "created_at": WHEN, "updated_at": WHEN}
    return Job(**{"id": job_id} | defaults | fields)


def a_kept_run(run_id: str, job_id: str, **fields: Any) -> Run:
    """Return a run as a store keeps it."""
    defaults: dict[str, Any] = {
        "number": 1,
        "kind": "copy",
        "state": RunState.QUEUED,
        "trigger": Trigger.MANUAL,
        "created_at": WHEN,
    }
    return Run(**{"id": run_id, "job_id": job_id} | defaults | fields)


def a_place(run_id: str, **fields: Any) -> Place:
    """Return a place in line, of a job of its own."""
    defaults: dict[str, Any] = {"job_id": f"job of {run_id}", "kind": "copy", "since": WHEN}
    return Place(**{"run_id": run_id} | defaults | fields)


def some_progress(percent: float = 64.0) -> Progress:
    """Return a progress in the middle of a copy."""
    return Progress(stage="copy", percent=percent, done=int(percent), total=100, rate=38.2, eta_seconds=720)
