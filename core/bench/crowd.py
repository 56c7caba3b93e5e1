"""A folder with very many jobs, each with a run that is over, as the store itself writes it."""

import os
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from core.bench.workshop import a_draft
from core.clock import SystemClock
from core.events import EventBus
from core.ledger import Ledger
from core.listing import JobQuery
from core.models import Attempt, Ending, Job, Progress, Run, Trigger, frozen
from core.states import RunState
from core.storage.rows import Changes
from core.storage.yaml_files import YamlFilesStore

JOBS: Final = 100_000
EVERYTHING: Final = JobQuery(limit=None)
AT_ONCE: Final = 1_000
FIRST: Final = datetime(2026, 1, 1, tzinfo=UTC)

OPTIONS: Final[dict[str, Any]] = {
    "verify": "full",
    "sample_confidence": 0.95,
    "sample_good_share": 0.99,
    "compare": "time",
    "exclude": [],
    "include": [],
    "bandwidth_limit": None,
}
COUNTS: Final = dict.fromkeys(
    ("links", "unchanged", "touched", "excluded", "special", "healed", "followed", "hard_links", "failed"), 0
)
MANIFEST: Final = {
    "manifest": "manifest.b3",
    "manifest_sentence": "Every digest in the list is of a file that was read back from the destination.",
}


def make(data: Path, jobs: int = JOBS) -> None:
    """Fill the folder."""
    events = EventBus()
    ledger = Ledger(YamlFilesStore(data, clock=SystemClock()), events, SystemClock(), lambda _run: None)
    ledger.open(at_work=True)
    for start in range(0, jobs, AT_ONCE):
        some = [_job(number) for number in range(start, min(start + AT_ONCE, jobs))]
        with ledger.deciding():
            ledger.commit(Changes(jobs=tuple(some), runs=tuple(map(_run, some))))
    events.close()
    ledger.close()


def _job(number: int) -> Job:
    draft = a_draft(number)
    at = FIRST + timedelta(seconds=number, microseconds=number)
    return Job(
        id=str(uuid.uuid4()),
        name=draft.name,
        kind=draft.kind,
        options=frozen({**draft.options, **OPTIONS}),
        tags=draft.tags,
        owner="ana",
        created_at=at,
        updated_at=at,
    )


def _run(job: Job) -> Run:
    """Return a run as a copy leaves it."""
    started_at = job.created_at + timedelta(seconds=1)
    ended_at = job.created_at + timedelta(seconds=61)
    number = job.created_at.microsecond
    attempt = Attempt(
        number=1, worker="here", started_at=started_at, ended_at=ended_at, ending=Ending.COMPLETED
    )
    return Run(
        id=str(uuid.uuid4()),
        job_id=job.id,
        number=1,
        kind=job.kind,
        options=job.options,
        state=RunState.COMPLETED,
        trigger=Trigger.MANUAL,
        asked_by="ana",
        version=3,
        attempt=1,
        attempts=(attempt,),
        progress=Progress(stage="verify", percent=100.0, message="Writing the list of digests"),
        checkpoint=frozen({"stage": "verify", "percent": 100.0}),
        created_at=job.created_at,
        due_at=job.created_at,
        started_at=started_at,
        ended_at=ended_at,
        worker="here",
        result=frozen(dict(_result(number))),
    )


def _result(number: int) -> Iterator[tuple[str, Any]]:
    files = 1_000 + number
    said = f"All {files:,} files were read back from the destination and match what was read from the source."
    yield from {"files": files, "folders": number % 977, "bytes": files * 4_321, "copied": files}.items()
    yield from {"copied_bytes": files * 4_321, **COUNTS}.items()
    yield "verification", {"mode": "full", "files": files, "bytes": files * 4_321, "sentence": said}
    yield "seconds", {"scan": number % 97 / 100, "copy": number / 1000, "sync": 0.019, "verify": number / 999}
    yield from MANIFEST.items()
    yield from {"manifest_digest": os.urandom(32).hex(), "manifest_files": files, "verified": True}.items()
