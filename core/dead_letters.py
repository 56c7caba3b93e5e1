"""Dead letters as people look at them: which there are, which belong together, and what becomes of many at once."""

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Final

import msgspec

from core.clock import Clock
from core.errors import HoldfastError, InvalidOptions, NotFound
from core.letters import Letter
from core.manager import JobManager
from core.models import Job, JobOverview, Run, Value, frozen
from core.states import RunState

NOTE: Final = "failure/"
LONGEST_NOTE: Final = 2_000
MOST_AT_ONCE: Final = 1_000
"""How many letters one change takes away."""

FINGERPRINT: Final = re.compile(r"[0-9a-f]{16}")
COVERED: Final = "another run does the same work: one that was requeued, or that waits for one"


class LetterQuery(Value, frozen=True, kw_only=True):
    """Which dead letters are wanted; empty is any.

    `text` are words of the error or the job's name. `succeeded` is whether the job has succeeded since.
    """

    text: str = ""
    job_id: str = ""
    kind: str = ""
    tag: str = ""
    group: str = ""
    succeeded: bool | None = None


EVERYTHING: Final = LetterQuery()


class DeadLetter(Value, frozen=True, kw_only=True):
    """A failed run that waits for somebody, its job, and whether that has succeeded since."""

    letter: Letter
    job: Job
    succeeded: bool


class Note(Value, frozen=True, kw_only=True):
    """What somebody knows of a failure; it stays when its letters are gone, for the next time."""

    text: str
    by: str = ""
    at: datetime


class FailureGroup(Value, frozen=True, kw_only=True):
    """The same error in some letters, the newest first, of some jobs."""

    fingerprint: str
    letters: tuple[DeadLetter, ...]
    jobs: int
    since: datetime
    note: Note | None = None

    @property
    def newest(self) -> Letter:
        """Return the newest of them."""
        return self.letters[0].letter


class Kept(Value, frozen=True, kw_only=True):
    """A letter that stays, because its run could not be requeued, and why in words."""

    run_id: str
    job_id: str
    message: str


class Requeued(Value, frozen=True, kw_only=True):
    """What became of many: the new runs, older letters that they cover, and those that stay."""

    made: tuple[Run, ...] = ()
    covered: tuple[str, ...] = ()
    kept: tuple[Kept, ...] = ()


