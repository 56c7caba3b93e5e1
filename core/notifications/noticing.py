"""What happened to a run or a job, as a notice in words; nothing where nobody could want to hear of it."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final, Protocol

from core import schedules
from core.asking import asks
from core.breakers import Breaker
from core.errors import NotFound
from core.fingerprints import fingerprint
from core.models import Ending, Job, JobOverview, Priority, Run
from core.notifications.texts import LONGEST_SUBJECT, harmless, stamp
from core.notifications.values import Notice, Occasion
from core.spans import span
from core.states import RunState

VERDICTS: Final = frozenset({RunState.COMPLETED, RunState.FAILED})
"""States that say whether a job works."""

ORDER: Final = (Occasion.RECOVERY, Occasion.UNUSUAL, Occasion.WARNINGS, Occasion.FIRST_RUN, Occasion.SUCCESS)
"""What a run that ended well is about first."""

Unusual = Callable[[Run], Sequence[str]]


class Jobs(Protocol):
    """What has to be known of jobs to tell of their runs."""

    def job(self, job_id: str) -> JobOverview:
        """Return the job with its latest run; raises NotFound."""
        ...

    def runs_of(self, job_id: str) -> tuple[Run, ...]:
        """Return every run of the job, the newest first; raises NotFound."""
        ...


def notice_id(*parts: object) -> str:
    """Return the id of what these say: the same whenever it is noticed again."""
    return hashlib.blake2b("/".join(map(str, parts)).encode(), digest_size=12).hexdigest()


class Noticer:
    """Makes notices. It remembers how each job's last run ended, to know what is a recovery."""

    def __init__(self, jobs: Jobs, unusual: Unusual = lambda _run: ()) -> None:
        self._jobs = jobs
        self._unusual = unusual
        self._verdicts: dict[str, tuple[int, bool]] = {}

    def of_run(self, run: Run, *, was_late: bool = False) -> Notice | None:
        """Return what there is to tell of a run in this state; None is nothing."""
        if not _matters(run):
            return None
        try:
            job = self._jobs.job(run.job_id).job
        except NotFound:
            return None
        if run.state == RunState.PAUSED:
            return _asking(job, run) if asks(run) else _interrupted(job, run)
        recovered = run.state == RunState.COMPLETED and (was_late or self._failed_before(run))
        known = self._verdicts.get(run.job_id, (0, False))
        if run.number >= known[0]:
            self._verdicts[run.job_id] = run.number, run.state == RunState.FAILED
        if run.state == RunState.FAILED:
            return _failed(job, run)
        return _succeeded(job, run, recovered=recovered, unusual=tuple(self._unusual(run)))

    def _failed_before(self, run: Run) -> bool:
        """Tell whether the last run before this one that says something failed."""
        number, failed = self._verdicts.get(run.job_id, (run.number, False))
        if number < run.number:
            return failed
        try:
            earlier = self._jobs.runs_of(run.job_id)
        except NotFound:
            return False
        before = (each for each in earlier if each.number < run.number and each.state in VERDICTS)
        last = next(before, None)
        return last is not None and last.state == RunState.FAILED

    def forget(self, job_id: str) -> None:
        """Forget a job that is gone."""
        self._verdicts.pop(job_id, None)


def _matters(run: Run) -> bool:
    if run.state == RunState.PAUSED:
        return asks(run) or (bool(run.attempts) and run.attempts[-1].ending == Ending.INTERRUPTED)
    return run.state in VERDICTS


def _failed(job: Job, run: Run) -> Notice:
    error = run.error
    said = harmless(error.message) if error else harmless(run.reason)
    hint = harmless(error.hint) if error else ""
    occasions = [Occasion.FAILURE, Occasion.DEAD_LETTER]
    if error is not None and error.code == "interrupted":
        occasions.append(Occasion.INTERRUPTED)
    if run.number == 1:
        occasions.append(Occasion.FIRST_RUN)
    attempts = f" after {run.attempt} attempts" if run.attempt > 1 else ""
    text = [f"{_run_of(run, job)} failed{attempts}, at {stamp(run.ended_at or run.created_at)}."]
    text += [f"Why: {said}"] if said else []
    text += [f"What to do: {hint}"] if hint else []
    text += [_next_of(job, run)]
    return _notice(
        job,
        run,
        tuple(occasions),
        subject=f"{harmless(job.name)} failed" + (f": {said}" if said else ""),
        text=text,
        code=error.code if error else "",
        error=said,
        hint=hint,
        key=fingerprint(kind=run.kind, failure=error) if error else "",
    )


def _succeeded(job: Job, run: Run, *, recovered: bool, unusual: tuple[str, ...]) -> Notice:
    found = {Occasion.SUCCESS}
    if recovered:
        found.add(Occasion.RECOVERY)
    if run.warnings:
        found.add(Occasion.WARNINGS)
    if unusual:
        found.add(Occasion.UNUSUAL)
    if run.number == 1:
        found.add(Occasion.FIRST_RUN)
    occasions = tuple(occasion for occasion in ORDER if occasion in found)
    name, warned = harmless(job.name), _counted(len(run.warnings), "warning")
    subject = {
        Occasion.RECOVERY: f"{name} works again",
        Occasion.UNUSUAL: f"{name} {harmless(unusual[0]) if unusual else ''}",
        Occasion.WARNINGS: f"{name} succeeded with {warned}",
        Occasion.FIRST_RUN: f"{name} succeeded, its first run",
        Occasion.SUCCESS: f"{name} succeeded",
    }[occasions[0]]
    text = [f"{_run_of(run, job)} succeeded{_took(run)}, at {stamp(run.ended_at or run.created_at)}."]
    text += [f"Unusual: {harmless(words)}" for words in unusual]
    text += [f"Warning: {harmless(words)}" for words in run.warnings[:5]]
    text += [f"There are {len(run.warnings) - 5} more warnings."] if len(run.warnings) > 5 else []  # noqa: PLR2004
    text += [_next_of(job, run)]
    return _notice(
        job,
        run,
        occasions,
        subject=subject,
        text=text,
        key="" if occasions[0] not in {Occasion.UNUSUAL, Occasion.WARNINGS} else occasions[0].value,
        shown=occasions != (Occasion.SUCCESS,),
    )


