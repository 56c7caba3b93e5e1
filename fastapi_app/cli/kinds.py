"""`holdfast kinds`: what Holdfast can do, and the options of each kind."""

from typing import Annotated, Any

import typer

from core.engines import ENGINES
from core.errors import NotFound
from fastapi_app.cli.terminal import AsJson, say, say_json, say_table


def kinds(
    kind: Annotated[
        str | None, typer.Argument(help="One kind, with its options.", show_default=False)
    ] = None,
    as_json: AsJson = False,
) -> None:
    """List the kinds of job, or the options of one."""
    if kind is None:
        _list(as_json=as_json)
        return
    if kind not in ENGINES:
        raise NotFound("kind", kind, hint=f"The kinds are: {', '.join(ENGINES)}.")
    schema = ENGINES[kind].model_json_schema()
    if as_json:
        say_json(schema)
        return
    say(f"{ENGINES[kind].label}. {ENGINES[kind].summary}")
    say()
    required = set(schema.get("required", ()))
    rows = [_row(name, field, name in required) for name, field in schema["properties"].items()]
    say_table(("option", "default", "what it is"), rows)


def _list(*, as_json: bool) -> None:
    if as_json:
        say_json(
            [{"kind": name, "label": one.label, "summary": one.summary} for name, one in ENGINES.items()]
        )
        return
    say_table(
        ("kind", "what it does"), [(name, f"{one.label}. {one.summary}") for name, one in ENGINES.items()]
    )


def _row(name: str, field: dict[str, Any], required: bool) -> tuple[str, str, str]:
    default = "required" if required else str(field.get("default", ""))
    return name, default, str(field.get("description", "")).replace("\n", " ")
