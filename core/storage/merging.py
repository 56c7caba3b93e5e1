"""Two changes of one definition at the same time: kept both where they are of different fields."""

from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple

import msgspec
from msgspec.structs import replace

from core.models import Value, frozen
from core.storage.definitions import FIELDS, Definition, same

LONGEST_VALUE: Final = 60

Field = tuple[str, ...]
"""The name of a field, or "options" and the name of one of them."""


class Clash(NamedTuple):
    """A field that both changed, each to something else; the values in words."""

    field: str
    theirs: str
    ours: str


class Merged(NamedTuple):
    """What becomes of two changes; `more` tells that it has something that the person's text has not."""

    definition: Definition
    clashes: tuple[Clash, ...]
    more: bool


def merged(said: Definition | None, theirs: Definition, base: Definition | None, ours: Definition) -> Merged:
    """Return a person's change of what the file said, and ours of what it stood for, in one.

    Where it is not known what the file said before, every difference is a clash.
    """
    our_fields, their_fields = _fields(ours), _fields(theirs)
    if base is None:
        our_changes = their_changes = _changed(their_fields, our_fields)
    else:
        our_changes = _changed(_fields(base), our_fields)
        their_changes = _changed(_fields(said or base), their_fields)
    if not our_changes:
        return Merged(theirs, (), more=False)
    clashes = tuple(_clashes(their_changes & our_changes, their_fields, our_fields))
    chosen = dict(our_fields)
    for field in their_changes:
        chosen.pop(field, None)
        if field in their_fields:
            chosen[field] = their_fields[field]
    return Merged(_definition(theirs, chosen), clashes, more=True)


def _clashes(both: set[Field], theirs: Mapping[Field, Any], ours: Mapping[Field, Any]) -> Iterator[Clash]:
    for field in sorted(both):
        if (field in theirs) != (field in ours) or not same(theirs.get(field), ours.get(field)):
            yield Clash(".".join(field), in_words(theirs.get(field)), in_words(ours.get(field)))


def distance(one: Definition, other: Definition) -> int:
    """Return in how many fields two definitions differ."""
    return len(_changed(_fields(one), _fields(other)))


def differences(before: Definition, after: Definition) -> tuple[str, ...]:
    """Return in words what changed from one to the other: `priority normal -> high`."""
    old, new = _fields(before), _fields(after)
    return tuple(
        f"{'.'.join(field)} {in_words(old.get(field))} -> {in_words(new.get(field))}"
        for field in sorted(_changed(old, new))
    )


def in_words(value: Any) -> str:  # noqa: ANN401 - any value of a definition
    """Return a value as it is told on one line."""
    if value is None:
        return "nothing"
    if isinstance(value, Value):
        said = msgspec.to_builtins(value).items()
        text = f"{{{', '.join(f'{name}: {in_words(item)}' for name, item in said)}}}"
    elif isinstance(value, list | tuple):
        text = f"[{', '.join(map(in_words, value))}]"
    else:
        text = str(value) if isinstance(value, str) and value.isprintable() and value else repr(value)
    return text if len(text) <= LONGEST_VALUE else f"{text[: LONGEST_VALUE - 1]}…"


def _fields(definition: Definition) -> dict[Field, Any]:
    fields = {(name,): getattr(definition, name) for name in FIELDS if name not in {"id", "options"}}
    return fields | {("options", name): value for name, value in definition.options.items()}


def _changed(before: Mapping[Field, Any], after: Mapping[Field, Any]) -> set[Field]:
    return {
        field
        for field in before.keys() | after.keys()
        if field not in before or field not in after or not same(before[field], after[field])
    }


def _definition(theirs: Definition, fields: Mapping[Field, Any]) -> Definition:
    single = {field[0]: value for field, value in fields.items() if len(field) == 1}
    options = {field[1]: value for field, value in fields.items() if len(field) > 1}
    return replace(theirs, options=frozen(options), **single)
