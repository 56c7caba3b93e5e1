"""The first visit: two questions that lead to a first verified backup, and how that goes."""

import os
import stat
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

import psutil
from msgspec.structs import replace

from core.asking import asks
from core.drafts import JobDraft
from core.facts import proves
from core.models import JobOverview, Schedule, Value
from core.states import AT_WORK, RunState
from core.work import Fact
from fastapi_app.presenters.dashboard import Deed
from fastapi_app.presenters.jobs import live_of
from fastapi_app.presenters.proofs import proof_of
from fastapi_app.presenters.runs import failure_of
from fastapi_app.presenters.states import MARKS, Mark, edition, mark_of

KIND: Final = "copy"
NIGHTLY: Final = Schedule(cron="0 2 * * *")
LONGEST_NAME: Final = 60
OFTEN_DEAR: Final = ("Documents", "Pictures", "Photos", "projects")
"""Folders of a person that most often have what cannot be had again."""

WHERE_DISKS_ARE: Final = ("/mnt/", "/media/", "/run/media/", "/Volumes/")
NEEDED: Final = {
    "source": "Name a folder of this machine.",
    "destination": "Name a folder that does not lie in the first one, best on another disk.",
}


STEPS: Final = (
    ("scan", "Look"),
    ("copy", "Copy"),
    ("verify", "Read back and compare"),
    ("proved", "Verified"),
)


EXAMPLES: Final = {"source": "/home/ana/photos", "destination": "/mnt/usb-disk/photos"}


class Step(Value, frozen=True, kw_only=True):
    """One step of the first backup."""

    name: str
    word: str
    look: str


class Question(Value, frozen=True, kw_only=True):
    """One of the two fields: what stands in it, what could, and what is true of it."""

    id: str
    label: str
    help: str
    example: str
    value: str
    offers: tuple[str, ...]
    truth: str = ""
    good: bool = False


class Welcome(Value, frozen=True, kw_only=True):
    """The form."""

    questions: tuple[Question, ...]
    nightly: bool
    plan: tuple[str, ...]
    notice: str = ""


class First(Value, frozen=True, kw_only=True):
    """How the first backup goes."""

    id: str
    name: str
    version: str
    mark: Mark
    steps: tuple[Step, ...]
    live: Mapping[str, str | int] | None
    sentence: str
    hint: str
    ended: bool
    good: bool
    deeds: tuple[Deed, ...]


def draft_of(values: Mapping[str, str], zone: str = "") -> JobDraft:
    """Return the job that the two answers make: a copy, each file read back, nothing ever deleted.

    The night is that of the zone; empty is this machine's.
    """
    source, destination = (values.get(name, "").strip() for name in ("source", "destination"))
    name = Path(source).name[:LONGEST_NAME].strip() or "First backup"
    return JobDraft(
        name=name,
        kind=KIND,
        options={"source": source, "destination": destination, "verify": "full"},
        schedule=replace(NIGHTLY, timezone=zone) if values.get("nightly") else None,
    )


def welcome_of(
    values: Mapping[str, str],
    home: Path,
    *,
    facts: Sequence[Fact] = (),
    problems: Mapping[str, str] | None = None,
    plan: Sequence[str] = (),
    notice: str = "",
    strict: bool = False,
) -> Welcome:
    """Return the form with what stands in it; what is empty is complained of only where it is `strict`."""
    sources, disks = tuple(_dear(home)), tuple(_disks())
    source = _question(
        "source", "Which folder?", values, sources, "What you would miss most. It is only read."
    )
    where = "Best on another disk. It is made if it is not there; nothing in it is ever deleted."
    destination = _question("destination", "Where to?", values, disks, where)
    answered = all(values.get(name, "").strip() for name in NEEDED) and not problems
    told = {_field(name): words for name, words in (problems or {}).items()}
    return Welcome(
        questions=tuple(_told(one, facts, told, strict=strict) for one in (source, destination)),
        nightly=bool(values.get("nightly")),
        plan=tuple(plan) if answered else (),
        notice=notice or next((words for name, words in told.items() if name not in NEEDED), ""),
    )


def defaults(home: Path) -> dict[str, str]:
    """Return what stands in the form at first: what is there on this machine, and nothing that could do harm."""
    source = next(_dear(home), "")
    disk = next(_disks(), "")
    place = f"{disk}/holdfast/{Path(source).name or 'first'}" if disk else ""
    return {"source": source, "destination": place, "nightly": "true"}


