"""The options of a kind as fields of a form: how each is asked for, and what its field says."""

import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from core import steps
from core.commanding import arguments, environment
from core.engines import plain
from core.engines.base import Engine
from core.hiding import hidden
from fastapi_app.presenters.fields import Field
from fastapi_app.presenters.texts import Exactly

OPTIONS: Final = "options."
CLEARED: Final = frozenset({"names", "variables", "words"})
"""Ways of asking in which an empty field is an answer too."""

WIDE: Final = frozenset({"patterns", "steps", "toggle", "arguments", "variables", "words", "json"})


def entered_options(values: Mapping[str, Any], engine: type[Engine]) -> dict[str, Any]:
    """Return the options that the fields say; an optional one left empty is left out.

    So is one that belongs to a choice not made: what stands in it is out of sight.
    """
    options: dict[str, Any] = {}
    schema = engine.model_json_schema()
    for name, about in schema["properties"].items():
        if not _is_asked(about, values):
            continue
        text = values.get(OPTIONS + name)
        widget = widget_of(about, schema)
        if widget == "toggle":
            options[name] = text == "true"
        elif widget in {"patterns", "steps"}:
            options[name] = [line for line in str(text or "").splitlines() if line.strip()]
        elif widget == "json":
            options[name] = _json_in(str(text or ""))
        elif widget in CLEARED or text or name in schema.get("required", ()):
            options[name] = str(text or "")
    return options


def _json_in(text: str) -> object:
    """Return the value that a text says; the text itself where it says none, for checking to find fault with."""
    try:
        return json.loads(text) if text.strip() else {}
    except (ValueError, RecursionError):
        return text


def _is_asked(about: Mapping[str, Any], values: Mapping[str, Any]) -> bool:
    """Tell whether the fields that open this one stand as it wants them."""
    return all(
        str(values.get(OPTIONS + owner, _unsent(wanted))) == as_text(wanted)
        for owner, wanted in about.get("shown_if", {}).items()
    )


def _unsent(wanted: object) -> str:
    """Return what a field says that was not sent: an empty box is no, any other hides nothing."""
    return "false" if isinstance(wanted, bool) else as_text(wanted)


def fields_of(engine: type[Engine], options: Mapping[str, Any]) -> Iterable[tuple[str, Field]]:
    """Return each option's group and field, filled with the options or their defaults."""
    schema = engine.model_json_schema()
    options = hidden(options)
    for name, about in schema["properties"].items():
        value = options.get(name, about.get("default"))
        yield str(about.get("group", "")), _field(name, about, schema, value)


def _field(name: str, about: Mapping[str, Any], schema: Mapping[str, Any], value: object) -> Field:
    widget = widget_of(about, schema)
    shown_if = next(iter(about.get("shown_if", {}).items()), None)
    return Field(
        id=f"options-{name.replace('_', '-')}",
        name=OPTIONS + name,
        label=about.get("title") or name,
        help=about.get("description", "").replace("\n", " "),
        widget=widget,
        choices=choices_of(about, schema),
        value=bool(value) if widget == "toggle" else Exactly(as_text(value, widget)),
        placeholder=str(about.get("placeholder", "")),
        wide=widget in WIDE,
        shown_if=(OPTIONS + shown_if[0], as_text(shown_if[1])) if shown_if else None,
    )


def as_text(value: object, widget: str = "") -> str:
    """Return what stands in a field for a value."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if widget == "json":
        return json.dumps(plain(value), ensure_ascii=False, indent=1) if value else ""
    if isinstance(value, Mapping):
        return environment.as_text(value)
    if isinstance(value, list | tuple):
        return LISTED.get(widget, _a_line_each)(value)
    return "" if value is None else str(value)


def _a_line_each(values: Iterable[object]) -> str:
    return "\n".join(map(str, values))


LISTED: Final[Mapping[str, Callable[[Any], str]]] = {
    "arguments": arguments.as_text,
    "steps": steps.as_text,
    "names": lambda values: ", ".join(map(str, values)),
}
"""How lists stand in a field, by the way they are asked for; others have a line for each."""


def widget_of(about: Mapping[str, Any], schema: Mapping[str, Any]) -> str:
    """Return how an option is asked for: what the kind wants, else what its type suggests."""
    if "widget" in about:
        return str(about["widget"])
    if choices_of(about, schema):
        return "choice"
    return {"boolean": "toggle", "array": "patterns"}.get(str(about.get("type")), "text")


def choices_of(about: Mapping[str, Any], schema: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    """Return what can be chosen: each value with its words."""
    reference = str(about.get("$ref", "")).rpartition("/")[2]
    values = about.get("enum") or schema.get("$defs", {}).get(reference, {}).get("enum", ())
    words = about.get("choices", {})
    return tuple((str(value), str(words.get(value) or str(value).capitalize())) for value in values)
