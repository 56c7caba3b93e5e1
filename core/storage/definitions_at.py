"""Definitions that say what a restored state says."""

import contextlib
from collections.abc import Sequence
from pathlib import Path

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

Said = tuple[Definition, bytes]
"""A text, and what it says."""


def put_definitions(root: Path, found: Opened, elsewhere: Path | None) -> None:
    """Give every job of a state its definition, and remove all others.

    Where a text that lies there or `elsewhere` says the same, or nearly, it is used, with its comments
    and order.
    """
    here = _texts(root / "jobs")
    jobs = found.rows.jobs
    ready = {job_id for job_id, said in here.items() if job_id in jobs and _fits(said, jobs[job_id])}
    there = {} if elsewhere is None or len(ready) == len(jobs) else _texts(elsewhere)
    folder = StoreFolder(root, SystemClock())
    wanted: dict[Path, bytes] = {}
    for job in jobs.values():
        place = found.placed.get(job.id)
        path = folder.job_path(job) if place is None else root / "jobs" / place.file
        if path in wanted:
            path = path.with_name(f"{job.id}.yaml")
        known = [text for texts in (here, there) if (text := texts.get(job.id)) is not None]
        wanted[path] = _text(job, known)
    _replace_all(root / "jobs", wanted)


def _texts(top: Path) -> dict[str, Said]:
    """Return the text that is there of each job."""
    texts: dict[str, Said] = {}
    for _, folder in walk(top):
        for file in folder.files:
            with contextlib.suppress(InvalidYaml, FileNotFoundError):
                text = content(top / file).text
                definition = definition_from(text)
                if definition.id is not None:
                    texts[definition.id] = definition, text
    return texts


def _fits(said: Said, job: Job) -> bool:
    return same(said[0], definition_of(job))


def _text(job: Job, known: Sequence[Said]) -> bytes:
    """Return a text that says what the job says."""
    for said in known:
        if _fits(said, job):
            return said[1]
    for _, text in known:
        with contextlib.suppress(InvalidYaml, InvalidOptions):
            return text_after(text, definition_of(job))
    return text_of_definition(definition_of(job))


def _replace_all(top: Path, wanted: dict[Path, bytes]) -> None:
    top.mkdir(mode=0o700, exist_ok=True)
    for _, folder in walk(top):
        for file in folder.files:
            if top / file not in wanted:
                (top / file).unlink()
    for path, text in wanted.items():
        make_folders(path.parent)
        path.touch(mode=0o600)
        path.write_bytes(text)
    if wanted:
        exchanging.flush(wanted)
