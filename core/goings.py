"""How jobs go: at once, or after a while in which that can be taken back and in which they start nothing.

A job that somebody deletes on a page is let go: the register `going/<job>` says by whom and until when it may be
kept after all. Then the chore deletes it, also after a restart.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from itertools import islice
from typing import Any, Final

import msgspec
from msgspec.structs import replace

from core import flows, letters, versions
from core.acting import Actor, acting_as
from core.deciding import check_version, decided_again
from core.decisions import Decision
from core.errors import NotFound, Overtaken, WrongState
from core.events import JobEdited
from core.firing import SCHEDULE
from core.lining import Lining
from core.models import Going, Job
from core.packed import thawed
from core.shown import GOING
from core.states import RunState
from core.storage.base import Commitment

MEMORY: Final = "memory/"
"""The register of what the runs of a job noted for later ones."""

AT_ONCE: Final = 100
"""How many are deleted before it is waited until that is durable."""

TO_THINK: Final = timedelta(seconds=30)
"""How long a job that is being deleted can be kept after all, unless somebody says otherwise."""


def going_in(register: Mapping[str, Any] | None) -> Going | None:
    """Return what a register says about a job that is being deleted."""
    return None if register is None else msgspec.convert(thawed(register), Going)


class Goings(Lining):
    """Deletes jobs; `to_think` is for how long that can be taken back."""

    to_think: timedelta = TO_THINK

    @decided_again
    def let_go(self, job_id: str, by: str = "", version: int | None = None) -> Going:
        """Have a job deleted after a while; one that is going already keeps its time.

        Raises VersionConflict, or WrongState while one of its runs is not over.
        """
        with self._deciding(why="is being deleted") as decision:
            job = _deletable(decision, job_id, version)
            known = going_in(decision.register(GOING + job_id))
            if known is not None:
                return known
            going = Going(by=by, since=decision.now, until=decision.now + self.to_think)
            decision.set(GOING + job.id, msgspec.to_builtins(going))
            return going

    @decided_again
    def keep_after_all(self, job_id: str, *, since: str = "") -> Job:
        """Keep a job that is being deleted; one that is not stays as it is. Raises NotFound where it is gone.

        With `since`, raises WrongState where somebody else let it go at another time.
        """
        with self._deciding(why="is kept after all") as decision:
            job, going = decision.job(job_id), going_in(decision.register(GOING + job_id))
            if going is None:
                return job
            if since and going.since.isoformat() != since:
                message = f"{job.name!r} was kept, and somebody had it deleted again."
                raise WrongState(message, hint="Keep it on its own page.")
            decision.set(GOING + job_id, None)
            return job

    def going(self, job_id: str) -> Going | None:
        """Return who is having the job deleted; None where nobody is."""
        return going_in(self._ledger.register(GOING + job_id))

    def check_stays(self, job_id: str) -> None:
        """Raise WrongState for a job that is being deleted."""
        if self.going(job_id) is not None:
            message = "This job is being deleted."
            raise WrongState(message, hint="Take that back first, then change it.")

    def delete_due(self, now: datetime) -> int:
        """Delete the jobs whose time to be kept is over; return how many."""
        kept = self._ledger.registers(GOING)
        found = {name.removeprefix(GOING): going_in(register) for name, register in kept.items()}
        due = iter([(job_id, going) for job_id, going in found.items() if going and going.until <= now])
        deleted = 0
        while group := tuple(islice(due, AT_ONCE)):
            deleted += self._delete_group(group, now)
        return deleted

    def _delete_group(self, group: Iterable[tuple[str, Going]], now: datetime) -> int:
        """Delete these, and wait for all of them together; return how many."""
        decided: list[tuple[str, Going, tuple[Commitment, ...]]] = []
        for job_id, going in group:
            with self._ledger.unwaited() as commitments:
                is_deleted = self._delete_due(job_id, going, now)
            if is_deleted:
                decided.append((job_id, going, tuple(commitments)))
        return sum(self._deleted(job_id, going, now, given) for job_id, going, given in decided)

    def _deleted(self, job_id: str, going: Going, now: datetime, given: Iterable[Commitment]) -> bool:
        """Wait until it is durable; decide again, by itself, where another process was first."""
        try:
            for commitment in given:
                commitment.wait()
        except Overtaken:
            return self._delete_due(job_id, going, now)
        return True

    def _delete_due(self, job_id: str, going: Going, now: datetime) -> bool:
        """Delete a job on behalf of whoever asked; tell whether it was there and still to go."""
        try:
            with acting_as(Actor(name=going.by)):
                return self._delete_if_going(job_id, now)
        except NotFound:
            self.set_register(GOING + job_id, None, why="the job is gone")
        except WrongState:  # it had begun something before anybody let it go: it goes when that is over
            pass
        return False

    @decided_again
    def _delete_if_going(self, job_id: str, now: datetime) -> bool:
        with self._deciding() as decision:
            going = going_in(decision.register(GOING + job_id))
            if going is None or going.until > now:
                return False
            self._drop(decision, _deletable(decision, job_id, None))
            return True

    @decided_again
    def delete(self, job_id: str, *, version: int | None = None) -> None:
        """Delete a job and its runs at once, also from what comes after it.

        Raises WrongState while one of its runs is not over.
        """
        with self._deciding() as decision:
            self._drop(decision, _deletable(decision, job_id, version))

    def _drop(self, decision: Decision, job: Job) -> None:
        gone = self._ledger.run_ids(job.id)
        decision.drop_job(job.id, gone)
        for name in (SCHEDULE + job.id, MEMORY + job.id, GOING + job.id, *map(letters.name_of, gone)):
            decision.set(name, None)
        versions.forget(decision, job.id)
        for child in decision.below(job.id):
            after = tuple(other for other in child.after if other != job.id)
            freed = replace(child, version=child.version + 1, updated_at=decision.now, after=after)
            decision.keep_job(freed, JobEdited(job=freed))
            versions.note(decision, child, freed)
            self._look_again(decision, freed)

    def _look_again(self, decision: Decision, job: Job) -> None:
        """Decide anew about what the job has that waits for others: they may be others now."""
        waiting = decision.waiting(job.id)
        if waiting is None:
            return
        held = waiting.state == RunState.SCHEDULED and not job.enabled
        if held or waiting.state == RunState.BLOCKED:
            flows.look_again(decision, job, waiting)


def _deletable(decision: Decision, job_id: str, version: int | None) -> Job:
    """Return the job; raises VersionConflict, or WrongState while one of its runs is not over."""
    job = decision.job(job_id)
    check_version(repr(job.name), version, job.version)
    if decision.unfinished(job_id):
        message = f"{job.name!r} has a run that is not over."
        raise WrongState(message, hint="Cancel the run first, then delete the job.")
    return job
