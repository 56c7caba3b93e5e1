"""One look at a destination, whatever its type."""

from datetime import datetime
from pathlib import Path

from msgspec.structs import replace

from core.destinations.known import Destination, Destinations
from core.places.looks import cloud, folder, host, repository
from core.places.looks.folder import Ours
from core.places.looks.patience import Patience
from core.places.looks.programs import PROGRAM_OF, version_of
from core.places.states import Seen

__all__ = ["Ours", "look_at"]


def look_at(
    destination: Destination,
    destinations: Destinations,
    own_data: Path,
    ours: Ours,
    patience: Patience,
    now: datetime,
) -> Seen:
    """Return what there is to see of a destination; nothing is changed but a probe file of our own."""
    settings = destination.settings
    if destination.type == "folder":
        return folder.look(settings["path"], own_data, ours, patience, mounted=bool(settings.get("mounted")))
    if destination.type == "ssh":
        seen = host.look(destination, destinations, patience)
    elif destination.type == "rclone":
        seen = cloud.look(destination, destinations, patience)
    else:
        seen = repository.look(destination, destinations, own_data, patience, now)
    return replace(seen, program=version_of(PROGRAM_OF[destination.type]))
