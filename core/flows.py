"""What a run means for the runs that come after it: made with it, let go when it is over.

Everything here is part of the decision that makes or ends a run, so that no crash comes between.
"""

import uuid
from collections import deque
from collections.abc import Iterator
from enum import Enum
from typing import Any, Final

from msgspec.structs import replace

from core import letters
from core.decisions import Decision
from core.errors import NotFound
from core.models import AfterFailed, AfterWhen, Failure, Job, Run, Trigger, frozen
from core.states import RunState

UPSTREAM_FAILED: Final = "upstream-failed"
MOST_NAMED: Final = 3


class Verdict(Enum):
    """What becomes of a run that waits for others."""

    STAY = "stay"
    GO = "go"
    FAILED = "failed"


def begin(decision: Decision, run: Run) -> None:
    """Make the runs that come after a new one, each blocked, all the way down; or bind those that wait already."""
    todo = deque((run,))
    while todo:
        parent = todo.popleft()
        for job in decision.below(parent.job_id):
            if (made := _follow(decision, job, parent, again=bool(run.of))) is not None:
                todo.append(made)


def _follow(decision: Decision, job: Job, parent: Run, *, again: bool) -> Run | None:
    """Bind the run of a job to a new run before it; return it where it had to be made."""
    waiting = decision.waiting(job.id)
    if waiting is not None:
        if waiting.state == RunState.BLOCKED:
            decision.alter(waiting, upstream=frozen({**waiting.upstream, parent.job_id: parent.id}))
        return None
    if not decision.may_begin(job) or job.schedule is not None:
        return None
    return add_blocked(decision, job, parent, again=again)


def add_blocked(decision: Decision, job: Job, parent: Run, *, again: bool = False) -> Run:
    """Make a run of a job that waits for a run of one that it comes after, and for the others.

    `again` is said where something is done again: what succeeded for the last run counts for this one, too.
    """
    any_of = job.after_when == AfterWhen.ANY_ENDED
    last = decision.latest(job.id) if again and not any_of else None
    counts = frozenset(last.upstream.values()) if last is not None else frozenset()
    flow = None if any_of else parent.flow
    upstream = {job_id: _bound(decision, job_id, flow, counts) for job_id in job.after}
    return decision.add(
        new_run(
            decision,
            job,
            RunState.BLOCKED,
            Trigger.UPSTREAM,
            flow=parent.flow,
            upstream=frozen({**upstream, parent.job_id: parent.id}),
        )
    )


def _bound(decision: Decision, job_id: str, flow: str | None, counts: frozenset[str]) -> str:
    """Return the run of a job to wait for: one that is not over, or counts, or of the same flow; empty is its next."""
    try:
        latest = decision.latest(job_id)
    except NotFound:
        return ""
    if latest is None or (latest.over and latest.flow != flow and not _still_counts(latest, counts)):
        return ""
    return latest.id


def _still_counts(run: Run, counts: frozenset[str]) -> bool:
    return run.state == RunState.COMPLETED and run.id in counts


def bound_when_due(decision: Decision, job: Job) -> dict[str, str]:
    """Return what a run that the schedule makes waits for: of each job its last since the run before this one."""
    before = decision.latest(job.id)
    found = {}
    for job_id in job.after:
        latest = decision.latest(job_id)
        counts = latest is not None and (
            not latest.over
            or before is None
            or (latest.created_at >= before.created_at and latest.id not in before.upstream.values())
        )
        found[job_id] = latest.id if latest is not None and counts else ""
    return found


def new_run(
    decision: Decision,
    job: Job,
    state: RunState,
    trigger: Trigger,
    **fields: Any,  # noqa: ANN401 - fields of Run
) -> Run:
    """Return a run of the job as it is made now; it begins a flow of its own unless that is named."""
    latest = decision.latest(job.id)
    run = Run(
        id=str(uuid.uuid4()),
        job_id=job.id,
        number=latest.number + 1 if latest else 1,
        kind=job.kind,
        options=job.options,
        state=state,
        trigger=trigger,
        priority=job.priority,
        created_at=decision.now,
        due_at=None if state == RunState.BLOCKED else decision.now,
        groups=job.groups,
    )
    return replace(run, **({"flow": run.id} | fields))


def wait_again(decision: Decision, job: Job, parent: Run) -> Run:
    """Make a run of a job, and of what comes after it, that waits for a run which is not over."""
    made = add_blocked(decision, job, parent, again=True)
    begin(decision, made)
    return made


def let_go(decision: Decision, run: Run) -> None:
    """Decide about every run that waits for one that is over now, and so on below it."""
    todo = deque((run,))
    while todo:
        parent = todo.popleft()
        for job in decision.below(parent.job_id):
            todo.extend(_released(decision, job, parent))


