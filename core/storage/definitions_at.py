"""Definitions that say what a restored state says."""

import contextlib
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from core.clock import SystemClock
from core.errors import InvalidOptions, InvalidYaml
from core.models import Job
from core.storage import exchanging
from core.storage.definitions import Definition, definition_from, definition_of, same, text_of_definition
from core.storage.folder import StoreFolder
from core.storage.looking import content, walk
from core.storage.opening import Opened
from core.storage.restoring import make_folders
from core.storage.splicing import text_after


class Said(NamedTuple):
    """A text, what it says, and where it lies."""

    definition: Definition
    text: bytes
    path: Path


def put_definitions(root: Path, found: Opened, elsewhere: Path) -> None:
    """Give every job of a state its definition, and remove all others.

    Where a text that lies there or `elsewhere` says the same, or nearly, it is used, with its comments
    and order.
    """
    here = _texts(root / "jobs")
    there: dict[str, Said] | None = None
    folder = StoreFolder(root, SystemClock())
    ready: set[Path] = set()
    wanted: dict[Path, bytes] = {}
    for job in found.rows.jobs.values():
        place, said = found.placed.get(job.id), here.get(job.id)
        path = folder.job_path(job) if place is None else root / "jobs" / place.file
        fits = said is not None and same(said.definition, definition_of(job))
        if said is not None and fits and said.path == path:
            ready.add(path)
            continue
        if path in wanted or path in ready:
            path = path.with_name(f"{job.id}.yaml")
        if there is None and not fits:
            there = _texts(elsewhere)
        known = [one for one in (said, (there or {}).get(job.id)) if one is not None]
        wanted[path] = _text(job, known)
    _replace_all(root / "jobs", ready, wanted)


def _texts(top: Path) -> dict[str, Said]:
    """Return the text that is there of each job."""
    texts: dict[str, Said] = {}
    for _, folder in walk(top):
        for file in folder.files:
            with contextlib.suppress(InvalidYaml, FileNotFoundError):
                text = content(top / file).text
                definition = definition_from(text)
                if definition.id is not None:
                    texts[definition.id] = Said(definition, text, top / file)
    return texts


def _text(job: Job, known: Sequence[Said]) -> bytes:
    """Return a text that says what the job says."""
    for said in known:
        if same(said.definition, definition_of(job)):
            return said.text
    for said in known:
        with contextlib.suppress(InvalidYaml, InvalidOptions):
            return text_after(said.text, definition_of(job))
    return text_of_definition(definition_of(job))


def _replace_all(top: Path, ready: set[Path], wanted: dict[Path, bytes]) -> None:
    """Write what is wanted, and remove what is neither wanted nor ready."""
    top.mkdir(mode=0o700, exist_ok=True)
    for _, folder in walk(top):
        for file in folder.files:
            if top / file not in ready and top / file not in wanted:
                (top / file).unlink()
    for path, text in wanted.items():
        make_folders(path.parent)
        path.touch(mode=0o600)
        path.write_bytes(text)
    if wanted:
        exchanging.flush(wanted)
