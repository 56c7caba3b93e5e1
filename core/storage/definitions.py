"""What people write and edit of a job: one YAML file each, with nothing of ours in it but the id."""

import re
from collections.abc import Mapping
from datetime import UTC
from typing import Any, Final

import msgspec
from msgspec.structs import asdict, replace

from core.errors import InvalidOptions, InvalidYaml
from core.models import (
    GOOD_ID,
    NOTHING,
    ONCE,
    AfterFailed,
    AfterWhen,
    Expectation,
    Job,
    OnInterrupt,
    Priority,
    Retry,
    Schedule,
    Seconds,
    Value,
    frozen,
)
from core.storage import yaml_text
from core.storage.documents import placed
from core.storage.plain_text import plain_text

READ_OVER: Final = ("version", "created_at", "updated_at")
"""What format 1 wrote beside them; it is in the journal now."""

HOLE: Final = re.compile(rb"\x00{8}")
"""What a file system leaves where it never wrote; no editor and no encoding of text does."""

in_order: Final = msgspec.json.Encoder(order="deterministic").encode


class Definition(Value, frozen=True, kw_only=True):
    """What a person decides about a job; `id` is None in a file that has not been given one."""

    id: str | None = None
    name: str
    kind: str
    options: Mapping[str, Any] = NOTHING
    priority: Priority = Priority.NORMAL
    schedule: Schedule | None = None
    after: tuple[str, ...] = ()
    after_when: AfterWhen = AfterWhen.ALL_SUCCEEDED
    after_failed: AfterFailed = AfterFailed.SKIP
    retry: Retry = ONCE
    timeout: Seconds | None = None
    run_timeout: Seconds | None = None
    expect: Expectation | None = None
    groups: tuple[str, ...] = ()
    on_interrupt: OnInterrupt = OnInterrupt.RESUME
    tags: tuple[str, ...] = ()
    owner: str = ""
    enabled: bool = True


FIELDS: Final = Definition.__struct_fields__

SAID_WHEN_CHOSEN: Final = {
    name: getattr(Definition(name="", kind=""), name)
    for name in (
        "schedule",
        "after",
        "after_when",
        "after_failed",
        "retry",
        "timeout",
        "run_timeout",
        "expect",
        "groups",
    )
}
"""What a definition is silent about while it is as it always was."""


def definition_of(job: Job) -> Definition:
    """Return what a person decides about the job."""
    return Definition(**{name: getattr(job, name) for name in FIELDS})


def same(one: Any, other: Any) -> bool:  # noqa: ANN401 - any values of a definition
    """Tell whether two values are equal, where 1, 1.0 and true are three."""
    return one is other or in_order(_plain(one)) == in_order(_plain(other))


def is_damage(text: bytes) -> bool:
    """Tell whether a text is what a fault leaves and no person writes: nothing, or holes."""
    return not text.strip(b"\x00 \t\r\n") or HOLE.search(text) is not None


def definition_from(text: bytes) -> Definition:
    """Return the definition that the text describes; raises InvalidYaml with the place and a sentence."""
    if is_damage(text):
        raise InvalidYaml("Nothing readable is left of it.", line=1, column=1)
    plain = yaml_text.read(text)
    if not isinstance(plain, dict):
        raise InvalidYaml("The definition of a job belongs here; this is not one.", line=1, column=1)
    try:
        definition = msgspec.convert(
            {name: value for name, value in plain.items() if name not in READ_OVER}, Definition
        )
    except msgspec.ValidationError as error:
        raise placed(text, str(error)) from None
    if definition.id is not None and not GOOD_ID.match(definition.id):
        raise placed(text, "This cannot be an id - at `$.id`")
    try:
        schedule = _in_utc(definition.schedule)
    except OverflowError:
        raise placed(text, "In UTC this time is outside the years 1 to 9999 - at `$.schedule.at`") from None
    return replace(definition, options=frozen(definition.options), schedule=schedule)


def _in_utc(schedule: Schedule | None) -> Schedule | None:
    """Return a schedule whose time is in UTC: the same moment in two zones is no change."""
    if schedule is None or schedule.at is None:
        return schedule
    return replace(schedule, at=schedule.at.astimezone(UTC))


def plain_of(definition: Definition) -> dict[str, Any]:
    """Return the definition as the mapping that its text stands for."""
    plain: dict[str, Any] = _plain(definition)
    return plain


def text_of_definition(definition: Definition) -> bytes:
    """Return the text of a definition; raises InvalidOptions for what no text can hold."""
    plain = plain_of(definition)
    try:
        return plain_text(plain) or yaml_text.write(plain)
    except RecursionError:
        raise InvalidOptions({"options": "They are nested too deep."}) from None
    except InvalidYaml as error:
        raise InvalidOptions({"options": str(error)}) from error


def _plain(value: Any) -> Any:  # noqa: ANN401 - any value of a definition
    if isinstance(value, Definition):
        return {name: _plain(item) for name, item in asdict(value).items() if _is_said(name, item)}
    if isinstance(value, Schedule):
        return msgspec.to_builtins(_in_utc(value))
    if isinstance(value, Value):
        return msgspec.to_builtins(value)
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return str(value) if isinstance(value, str) else value


def _is_said(name: str, item: Any) -> bool:  # noqa: ANN401 - any value of a definition
    return item is not None and (name not in SAID_WHEN_CHOSEN or item != SAID_WHEN_CHOSEN[name])