def _released(decision: Decision, job: Job, parent: Run) -> Iterator[Run]:
    """Decide about what a job has that waits for a run; yield it where that ends it."""
    waiting = decision.waiting(job.id)
    if not _knows(decision, job, parent):
        if waiting is None and decision.may_begin(job) and job.schedule is None:
            waiting = add_blocked(decision, job, parent)
        elif (
            waiting is not None
            and waiting.state == RunState.BLOCKED
            and not waiting.upstream.get(parent.job_id)
        ):
            waiting = decision.alter(waiting, upstream=frozen({**waiting.upstream, parent.job_id: parent.id}))
    if waiting is not None and waiting.state == RunState.BLOCKED:
        decided = reconsider(decision, job, waiting)
        if decided.over:
            yield decided


def _knows(decision: Decision, job: Job, parent: Run) -> bool:
    """Tell whether a run of the job was bound to this one, whatever became of it."""
    latest = decision.latest(job.id)
    if latest is not None and latest.upstream.get(parent.job_id) == parent.id:  # as it mostly is
        return True
    return any(run.upstream.get(parent.job_id) == parent.id for run in decision.at_hand(job.id))


def reconsider(decision: Decision, job: Job, blocked: Run) -> Run:
    """Decide whether a blocked run may begin, as things are."""
    if not job.enabled:
        return decision.move(
            blocked, RunState.SKIPPED, ended_at=decision.now, reason="The job is switched off."
        )
    if blocked.due_at is not None and blocked.due_at > decision.now:
        return blocked
    bound = {job_id: _run_of(decision, job_id, blocked) for job_id in job.after}
    decision.look_at(bound)
    match _verdict(job, bound):
        case Verdict.GO:
            return decision.into_line(blocked)
        case Verdict.STAY:
            return blocked
        case Verdict.FAILED:
            return _upstream_failed(decision, job, blocked, bound)


def look_again(decision: Decision, job: Job, blocked: Run) -> Run:
    """Decide anew about a blocked run; where that ends it, about what waits for it as well."""
    decided = reconsider(decision, job, blocked)
    if decided.over:
        let_go(decision, decided)
    return decided


def _run_of(decision: Decision, job_id: str, blocked: Run) -> Run | None:
    """Return the run of a job that a blocked run waits for; None is its next one."""
    try:
        return decision.run(blocked.upstream.get(job_id, ""))
    except NotFound:  # none yet, or it was forgotten meanwhile
        return None


def _verdict(job: Job, bound: dict[str, Run | None]) -> Verdict:
    over = [run for run in bound.values() if run is not None and run.over]
    if job.after_when == AfterWhen.ANY_ENDED:
        return Verdict.GO if over or not bound else Verdict.STAY
    failed = any(run.state != RunState.COMPLETED for run in over)
    if job.after_when == AfterWhen.ALL_SUCCEEDED and failed and None not in bound.values():
        return Verdict.GO if job.after_failed == AfterFailed.RUN else Verdict.FAILED
    return Verdict.GO if len(over) == len(bound) else Verdict.STAY


def _upstream_failed(decision: Decision, job: Job, blocked: Run, bound: dict[str, Run | None]) -> Run:
    reason = _reason(decision, bound)
    if job.after_failed == AfterFailed.SKIP:
        return decision.move(blocked, RunState.SKIPPED, ended_at=decision.now, reason=reason)
    failure = Failure(
        code=UPSTREAM_FAILED,
        message=reason,
        hint="Put that right and run it again; what comes after it follows by itself.",
    )
    queued = decision.move(blocked, RunState.QUEUED, due_at=decision.now)
    running = decision.move(queued, RunState.RUNNING, started_at=decision.now)
    failed = decision.move(running, RunState.FAILED, ended_at=decision.now, error=failure, reason=reason)
    letters.leave(decision, failed)
    return failed


def _reason(decision: Decision, bound: dict[str, Run | None]) -> str:
    """Return in words which run did not do what this one needs."""
    bad = [run for run in bound.values() if run is not None and run.over and run.state != RunState.COMPLETED]
    named = [
        f"{decision.job(run.job_id).name!r} (run {run.number}) {_became(run)}" for run in bad[:MOST_NAMED]
    ]
    more = f" and {len(bad) - MOST_NAMED} more" if len(bad) > MOST_NAMED else ""
    return f"It comes after {', '.join(named)}{more}."


def _became(run: Run) -> str:
    return "failed" if run.state == RunState.FAILED else f"was {run.state}"
