"""Jobs and runs as the documents that people read and edit."""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final, TypeVar

import msgspec

from core.errors import InvalidOptions, InvalidYaml
from core.models import Job, Run, frozen
from core.storage import yaml_text

Kept = TypeVar("Kept", Job, Run)

GOOD_ID: Final = re.compile(r"[0-9A-Za-z][0-9A-Za-z_-]{0,63}\Z")
WHERE: Final = re.compile(r" - at `(?:key in )?\$\.?([^`]*)`\Z")
UNKNOWN_FIELD: Final = re.compile(r"Object contains unknown field `([^`]*)`")
MISSING_FIELD: Final = re.compile(r"Object missing required field `([^`]*)`")
SHAPE: Final = re.compile(r"`([^`]*)`")
SHAPES: Final = {
    "int": "a whole number",
    "float": "a number",
    "str": "text",
    "bool": "true or false",
    "null": "nothing",
    "array": "a list",
    "object": "a mapping",
    "datetime": "a time",
}
"""What msgspec calls them, and what people do."""


def document_of(value: Job | Run) -> bytes:
    """Return the text of a job or run; raises InvalidOptions for what no text can hold."""
    if not GOOD_ID.match(value.id):
        raise InvalidOptions({"id": f"{value.id!r:.80} cannot be an id."})
    plain: dict[str, Any] = {}
    try:
        plain = msgspec.to_builtins(value, enc_hook=builtin)
        return yaml_text.write(plain)
    except RecursionError:
        raise InvalidOptions({"options": "They are nested too deep."}) from None
    except InvalidYaml as error:
        raise InvalidOptions({_culprit(plain): str(error)}) from error


def job_from(text: bytes) -> Job:
    """Return the job that the text describes; raises InvalidYaml."""
    job = _converted(text, Job)
    _check_times(text, {"created_at": job.created_at, "updated_at": job.updated_at})
    return msgspec.structs.replace(job, options=frozen(job.options))


def run_from(text: bytes) -> Run:
    """Return the run that the text describes; raises InvalidYaml."""
    run = _converted(text, Run)
    names = ("created_at", "due_at", "started_at", "ended_at")
    _check_times(text, {name: getattr(run, name) for name in names})
    for index, attempt in enumerate(run.attempts):
        times = {"started_at": attempt.started_at, "ended_at": attempt.ended_at}
        _check_times(text, times, ("attempts", index))
    return msgspec.structs.replace(
        run,
        checkpoint=frozen(run.checkpoint),
        result=frozen(run.result),
    )


def builtin(value: Any) -> Any:  # noqa: ANN401 - msgspec asks for whatever it does not know
    """Return what stands for a value that msgspec does not know: a mapping, or its words."""
    if isinstance(value, Mapping):
        return dict(value)
    return str(value)


def _culprit(plain: Mapping[str, Any]) -> str:
    """Return the field that cannot be written."""
    for field, value in plain.items():
        try:
            yaml_text.write({field: value})
        except InvalidYaml:
            return field
    return "options"


def _converted(text: bytes, kind: type[Kept]) -> Kept:
    plain = yaml_text.read(text)
    if not isinstance(plain, dict):
        raise InvalidYaml(f"A {kind.__name__.lower()} belongs here; this is not one.", line=1)
    try:
        value = msgspec.convert(plain, kind)
    except msgspec.ValidationError as error:
        raise _placed(text, str(error)) from None
    if not GOOD_ID.match(value.id):
        raise _placed(text, "This cannot be an id - at `$.id`")
    return value


def _placed(text: bytes, message: str) -> InvalidYaml:
    """Return what does not fit in words, with the line and column where it stands."""
    found = WHERE.search(message)
    way = _way(found[1]) if found else ()
    sentence = WHERE.sub("", message)
    if unknown := UNKNOWN_FIELD.match(sentence):
        way = (*way, unknown[1])
        sentence = "There is no such field"
    elif missing := MISSING_FIELD.match(sentence):
        sentence = f"The field '{missing[1]}' is missing"
    else:
        sentence = SHAPE.sub(lambda shape: SHAPES.get(shape[1], f"'{shape[1]}'"), sentence)
    line, column = yaml_text.places(text).get(way, (1, 1))
    where = ".".join(str(step) for step in way)
    return InvalidYaml(f"{where}: {sentence}." if where else f"{sentence}.", line=line, column=column)


def _way(dotted: str) -> yaml_text.Path:
    steps = re.findall(r"[^.\[\]]+", dotted)
    return tuple(int(step) if step.isdigit() else step for step in steps)


def _check_times(
    text: bytes,
    times: Mapping[str, datetime | None],
    way: yaml_text.Path = (),
) -> None:
    """Raise InvalidYaml for a time without its distance to UTC."""
    for name, at in times.items():
        if at is not None and at.tzinfo is None:
            line, column = yaml_text.places(text).get((*way, name), (1, 1))
            message = f"{name}: A time needs its zone, as in 2026-11-21T07:41:18Z."
            raise InvalidYaml(message, line=line, column=column)
