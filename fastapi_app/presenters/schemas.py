"""What the options of each kind are, described once: describing them anew costs more than a page."""

from collections.abc import Mapping
from functools import cache
from types import MappingProxyType
from typing import Any, Final

from core.engines import ENGINES

NONE: Final[Mapping[str, Any]] = MappingProxyType({"properties": MappingProxyType({})})


@cache
def schema_of(kind: str) -> Mapping[str, Any]:
    """Return the JSON schema of a kind's options, to be read only; without properties for a kind that is gone."""
    engine = ENGINES.get(kind)
    return engine.model_json_schema() if engine else NONE
