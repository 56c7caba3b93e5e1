"""The marker of a store: its format, and the id that all of its checksums depend on."""

import contextlib
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import msgspec

from core.errors import InvalidYaml
from core.models import Value
from core.storage import atomic, yaml_text
from core.storage.lines import opened, seed_of

FORMAT: Final = 2
"""What this program writes. It reads every one before it, and brings it up."""

LONGEST: Final = 10_000


class Marker(Value, frozen=True, kw_only=True):
    """What `store.yaml` says: how the folder is laid out, and which store it is."""

    format: int
    store: str


class _Named(msgspec.Struct):
    """A line that says which store it belongs to."""

    store: str


def read_marker(path: Path) -> Marker | None:
    """Return what a marker says; None if there is none or it cannot be read as one."""
    try:
        with path.open("rb") as file:
            told = yaml_text.read(file.read(LONGEST))
    except (InvalidYaml, FileNotFoundError):
        return None
    if not isinstance(told, dict) or not isinstance(told.get("store"), str) or not told["store"]:
        return None
    number = told.get("format")
    return Marker(format=number, store=told["store"]) if type(number) is int and number > 0 else None


def write_marker(path: Path, marker: Marker) -> None:
    """Put a marker, or its copy, in place."""
    atomic.write_whole(path, yaml_text.write({"format": marker.format, "store": marker.store}))


def found_anew(root: Path) -> Marker:
    """Return the marker of a store that lost its own and the copy.

    The journal and the checkpoints name the store; the checksum of the line that does proves it.
    """
    for path in _newest_first(root / "state"):
        store = _store_of(path)
        if store is not None:
            return Marker(format=FORMAT, store=store)
    older = any((root / "jobs").rglob("*.yaml")) and not any((root / "state").glob("*.yaml"))
    return Marker(format=FORMAT - 1 if older else FORMAT, store=str(uuid.uuid4()))


def _newest_first(state: Path) -> list[Path]:
    found: list[tuple[int, Path]] = []
    with contextlib.suppress(OSError):
        for path in state.iterdir():
            kind, _, number = path.stem.partition("-")
            if kind in {"journal", "checkpoint"} and number.isdecimal():
                found.append((int(number), path))
    return [path for _, path in sorted(found, reverse=True)]


def _store_of(path: Path) -> str | None:
    with contextlib.suppress(OSError):
        for line in _first_lines(path):
            text = line[4:-12]
            with contextlib.suppress(msgspec.MsgspecError, UnicodeDecodeError, InvalidYaml):
                store = msgspec.json.decode(text, type=_Named).store
                opened(line, seed_of(store, path.stem))
                return store
    return None


def _first_lines(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        for _ in range(3):
            if line := file.readline(1_000_000):
                yield line
