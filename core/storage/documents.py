"""Jobs and runs as the documents that people read and edit."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Final, TypeVar

import msgspec
from msgspec.structs import replace

from core.errors import InvalidOptions, InvalidYaml
from core.models import (
    GOOD_ID,
    AfterFailed,
    AfterWhen,
    Attempt,
    Backoff,
    Job,
    Missed,
    OnInterrupt,
    Overlap,
    Priority,
    Run,
    Trigger,
    frozen,
)
from core.people import Role
from core.states import AT_WORK, RunState
from core.storage import yaml_text

Kept = TypeVar("Kept", Job, Run)

WHERE: Final = re.compile(r" - at `(?:key in )?\$\.?([^`]*)`\Z")
UNKNOWN_FIELD: Final = re.compile(r"Object contains unknown field `([^`]*)`")
MISSING_FIELD: Final = re.compile(r"Object missing required field `([^`]*)`")
UNKNOWN_WORD: Final = re.compile(r"Invalid enum value '(.*)'\Z", re.DOTALL)
WORDS: Final[Mapping[str, type[StrEnum]]] = {
    "priority": Priority,
    "on_interrupt": OnInterrupt,
    "after_when": AfterWhen,
    "after_failed": AfterFailed,
    "backoff": Backoff,
    "missed": Missed,
    "overlap": Overlap,
    "state": RunState,
    "trigger": Trigger,
    "role": Role,
}
"""The fields that have one of some words."""

AS_IN: Final = {
    "schedule": 'write it as in {cron: "0 2 * * *"}',
    "retry": "write it as in {max_attempts: 3}",
    "expect": "write it as in {every: 86400}",
    "after": "write the jobs' ids in brackets",
    "groups": "write their names in brackets",
    "timeout": "write it in seconds",
    "run_timeout": "write it in seconds",
    "every": "write it in seconds",
    "grace": "write it in seconds",
    "wait": "write it in seconds",
    "longest_wait": "write it in seconds",
}
"""What people often write in another way."""

OUT_OF_RANGE: Final = re.compile(r"Expected `(?:int|float)(?: \| null)?` (>=|<=) ([0-9.e+]+)\Z")
NO_TIME: Final = re.compile(r"Invalid RFC3339 encoded datetime|Expected `datetime` with a timezone component")
LONGEST_TOLD: Final = 80
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
    times = _in_utc(text, {"created_at": job.created_at, "updated_at": job.updated_at})
    return replace(job, options=frozen(job.options), **times)


def run_from(text: bytes) -> Run:
    """Return the run that the text describes; raises InvalidYaml."""
    run = _converted(text, Run)
    _check_attempts(text, run)
    names = ("created_at", "due_at", "started_at", "ended_at")
    times = _in_utc(text, {name: getattr(run, name) for name in names})
    return replace(
        run,
        attempts=tuple(_attempt(text, index, attempt) for index, attempt in enumerate(run.attempts)),
        options=frozen(run.options),
        checkpoint=frozen(run.checkpoint),
        result=frozen(run.result),
        **times,
    )


def _attempt(text: bytes, index: int, attempt: Attempt) -> Attempt:
    times = {"started_at": attempt.started_at, "ended_at": attempt.ended_at}
    return replace(attempt, **_in_utc(text, times, ("attempts", index)))


def builtin(value: Any) -> Any:  # noqa: ANN401 - msgspec asks for whatever it does not know
    """Return what stands for a value that msgspec does not know: a mapping, or its words."""
    if isinstance(value, Mapping):
        return dict(value.items())
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
        raise placed(text, str(error)) from None
    if not GOOD_ID.match(value.id):
        raise placed(text, "This cannot be an id - at `$.id`")
    return value


def placed(text: bytes, message: str) -> InvalidYaml:
    """Return what does not fit in words, with the line and column where it stands."""
    found = WHERE.search(message)
    way = _way(found[1]) if found else ()
    sentence = WHERE.sub("", message)
    if unknown := UNKNOWN_FIELD.match(sentence):
        way = (*way, unknown[1])
        sentence = "There is no such field"
    elif missing := MISSING_FIELD.match(sentence):
        sentence = f"The field '{missing[1]}' is missing"
    elif word := UNKNOWN_WORD.match(sentence):
        sentence = _none_of(word[1], WORDS.get(str(way[-1])) if way else None)
    else:
        sentence = _in_plain_words(sentence, str(way[-1]) if way else "")
    return _at(text, way, sentence)


def _in_plain_words(sentence: str, field: str) -> str:
    if bound := OUT_OF_RANGE.match(sentence):
        number = f"{float(bound[2]):,.0f}"
        return f"It must be {number} or {'more' if bound[1] == '>=' else 'less'}"
    if NO_TIME.match(sentence):
        return "A time is written with its zone, as in 2026-11-21T07:41:18Z"
    words = SHAPE.sub(lambda shape: _shape(shape[1]), sentence)
    return f"{words}; {AS_IN[field]}" if field in AS_IN and sentence.startswith("Expected") else words


def _shape(told: str) -> str:
    shapes = [
        SHAPES.get(shape, f"'{shape}'") for shape in told.split(" | ") if shape != "null" or told == shape
    ]
    return " or ".join(shapes)


def _none_of(word: str, words: type[StrEnum] | None) -> str:
    cut = word if len(word) <= LONGEST_TOLD else f"{word[:LONGEST_TOLD]}…"
    return f"'{cut}' is none of {', '.join(words)}" if words else f"'{cut}' is no word that belongs here"


def _way(dotted: str) -> yaml_text.Path:
    steps = re.findall(r"[^.\[\]]+", dotted)
    return tuple(int(step) if step.isdigit() else step for step in steps)


def _check_attempts(text: bytes, run: Run) -> None:
    """Raise InvalidYaml for a run that no move leads to: one that its attempts do not bear out."""
    last = run.attempts[-1].number if run.attempts else 0
    if last != run.attempt:
        found = f"the last of its attempts is number {last}" if last else "it has no attempts"
        raise _at(text, ("attempt",), f"It says {run.attempt}, but {found}")
    if run.state in AT_WORK and not run.attempts:
        raise _at(text, ("state",), f"A run that is {run.state} has an attempt; this one has none")


def _in_utc(
    text: bytes,
    times: Mapping[str, datetime | None],
    way: yaml_text.Path = (),
) -> dict[str, datetime | None]:
    """Return the times in UTC, so that they sort as their text does; raises InvalidYaml."""
    return {name: at and _moment(text, (*way, name), at) for name, at in times.items()}


def _moment(text: bytes, way: yaml_text.Path, at: datetime) -> datetime:
    if at.tzinfo is None:
        raise _at(text, way, "A time needs its zone, as in 2026-11-21T07:41:18Z")
    try:
        return at.astimezone(UTC)
    except OverflowError:
        raise _at(text, way, "In UTC this time is outside the years 1 to 9999") from None


def _at(text: bytes, way: yaml_text.Path, sentence: str) -> InvalidYaml:
    """Return what is wrong with the value at the end of the way, and where that stands."""
    line, column = yaml_text.places(text).get(way, (1, 1))
    where = ".".join(str(step) for step in way)
    return InvalidYaml(f"{where}: {sentence}." if where else f"{sentence}.", line=line, column=column)
