"""The versions of a job in words: who changed what, and any two side by side."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

import msgspec

from core.models import NOTHING, Retry, Schedule, Value
from core.packed import thawed
from core.schedules import in_words as due_in_words
from core.spans import exact
from core.versions import FIELDS, Version, changes_between, in_words, same
from fastapi_app.presenters.job_page import INTERRUPTED, option_in_words
from fastapi_app.presenters.jobs import label_of
from fastapi_app.presenters.schemas import schema_of
from fastapi_app.presenters.terms import FAILED, WHEN, retry_sentence, rhythm_sentence

MOST_CHANGES: Final = 6
"""How many changes of one version the list tells; comparing tells all."""
LONGEST_TOLD: Final = 80
OPTIONS: Final = "options."

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


def rows_of(versions: Sequence[Version], names: Mapping[str, str] = NOTHING) -> tuple[VersionRow, ...]:
    """Return the rows of the list; `versions` has the newest first, `names` are of the jobs it came after."""
    before = (*versions[1:], None)
    return tuple(
        _row(version, older, names, present=place == 0)
        for place, (version, older) in enumerate(zip(versions, before, strict=True))
    )


def _row(version: Version, older: Version | None, names: Mapping[str, str], *, present: bool) -> VersionRow:
    changes = changes_told(older, version, names) if older else ()
    left = max(len(changes) - MOST_CHANGES, 0)
    return VersionRow(
        number=version.number,
        at=version.at,
        by=version.by,
        changes=changes[:MOST_CHANGES] or (("Made.",) if version.number == 1 else ()),
        more=f"and {left} more" if left else "",
        present=present,
    )


def changes_told(before: Version, after: Version, names: Mapping[str, str] = NOTHING) -> tuple[str, ...]:
    """Return what changed, as the settings say it: "Expected: nothing → At least one good run every 1 d"."""
    comparison = compared(before, after, names)
    if comparison.secrets:
        return ("The value of a secret.",)
    return tuple(change_told(row.label, row.before, row.after) for row in comparison.rows)


def change_told(label: str, before: str, after: str) -> str:
    """Return one change of a setting on one line."""
    return f"{label}: {_short(before)} → {_short(after)}"


def _short(value: str) -> str:
    line = ", ".join(value.removesuffix(".").splitlines()) or "nothing"
    return line if len(line) <= LONGEST_TOLD else f"{line[: LONGEST_TOLD - 1]}…"


def readable(change: str, kind: str) -> str:
    """Return `tags [] -> [money]`, which a job of the kind was told of, as people read it: "Tags: nothing → money"."""
    field, _, rest = change.partition(" ")
    before, arrow, after = rest.rpartition(" -> ")
    return f"{_label(field, kind)}: {_bare(before)} → {_bare(after)}" if arrow else change


def _label(field: str, kind: str) -> str:
    name = field.removeprefix(OPTIONS)
    return LABELS.get(field) or str(schema_of(kind)["properties"].get(name, {}).get("title", name))


def _bare(value: str) -> str:
    """Return a value without the brackets around it; what is empty is nothing."""
    bare = value[1:-1] if value[:1] in "[{" and value[-1:] in "]}" else value
    return bare or "nothing"


def compared(before: Version, after: Version, names: Mapping[str, str] = NOTHING) -> Comparison:
    """Return what is different between two versions, setting by setting."""
    old, new = _fields(before), _fields(after)
    fields = [*old, *(name for name in new if name not in old)]
    unlike = [name for name in fields if not same(old.get(name), new.get(name))]
    labels = _labels(after) | _labels(before)
    return Comparison(
        before=before.number,
        after=after.number,
        rows=tuple(
            Difference(
                label=labels.get(name, name),
                before=_said(before, name, old.get(name), names),
                after=_said(after, name, new.get(name), names),
            )
            for name in unlike
        ),
        alike=len(fields) - len(unlike),
        secrets=not unlike and bool(changes_between(before, after)),
    )


def _fields(version: Version) -> dict[str, Any]:
    shown = version.shown
    fields = {name: getattr(shown, name) for name in FIELDS if name != "options"}
    return fields | {f"options.{name}": value for name, value in thawed(shown.options).items()}


def _labels(version: Version) -> dict[str, str]:
    described = schema_of(version.definition.kind)["properties"]
    return LABELS | {f"options.{name}": str(about.get("title", name)) for name, about in described.items()}


def _said(version: Version, name: str, value: Any, names: Mapping[str, str]) -> str:  # noqa: ANN401 - any value of a definition
    """Return the value of a setting as the settings say it; nothing where it is empty."""
    if value is None or value in ((), [], "", {}):
        return ""
    if name == "after":
        return ", ".join(names.get(one, one) for one in value)
    if name in SAID:
        return SAID[name](value)
    described = schema_of(version.definition.kind)
    if about := described["properties"].get(name.removeprefix(OPTIONS)):
        return option_in_words(about, described, value)
    return _told(value)


def _times(schedule: Schedule) -> str:
    return due_in_words(schedule).rstrip(".")


def _tries(retry: Retry) -> str:
    return "Once" if retry.max_attempts == 1 else retry_sentence(retry)


SAID: Final[Mapping[str, Callable[[Any], str]]] = {
    "kind": label_of,
    "priority": str.capitalize,
    "schedule": _times,
    "after_when": WHEN.__getitem__,
    "after_failed": FAILED.__getitem__,
    "retry": _tries,
    "timeout": exact,
    "run_timeout": exact,
    "expect": rhythm_sentence,
    "on_interrupt": INTERRUPTED.__getitem__,
}
"""How the settings that are no options are said."""


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