def _asking(job: Job, run: Run) -> Notice:
    text = [
        f"{_run_of(run, job)} is paused and asks: {harmless(run.reason)}",
        f"Answer on its page, or with: holdfast run answer {run.id}",
    ]
    return _notice(
        job,
        run,
        (Occasion.QUESTION,),
        subject=f"{harmless(job.name)} asks: {harmless(run.reason)}",
        text=text,
        key=f"{Occasion.QUESTION.value} {run.reason}",
    )


def _interrupted(job: Job, run: Run) -> Notice:
    text = [
        f"{_run_of(run, job)} was interrupted in attempt {run.attempt}, because Holdfast stopped meanwhile.",
        "It is paused: resume it to go on, or cancel it.",
    ]
    return _notice(
        job,
        run,
        (Occasion.INTERRUPTED,),
        subject=f"{harmless(job.name)} was interrupted and waits for you",
        text=text,
        key=Occasion.INTERRUPTED.value,
    )


def late(job: Job, last_success: datetime | None, deadline: datetime, expected: str) -> Notice:
    """Return that the job had no success by the deadline; `expected` says in words what was expected."""
    name = harmless(job.name)
    since = f"the last was at {stamp(last_success)}" if last_success else "it never had one"
    return Notice(
        id=notice_id("late", job.id, last_success or job.created_at, deadline),
        occasions=(Occasion.LATE,),
        at=deadline,
        subject=f"{name} is late" + (f": no success since {stamp(last_success)}" if last_success else ""),
        text=f"Job “{name}” had no success by {stamp(deadline)}: {since}.\nExpected: {expected}.\n{_due(job, deadline)}",
        job_id=job.id,
        job=job.name,
        tags=job.tags,
        state="late",
        key=f"{job.id}/late",
        critical=job.priority == Priority.CRITICAL,
    )


def breaker_opened(name: str, kept: Mapping[str, Any]) -> Notice | None:
    """Return that what many jobs need cannot be reached; None where it can."""
    breaker = Breaker.of(kept)
    if breaker.opened_at is None or breaker.until is None:
        return None
    shown = harmless(name)
    said = harmless(breaker.message)
    why = f" Why: {said}" if said else ""
    return Notice(
        id=notice_id("breaker", name, breaker.opened_at),
        occasions=(Occasion.BREAKER,),
        at=breaker.opened_at,
        subject=f"{shown} cannot be reached",
        text=f"“{shown}” was not reached {breaker.failures} times in a row.{why}\n"
        f"Runs that need it wait. The next one tries at {stamp(breaker.until)}.",
        error=said,
        key=f"breaker/{name}",
    )


def _notice(
    job: Job,
    run: Run,
    occasions: tuple[Occasion, ...],
    *,
    subject: str,
    text: list[str],
    code: str = "",
    error: str = "",
    hint: str = "",
    key: str = "",
    shown: bool = True,
) -> Notice:
    parts = (
        ("run", run.id, "interrupted", run.attempt)
        if run.state == RunState.PAUSED
        else ("run", run.id, "over")
    )
    at = run.ended_at or (run.attempts[-1].ended_at if run.attempts else None) or run.created_at
    return Notice(
        id=notice_id(*parts),
        occasions=occasions,
        at=at,
        subject=harmless(subject, LONGEST_SUBJECT),
        text="\n".join(line for line in text if line),
        job_id=job.id,
        job=job.name,
        tags=job.tags,
        run_id=run.id,
        number=run.number,
        state=run.state.value,
        attempts=run.attempt,
        code=code,
        error=error,
        hint=hint,
        key=f"{job.id}/{occasions[0].value}/{key}" if key else "",
        critical=Priority.CRITICAL in {job.priority, run.priority},
        shown=shown,
    )


def _run_of(run: Run, job: Job) -> str:
    return f"Run {run.number} of job “{harmless(job.name)}”"


def _took(run: Run) -> str:
    if run.started_at is None or run.ended_at is None:
        return ""
    return f" in {span((run.ended_at - run.started_at).total_seconds())}"


def _next_of(job: Job, run: Run) -> str:
    return _due(job, run.ended_at or run.created_at)


def _due(job: Job, moment: datetime) -> str:
    """Return what comes next by itself, in words."""
    if not job.enabled:
        return "Next: nothing, the job is switched off."
    due = schedules.due_after(job.schedule, moment, anchor=job.created_at) if job.schedule else None
    if due is not None:
        return f"Next: it is due at {stamp(due)}."
    return (
        "Next: when what it comes after is done."
        if job.after
        else "Next: nothing by itself; start it when you are ready."
    )


def _counted(count: int, what: str) -> str:
    return f"1 {what}" if count == 1 else f"{count:,} {what}s"
