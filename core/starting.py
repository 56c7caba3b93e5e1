"""How runs come to be: asked for, due, requeued, or as a whole graph; and how those that wait are let go."""

import hashlib
from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from itertools import chain
from typing import Any, Final

from msgspec.structs import replace

from core import flows, letters
from core.attempts import Attempts
from core.deciding import decided_again
from core.decisions import Decision
from core.errors import AlreadyRunning, NotFound, WrongState
from core.firing import SCHEDULE, Cursor, Fired, Firing, coming, fired
from core.letters import Letter, letter_of
from core.models import Job, Priority, Run, Trigger, frozen
from core.ordering import above, levels, reach
from core.shown import GOING
from core.states import AT_WORK, RunState

KEY: Final = "key/"
STARTED_NOW: Final = "Started without waiting any longer."
NEXT_WAS_DUE: Final = "The next one was due."
SET_BACK: Final = "The clock was set back: what it was due for comes again."
LONGEST_REASON: Final = 1_000


class Starting(Attempts):
    """Makes runs."""

    @decided_again
    def start(  # each word is one wish about the run
        self,
        job_id: str,
        *,
        trigger: Trigger = Trigger.MANUAL,
        asked_by: str = "",
        key: str = "",
        at: datetime | None = None,
        priority: Priority | None = None,
    ) -> Run:
        """Ask for a run of the job, now or at a time to come; one that waits begins without waiting any longer.

        The same `key` again answers with the run it made. Raises AlreadyRunning while a run of the job has begun or
        is in line.
        """
        with self._deciding() as decision:
            if (known := self._made_by(decision, job_id, key)) is not None:
                return decision.run(known)
            job = decision.job(job_id)
            _check_may_begin(decision, job)
            run = self._started(decision, job, trigger, asked_by, at=at, priority=priority or job.priority)
            self._keep_key(decision, job_id, key, run.id)
            return run

    def _started(  # as above
        self,
        decision: Decision,
        job: Job,
        trigger: Trigger,
        asked_by: str,
        *,
        at: datetime | None = None,
        **fields: Any,  # noqa: ANN401 - fields of Run
    ) -> Run:
        unfinished = decision.unfinished(job.id)
        if unfinished:
            return self._hurried(decision, job, unfinished[0], at)
        later = at is not None and at > decision.now
        run = flows.new_run(
            decision,
            job,
            RunState.SCHEDULED if later else RunState.QUEUED,
            trigger,
            asked_by=asked_by,
            **({"due_at": at} if later else {}),
            **fields,
        )
        run = decision.add(replace(run, reaches=self.reached_by(run)))
        flows.begin(decision, run)
        return run

    def _hurried(self, decision: Decision, job: Job, run: Run, at: datetime | None) -> Run:
        """Let a run that waits for its time, or for others, begin now; raises AlreadyRunning for any other."""
        if at is not None or run.state not in {RunState.SCHEDULED, RunState.BLOCKED}:
            message = f"{job.name!r} has a run that is {run.state}."
            raise AlreadyRunning(message)
        return decision.into_line(run, reason=STARTED_NOW)

    @decided_again
    def ripen(self, run_id: str) -> Run:
        """Put a run in line whose time has come; any other stays as it is.

        One that was made by a schedule and comes after others as well has to wait for them, too.
        """
        with self._about(run_id, None, why="its time came") as (decision, run):
            if run.state == RunState.BLOCKED:
                return flows.look_again(decision, decision.job(run.job_id), run)
            if run.state != RunState.SCHEDULED:
                return run
            # What is told of a wait is what was promised, however late somebody noticed that it was over.
            promised = run.due_at if run.attempt and run.due_at is not None else decision.now
            return decision.into_line(run, due_at=min(promised, decision.now))

    @decided_again
    def fire(self, job_id: str, now: datetime, *, at_start: bool = False) -> Fired:
        """Make what the job's schedule is due for by now, and move its register on; nothing twice.

        `at_start` is said once, when Holdfast starts. Raises NotFound.
        """
        with self._deciding(why="schedule") as decision:
            job = decision.job(job_id)
            name = SCHEDULE + job_id
            if (
                decision.register(GOING + job_id) is not None
            ):  # it is looked at again when it is kept after all
                return Fired(kept=decision.register(name))
            firing = Firing(
                job=job,
                kept=decision.register(name),
                now=now,
                begun=decision.begun(job_id),
                waiting=decision.waiting(job_id),
                at_start=at_start,
            )
            decided = fired(firing, self._draw)
            decision.set(name, decided.kept)
            if decided.said:
                decision.why = " ".join(decided.said)
            why = NEXT_WAS_DUE if decided.run else SET_BACK
            for run_id in decided.cancels:
                self._cancel(decision, decision.run(run_id), reason=why)
            if decided.run is not None:
                self._due(decision, job, decided.run.slot_at, decided.run.due_at)
            return decided

    @decided_again
    def skip_next(self, job_id: str, slot_at: datetime | None) -> None:
        """Have a due time of the job's schedule left out, the next one; None takes that back.

        Raises WrongState where it is not the next due time.
        """
        with self._deciding(why="left out next time" if slot_at else "not left out after all") as decision:
            job = decision.job(job_id)
            name = SCHEDULE + job_id
            cursor = replace(Cursor.of_job(job, decision.register(name)), skip=None)
            if slot_at is not None and slot_at not in coming(job, cursor.mapping(), decision.now, 1):
                raise WrongState(
                    f"{job.name!r} is not due at that time.", hint="Reload to see when it is due."
                )
            decision.set(name, replace(cursor, skip=slot_at).mapping())

    def _due(self, decision: Decision, job: Job, slot_at: datetime, due_at: datetime) -> Run:
        """Make the run of a due time."""
        later = RunState.SCHEDULED if due_at > decision.now else RunState.QUEUED
        state = RunState.BLOCKED if job.after else later
        run = flows.new_run(
            decision,
            job,
            state,
            Trigger.SCHEDULE,
            slot_at=slot_at,
            due_at=due_at,
            upstream=frozen(flows.bound_when_due(decision, job)),
        )
        run = decision.add(replace(run, reaches=self.reached_by(run)))
        flows.begin(decision, run)
        return flows.look_again(decision, job, run) if state == RunState.BLOCKED else run

    @decided_again
    def requeue(self, run_id: str, *, asked_by: str = "") -> Run:
        """Ask for a new run like one that is over; its history stays, and what comes after it follows again."""
        with self._deciding(why="requeue") as decision:
            run = decision.run(run_id)
            if not run.over:
                message = f"A run that is {run.state} cannot be run again yet."
                raise WrongState(message)
            job = decision.job(run.job_id)
            _check_may_begin(decision, job)
            return self._again(decision, job, run, asked_by)

    def _again(self, decision: Decision, job: Job, run: Run, asked_by: str) -> Run:
        letters.take_away(decision, run.id)
        fields: dict[str, Any] = {"of": run.id} | ({"flow": run.flow} if run.flow else {})
        return self._started(decision, job, Trigger.REQUEUE, asked_by, **fields)

    def discard(self, run_id: str, *, by: str = "", reason: str = "") -> None:
        """Give a failed run up: it leaves the dead letters; raises WrongState where it is not among them."""
        if not self.discard_all((run_id,), by=by, reason=reason):
            self._ledger.run(run_id)
            raise WrongState("This run is not among the dead letters.")

    @decided_again
    def discard_all(self, run_ids: Iterable[str], *, by: str = "", reason: str = "") -> tuple[str, ...]:
        """Give failed runs up in one change; return those that were among the dead letters."""
        words = " ".join(reason.split())[:LONGEST_REASON]
        why = "discarded" + (f" by {by}" if by else "") + (f": {words}" if words else "")
        with self._deciding(why=why) as decision:
            return tuple(run_id for run_id in run_ids if letters.take_away(decision, run_id))

    def count_letters(self) -> int:
        """Return how many dead letters there are."""
        return self._ledger.count_registers(letters.BEGINNING)

    def letters(self) -> tuple[Letter, ...]:
        """Return the dead letters, the newest first."""
        found = map(letter_of, self._ledger.registers(letters.BEGINNING).values())
        return tuple(sorted(found, key=lambda letter: (letter.at, letter.number), reverse=True))

    @decided_again
    def prioritise(self, run_id: str, priority: Priority, *, version: int | None = None) -> Run:
        """Give a run that waits another priority."""
        with self._about(run_id, version) as (decision, run):
            if run.over or run.state in AT_WORK:
                message = f"A run that is {run.state} is not in line."
                raise WrongState(message)
            return run if run.priority == priority else decision.alter(run, priority=priority)

    # Whole graphs

    def graph_of(self, job_id: str) -> tuple[str, ...]:
        """Return the ids of every job that is connected with the job, itself first; raises NotFound."""
        self._ledger.job(job_id)
        return (job_id, *_connected(self._ledger.relations(), job_id))

    def in_order(self, job_ids: Collection[str]) -> tuple[str, ...]:
        """Return the same jobs, each after those that it comes after, however far."""
        after = self._ledger.relations()
        found = levels(after, {*after, *chain.from_iterable(after.values()), *job_ids})
        return tuple(sorted(job_ids, key=found.__getitem__))

    @decided_again
    def start_graph(
        self, job_id: str, *, trigger: Trigger = Trigger.MANUAL, asked_by: str = ""
    ) -> tuple[Run, ...]:
        """Start every job from which the job follows, or itself; the rest waits for them.

        Raises AlreadyRunning where none of them can be started.
        """
        with self._deciding(why="whole graph") as decision:
            after = self._ledger.after_ahead()
            first = [one for one in (job_id, *above(after, job_id)) if not after.get(one)]
            jobs = [job for job in _there(decision, first) if decision.may_begin(job)]
            free = [job for job in jobs if not decision.unfinished(job.id)]
            if not free:
                raise AlreadyRunning("Every job that it begins with is switched off or has a run already.")
            runs: list[Run] = []
            for job in free:
                flow: dict[str, Any] = {"flow": runs[0].flow} if runs else {}
                runs.append(self._started(decision, job, trigger, asked_by, **flow))
            return tuple(runs)

    @decided_again
    def cancel_graph(self, job_id: str) -> tuple[Run, ...]:
        """Cancel every run that is not over of the job and all that is connected with it."""
        with self._deciding(why="whole graph") as decision:
            decision.job(job_id)
            connected = (job_id, *_connected(self._ledger.after_ahead(), job_id))
            runs = [run for job in _there(decision, connected) for run in decision.unfinished(job.id)]
            for run in sorted(runs, key=_who_is_cancelled_first):
                present = decision.run(run.id)
                if not present.over:
                    self._cancel(decision, present)
            return tuple(decision.run(run.id) for run in runs)

    @decided_again
    def retry_graph(self, job_id: str, *, asked_by: str = "") -> tuple[Run, ...]:
        """Requeue what failed or was cancelled among the job and all that is connected; what follows from it waits.

        Raises WrongState where nothing of it did.
        """
        with self._deciding(why="retry from the failed") as decision:
            decision.job(job_id)
            after = self._ledger.after_ahead()
            first = levels(after, (job_id, *_connected(after, job_id)))
            # What comes first is made first: what follows from it then waits for it, and is not begun beside it.
            in_order = _there(decision, sorted(first, key=first.__getitem__))
            _check_none_is_cancelling(decision, in_order)
            found = ((job, decision.latest(job.id)) for job in in_order if decision.may_begin(job))
            bad = [
                (job, run)
                for job, run in found
                if run is not None and run.state in {RunState.FAILED, RunState.CANCELLED}
            ]
            if not bad:
                raise WrongState(
                    "Nothing of it failed or was cancelled.", hint="Start the whole graph instead."
                )
            made = []
            for job, run in bad:
                if not decision.unfinished(job.id):  # one made for an earlier one, which it waits for
                    made.append(self._retried(decision, job, run, asked_by))
                letters.take_away(decision, run.id)
            return tuple(decision.run(run.id) for run in made)

    def _retried(self, decision: Decision, job: Job, run: Run, asked_by: str) -> Run:
        """Do again what a run was to do, once what it comes after is over."""
        before = next((parent for one in job.after for parent in decision.unfinished(one)), None)
        if before is None:
            return self._again(decision, job, run, asked_by)
        return flows.wait_again(decision, job, before)

    # Cancelling, which everything above needs too

    @decided_again
    def cancel(self, run_id: str, *, version: int | None = None) -> Run:
        """Stop a run for good; at once where no engine is at work, else as soon as it lets go."""
        with self._about(run_id, version) as (decision, run):
            return self._cancel(decision, run)

    def _cancel(self, decision: Decision, run: Run, *, reason: str = "") -> Run:
        if run.state == RunState.CANCELLING:
            return run
        if run.state in AT_WORK:
            return decision.move(run, RunState.CANCELLING, reason=reason)
        self._unanswered(decision, run)
        cancelled = decision.move(run, RunState.CANCELLED, ended_at=decision.now, reason=reason)
        flows.let_go(decision, cancelled)
        return cancelled

    @decided_again
    def give_up(self, run_id: str) -> Run:
        """Give up a run that was interrupted and waits for a word: it is cancelled."""
        with self._about(run_id, None) as (decision, run):
            if run.state != RunState.PAUSED:
                message = f"A run that is {run.state} is not waiting for a word."
                raise WrongState(message)
            return self._cancel(decision, run, reason="Given up after it was interrupted.")

    # Idempotency keys

    def _made_by(self, decision: Decision, scope: str, key: str) -> str | None:
        kept = decision.register(_key_name(scope, key)) if key else None
        return str(kept["id"]) if kept is not None else None

    def _keep_key(self, decision: Decision, scope: str, key: str, made: str) -> None:
        if key:
            decision.set(_key_name(scope, key), {"id": made, "at": decision.now.isoformat()})

    @decided_again
    def forget_keys(self, before: datetime) -> int:
        """Forget the keys that were used before a moment; return how many."""
        with self._deciding() as decision:
            kept = self._ledger.registers(KEY)
            old = [name for name, value in kept.items() if datetime.fromisoformat(value["at"]) < before]
            for name in old:
                decision.set(name, None)
            return len(old)