def _question(
    name: str, label: str, values: Mapping[str, str], offers: Sequence[str], words: str
) -> Question:
    return Question(
        id=name,
        label=label,
        help=words,
        example=EXAMPLES[name],
        value=values.get(name, ""),
        offers=tuple(offers),
    )


def _told(
    question: Question, facts: Sequence[Fact], problems: Mapping[str, str], *, strict: bool
) -> Question:
    """Return the question with what is true of its answer."""
    fields = {name: getattr(question, name) for name in ("id", "label", "help", "example", "value", "offers")}
    if not question.value.strip():
        return Question(**fields, truth=NEEDED[question.id] if strict else "")
    if question.id in problems:
        return Question(**fields, truth=problems[question.id])
    fact = next((fact for fact in facts if _field(fact.field) == question.id), None)
    return Question(**fields, truth=fact.text, good=fact.good) if fact else question


def _field(name: str) -> str:
    return name.rpartition(".")[2]


def _dear(home: Path) -> Iterator[str]:
    """Give folders of the person who runs Holdfast that are there and can be read."""
    for name in OFTEN_DEAR:
        folder = home / name
        if _is_folder(folder) and os.access(folder, os.R_OK | os.X_OK):
            yield str(folder)


def _disks() -> Iterator[str]:
    """Give the other disks that are mounted where people mount them and can be written."""
    for part in psutil.disk_partitions(all=False):
        if part.mountpoint.startswith(WHERE_DISKS_ARE) and os.access(part.mountpoint, os.W_OK | os.X_OK):
            yield part.mountpoint


def _is_folder(path: Path) -> bool:
    try:
        return stat.S_ISDIR(path.stat().st_mode)
    except OSError:
        return False


# How it goes


def first_of(overview: JobOverview) -> First:
    """Return how the first backup goes."""
    job, run = overview.job, overview.latest_run
    failure = failure_of(run) if run else None
    ended = run is not None and run.over
    good = proves(run)
    return First(
        id=job.id,
        name=job.name,
        version=edition(overview),
        mark=mark_of(run) if run else MARKS["never"],
        steps=_steps(overview),
        live=live_of(run),
        sentence=_sentence(overview),
        hint=failure.hint if failure else "",
        ended=ended,
        good=good,
        deeds=_deeds(overview, good=good),
    )


def _steps(overview: JobOverview) -> tuple[Step, ...]:
    """Return the steps of the first backup, and which of them are done."""
    run = overview.latest_run
    names = [name for name, _ in STEPS]
    at = len(STEPS) - 1
    if not proves(run):
        stage = run.progress.stage if run is not None and run.state in AT_WORK else ""
        at = names.index(stage) if stage in names else -1
    done = proves(run)
    return tuple(
        Step(name=name, word=word, look="done" if done or place < at else "now" if place == at else "")
        for place, (name, word) in enumerate(STEPS)
    )


def _sentence(overview: JobOverview) -> str:
    run = overview.latest_run
    if run is None:
        return "It is made and was not started yet."
    if run.state == RunState.FAILED:
        failure = failure_of(run)
        return failure.message if failure else "It did not work."
    if asks(run):
        return run.reason
    if run.over:
        proof = proof_of(run)
        return proof.sentence or (
            "It was copied, and not compared." if run.state == RunState.COMPLETED else "It was stopped."
        )
    return (
        "Every file is copied, then read back and compared."
        if run.state in AT_WORK
        else "It begins as soon as a slot is free."
    )


def _deeds(overview: JobOverview, *, good: bool) -> tuple[Deed, ...]:
    job, run = overview.job, overview.latest_run
    board = Deed(word="Open the dashboard", address="/", look="primary" if good else "quiet")
    if good and run is not None:
        return (board, Deed(word="What was proved", address=f"/runs/{run.id}"))
    if run is None or run.over:
        again = Deed(
            word="Start" if run is None else "Try again", address=f"/jobs/{job.id}/start", posts=True, look=""
        )
        return (again, Deed(word="Change it", address=f"/jobs/{job.id}/edit"), board)
    if asks(run):
        return (Deed(word="Answer", address=f"/runs/{run.id}", look=""), board)
    return (board,)
