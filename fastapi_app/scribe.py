"""Draws jobs for live frames, in the same words and templates as the pages."""

from collections.abc import Mapping
from typing import Any, Final

from core.errors import NotFound
from core.log_files import LogLine
from core.models import JobOverview
from core.service import Service
from core.states import AT_WORK
from fastapi_app.disk import Disk
from fastapi_app.frames import Drawn, Row, encoded
from fastapi_app.presenters.live import (
    count_patch,
    edited_notice,
    job_numbers,
    job_patch,
    notice,
    unusual_notice,
)
from fastapi_app.presenters.usual import overview_foreseen
from fastapi_app.rows import Rows

LARGEST_LOG: Final = 64_000
MOST_LINES: Final = 1_000
GONE: Final = "gone"
"""The edition of a job that is not there any more."""


class Scribe:
    """Says in frames how jobs, counts and logs are now."""

    def __init__(self, service: Service, disk: Disk, rows: Rows) -> None:
        self._service = service
        self._disk = disk
        self._manager = service.manager
        self._rows = rows

    def job(self, job_id: str, *, whole: bool) -> Drawn:
        """Return the job's fields and, if `whole`, its pieces; of one that is gone, that it is."""
        try:
            overview = self._foreseen(self._manager.job(job_id))
            pieces = {f"row-{job_id}": self._rows.html(overview)} if whole else {}
        except NotFound:
            gone = Row(job_id, {"v": GONE})
            return Drawn(row=gone, changes=gone)
        row = Row(job_id, job_patch(overview, self._manager.mistakes.get(job_id)), job_numbers(overview))
        return Drawn(
            row=row,
            changes=row,
            pieces={element: encoded([element, html]) for element, html in pieces.items()},
        )

    def _foreseen(self, overview: JobOverview) -> JobOverview:
        """Return the job with the time that its run still needs, from history where its engine does not say."""
        run = overview.latest_run
        if run is None or run.state not in AT_WORK or run.progress.eta_seconds is not None:
            return overview
        return overview_foreseen(
            overview, self._service.histories.of(overview.job.id), self._service.clock.now()
        )

    def counts(self) -> Mapping[str, Any]:
        """Return the counts of chips and slots, and what the store is in trouble with."""
        return count_patch(
            self._manager.counts(),
            self._service.dispatcher.load(),
            problems=len(self._manager.problems),
            letters=self._manager.count_letters(),
            **self._manager.asides(),
            trouble=self._disk.trouble,
        )

    def unread(self, person: str) -> int:
        """Return how many notices there are that this person has not seen."""
        return self._service.notifications.unread(person)

    def notice(self, job_id: str) -> Mapping[str, Any] | None:
        """Return what to tell everybody about the job's new state, if anything."""
        try:
            return notice(self._manager.job(job_id))
        except NotFound:
            return None

    def edited(self, job_id: str, changes: tuple[str, ...]) -> Mapping[str, Any] | None:
        """Return what to tell everybody about a job that was changed in its file."""
        try:
            return edited_notice(self._manager.job(job_id).job, changes)
        except NotFound:
            return None

    def unusual(self, job_id: str, findings: tuple[str, ...]) -> Mapping[str, Any] | None:
        """Return what to tell everybody about a run of the job that was unlike the ones before it."""
        try:
            return unusual_notice(self._manager.job(job_id).job, findings)
        except NotFound:
            return None

    def log(self, run_id: str, after: int) -> tuple[int, str]:
        """Return the lines of a log after a number, and the number of the last; blocks on the disk.

        Of more than fits, the newest are shown and the rest is counted. A row is the line as it is
        in the file: time, level and text, with a space between.
        """
        logs = self._service.logs
        page = logs.read(run_id, after=after, limit=MOST_LINES)
        if page.total > page.next:
            page = logs.read(run_id, after=max(after, page.total - MOST_LINES), limit=MOST_LINES)
        rows = _that_fit(page.lines)
        if not rows:
            return after, ""
        first, last = page.lines[-len(rows)].number, page.lines[-1].number
        said = {"run": run_id, "from": first, "rows": rows, "skip": first - after - 1}
        return last, f',"l":{encoded(said)}'


def _that_fit(lines: tuple[LogLine, ...]) -> list[str]:
    """Return the newest lines, as many as one frame holds; at least one."""
    rows: list[str] = []
    size = 0
    for line in reversed(lines):
        row = f"{line.at:%Y-%m-%dT%H:%M:%S}.{line.at.microsecond // 1000:03d}Z {line.word} {line.painted or line.text}"
        size += len(row.encode()) + 4
        if rows and size > LARGEST_LOG:
            break
        rows.append(row)
    return rows[::-1]
