"""The versions of a job's definition: what each change replaced, who asked for it, and when.

Of each change only what it replaced is kept, in a register of the job; going back from what the job is now gives
every version before it. How many changes are kept is bounded, and so is what they take together.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, Final

import msgspec
from msgspec.structs import replace

from core.acting import actor
from core.decisions import Decision
from core.drafts import JobDraft
from core.hiding import NAMED, hidden
from core.models import Job, Value, frozen
from core.packed import thawed
from core.storage.definitions import Definition, definition_of, plain_of, same
from core.storage.merging import differences, in_words

__all__ = [
    "BEGINNING",
    "FIELDS",
    "LARGEST",
    "MOST",
    "SECRETS_CHANGED",
    "Change",
    "Version",
    "changes_between",
    "forget",
    "in_words",
    "note",
    "same",
    "versions_of",
]

BEGINNING: Final = "versions/"
MOST: Final = 50
LARGEST: Final = 64_000
"""Bytes that the changes of one job may take; the oldest go first."""

FIELDS: Final = tuple(name for name in Definition.__struct_fields__ if name != "id")
SECRETS_CHANGED: Final = "options.env: a secret value"


class Change(Value, frozen=True, kw_only=True):
    """A change of a job: which version it made, who asked for it, and what the fields it changed were before.

    `since` is when the version before was made.
    """

    to: int
    at: datetime
    since: datetime
    by: str = ""
    origin: str = ""
    was: Mapping[str, Any]


class Version(Value, frozen=True, kw_only=True):
    """A version of a job: what it was, who made it and when, and in words what that changed.

    `by` is empty where Holdfast itself did, or where nobody knows any more; `changes` of the oldest is empty.
    `secret` names the variables that any version of the job calls secret: what became one once was one before.
    """

    number: int
    at: datetime
    by: str
    origin: str
    definition: Definition
    changes: tuple[str, ...] = ()
    secret: frozenset[str] = frozenset()

    @property
    def draft(self) -> JobDraft:
        """Return it as it could be entered again."""
        return JobDraft(**{name: getattr(self.definition, name) for name in JobDraft.__struct_fields__})

    @property
    def shown(self) -> Definition:
        """Return what it was as anybody may see it."""
        return replace(self.definition, options=frozen(hidden(self.definition.options, self.secret)))


def note(decision: Decision, before: Job, after: Job) -> None:
    """Keep what a change of the job replaces."""
    acting, now = actor(), _fields(after)
    was = {name: value for name, value in _fields(before).items() if not same(value, now[name])}
    change = Change(
        to=after.version,
        at=after.updated_at,
        since=before.updated_at,
        by=acting.name,
        origin=acting.origin,
        was=was,
    )
    name = BEGINNING + before.id
    changes = [*(_changes(decision.register(name))), msgspec.to_builtins(change)][-MOST:]
    while len(changes) > 1 and len(msgspec.json.encode(changes)) > LARGEST:
        del changes[0]
    decision.set(name, {"changes": changes})


def forget(decision: Decision, job_id: str) -> None:
    """Let go of what a job was, as it is deleted."""
    decision.set(BEGINNING + job_id, None)


def versions_of(job: Job, kept: Mapping[str, Any] | None) -> tuple[Version, ...]:
    """Return the versions of the job that are known, the newest first: what it is now, and what it was."""
    found = tuple(_backwards(job, _changes(kept), frozenset()))
    secret = frozenset(name for version in found for name in version.definition.options.get(NAMED) or ())
    return tuple(_backwards(job, _changes(kept), secret)) if secret else found


def changes_between(before: Version, after: Version) -> tuple[str, ...]:
    """Return in words what is different in another version; of a secret, only that it is."""
    words = differences(before.shown, after.shown)
    told = same(before.shown, after.shown) and not same(before.definition, after.definition)
    return (*words, SECRETS_CHANGED) if told else words


def _backwards(job: Job, changes: list[Any], secret: frozenset[str]) -> Iterator[Version]:
    number, fields = job.version, _fields(job)
    at, latest = job.updated_at, True
    present = replace(_version(job, number, at, fields), secret=secret)
    while changes and (found := _before(job, number, fields, changes.pop())) is not None:
        change, older, fields = found
        before = replace(older, secret=secret)
        known = replace(present, at=change.at, by=change.by, origin=change.origin)
        yield replace(known, changes=changes_between(before, present))
        number, present, latest = before.number, before, False
    by = present.definition.owner if number == 1 else ""
    yield replace(present, by=by, at=job.created_at if number == 1 and latest else present.at)


def _before(
    job: Job, number: int, fields: Mapping[str, Any], kept: Mapping[str, Any]
) -> tuple[Change, Version, dict[str, Any]] | None:
    """Return what was before a version; None where somebody made it who kept no versions, or who kept what we cannot read."""
    try:
        change = msgspec.convert(kept, Change)
        if change.to != number:
            return None
        before = {**fields, **change.was}
        return change, _version(job, number - 1, change.since, before), before
    except msgspec.ValidationError:  # another release of Holdfast knows more than we do
        return None


def _version(job: Job, number: int, at: datetime, fields: Mapping[str, Any]) -> Version:
    definition = msgspec.convert({**fields, "id": job.id}, Definition)
    definition = replace(definition, options=frozen(definition.options))
    return Version(number=number, at=at, by="", origin="", definition=definition)


def _fields(job: Job) -> dict[str, Any]:
    """Return every field of a job's definition as JSON has it."""
    definition = definition_of(job)
    plain = plain_of(definition)
    silent = {name: msgspec.to_builtins(getattr(definition, name)) for name in FIELDS if name not in plain}
    return {name: plain.get(name, silent.get(name)) for name in FIELDS} | {"options": thawed(job.options)}


def _changes(kept: Mapping[str, Any] | None) -> list[Any]:
    return list(thawed(kept)["changes"]) if kept else []
