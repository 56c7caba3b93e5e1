"""Dead letters as a command gets them, from the running Holdfast or from one of its own."""

from datetime import datetime

from core.dead_letters import DeadLetter, FailureGroup, Kept
from core.models import Value


class LetterRow(Value, frozen=True, kw_only=True):
    """A failed run that waits for somebody."""

    run_id: str
    job_id: str
    job: str
    number: int
    kind: str
    at: datetime
    attempts: int
    code: str = ""
    message: str = ""
    group: str = ""
    succeeded: bool = False

    @classmethod
    def of(cls, one: DeadLetter) -> "LetterRow":
        """Return the letter as a row."""
        letter = one.letter
        return cls(
            run_id=letter.run_id,
            job_id=letter.job_id,
            job=one.job.name,
            number=letter.number,
            kind=letter.kind,
            at=letter.at,
            attempts=letter.attempts,
            code=letter.code,
            message=letter.message,
            group=letter.fingerprint,
            succeeded=one.succeeded,
        )


class NoteRow(Value, frozen=True, kw_only=True):
    """What somebody noted about a failure."""

    text: str
    by: str = ""
    at: datetime


class GroupRow(Value, frozen=True, kw_only=True):
    """The same error in several runs."""

    group: str
    kind: str
    message: str = ""
    runs: int
    jobs: int
    since: datetime
    note: NoteRow | None = None

    @classmethod
    def of(cls, group: FailureGroup) -> "GroupRow":
        """Return the group as a row."""
        note = group.note
        return cls(
            group=group.fingerprint,
            kind=group.newest.kind,
            message=group.newest.message,
            runs=len(group.letters),
            jobs=group.jobs,
            since=group.since,
            note=NoteRow(text=note.text, by=note.by, at=note.at) if note else None,
        )


class RequeuedRows(Value, frozen=True, kw_only=True):
    """What became of dead letters that were to be requeued: ids of the new runs, of those they cover, and what stays."""

    made: tuple[str, ...] = ()
    covered: tuple[str, ...] = ()
    kept: tuple[Kept, ...] = ()
