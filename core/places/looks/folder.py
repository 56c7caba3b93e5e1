"""Looking at a folder of this machine."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple

from core.places.looks.patience import Patience
from core.places.states import Room, Seen
from core.processes.ours import argv_of
from core.sizes import size

CHILD: Final = "core.places.looks.folder_child"
ENVIRONMENT: Final = {"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8"}
FEW_INODES: Final = 0.02
"""Share of the files that fit on a file system, below which that few more is worth a word."""


class Ours(NamedTuple):
    """By what a marker is known to be ours: the store, and the destination; one that is only tried has none."""

    store: str
    destination: str = ""


def look(
    path: str, own_data: Path, ours: Ours, patience: Patience, *, mounted: bool, prepare: bool = False
) -> Seen:
    """Return what there is to see of a folder; where it is `mounted`, the marker must be there.

    With `prepare` the folder is made first, below one that is there, and the marker laid into it.
    """
    asked = patience.ask(argv_of(CHILD, path, str(own_data), *(ours if prepare else ())), ENVIRONMENT)
    if asked.timed_out:
        return Seen(
            reachable=False,
            sentence="The folder did not answer: its disk or its network is gone.",
            hint="Look at the cable, the network, or the machine that shares it.",
            code="unreachable",
        )
    try:
        found = json.loads(asked.out)
    except ValueError:
        sentence = "The folder could not be looked at."
        return Seen(reachable=False, sentence=sentence, hint="Holdfast's log may say more.", code="failed")
    return seen_in(found, ours, mounted=mounted)


def seen_in(found: Mapping[str, Any], ours: Ours, *, mounted: bool) -> Seen:
    """Return what the child found, in words."""
    if found["refused"]:
        hint = "Choose a folder of its own."
        return Seen(reachable=False, sentence=found["refused"], hint=hint, code="refused")
    if not found["there"]:
        return Seen(
            reachable=False,
            sentence="There is no such folder.",
            hint="If it is on a disk of its own, mount that. Otherwise prepare the destination, which makes the folder.",
            code="missing",
            prepared=False,
        )
    room = _room(found)
    if mounted and found["marker"] is None:
        return Seen(
            reachable=False,
            sentence="The folder is there, and the marker that belongs into it is not: its disk may not be mounted.",
            hint="Mount the disk. If it is new or this is the right folder, prepare the destination, which lays the marker.",
            code="missing",
            prepared=False,
            facts=_facts(found),
        )
    if not found["writable"]:
        words = (
            "It is mounted read-only."
            if found["read_only"]
            else f"Nothing can be written there: {found['why_not']}."
        )
        hint = "Give the folder to the user that Holdfast runs as, or mount it so that it can be written to."
        return Seen(
            reachable=False, sentence=words, hint=hint, code="refused", room=room, facts=_facts(found)
        )
    return Seen(
        reachable=True,
        sentence=f"It is there and can be written to; {size(found['free'])} are free.",
        room=room,
        facts=_facts(found),
        warnings=_warnings(found, ours, mounted=mounted),
        program=found["file_system"],
    )


def _room(found: Mapping[str, Any]) -> Room:
    free, total = int(found["free"]), int(found["total"])
    return Room(free=free, total=total, used=max(0, total - free))


def _facts(found: Mapping[str, Any]) -> tuple[str, ...]:
    facts = [f"{found['file_system'] or 'A file system'}, mounted at {found['mount']}."]
    if found.get("folds"):
        facts.append("Names that differ only in upper and lower case are one there.")
    return tuple(facts)


def _warnings(found: Mapping[str, Any], ours: Ours, *, mounted: bool) -> tuple[str, ...]:
    warnings = []
    if mounted and found["mount"] == "/":
        warnings.append("It is on the system's own disk: no other is mounted there.")
    if found["marker"] is not None:
        store, destination, _ = found["marker"]
        if (store, destination) != ours and ours.destination:
            warnings.append(
                "Its marker is another destination's: two of them, or two Holdfasts, may share the folder."
            )
    elif found["has_marker"]:
        warnings.append("Its marker cannot be read.")
    if found["inodes"] and found["inodes_free"] < found["inodes"] * FEW_INODES:
        warnings.append(f"Only {found['inodes_free']:,} more files fit, whatever is free.")
    return tuple(warnings)
