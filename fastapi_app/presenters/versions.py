"""The versions of a job in words: who changed what, and any two side by side."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

import msgspec

from core.models import Value
from core.packed import thawed
from core.versions import FIELDS, Version, changes_between, in_words, same
from fastapi_app.presenters.schemas import schema_of

MOST_CHANGES: Final = 6
"""How many changes of one version the list tells; comparing tells all."""

LABELS: Final = {
    "name": "Name",
    "kind": "Kind",
    "priority": "Priority",
    "schedule": "Schedule",
    "after": "After",
    "after_when": "After, when",
    "after_failed": "After a failure",
    "retry": "Attempts",
    "timeout": "Time limit of an attempt",
    "run_timeout": "Time limit of a run",
    "expect": "Expected",
    "groups": "Groups",
    "on_interrupt": "When interrupted",
    "tags": "Tags",
    "owner": "Owner",
    "enabled": "Switched on",
}


class VersionRow(Value, frozen=True, kw_only=True):
    """A version in the list; `more` says how many changes are left out."""

    number: int
    at: datetime
    by: str
    changes: tuple[str, ...]
    more: str
    present: bool


class Difference(Value, frozen=True, kw_only=True):
    """A setting that two versions have otherwise."""

    label: str
    before: str
    after: str


class Comparison(Value, frozen=True, kw_only=True):
    """Two versions side by side; `secrets` says that a secret differs, which is all that is told of it."""

    before: int
    after: int
    rows: tuple[Difference, ...]
    alike: int
    secrets: bool


def rows_of(versions: Sequence[Version]) -> tuple[VersionRow, ...]:
    """Return the rows of the list; `versions` has the newest first."""
    return tuple(_row(version, present=place == 0) for place, version in enumerate(versions))


def _row(version: Version, *, present: bool) -> VersionRow:
    told = tuple(map(readable, version.changes[:MOST_CHANGES]))
    left = len(version.changes) - len(told)
    return VersionRow(
        number=version.number,
        at=version.at,
        by=version.by,
        changes=told or (("Made.",) if version.number == 1 else ()),
        more=f"and {left} more" if left else "",
        present=present,
    )


def readable(change: str) -> str:
    """Return `tags [] -> [money]` as people read it: "tags: nothing → money"."""
    field, _, rest = change.partition(" ")
    before, arrow, after = rest.rpartition(" -> ")
    return f"{field.removeprefix('options.')}: {_bare(before)} → {_bare(after)}" if arrow else change


def _bare(value: str) -> str:
    """Return a value without the brackets around it; what is empty is nothing."""
    bare = value[1:-1] if value[:1] in "[{" and value[-1:] in "]}" else value
    return bare or "nothing"


def compared(before: Version, after: Version) -> Comparison:
    """Return what is different between two versions, setting by setting."""
    old, new = _fields(before), _fields(after)
    names = [*old, *(name for name in new if name not in old)]
    unlike = [name for name in names if not same(old.get(name), new.get(name))]
    labels = _labels(after) | _labels(before)
    return Comparison(
        before=before.number,
        after=after.number,
        rows=tuple(
            Difference(label=labels.get(name, name), before=_told(old.get(name)), after=_told(new.get(name)))
            for name in unlike
        ),
        alike=len(names) - len(unlike),
        secrets=not unlike and bool(changes_between(before, after)),
    )


def _fields(version: Version) -> dict[str, Any]:
    shown = version.shown
    fields = {name: getattr(shown, name) for name in FIELDS if name != "options"}
    return fields | {f"options.{name}": value for name, value in thawed(shown.options).items()}


def _labels(version: Version) -> dict[str, str]:
    described = schema_of(version.definition.kind)["properties"]
    return LABELS | {f"options.{name}": str(about.get("title", name)) for name, about in described.items()}


def _told(value: Any) -> str:  # noqa: ANN401 - any value of a definition
    if value is None or value in ((), [], "", {}):
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | tuple):
        return "\n".join(item if isinstance(item, str) else in_words(item) for item in value)
    if isinstance(value, dict):
        return "\n".join(f"{name}: {in_words(item)}" for name, item in value.items())
    if isinstance(value, Value):
        return "\n".join(f"{name}: {in_words(item)}" for name, item in msgspec.to_builtins(value).items())
    return str(value)
