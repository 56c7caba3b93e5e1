"""Looking at what rclone reaches: the folder there, and how much is free where the storage tells."""

import json
from typing import Final

from core.destinations.known import Destination, Destinations
from core.errors import EngineFailed
from core.places.looks.patience import Patience
from core.places.states import Room, Seen
from core.remotes import rclone
from core.sizes import size

PATIENCE: Final = ("--retries", "1", "--low-level-retries", "1", "--contimeout", "10s", "--timeout", "15s")
NO_ANSWER: Final = Seen(
    reachable=False,
    sentence="The storage did not answer in time.",
    hint="Is its address right, and can this machine reach it?",
    code="unreachable",
)


def look(destination: Destination, destinations: Destinations, patience: Patience) -> Seen:
    """Return what there is to see of a path of a remote."""
    try:
        call = rclone.call(destination, destinations)
    except (EngineFailed, FileNotFoundError):
        return Seen(
            reachable=False,
            sentence="What rclone needs to log in is not there.",
            hint="Enter the secrets of the destination again.",
            code="login-refused",
        )
    listed = patience.ask(
        (*call.argv, *PATIENCE, "lsf", "--max-depth", "1", "--", call.place), call.environment
    )
    if listed.timed_out and not listed.out:
        return NO_ANSWER
    if listed.code != 0 and not listed.timed_out:
        trouble = rclone.trouble(listed.code, listed.err.splitlines())
        gone = trouble.code == "missing"
        return Seen(
            reachable=False,
            sentence="The storage answers, and there is no such path." if gone else trouble.sentence,
            hint="Prepare the destination, which makes it." if gone else trouble.hint,
            code=trouble.code,
            prepared=not gone,
        )
    asked = patience.ask((*call.argv, *PATIENCE, "about", "--json", "--", call.place), call.environment)
    room = room_in(asked.out)
    words = f"{size(room.free)} are free" if room.free is not None else "it does not say how much is free"
    return Seen(reachable=True, sentence=f"It can be reached, and {words}.", room=room)


def room_in(text: str) -> Room:
    """Return what `rclone about --json` says, as far as it says something."""
    try:
        said = json.loads(text)
    except ValueError:
        return Room()
    if not isinstance(said, dict):
        return Room()
    return Room(free=_bytes(said.get("free")), total=_bytes(said.get("total")), used=_bytes(said.get("used")))


def _bytes(value: object) -> int | None:
    good = isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**53
    return int(str(value)) if good else None
