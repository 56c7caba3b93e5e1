"""What a change of the store means, as people are told it: one line each, with cause and person."""

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import msgspec
from msgspec import UNSET
from msgspec.structs import replace

from core.models import Job, Priority, Run, Value
from core.states import RunState
from core.storage.records import Moved, Record

LONGEST_WORDS: Final = 2_000
JUST_NOW: Final = timedelta(seconds=5)
"""How near to its record the time lies at which a breaker opened with it."""

WORDS: Final = {
    RunState.SCHEDULED: "is to begin later",
    RunState.BLOCKED: "waits for the jobs it comes after",
    RunState.QUEUED: "is in line",
    RunState.RUNNING: "is running",
    RunState.PAUSING: "is asked to pause",
    RunState.PAUSED: "is paused",
    RunState.CANCELLING: "is asked to stop",
    RunState.COMPLETED: "completed",
    RunState.FAILED: "failed",
    RunState.CANCELLED: "was cancelled",
    RunState.SKIPPED: "was skipped",
}


class Happening(Value, frozen=True, kw_only=True, omit_defaults=True):
    """Something that happened. `seq` counts what stands in the event log, `n` is the record it comes from.

    `t` is in milliseconds since 1970. `run` is the number of the run, `words` say what happened without naming
    the job. `more` tells that the record has more to tell, which follows at once.
    """

    seq: int = 0
    n: int = 0
    t: int
    kind: str
    job: str = ""
    name: str = ""
    run: int = 0
    run_id: str = ""
    state: str = ""
    was: str = ""
    by: str = ""
    origin: str = ""
    why: str = ""
    words: str = ""
    more: bool = False

    @property
    def at(self) -> datetime:
        """Return when it was."""
        return datetime.fromtimestamp(self.t / 1000, UTC)


class Position(Value, frozen=True, kw_only=True):
    """How far something was told: up to record `after`, and of the next one so many lines already."""

    after: int = 0
    lines: int = 0


def position_in(happenings: Iterator[Happening]) -> Position:
    """Return how far what is given, the last first, tells; what stands there by itself has no number."""
    numbered = (one for one in happenings if one.n)
    last = next(numbered, None)
    if last is None:
        return Position()
    if not last.more:
        return Position(after=last.n)
    lines = 1
    for one in numbered:  # killed within what a record tells
        if one.n != last.n:
            break
        lines += 1
    return Position(after=last.n - 1, lines=lines)