def _who_is_cancelled_first(run: Run) -> tuple[bool, bool]:
    """Return what sorts those that wait for others before those that are in line, and those at work last."""
    return run.state in AT_WORK, run.state != RunState.BLOCKED


def _key_name(scope: str, key: str) -> str:
    return KEY + hashlib.sha256(f"{scope}\n{key}".encode()).hexdigest()[:32]


def _connected(after: Mapping[str, Iterable[str]], job_id: str) -> tuple[str, ...]:
    """Return every job that is connected with the job, in either direction."""
    ways: dict[str, list[str]] = {}
    for one, parents in after.items():
        for parent in parents:
            ways.setdefault(one, []).append(parent)
            ways.setdefault(parent, []).append(one)
    return reach(ways, job_id)


def _there(decision: Decision, job_ids: Iterable[str]) -> list[Job]:
    found = []
    for job_id in job_ids:
        try:
            found.append(decision.job(job_id))
        except NotFound:
            continue
    return found


def _check_none_is_cancelling(decision: Decision, jobs: Iterable[Job]) -> None:
    for job in jobs:
        if any(run.state == RunState.CANCELLING for run in decision.unfinished(job.id)):
            message = f"{job.name!r} is being cancelled and has not stopped yet."
            raise WrongState(message, hint="Retry when it has stopped.")


def _check_may_begin(decision: Decision, job: Job) -> None:
    if decision.register(GOING + job.id) is not None:
        message = f"{job.name!r} is being deleted."
        raise WrongState(message, hint="Take that back first, then start it.")
    if not job.enabled:
        message = f"{job.name!r} is switched off."
        raise WrongState(message, hint="Switch it on first, then start it.")
