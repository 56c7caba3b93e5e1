"""What the lines of the journal say."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from sys import intern
from typing import Any, Final, TypeVar

import msgspec
from msgspec import UNSET, UnsetType
from msgspec.structs import astuple, replace

from core.errors import InvalidOptions, InvalidYaml
from core.models import (
    GOOD_ID,
    NOTHING,
    ONCE,
    Attempt,
    Failure,
    Job,
    Priority,
    Progress,
    Run,
    Schedule,
    Trigger,
    Value,
)
from core.packed import Packed, frozen, packed
from core.states import RunState
from core.storage.documents import document_of
from core.storage.lines import json_text
from core.storage.rows import Changes, Register

T = TypeVar("T")

FORMAT: Final = 3
MOST_KNOWN: Final = 1_000

progress_known: dict[Progress, Progress] = {}
"""The last progress of runs that are over; many end with the same."""
tags_known: dict[tuple[str, ...], tuple[str, ...]] = {}
wishes_known: dict[Any, Any] = {}
"""How runs are retried, scheduled and grouped: of very many jobs it is the same."""
LONGEST_NAME: Final = 300
"""Characters that the name of a register may have."""


class Head(Value, frozen=True, kw_only=True, tag="segment", tag_field="kind"):
    """The first document of a segment; `first` is the number of the first record it may hold."""

    format: int
    store: str
    segment: int
    first: int
    t: int


class Closed(Value, frozen=True, kw_only=True, tag="closed", tag_field="kind"):
    """Whoever appended last left in peace, after record `n`."""

    n: int


class Moved(Value, frozen=True, kw_only=True):
    """Of a run, what changed; the fields are those of `Run`."""

    id: str
    job_id: str
    number: int | UnsetType = UNSET
    kind: str | UnsetType = UNSET
    options: dict[str, Any] | UnsetType = UNSET
    state: RunState | UnsetType = UNSET
    trigger: Trigger | UnsetType = UNSET
    asked_by: str | UnsetType = UNSET
    priority: Priority | UnsetType = UNSET
    version: int | UnsetType = UNSET
    attempt: int | UnsetType = UNSET
    attempts: tuple[Attempt, ...] | UnsetType = UNSET
    progress: Progress | UnsetType = UNSET
    checkpoint: dict[str, Any] | UnsetType = UNSET
    created_at: datetime | UnsetType = UNSET
    due_at: datetime | UnsetType | None = UNSET
    started_at: datetime | UnsetType | None = UNSET
    ended_at: datetime | UnsetType | None = UNSET
    worker: str | UnsetType | None = UNSET
    slot_at: datetime | UnsetType | None = UNSET
    flow: str | UnsetType = UNSET
    upstream: dict[str, str] | UnsetType = UNSET
    groups: tuple[str, ...] | UnsetType = UNSET
    reaches: tuple[str, ...] | UnsetType = UNSET
    of: str | UnsetType = UNSET
    reason: str | UnsetType = UNSET
    warnings: tuple[str, ...] | UnsetType = UNSET
    error: Failure | UnsetType | None = UNSET
    result: dict[str, Any] | UnsetType | None = UNSET


class Record(Value, frozen=True, kw_only=True):
    """One change, whole.

    `n` is its number, `t` when it was, in milliseconds since 1970. `was` has, for each of the
    `jobs`, the CRC-32 of its definition's text when the change was decided. `names` are what the `gone_jobs`
    were called. `by`, `origin` and `why` are those of `Changes`.
    """

    n: int
    t: int
    jobs: tuple[Job, ...] = ()
    was: dict[str, int] = msgspec.field(default_factory=dict)
    runs: tuple[Run, ...] = ()
    moved: tuple[Moved, ...] = ()
    gone_jobs: tuple[str, ...] = ()
    gone_runs: tuple[str, ...] = ()
    names: dict[str, str] = msgspec.field(default_factory=dict)
    registers: dict[str, dict[str, Any] | None] = msgspec.field(default_factory=dict)
    by: str = ""
    origin: str = ""
    why: str = ""

    @property
    def job_ids(self) -> frozenset[str]:
        """Return the jobs that this changes, or whose runs it changes."""
        runs: tuple[Run | Moved, ...] = (*self.runs, *self.moved)
        return frozenset(self.gone_jobs).union((job.id for job in self.jobs), (run.job_id for run in runs))


head_of = msgspec.json.Decoder(Head).decode
closed_of = msgspec.json.Decoder(Closed).decode
record_of = msgspec.json.Decoder(Record).decode

WISHES: Final = ("schedule", "retry", "expect", "timeout", "run_timeout", "groups", "after")
"""What of a job has numbers and words that not every value of its type is; whoever makes one may not have looked."""

KINDS_OF_WISHES: Final = {
    field.name: field.type for field in msgspec.structs.fields(Job) if field.name in WISHES
}
WISHED_BY_DEFAULT: Final = {
    field.name: field.default for field in msgspec.structs.fields(Job) if field.name in WISHES
}

MOVING: Final = tuple(name for name in Moved.__struct_fields__ if name not in {"id", "job_id"})

SHOWN_EARLIER: Final = ("progress", "checkpoint")
"""What is known of a run before it is written, so that no comparison tells whether it was."""

SAID: Final = ("by", "origin", "why")

SURELY_SHORT: Final = 20_000
"""Up to how many bytes a record is within every limit of a definition, whatever an engine wants."""


def body_of(
    changes: Changes, was: Mapping[str, int], before: Mapping[str, Run], names: Mapping[str, str] = NOTHING
) -> bytes:
    """Return the JSON of a change without its number and time.

    `before` has the runs as they are, so that of those only what changed is written; `names` those of jobs that
    go. Raises InvalidOptions for what no text can hold.
    """
    for job in changes.jobs:
        _check(job, job.options)
        _check_wishes(job)
    for run in changes.runs:
        _check(run, run.options, run.checkpoint, run.result)
    for register in changes.registers:
        _check_register(register)
    try:
        text = json_text(_parts_of(changes, was, before) | ({"names": names} if names else {}))
    except UnicodeEncodeError:
        raise InvalidOptions({"options": "A text holds half a character."}) from None
    except RecursionError:
        raise InvalidOptions({"options": "They are nested too deep."}) from None
    if len(text) > SURELY_SHORT:
        kept: tuple[Job | Run, ...] = (*changes.jobs, *changes.runs)
        for value in kept:
            document_of(value)
    return text


def _check(value: Job | Run, *given: Mapping[str, Any] | None) -> None:
    """Raise InvalidOptions for what could not be read again as it is.

    What is packed is known to be the same in JSON; whatever else was given is looked at closely.
    """
    if not GOOD_ID.match(value.id):
        raise InvalidOptions({"id": f"{value.id!r:.80} cannot be an id."})
    for each in given:
        if each is not None and not isinstance(each, Packed):
            document_of(value)


def _check_wishes(job: Job) -> None:
    """Raise InvalidOptions for a number or a word that could not be read again."""
    for name in WISHES:
        value = getattr(job, name)
        if value is not WISHED_BY_DEFAULT[name] and value is not None:
            try:
                known = msgspec.convert(msgspec.to_builtins(value), KINDS_OF_WISHES[name])
                if isinstance(known, Schedule) and known.at is not None:
                    known.at.astimezone(UTC)
            except (msgspec.ValidationError, TypeError, ValueError, OverflowError) as error:
                raise InvalidOptions({name: f"It cannot be kept: {error}."}) from None
            if known != value:
                raise InvalidOptions({name: "It cannot be kept as it is."})


def _check_register(register: Register) -> None:
    """Raise InvalidOptions for what could not be read again as it is."""
    if not 0 < len(register.name) <= LONGEST_NAME:
        raise InvalidOptions({"register": f"{register.name!r:.80} cannot be the name of a register."})
    if register.value is not None and not isinstance(frozen(register.value), Packed):
        raise InvalidOptions({register.name: "This cannot be kept as it is."})


def _parts_of(changes: Changes, was: Mapping[str, int], before: Mapping[str, Run]) -> dict[str, Any]:
    """Return what of a record is not empty."""
    parts: dict[str, Any] = {}
    if changes.jobs:
        parts["jobs"] = changes.jobs
    if was:
        parts["was"] = was
    for run in changes.runs:
        known = before.get(run.id)
        if known is None:
            parts.setdefault("runs", []).append(run)
        else:
            parts.setdefault("moved", []).append(_moved(known, run))
    if changes.gone_jobs:
        parts["gone_jobs"] = changes.gone_jobs
    if changes.gone_runs:
        parts["gone_runs"] = changes.gone_runs
    if changes.registers:
        parts["registers"] = {register.name: register.value for register in changes.registers}
    parts |= {name: said for name in SAID if (said := getattr(changes, name))}
    return parts


def text_of(body: bytes, n: int, t: int) -> bytes:
    """Return the JSON of a record."""
    return b'{"n":%d,"t":%d,%b' % (n, t, body[1:])


def _moved(before: Run, after: Run) -> dict[str, Any]:
    always = SHOWN_EARLIER if before.attempt else ()
    fields = zip(Run.__struct_fields__, astuple(before), astuple(after), strict=True)
    changed = {name: value for name, was, value in fields if value is not was or name in always}
    return {"id": after.id, "job_id": after.job_id, **changed}


def run_after(before: Run, moved: Moved) -> Run:
    """Return the run after what changed of it."""
    changed = {name: _packed(value) for name in MOVING if (value := getattr(moved, name)) is not UNSET}
    return replace(before, **changed)


def frozen_job(job: Job) -> Job:
    """Return a job as it was read from JSON, made read-only and small."""
    return replace(
        job,
        kind=intern(job.kind),
        owner=intern(job.owner),
        options=_packed(job.options),
        tags=_known(job.tags, tags_known),
        schedule=job.schedule and _known(job.schedule, wishes_known),
        retry=ONCE if job.retry == ONCE else _known(job.retry, wishes_known),
        expect=job.expect and _known(job.expect, wishes_known),
        groups=job.groups and _known(job.groups, wishes_known),
        updated_at=_same(job.updated_at, job.created_at),
    )


def frozen_run(run: Run, job: Job | None = None, plain: Mapping[str, Any] | None = None) -> Run:
    """Return a run as it was read from JSON, made read-only and small.

    It shares with its job, and with itself, what is the same; `plain` are the job's options as
    they were read.
    """
    options = job.options if job and run.options == plain else _packed(run.options)
    return replace(
        run,
        job_id=job.id if job else run.job_id,
        kind=intern(run.kind),
        asked_by=intern(run.asked_by),
        worker=run.worker and intern(run.worker),
        options=options if job is None or options is job.options else _same(options, job.options),
        progress=_known(run.progress, progress_known) if run.over else run.progress,
        checkpoint=_packed(run.checkpoint),
        result=_packed(run.result),
        due_at=_same(run.due_at, run.created_at),
        slot_at=_same(run.slot_at, run.due_at),
        flow=run.flow and _same(run.flow, run.id),
        upstream=_packed(run.upstream),
        groups=run.groups and _known(run.groups, wishes_known),
        reaches=run.reaches and _known(run.reaches, wishes_known),
        reason=run.reason and intern(run.reason),
        attempts=tuple([_sharing(attempt, run) for attempt in run.attempts]),
    )


def _packed(value: Any) -> Any:  # noqa: ANN401 - a mapping, packed or not, or None
    return packed(value) if isinstance(value, dict) else value


def _same(value: T, known: T) -> T:
    """Return what is known already if it is the same."""
    return known if value == known else value


def _known(value: T, known: dict[T, T]) -> T:
    """Return one object for all that are the same, as far as they are remembered."""
    if len(known) >= MOST_KNOWN:
        known.clear()
    return known.setdefault(value, value)


def _sharing(attempt: Attempt, run: Run) -> Attempt:
    return replace(
        attempt,
        worker=intern(attempt.worker),
        started_at=_same(attempt.started_at, run.started_at),
        ended_at=_same(attempt.ended_at, run.ended_at),
    )


def record_from(text: bytes) -> Record:
    """Return the record that the JSON text describes; raises InvalidYaml."""
    try:
        record = record_of(text)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise InvalidYaml(f"This is no record: {error}.") from None
    runs: tuple[Run | Moved, ...] = (*record.runs, *record.moved)
    if not all(map(GOOD_ID.match, (*(job.id for job in record.jobs), *(run.id for run in runs)))):
        raise InvalidYaml("This record has an id that cannot be one.")
    return record


def changes_of(record: Record, runs: Mapping[str, Run]) -> Changes:
    """Return what a record changes; `runs` has the runs as they were before it.

    Of a run that is not among them nothing can be told, so what it moved to is left out.
    """
    moved = (run_after(runs[part.id], part) for part in record.moved if part.id in runs)
    return Changes(
        jobs=tuple(map(frozen_job, record.jobs)),
        runs=(*map(frozen_run, record.runs), *moved),
        gone_jobs=record.gone_jobs,
        gone_runs=record.gone_runs,
        registers=tuple(registers_of(record)),
        by=record.by,
        origin=record.origin,
        why=record.why,
    )


def registers_of(record: Record) -> Iterator[Register]:
    """Give the registers that a record changes."""
    for name, value in record.registers.items():
        yield Register(name=name, value=_packed(value))
