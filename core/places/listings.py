"""Holding what a repository lists against what runs have made there, and keeping what was found out."""

import logging
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final

from core.destinations.known import Destination, Destinations
from core.destinations.registered import DESTINATION, kept_in
from core.errors import EngineFailed
from core.places.book import House
from core.places.looks.patience import Patience
from core.remotes import restic
from core.repositories.reconciling import REGISTER, Known, followed_by
from core.repositories.snapshots import TAG, snapshots_in

log = logging.getLogger(__name__)

ANSWERED: Final = 0


def reconcile(
    destination: Destination, destinations: Destinations, house: House, patience: Patience, now: datetime
) -> None:
    """Look which snapshots of our runs a repository has, and note those that are found or gone.

    Where it cannot be asked nothing is noted: what nobody has seen is neither there nor gone.
    """
    try:
        call = restic.call(destination, destinations)
    except EngineFailed:
        return
    asked = patience.ask(restic.snapshots(call, TAG), call.environment)
    if asked.code != ANSWERED:
        return
    try:
        listed = snapshots_in(asked.out)
    except ValueError:
        log.warning("what the repository of %s says of its snapshots was not understood", destination.id)
        return

    def change(read: Callable[[str], Mapping[str, Any] | None]) -> dict[str, Mapping[str, Any]]:
        value = read(DESTINATION + destination.id)
        present = None if value is None else kept_in(destination.id, value)
        if present is None or present.version != destination.version:
            return {}  # it may be another repository by now
        name = REGISTER + destination.id
        return {name: followed_by(Known.kept(read(name)), listed, now).as_register}

    house.change_registers(change)
