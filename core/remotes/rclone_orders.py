"""How rclone is told what to do: every option of ours by its name, and no other."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final, Literal

from core.clock import SystemClock
from core.destinations.known import Destination, Destinations, Target
from core.errors import EngineFailed
from core.models import NOTHING, Value
from core.remotes import rclone

STEADY: Final = (
    "--use-json-log", "--stats", "1s",
    "--retries", "2", "--low-level-retries", "3", "--contimeout", "30s", "--timeout", "5m",
)  # fmt: skip


class Place(Value, frozen=True, kw_only=True):
    """Where rclone writes: how it is called, with which environment, and the place in its words."""

    argv: tuple[str, ...]
    environment: Mapping[str, str] = NOTHING
    place: str


class Setting(Value, frozen=True, kw_only=True):
    """How a copy is to be made. `most_removed` limits a mirror; `bandwidth` is as rclone writes it."""

    verb: Literal["copy", "sync"]
    compare: Literal["times", "checksum", "all"]
    links: bool
    metadata: bool
    empty_folders: bool
    transfers: int
    checkers: int
    fast_list: bool
    exact_names: bool
    most_removed: int | None = None
    bandwidth: str = ""

    @property
    def options(self) -> tuple[str, ...]:
        """Return it as options of rclone's."""
        wanted = {
            "--checksum": self.compare == "checksum",
            "--ignore-times": self.compare == "all",
            "--links": self.links,
            "--metadata": self.metadata,
            "--create-empty-src-dirs": self.empty_folders,
            "--fast-list": self.fast_list,
            "--no-unicode-normalization": self.exact_names,
        }
        numbers = ("--transfers", str(self.transfers), "--checkers", str(self.checkers))
        limit = ("--bwlimit", self.bandwidth) if self.bandwidth else ()
        return (*(name for name, is_wanted in wanted.items() if is_wanted), *numbers, *limit)


def place_of(target: Target, destination: Destination | None, destinations: Destinations, home: str) -> Place:
    """Return where a run writes; raises EngineFailed where the destination lost its configuration."""
    if destination is not None and destination.type == "rclone":
        try:
            call = rclone.call(destination, destinations, target.below)
        except FileNotFoundError:
            message = f"What rclone needs to reach {destination.name} is gone."
            raise EngineFailed(message, hint="Enter the destination's secrets again.") from None
        return Place(argv=call.argv, environment=call.environment, place=call.place)
    path = str(destination.settings["path"]) if destination is not None else str(target.folder)
    return Place(
        argv=rclone.leading(""),
        environment=rclone.environment(home),
        place=f"{path}/{target.below}" if target.below else path,
    )


def environment_for(place: Place, workspace: Path) -> dict[str, str]:
    """Return all the environment of a run: what rclone keeps for a while is kept below the run's own folder."""
    room = str(workspace)
    return {**place.environment, "TMPDIR": room, "XDG_CACHE_HOME": room}


def command_line(
    place: Place, setting: Setting, source: Path, rules: Path, *, dry: bool = False, quiet: bool = False
) -> tuple[str, ...]:
    """Return the whole command of a copy or of its trial; one that is `quiet` names no file but where one fails."""
    level = "ERROR" if quiet else "NOTICE"
    return (
        *place.argv,
        setting.verb,
        *STEADY,
        *("--log-level", level, "--stats-log-level", level),
        *setting.options,
        *(removal_options(place, setting.most_removed) if setting.verb == "sync" else ()),
        *(["--dry-run"] if dry else []),
        "--filter-from",
        str(rules),
        "--",
        str(source),
        place.place,
    )


def removal_options(place: Place, most: int | None) -> tuple[str, ...]:
    """Return how a mirror removes: never more than so many, and into a dated folder beside the copy."""
    today = SystemClock().now().strftime("%Y-%m-%dT%H%M%S")
    limit = () if most is None else ("--max-delete", str(most))
    return (*limit, "--backup-dir", f"{place.place.rstrip('/')}-removed/{today}")
