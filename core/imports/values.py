"""What was found in a file of another program, and what would be made of it."""

from collections.abc import Mapping
from typing import Final, Literal

from core.models import NOTHING, Schedule, Value
from core.places.drafts import DestinationDraft

SourceType = Literal["rclone", "restic", "borgmatic", "backrest", "crontab"]
SOURCES: Final[Mapping[SourceType, str]] = {
    "rclone": "Remotes of rclone (rclone.conf)",
    "restic": "A repository of restic (a file of variables)",
    "borgmatic": "borgmatic (its YAML)",
    "backrest": "Backrest (config.json)",
    "crontab": "Lines of a crontab with rsync, restic or rclone",
}
LONGEST_TEXT: Final = 1_000_000
MOST_FILES: Final = 50
MOST_THINGS: Final = 500
"""Destinations or jobs that one file may become."""


class NotUnderstood(Exception):
    """Something in a file that is left as it is; the message says why, and repeats nothing that may be a secret."""


class Remark(Value, frozen=True, kw_only=True):
    """What became of a part of a file: where it stands, and in words what was or was not understood."""

    place: str
    words: str


class PlannedDestination(Value, frozen=True, kw_only=True):
    """A destination that would be made; `ref` is what planned jobs call it.

    `same_as` is the id of one that is there already and serves; `problems` say why it cannot be made.
    """

    ref: str
    place: str
    draft: DestinationDraft
    same_as: str = ""
    problems: tuple[str, ...] = ()


class PlannedJob(Value, frozen=True, kw_only=True):
    """A job that would be made. `ref` is the planned destination that its option `destination` leads to, `below` the path there."""

    place: str
    name: str
    kind: str
    options: Mapping[str, object] = NOTHING
    schedule: Schedule | None = None
    ref: str = ""
    below: str = ""
    problems: tuple[str, ...] = ()


class Found(Value, frozen=True, kw_only=True):
    """What a file says, taken apart; `files` are those it names that were not given along."""

    destinations: tuple[PlannedDestination, ...] = ()
    jobs: tuple[PlannedJob, ...] = ()
    understood: tuple[Remark, ...] = ()
    left_out: tuple[Remark, ...] = ()
    files: tuple[str, ...] = ()

    def __add__(self, other: "Found") -> "Found":
        """Return both together."""
        fields = ("destinations", "jobs", "understood", "left_out", "files")
        return Found(**{field: getattr(self, field) + getattr(other, field) for field in fields})


class Preview(Value, frozen=True, kw_only=True):
    """What would be made, under the `hash` by which exactly that is asked for."""

    hash: str
    source: SourceType
    found: Found


class Made(Value, frozen=True, kw_only=True):
    """What was made: destinations and jobs by id with their names, and what could not be, in words."""

    destinations: Mapping[str, str] = NOTHING
    jobs: Mapping[str, str] = NOTHING
    failed: tuple[Remark, ...] = ()
