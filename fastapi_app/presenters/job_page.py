"""A job as its own page shows it."""

import shlex
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from core.engines import ENGINES, engine_for, plain
from core.errors import HoldfastError
from core.hiding import hidden
from core.holdings import Problem
from core.models import NOTHING, Job, JobOverview, OnInterrupt, Priority, Run, Value
from core.steps import as_text
from fastapi_app.presenters import sizes
from fastapi_app.presenters.clearing import deletion_in_words
from fastapi_app.presenters.jobs import Action, about, actions_on, label_of
from fastapi_app.presenters.mistakes import flaw
from fastapi_app.presenters.option_fields import choices_of
from fastapi_app.presenters.proofs import can_prove, newest_verified, proof_of, proved_at
from fastapi_app.presenters.schemas import schema_of
from fastapi_app.presenters.states import Mark, edition, mark_of_job
from fastapi_app.presenters.terms import labelled
from fastapi_app.presenters.texts import plural

MOST_RUNS: Final = 6


class JobView(Value, frozen=True, kw_only=True):
    """The head of the page."""

    id: str
    name: str
    version: str
    job_version: int
    mark: Mark
    sentence: str
    actions: tuple[Action, ...]
    tags: tuple[str, ...]
    owner: str
    created_at: datetime
    history: str
    deletable: bool


class Setting(Value, frozen=True, kw_only=True):
    """One setting in words; `code` is shown as it is typed."""

    label: str
    text: str
    code: bool


class Safety(Value, frozen=True, kw_only=True):
    """What is known about the job's copies; those of a kind that proves nothing are not told of."""

    copies: bool
    at: datetime | None
    proof: str
    rows: tuple[tuple[str, str], ...]


def job_view(overview: JobOverview, history: Sequence[Run], mistake: Problem | None = None) -> JobView:
    """Return the job's head; `mistake` is what is wrong with its file."""
    job = overview.job
    return JobView(
        id=job.id,
        name=job.name,
        version=edition(overview) + flaw(mistake),
        job_version=job.version,
        mark=mark_of_job(overview),
        sentence=f"{label_of(job.kind)}: {about(job)}",
        actions=actions_on(overview),
        tags=job.tags,
        owner=job.owner,
        created_at=job.created_at,
        history=plural(len(history), "run"),
        deletable=all(run.over for run in history),
    )


def can_rehearse(kind: str) -> bool:
    """Tell whether it can be found out what a run would do without doing it."""
    engine = ENGINES.get(kind)
    return engine is not None and engine.can_rehearse


def safety_of(job: Job, history: Sequence[Run]) -> Safety:
    """Return what is known about the job's copies."""
    run = newest_verified(job, history)
    proof = proof_of(run) if run else None
    rows = []
    if proof and proof.files is not None and proof.bytes is not None:
        rows.append(("The copy", f"{proof.files:,} files, {sizes.size(proof.bytes)}"))
    engine = ENGINES.get(job.kind)
    if engine and engine.deletes:
        rows.append(("Deletes there", engine.deletes))
    rows += [("Deletes here", " ".join(sentences)) for sentences in (_deletion_of(job),) if sentences]
    rows.append(("Interrupted", INTERRUPTED[_after_interruption(job)]))
    return Safety(
        copies=can_prove(job.kind),
        at=proved_at(run),
        proof=proof.sentence if proof else "",
        rows=tuple(rows),
    )


def _deletion_of(job: Job) -> tuple[str, ...]:
    try:
        return deletion_in_words(engine_for(job.kind, job.options))
    except HoldfastError:  # its kind is gone or its options are no longer good
        return ()


def _after_interruption(job: Job) -> OnInterrupt:
    """Return what becomes of a run that was lost: one that may not be repeated by itself waits for a person."""
    if job.on_interrupt != OnInterrupt.RESUME:
        return job.on_interrupt
    try:
        repeatable = engine_for(job.kind, job.options).may_repeat
    except HoldfastError:  # its kind is gone or its options are no longer good
        repeatable = False
    return OnInterrupt.RESUME if repeatable else OnInterrupt.PAUSE


