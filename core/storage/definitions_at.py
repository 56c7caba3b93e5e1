"""Definitions that say what a restored state says."""

import contextlib
from collections.abc import Iterable
from pathlib import Path

from core.clock import SystemClock
from core.errors import InvalidOptions, InvalidYaml
from core.models import Job
from core.storage import exchanging
from core.storage.definitions import definition_from, definition_of, same, text_of_definition
from core.storage.folder import StoreFolder
from core.storage.looking import content, walk
from core.storage.opening import Opened
from core.storage.splicing import text_after


def put_definitions(root: Path, found: Opened, known: Iterable[Path]) -> None:
    """Give every job of a state its definition, and remove all others.

    Where a text that is `known` says the same, or nearly, it is used, with its comments and order.
    """
    texts = _texts(known)
    folder = StoreFolder(root, SystemClock())
    wanted: dict[Path, bytes] = {}
    for job in found.rows.jobs.values():
        place = found.placed.get(job.id)
        path = folder.job_path(job) if place is None else root / "jobs" / place.file
        if path in wanted:
            path = path.with_name(f"{job.id}.yaml")
        wanted[path] = _text(job, texts.get(job.id, ()))
    _replace_all(root / "jobs", wanted)


def _texts(places: Iterable[Path]) -> dict[str, list[bytes]]:
    """Return the texts that are there of each job, in order of the places."""
    texts: dict[str, list[bytes]] = {}
    for top in places:
        for _, folder in walk(top):
            for file in folder.files:
                with contextlib.suppress(InvalidYaml, FileNotFoundError):
                    text = content(top / file).text
                    if job_id := definition_from(text).id:
                        texts.setdefault(job_id, []).append(text)
    return texts


def _text(job: Job, texts: Iterable[bytes]) -> bytes:
    """Return a text that says what the job says."""
    wanted = definition_of(job)
    for text in texts:
        if same(definition_from(text), wanted):
            return text
    for text in texts:
        with contextlib.suppress(InvalidYaml, InvalidOptions):
            return text_after(text, wanted)
    return text_of_definition(wanted)


def _replace_all(top: Path, wanted: dict[Path, bytes]) -> None:
    top.mkdir(mode=0o700, exist_ok=True)
    for below, folder in walk(top):
        for file in folder.files:
            if top / file not in wanted:
                (top / file).unlink()
        del below
    for path, text in wanted.items():
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.touch(mode=0o600)
        path.write_bytes(text)
    if wanted:
        exchanging.flush(wanted)
