"""Steps as lines of words, as people write them in a form: `stop-container photoprism`."""

import shlex
from collections.abc import Mapping, Sequence
from typing import Any, Final

from pydantic import ValidationError

from core.steps.kinds import KINDS, Step

COMMANDS: Final = frozenset({"before", "after"})
MOST_STEPS: Final = 20


def entered(value: Any) -> Any:  # noqa: ANN401 - whatever was sent; what is not understood is said
    """Return the steps that a text, a list of lines or a list of objects stands for; raises ValueError in words."""
    lines = [line for line in value.splitlines() if line.strip()] if isinstance(value, str) else value
    if not isinstance(lines, list | tuple):
        message = "these must be steps, one a line"
        raise ValueError(message)  # noqa: TRY004 - pydantic wants this one
    if len(lines) > MOST_STEPS:
        message = f"these are {len(lines)} steps; {MOST_STEPS} at most"
        raise ValueError(message)
    return [_step(number, line) for number, line in enumerate(lines, start=1)]


def _step(number: int, line: Any) -> Step:  # noqa: ANN401 - as above
    if isinstance(line, Step):
        return line
    fields = _fields(number, line) if isinstance(line, str) else line
    if not isinstance(fields, Mapping):
        message = f"Step {number} is no step: begin it with one of {', '.join(KINDS)}."
        raise ValueError(message)  # noqa: TRY004 - as above
    kind = KINDS.get(str(fields.get("do")))
    if kind is None:
        message = f"Step {number} must begin with one of {', '.join(KINDS)}."
        raise ValueError(message)
    try:
        return kind.model_validate(dict(fields))
    except ValidationError as error:
        raise ValueError(_in_words(number, kind, error)) from None


def _in_words(number: int, kind: type[Step], error: ValidationError) -> str:
    first = error.errors(include_url=False, include_input=False)[0]
    field = ".".join(str(part) for part in first["loc"][:1])
    known = [name for name in kind.model_fields if name != "do"]
    match first["type"]:
        case "missing":
            return f"Step {number} needs {field}=..."
        case "extra_forbidden":
            return f"Step {number} has no field of that name: it has {', '.join(known)}."
        case _:
            words = str(first["msg"]).removeprefix("Value error, ")
            return f"Step {number}, {field}: {words[:1].lower()}{words[1:]}."


def _fields(number: int, line: str) -> dict[str, Any]:
    """Return the fields that a line says: its kind, then name=value; the main one without its name."""
    try:
        words = shlex.split(line)
    except ValueError:
        message = f"Step {number}: a quotation mark has no partner."
        raise ValueError(message) from None
    fields: dict[str, Any] = {"do": words[0] if words else ""}
    kind = KINDS.get(fields["do"])
    for word in words[1:] if kind is not None else ():
        name, equals, value = word.partition("=")
        if kind is not None and kind.main and (not equals or name not in kind.model_fields):
            name, value = kind.main, word
        elif not equals:
            message = f"Step {number}: write each field as name=value."
            raise ValueError(message)
        if name in fields:
            message = f"Step {number} says {name} twice."
            raise ValueError(message)
        fields[name] = value
    return fields


def as_text(steps: Sequence[Any]) -> str:
    """Return steps, as they are kept, as lines that `entered` makes the same steps of."""
    return "\n".join(step if isinstance(step, str) else _line(step) for step in steps)


def _line(step: Any) -> str:  # noqa: ANN401 - a step, or the object that it is kept as
    fields = step.model_dump(mode="json") if isinstance(step, Step) else dict(step)
    kind = KINDS.get(str(fields.get("do")))
    usual = {name: about.default for name, about in kind.model_fields.items()} if kind else {}
    words = [str(fields.get("do", ""))]
    for name, value in fields.items():
        if name == "do" or value is None or value == usual.get(name) or value in ([], ()):
            continue
        text = shlex.join(value) if name in COMMANDS and not isinstance(value, str) else str(value)
        words.append(shlex.quote(text if kind and name == kind.main else f"{name}={text}"))
    return " ".join(words)