class Teller:
    """Tells what records mean, one after the other.

    `job_of` and `run_of` answer what is shown now; what went since is told as far as the records themselves say.
    """

    def __init__(self, job_of: Callable[[str], Job | None], run_of: Callable[[str], Run | None]) -> None:
        self._job_of = job_of
        self._run_of = run_of
        self._names: dict[str, str] = {}
        self._numbers: dict[str, int] = {}
        self._states: dict[str, RunState] = {}
        self._open: set[str] = set()

    def knows(self, runs: Iterator[Run], breakers: Mapping[str, Mapping[str, Any]]) -> None:
        """Begin with the runs that are not over, and the breakers by their registers' names."""
        self._states.update((run.id, run.state) for run in runs)
        self._open.update(name for name, value in breakers.items() if value.get("until"))

    def tell(self, record: Record) -> tuple[Happening, ...]:
        """Return what a record means; of a person's change at least one line."""
        told = [*self._jobs(record), *self._runs(record), *self._gone(record), *self._registers(record)]
        if not told and record.by:
            told = [
                self._told(record, "changed", words=_sentence(_upper(record.why or "something was changed")))
            ]
        last = len(told) - 1
        return tuple(replace(one, more=True) if index < last else one for index, one in enumerate(told))

    def _told(self, record: Record, kind: str, **fields: Any) -> Happening:  # noqa: ANN401 - those of Happening
        words = str(fields.pop("words", ""))[:LONGEST_WORDS]
        return Happening(
            n=record.n,
            t=record.t,
            kind=kind,
            by=record.by,
            origin=record.origin,
            why=record.why[:LONGEST_WORDS],
            words=words,
            **fields,
        )

    # Jobs

    def _jobs(self, record: Record) -> Iterator[Happening]:
        for job in record.jobs:
            self._names[job.id] = job.name
            kind, words = ("job.created", "Created.") if job.version == 1 else ("job.edited", "Edited.")
            yield self._told(record, kind, job=job.id, name=job.name, words=words)

    def _gone(self, record: Record) -> Iterator[Happening]:
        for job_id in record.gone_jobs:
            name = record.names.get(job_id) or self._names.pop(job_id, "")
            yield self._told(record, "job.deleted", job=job_id, name=name, words="Deleted, with its runs.")
        for run_id in record.gone_runs:
            self._forget(run_id)
        if record.gone_runs and not record.gone_jobs:
            count = len(record.gone_runs)
            words = f"{count} runs were kept long enough." if count > 1 else "1 run was kept long enough."
            yield self._told(record, "runs.forgotten", words=words)

    def _forget(self, run_id: str) -> None:
        self._states.pop(run_id, None)
        self._numbers.pop(run_id, None)

    def _name(self, job_id: str) -> str:
        job = self._job_of(job_id)
        return job.name if job is not None else self._names.get(job_id, "")

    # Runs

    def _runs(self, record: Record) -> Iterator[Happening]:
        for run in record.runs:
            self._numbers[run.id] = run.number
            yield self._moved(record, run, run.state, run.reason, run.error.message if run.error else None)
        for moved in record.moved:
            if moved.state is not UNSET:
                reason = moved.reason or ""
                error = moved.error.message if moved.error else None
                yield self._moved(record, moved, moved.state, reason, error)
            elif moved.priority is not UNSET:
                yield self._of_run(
                    record, moved, "run.changed", f"has priority {Priority(moved.priority)} now"
                )

    def _moved(
        self, record: Record, run: Run | Moved, state: RunState, reason: str, error: str | None
    ) -> Happening:
        was = self._states.get(run.id)
        words = WORDS[state]
        if state == RunState.SCHEDULED and was == RunState.RUNNING:
            words = "is to be tried again later"
        elif state == RunState.QUEUED and was in {RunState.RUNNING, RunState.PAUSED}:
            words = "is in line again"
        elif state == RunState.RUNNING and isinstance(run.attempt, int) and run.attempt > 1:
            words = f"is running, attempt {run.attempt}"
        more = error if state in {RunState.FAILED, RunState.SCHEDULED} and error else reason
        happening = self._of_run(record, run, f"run.{state}", f"{words}: {more}" if more else words)
        told = replace(happening, state=state, was=was if was and was != state else "")
        self._states[run.id] = state
        if state in {RunState.COMPLETED, RunState.FAILED, RunState.CANCELLED, RunState.SKIPPED}:
            self._forget(run.id)
        return told

    def _of_run(self, record: Record, run: Run | Moved, kind: str, words: str) -> Happening:
        number = self._number(run)
        subject = f"Run {number}" if number else "A run"
        return self._told(
            record,
            kind,
            job=run.job_id,
            name=self._name(run.job_id),
            run=number,
            run_id=run.id,
            words=_sentence(f"{subject} {words}"),
        )

    def _number(self, run: Run | Moved) -> int:
        if isinstance(run.number, int):
            return run.number
        known = self._run_of(run.id)
        return known.number if known is not None else self._numbers.get(run.id, 0)

    # Registers

    def _registers(self, record: Record) -> Iterator[Happening]:
        for register, value in record.registers.items():
            beginning, _, name = register.partition("/")
            tell = _OF_REGISTERS.get(beginning)
            if tell is not None and (told := tell(self, record, name, value)) is not None:
                yield told

    def _queue(self, record: Record, _name: str, value: Mapping[str, Any] | None) -> Happening:
        words = record.why or "the rules of the queue were changed"
        verb, _, key = words.partition(" ")
        reason = ""
        if verb in {"paused", "resumed"}:
            words = f"{key.replace('/', ' ', 1)} {verb}"
            told = ((value or {}).get("pauses") or {}).get(key) if verb == "paused" else None
            reason = f": {told['reason']}" if told and told.get("reason") else ""
        person = f" by {record.by}" if record.by else ""
        return self._told(record, "queue.changed", words=_sentence(_upper(f"{words}{person}{reason}")))

    def _breaker(self, record: Record, name: str, value: Mapping[str, Any] | None) -> Happening | None:
        register = f"breaker/{name}"
        if value is None or not value.get("until"):
            if register not in self._open:
                return None
            self._open.discard(register)
            return self._told(record, "breaker.closed", words=f"Breaker {name} closed.")
        if value.get("probe"):
            return self._told(record, "breaker.probed", words=f"Breaker {name}: one run tries it.")
        if not _opened_with(record, value):
            return None
        self._open.add(register)
        message = f": {value['message']}" if value.get("message") else ""
        failures = value.get("failures", 0)
        words = _sentence(f"Breaker {name} opened after {failures} failures{message}")
        return self._told(record, "breaker.opened", words=words)

    def _letter(self, record: Record, name: str, value: Mapping[str, Any] | None) -> Happening:
        run = self._run_of(name)
        known = value or ({"job_id": run.job_id, "number": run.number} if run is not None else {})
        job_id, number = str(known.get("job_id", "")), int(known.get("number", 0))
        subject = f"Run {number}" if number else "A run"
        words = "is among the dead letters" if value is not None else "is no dead letter any more"
        why = f": {record.why}" if value is None and record.why else ""
        fields = {"job": job_id, "name": self._name(job_id), "run": number, "run_id": name}
        kind = "letter.left" if value is not None else "letter.handled"
        return self._told(record, kind, words=_sentence(f"{subject} {words}{why}"), **fields)

    def _going(self, record: Record, name: str, value: Mapping[str, Any] | None) -> Happening | None:
        if name in record.gone_jobs or (value is None and self._job_of(name) is None):
            return None
        kind, words = (
            ("job.let-go", "Is being deleted.") if value is not None else ("job.kept", "Is kept after all.")
        )
        return self._told(record, kind, job=name, name=self._name(name), words=words)

    def _schedule(self, record: Record, name: str, value: Mapping[str, Any] | None) -> Happening | None:
        if value is None or record.why in {"", "schedule"}:
            return None
        return self._told(
            record, "schedule.said", job=name, name=self._name(name), words=_sentence(record.why)
        )


_OF_REGISTERS: Final[Mapping[str, Callable[..., Happening | None]]] = {
    "queue": Teller._queue,  # noqa: SLF001 - the table stands behind what it leads to
    "breaker": Teller._breaker,  # noqa: SLF001
    "letter": Teller._letter,  # noqa: SLF001
    "schedule": Teller._schedule,  # noqa: SLF001
    "going": Teller._going,  # noqa: SLF001
}
"""Who tells of the registers that begin like that; others are told of where a person changed them."""


def _opened_with(record: Record, value: Mapping[str, Any]) -> bool:
    try:
        opened = msgspec.convert(value.get("opened_at"), datetime)
        then = datetime.fromtimestamp(record.t / 1000, UTC)
        return abs(opened - then) <= JUST_NOW
    except (msgspec.ValidationError, OverflowError, TypeError, ValueError):
        return False


def _upper(words: str) -> str:
    return f"{words[:1].upper()}{words[1:]}"


def _sentence(words: str) -> str:
    words = words.strip()
    return words if words.endswith((".", "!", "?")) else f"{words}."