INTERRUPTED: Final[Mapping[OnInterrupt, str]] = {
    OnInterrupt.RESUME: "Goes on by itself at the next start",
    OnInterrupt.PAUSE: "Stays paused until someone resumes it",
    OnInterrupt.FAIL: "Counts as failed",
}


TOLD_FIRST: Final = ("what", "proof", "delete", "mirror")
"""The groups of options that the settings of a job begin with."""
UNSAID: Final = frozenset({"more", "kept", "guards"})
"""The groups of which only what somebody changed is told."""
CODE: Final = frozenset({"folder", "patterns", "steps", "arguments", "variables", "words"})
"""The ways of asking whose answers are shown letter for letter."""


def settings_of(job: Job, names: Mapping[str, str] = NOTHING) -> tuple[Setting, ...]:
    """Return the job's options in words, those that differ from nothing; `names` are of the jobs it comes after."""
    schema = schema_of(job.kind)
    settings = [Setting(label="Kind", text=label_of(job.kind), code=False)]
    options = hidden(job.options)
    for name in sorted(options, key=lambda name: _place_of(schema["properties"].get(name, {}))):
        value, described = options[name], schema["properties"].get(name, {})
        if _goes_without_saying(described, value):
            continue
        if text := _in_words(described, schema, value, job.options):
            code = described.get("widget") in CODE
            settings.append(Setting(label=described.get("title", name), text=text, code=code))
    if job.priority != Priority.NORMAL:
        settings.append(Setting(label="Priority", text=job.priority.capitalize(), code=False))
    settings += [Setting(label=label, text=text, code=False) for label, text in labelled(job, names)]
    return tuple(settings)


def guards_of(job: Job) -> tuple[Setting, ...]:
    """Return what stops a run of the job before it does harm, also where nobody changed it."""
    schema = schema_of(job.kind)
    found = []
    for name, described in schema["properties"].items():
        if described.get("group") != "guards":
            continue
        if text := _in_words(described, schema, job.options.get(name, described.get("default")), job.options):
            found.append(Setting(label=described.get("title", name), text=text, code=False))
    return tuple(found)


def _place_of(described: Mapping[str, Any]) -> int:
    """Return where an option stands among the settings: what is copied and how that is proved comes first."""
    group = described.get("group", "")
    return TOLD_FIRST.index(group) if group in TOLD_FIRST else len(TOLD_FIRST)


def _goes_without_saying(described: Mapping[str, Any], value: object) -> bool:
    """Tell whether an option is as it is for everybody, and of those that nobody would miss."""
    return (
        described.get("group") in UNSAID
        and "default" in described
        and plain(value) == plain(described["default"])
    )


def _in_words(
    described: Mapping[str, Any], schema: Mapping[str, Any], value: object, options: Mapping[str, Any]
) -> str:
    """Return an option's value; nothing for what is empty or does not count at present."""
    if any(options.get(name) != wanted for name, wanted in described.get("shown_if", {}).items()):
        return ""
    return option_in_words(described, schema, value)


def option_in_words(described: Mapping[str, Any], schema: Mapping[str, Any], value: object) -> str:
    """Return an option's value, whether or not it counts at present; nothing for what is empty."""
    if isinstance(value, bool):
        return "Yes" if value else "No"
    if isinstance(value, list | tuple | Mapping):
        return _listed(value, described)
    if described.get("widget") == "rate" and isinstance(value, int):
        return f"{sizes.size(value)}/s"
    words = dict(choices_of(described, schema))
    return words.get(str(value), "" if value is None else str(value))


def _listed(values: Sequence[object] | Mapping[str, object], described: Mapping[str, Any]) -> str:
    """Return several values as one text: arguments as one would type them."""
    if isinstance(values, Mapping):
        return ", ".join(f"{name}={value}" for name, value in values.items())
    if described.get("widget") == "steps":
        return "; ".join(as_text(values).splitlines())
    if described.get("widget") == "arguments":
        return shlex.join(map(str, values))
    return ", ".join(map(str, values))