class DeadLetters:
    """Looks at dead letters, and requeues or discards many of them."""

    def __init__(self, manager: JobManager, clock: Clock) -> None:
        self._manager = manager
        self._clock = clock

    def find(self, query: LetterQuery = EVERYTHING) -> tuple[DeadLetter, ...]:
        """Return the dead letters that are wanted, the newest first."""
        words = query.text.casefold().split()
        jobs: dict[str, JobOverview | None] = {}
        found = []
        for letter in self._manager.letters():
            if _is_wanted(letter, query):
                if letter.job_id not in jobs:
                    jobs[letter.job_id] = self._job(letter.job_id)
                overview = jobs[letter.job_id]
                if overview is not None and _says(letter, overview.job, words, query.tag):
                    succeeded = self._has_succeeded(letter, overview.latest_run)
                    found.append(DeadLetter(letter=letter, job=overview.job, succeeded=succeeded))
        return tuple(one for one in found if query.succeeded in {None, one.succeeded})

    def _job(self, job_id: str) -> JobOverview | None:
        try:
            return self._manager.job(job_id)
        except NotFound:  # it was deleted meanwhile, and its letters with it
            return None

    def _has_succeeded(self, letter: Letter, latest: Run | None) -> bool:
        """Tell whether a later run of the job completed."""
        if latest is None or latest.number <= letter.number:
            return False
        if latest.state == RunState.COMPLETED:
            return True
        later = (run for run in self._manager.runs_of(letter.job_id) if run.number > letter.number)
        return any(run.state == RunState.COMPLETED for run in later)

    def groups(self, letters: Sequence[DeadLetter]) -> tuple[FailureGroup, ...]:
        """Return the same letters with those of one error together, the largest group first."""
        together: dict[str, list[DeadLetter]] = {}
        for one in letters:
            together.setdefault(one.letter.fingerprint, []).append(one)
        found = [self._group(fingerprint, some) for fingerprint, some in together.items()]
        return tuple(
            sorted(found, key=lambda group: (-len(group.letters), group.newest.at, group.fingerprint))
        )

    def _group(self, fingerprint: str, letters: list[DeadLetter]) -> FailureGroup:
        return FailureGroup(
            fingerprint=fingerprint,
            letters=tuple(letters),
            jobs=len({one.job.id for one in letters}),
            since=min(one.letter.at for one in letters),
            note=self.note(fingerprint),
        )

    # Many at once

    def requeue(self, run_ids: Collection[str], *, asked_by: str = "") -> Requeued:
        """Requeue the newest of each job, which covers its older ones: they would do the same work again.

        A job that comes after another of them has its new run by that already, and waits. What cannot be requeued
        now stays, and is named.
        """
        made: list[Run] = []
        covered: list[str] = []
        kept: list[Kept] = []
        for newest, *older in self._by_job(run_ids):
            if self._waits_for_others(newest.job_id):
                covered += [one.run_id for one in (newest, *older)]
                continue
            try:
                made.append(self._manager.requeue(newest.run_id, asked_by=asked_by))
            except HoldfastError as error:
                kept += [
                    Kept(run_id=one.run_id, job_id=one.job_id, message=str(error)) for one in (newest, *older)
                ]
            else:
                covered += [one.run_id for one in older]
        self._take_away(covered, reason=COVERED)
        return Requeued(made=tuple(made), covered=tuple(covered), kept=tuple(kept))

    def _by_job(self, run_ids: Collection[str]) -> list[list[Letter]]:
        """Return the letters of these runs job by job, what comes first in front; of each the newest first."""
        wanted = set(run_ids)
        jobs: dict[str, list[Letter]] = {}
        for letter in self._manager.letters():
            if letter.run_id in wanted:
                jobs.setdefault(letter.job_id, []).append(letter)
        in_order = self._manager.in_order(jobs.keys())
        return [sorted(jobs[job_id], key=lambda letter: -letter.number) for job_id in in_order]

    def _waits_for_others(self, job_id: str) -> bool:
        """Tell whether the job runs again by itself when what it comes after is over."""
        return any(run.state == RunState.BLOCKED for run in self._manager.unfinished_of(job_id))

    def discard(self, run_ids: Iterable[str], *, by: str = "", reason: str = "") -> tuple[str, ...]:
        """Give failed runs up, and say why; return those that were among the dead letters."""
        return self._take_away(tuple(run_ids), by=by, reason=reason)

    def _take_away(self, run_ids: Sequence[str], *, by: str = "", reason: str = "") -> tuple[str, ...]:
        gone: list[str] = []
        for start in range(0, len(run_ids), MOST_AT_ONCE):
            some = run_ids[start : start + MOST_AT_ONCE]
            gone += self._manager.discard_all(some, by=by, reason=reason)
        return tuple(gone)

    # What people know of a failure

    def note(self, fingerprint: str) -> Note | None:
        """Return what is noted about the failure."""
        kept = self._manager.register(NOTE + fingerprint) if fingerprint else None
        return None if kept is None else _note_of(kept)

    def keep_note(self, fingerprint: str, text: str, *, by: str = "") -> Note | None:
        """Note something about the failure; nothing takes the note away. Raises InvalidOptions."""
        if not FINGERPRINT.fullmatch(fingerprint):
            raise InvalidOptions({"group": "An error is named by its 16 characters, 0 to 9 and a to f."})
        words = text.strip()
        if len(words) > LONGEST_NOTE:
            raise InvalidOptions({"note": f"A note has at most {LONGEST_NOTE:,} characters."})
        note = Note(text=words, by=by, at=self._clock.now()) if words else None
        value = None if note is None else frozen(msgspec.to_builtins(note))
        self._manager.set_register(NOTE + fingerprint, value, why="note about a failure")
        return note


def _note_of(kept: Mapping[str, object]) -> Note:
    return msgspec.convert(dict(kept), Note)


def _is_wanted(letter: Letter, query: LetterQuery) -> bool:
    return (
        query.job_id in {"", letter.job_id}
        and query.kind in {"", letter.kind}
        and query.group in {"", letter.fingerprint}
    )


def _says(letter: Letter, job: Job, words: Sequence[str], tag: str) -> bool:
    """Tell whether the letter has all words in it, and its job the tag."""
    if tag and tag not in job.tags:
        return False
    text = f"{job.name}\n{letter.code}\n{letter.message}".casefold()
    return all(word in text for word in words)
