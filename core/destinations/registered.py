"""Destinations as they are kept: a register each, their secrets in files beside."""

import logging
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

import msgspec

from core.destinations.known import GOOD_DESTINATION_ID, Destination
from core.destinations.secret_files import SecretFiles, Stamps
from core.models import NOTHING
from core.packed import json_of

log = logging.getLogger(__name__)

DESTINATION: Final = "destination/"
"""How the names of their registers begin."""

Register = Callable[[str], Mapping[str, Any] | None]
"""Returns what a register has; None where there is none."""


class Kept(Destination, frozen=True, kw_only=True):
    """A destination as its register has it: with the stamp of each of its secrets."""

    stamps: Mapping[str, str] = NOTHING


kept_of: Final = msgspec.json.Decoder(Kept).decode


class Registered:
    """Finds the destinations that are kept in registers."""

    def __init__(self, register: Register, data: Path) -> None:
        self._register = register
        self.files = SecretFiles(data)

    def kept(self, destination_id: str) -> Kept | None:
        """Return what is kept of a destination; None where there is none."""
        if not GOOD_DESTINATION_ID.match(destination_id):
            return None
        value = self._register(DESTINATION + destination_id)
        return None if value is None else kept_in(destination_id, value)

    def find(self, destination_id: str) -> Destination | None:
        """Return the destination of that id; None where there is none."""
        kept = self.kept(destination_id)
        return None if kept is None else destination_of(kept)

    def secret(self, destination_id: str, name: str) -> Path:
        """Return the file that holds a secret of a destination; raises FileNotFoundError where there is none."""
        kept = self.kept(destination_id)
        if kept is None or name not in kept.stamps:
            raise FileNotFoundError(destination_id)
        return self.files.path(destination_id, name, kept.stamps[name])


def kept_in(destination_id: str, value: Mapping[str, Any]) -> Kept | None:
    """Return what a register says; None where it cannot be read, which is logged without its content."""
    try:
        kept = kept_of(json_of(value))
    except msgspec.MsgspecError:
        log.warning("register %s%s cannot be read; there is no such destination", DESTINATION, destination_id)
        return None
    return kept if kept.id == destination_id else None


def destination_of(kept: Kept) -> Destination:
    """Return the destination without what only its keeper needs."""
    return Destination(**{name: getattr(kept, name) for name in Destination.__struct_fields__})


def value_of(destination: Destination, stamps: Stamps) -> dict[str, Any]:
    """Return what its register has."""
    value: dict[str, Any] = msgspec.to_builtins(destination)
    return value | {"stamps": dict(stamps)}
