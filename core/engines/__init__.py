"""Every kind of job there is."""

import importlib
import threading
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any, Final

from pydantic import ValidationError

from core.engines.base import Engine
from core.errors import InvalidOptions, NotFound

MODULES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "copy": "core.engines.copy:CopyEngine",
        "rsync": "core.engines.rsync:RsyncEngine",
        "rclone": "core.engines.rclone:RcloneEngine",
        "restic": "core.engines.restic:ResticEngine",
        "several": "core.engines.several:SeveralEngine",
        "watch": "core.engines.watch:WatchEngine",
        "command": "core.engines.command:CommandEngine",
        "shell": "core.engines.shell:ShellEngine",
    },
)
"""Where the engine of each kind is, in the order in which people are shown them."""

BY_PROGRAMS: Final = ("rsync", "rclone", "restic")
"""The kinds of which a job can make several copies."""


class Engines(Mapping[str, type[Engine]]):
    """The engine of each kind. One is loaded when it is first asked for: a command needs few of them."""

    def __init__(self) -> None:
        self._loaded: dict[str, type[Engine]] = {}
        self._lock = threading.RLock()

    def __getitem__(self, kind: str) -> type[Engine]:
        """Return the engine of the kind; raises KeyError."""
        with self._lock:
            if kind not in self._loaded:
                self._loaded[kind] = self._load(MODULES[kind])
            return self._loaded[kind]

    def _load(self, place: str) -> type[Engine]:
        module, _, name = place.partition(":")
        engine: Any = getattr(importlib.import_module(module), name)
        if hasattr(engine, "made_of"):
            engine = engine.made_of({kind: self[kind] for kind in BY_PROGRAMS})
        loaded: type[Engine] = engine
        return loaded

    def __contains__(self, kind: object) -> bool:
        return kind in MODULES

    def __iter__(self) -> Iterator[str]:
        return iter(MODULES)

    def __len__(self) -> int:
        return len(MODULES)


ENGINES: Final[Mapping[str, type[Engine]]] = Engines()

OUR_WORDS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "missing": "This is needed.",
        "extra_forbidden": "There is no such option.",
        "path_type": "This must be a path.",
        "string_type": "This must be a text.",
        "string_too_short": "This is needed.",
        "string_too_long": "This has more than {max_length} characters.",
        "bool_type": "This must be true or false.",
        "bool_parsing": "This must be true or false.",
        "int_type": "This must be a whole number.",
        "int_parsing": "This must be a whole number.",
        "int_from_float": "This must be a whole number.",
        "int_parsing_size": "This number is too large.",
        "float_type": "This must be a number.",
        "float_parsing": "This must be a number.",
        "finite_number": "This must be a number.",
        "greater_than_equal": "This must be {ge} or more.",
        "less_than_equal": "This must be {le} or less.",
        "list_type": "This must be a list.",
        "tuple_type": "This must be a list.",
        "too_long": "These are more than {max_length}.",
        "dict_type": "This must be an object: names, each with a value.",
        "model_type": "This must be an object: names, each with a value.",
        "model_attributes_type": "This must be an object: names, each with a value.",
        "enum": "This must be {expected}.",
        "literal_error": "This must be {expected}.",
    },
)
"""What is said of each kind of mistake, instead of what the library says."""


def engine_for(kind: str, options: Mapping[str, Any]) -> Engine:
    """Return the engine of the kind with these options.

    Raises NotFound: no such kind; InvalidOptions: a problem for each field that is wrong.
    """
    engine = ENGINES.get(kind)
    if engine is None:
        raise NotFound("kind", kind, hint=f"The kinds are: {', '.join(ENGINES)}.")
    try:
        return engine.model_validate(plain(options))
    except ValidationError as error:
        raise InvalidOptions(problems_in(error)) from None


def plain(value: Any) -> Any:  # noqa: ANN401 - any JSON value in, one that pydantic reads out
    """Return a frozen JSON value with ordinary mappings and lists, all the way down."""
    if isinstance(value, Mapping):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return value


def problems_in(error: ValidationError) -> dict[str, str]:
    """Return a sentence for each field that is wrong; what was entered is not repeated."""
    found = error.errors(include_url=False, include_input=False)
    return {".".join(("options", *map(str, detail["loc"]))): sentence(detail) for detail in found}


def sentence(detail: Mapping[str, Any]) -> str:
    """Return what is wrong with a field, as a sentence."""
    words = OUR_WORDS.get(detail["type"])
    if words is not None:
        return words.format_map(detail.get("ctx", {}))
    words = str(detail["msg"]).removeprefix("Value error, ")
    return words[:1].upper() + words[1:].rstrip(".") + "."
