"""Remotes of rclone: their names and types, and nothing else of what stands in its configuration."""

import re
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Final

from core.suggestions.lines import id_of
from core.suggestions.machine import Machine, text_of
from core.suggestions.values import MOST, Suggestion, counted

PLACES: Final = (".config/rclone/rclone.conf", ".rclone.conf")
ENCRYPTED: Final = "RCLONE_ENCRYPT_V0"
SECTION: Final = re.compile(r"\[(?P<name>[^\]\n]{1,100})\]\s*\Z")
TYPE: Final = re.compile(r"type\s*=\s*(?P<type>[a-z0-9 _-]{1,40})\s*\Z")


def look(machine: Machine, places: list[tuple[str, str]]) -> Iterator[Suggestion]:
    """Give the remotes; each configuration that was read is added to `places`."""
    for path in _configurations(machine):
        text = text_of(path)
        if text is None:
            continue
        if ENCRYPTED in text[:1000]:
            places.append((str(path), "encrypted; import what `rclone config show` says"))
            continue
        found = list(islice(_remotes(str(path), text), MOST))
        places.append((str(path), counted(len(found), "remote", "remotes") if found else "no remote"))
        yield from found


def _configurations(machine: Machine) -> list[Path]:
    named = machine.environment.get("RCLONE_CONFIG")
    return [Path(named)] if named else [machine.home / place for place in PLACES]


def _remotes(place: str, text: str) -> Iterator[Suggestion]:
    names: dict[str, str] = {}
    name = ""
    for line in text.splitlines():
        if head := SECTION.match(line.strip()):
            name = head["name"]
            names.setdefault(name, "")
        elif name and (kind := TYPE.match(line.strip())):
            names[name] = kind["type"].strip()
    for name, backend in names.items():
        yield Suggestion(
            id=id_of("rclone", place, name),
            origin="rclone",
            place=place,
            title=f"rclone knows the place {name}" + (f", {backend}" if backend else ""),
            name=name,
            source="rclone",
            remarks=(
                "Import the file to make it a destination; then a job can copy to it. rclone's own settings stay as they are.",
            ),
        )
