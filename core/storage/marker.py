"""The marker of a store: its format, and the id that all of its checksums depend on."""

import contextlib
import os
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Final

import msgspec

from core.errors import InvalidYaml
from core.models import Value
from core.storage import atomic, yaml_text
from core.storage.lines import opened, seed_of

FORMAT: Final = 3
"""What this program writes. It reads every one before it, and brings it up."""

WITH_A_JOURNAL: Final = 2
"""The first format that has one; from then on, ours reads what is there as it stands."""

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
        with _opened(path) as file:
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


def settled(root: Path, marker: Marker | None, copy: Marker | None) -> Marker:
    """Return which store a folder is by its marker and the copy; where they differ, the checksums of the state tell.

    A marker that names another format or store than the one before it would cost everything there is.
    """
    if marker == copy and marker is not None:
        return marker
    told = [one for one in (marker, copy) if one is not None]
    if not told:
        return found_anew(root)
    proven = [store for path in _newest_first(root / "state") if (store := _store_of(path)) is not None]
    stores = [one.store for one in told if one.store in proven] or proven or [told[0].store]
    return Marker(format=max(one.format for one in told), store=stores[0])


def found_anew(root: Path) -> Marker:
    """Return the marker of a store that lost its own and the copy.

    The journal and the checkpoints name the store; the checksum of the line that does proves it.
    """
    for path in _newest_first(root / "state"):
        store = _store_of(path)
        if store is not None:
            return Marker(format=FORMAT, store=store)
    older = any((root / "jobs").rglob("*.yaml")) and not any((root / "state").glob("*.yaml"))
    return Marker(format=WITH_A_JOURNAL - 1 if older else FORMAT, store=str(uuid.uuid4()))


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
    with _opened(path) as file:
        for _ in range(3):
            if line := file.readline(1_000_000):
                yield line


def _opened(path: Path) -> BinaryIO:
    """Open a file for reading; a pipe in its place is not waited for."""
    return open(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb")  # noqa: PTH123
