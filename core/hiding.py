"""Options as anybody may see them: the values of secret variables are dots, and dots that come back mean the value before."""

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

DOTS: Final = "••••••"
ENVIRONMENT: Final = "env"
NAMED: Final = "secret_env"

SECRET: Final = re.compile(
    r"PASS|SECRET|TOKEN|KEY|CREDENTIAL|AUTH|COOKIE|PRIVATE|PWD\Z|_PW\Z|_PIN\Z|DSN"
    r"|(?:DATABASE|DB|REDIS|MONGO|MONGODB|AMQP|POSTGRES)_UR[IL]",
    re.IGNORECASE,
)
"""Names of variables whose values are nobody's business."""


def is_secret(name: str, named: Iterable[str] = ()) -> bool:
    """Tell whether the value of a variable is nobody's business, by its name or because the job says so."""
    return bool(SECRET.search(name)) or name in named


def hidden(options: Mapping[str, Any], also: Iterable[str] = ()) -> Mapping[str, Any]:
    """Return the options with dots in place of what nobody may read; `also` are names that another version calls secret."""
    variables = options.get(ENVIRONMENT)
    if not variables:
        return options
    named = (*(options.get(NAMED) or ()), *also)
    if isinstance(variables, str):
        return {
            **options,
            ENVIRONMENT: "\n".join(_hidden_line(line, named) for line in variables.splitlines()),
        }
    if not isinstance(variables, Mapping):
        return options
    shown = {name: DOTS if is_secret(name, named) else value for name, value in variables.items()}
    return {**options, ENVIRONMENT: shown}


def _hidden_line(line: str, named: Iterable[str]) -> str:
    """Return a line of a form as it is shown again: what was typed is to be typed again, dots stay what they mean."""
    name, equals, value = line.partition("=")
    if not equals or value.strip() == DOTS or not is_secret(name.strip(), named):
        return line
    return f"{name}="


def restored(options: Mapping[str, Any], before: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the options with the values of before where only dots came back."""
    kept = before.get(ENVIRONMENT)
    if ENVIRONMENT not in options or not isinstance(kept, Mapping):
        return options
    return {**options, ENVIRONMENT: _restored(options[ENVIRONMENT], kept)}


def _restored(variables: Any, kept: Mapping[str, str]) -> Any:  # noqa: ANN401 - a mapping, or the text of a form
    if isinstance(variables, str):
        lines = variables.splitlines()
        return "\n".join(_restored_line(line, kept) for line in lines)
    if isinstance(variables, Mapping):
        return {name: kept.get(name, value) if value == DOTS else value for name, value in variables.items()}
    return variables


def _restored_line(line: str, kept: Mapping[str, str]) -> str:
    name, _, value = line.partition("=")
    name = name.strip()
    return f"{name}={kept[name]}" if value.strip() == DOTS and name in kept else line
