"""What a destination is, and how the parts that work with one find it."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, Literal, NamedTuple, Protocol

from core.models import NOTHING, Moment, Value

DestinationType = Literal["folder", "ssh", "rclone", "restic"]

GOOD_DESTINATION_ID: Final = re.compile(r"[a-z0-9][a-z0-9-]{0,40}\Z")


class Destination(Value, frozen=True, kw_only=True):
    """A place for copies.

    `settings` are those of its type, checked when it was made, without a secret in them; `secrets` are the names of
    those it has, each kept in a file of its own. `version` counts its changes from 1.
    """

    id: str
    name: str
    type: DestinationType
    settings: Mapping[str, Any] = NOTHING
    secrets: tuple[str, ...] = ()
    version: int = 1
    created_at: Moment
    updated_at: Moment


class Destinations(Protocol):
    """Finds destinations and their secrets."""

    def find(self, destination_id: str) -> Destination | None:
        """Return the destination of that id; None where there is none."""
        ...

    def secret(self, destination_id: str, name: str) -> Path:
        """Return the file that holds a secret of a destination: its bytes and nothing else, readable by us alone."""
        ...


class _NoDestinations:
    """There are none."""

    def find(self, destination_id: str) -> Destination | None:  # noqa: ARG002 - there are none
        """Return None."""
        return None

    def secret(self, destination_id: str, name: str) -> Path:
        """Raise FileNotFoundError."""
        raise FileNotFoundError(destination_id, name)


NO_DESTINATIONS: Final = _NoDestinations()


class Target(NamedTuple):
    """Where a job's copy goes as its option says it: a folder of this machine, or a path below a destination.

    `destination_id` is empty for a folder; `below` has no leading slash, no "..", no empty part.
    """

    destination_id: str
    below: str
    folder: Path | None = None


def target_in(text: str) -> Target:
    """Return what "/mnt/disk/photos", "nas" or "nas:photos/2026" means; raises ValueError in words for people."""
    if text.startswith("/"):
        return Target("", "", Path(text))
    head, _, below = text.partition(":")
    if not GOOD_DESTINATION_ID.match(head):
        message = "this must be a path that begins with /, or a destination such as nas or nas:photos"
        raise ValueError(message)
    if below and any(part in {"", ".", ".."} for part in below.split("/")):
        message = "the path below a destination has no empty part, no . and no .., and does not begin with /"
        raise ValueError(message)
    if any(not character.isprintable() for character in below):
        message = "the path below a destination has no control characters"
        raise ValueError(message)
    return Target(head, below)
