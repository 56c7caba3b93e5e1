"""Dead letters as their page shows them: failures of the same error together, then each run by itself."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final
from urllib.parse import urlencode

from msgspec.structs import asdict

from core.dead_letters import DeadLetter, FailureGroup, LetterQuery, Note
from core.models import Value
from fastapi_app.presenters.jobs import label_of
from fastapi_app.presenters.texts import plural

PAGE: Final = 50
MOST_GROUPS: Final = 20
SINCE: Final = (
    ("", "Whether or not it has succeeded since"),
    ("yes", "Has succeeded since"),
    ("no", "Has not succeeded since"),
)
SUCCEEDED: Final = {"yes": True, "no": False}
NO_MESSAGE: Final = "It failed without a word."


class LettersAddress(Value, frozen=True, kw_only=True):
    """What the address of the page says; `at` counts the letters on the pages before."""

    q: str = ""
    job: str = ""
    kind: str = ""
    tag: str = ""
    group: str = ""
    since: str = ""
    at: int = 0

    def path(self, verb: str = "", **more: str) -> str:
        """Return the address, shortest form: of the page, or of what is done to those; `more` is said beside it."""
        parts = {name: value for name, value in asdict(self).items() if value} | more
        place = f"/dead-letters/{verb}" if verb else "/dead-letters"
        return f"{place}?{urlencode(parts)}" if parts else place

    def query(self) -> LetterQuery:
        """Return what is asked."""
        return LetterQuery(
            text=self.q,
            job_id=self.job,
            kind=self.kind,
            tag=self.tag,
            group=self.group,
            succeeded=SUCCEEDED.get(self.since),
        )

    @property
    def filtered(self) -> bool:
        """Tell whether only some are asked for."""
        return self.query() != LetterQuery()


class LetterRow(Value, frozen=True, kw_only=True):
    """One failed run."""

    id: str
    job: str
    job_id: str
    number: int
    message: str
    attempts: int
    at: datetime
    succeeded: bool


class GroupRow(Value, frozen=True, kw_only=True):
    """The same error in several runs."""

    fingerprint: str
    message: str
    count: str
    kind: str
    since: datetime
    many: bool
    asks: str
    address: LettersAddress
    note: Note | None


class LettersView(Value, frozen=True, kw_only=True):
    """Everything the page shows."""

    sentence: str
    address: LettersAddress
    filtered: bool
    asks: str
    kinds: tuple[tuple[str, str], ...]
    since: tuple[tuple[str, str], ...]
    groups: tuple[GroupRow, ...]
    more_groups: int
    rows: tuple[LetterRow, ...]
    range: str
    previous: str
    next: str
    seen: str


def letters_view(
    address: LettersAddress,
    found: Sequence[DeadLetter],
    groups: Sequence[FailureGroup],
    kinds: Sequence[str],
    total: int,
    now: datetime,
) -> LettersView:
    """Return the page; `found` are those that match, `total` how many there are, `kinds` the kinds of all."""
    shown = found[address.at : address.at + PAGE]
    after = address.at + len(shown)
    return LettersView(
        sentence=waiting_in_words(total),
        address=address,
        filtered=address.filtered,
        asks=asks(found),
        kinds=tuple((kind, label_of(kind)) for kind in kinds),
        since=SINCE,
        groups=tuple(_group_row(group, address) for group in groups[:MOST_GROUPS]),
        more_groups=max(len(groups) - MOST_GROUPS, 0),
        rows=tuple(_row(one) for one in shown),
        range=f"{address.at + 1:,} to {after:,} of {len(found):,}"
        if len(found) > PAGE
        else plural(len(found), "run"),
        previous=_page(address, address.at - PAGE) if address.at else "",
        next=_page(address, after) if after < len(found) else "",
        seen=now.isoformat(),
    )


def _page(address: LettersAddress, at: int) -> str:
    return LettersAddress(**asdict(address) | {"at": max(at, 0)}).path()


def waiting_in_words(total: int) -> str:
    """Return how many failed runs wait for somebody."""
    if not total:
        return "No failed run waits for anybody."
    waits = "waits" if total == 1 else "wait"
    return f"{plural(total, 'failed run')} {waits} for somebody to requeue or discard."


def asks(found: Sequence[DeadLetter]) -> str:
    """Return how many are meant: "14 runs of 3 jobs"."""
    return f"{plural(len(found), 'run')} of {plural(len({one.job.id for one in found}), 'job')}"


def _group_row(group: FailureGroup, address: LettersAddress) -> GroupRow:
    one = LettersAddress(**asdict(address) | {"group": group.fingerprint, "at": 0})
    return GroupRow(
        fingerprint=group.fingerprint,
        message=group.newest.message or NO_MESSAGE,
        count=f"{plural(len(group.letters), 'run')}, {plural(group.jobs, 'job')}",
        kind=label_of(group.newest.kind),
        since=group.since,
        many=len(group.letters) > 1,
        asks=asks(group.letters),
        address=one,
        note=group.note,
    )


def _row(one: DeadLetter) -> LetterRow:
    letter = one.letter
    return LetterRow(
        id=letter.run_id,
        job=one.job.name,
        job_id=letter.job_id,
        number=letter.number,
        message=letter.message or NO_MESSAGE,
        attempts=letter.attempts,
        at=letter.at,
        succeeded=one.succeeded,
    )


def done_in_words(did: str, made: int, gone: int, kept: int) -> str:
    """Return what was done to many, for the page that comes after it; nothing where nothing was."""
    said = []
    if did == "requeued":
        said.append(f"{plural(made, 'run')} will do the work again." if made else "Nothing was requeued.")
        if gone:
            said.append(f"{plural(gone, 'more failure')} {'is' if gone == 1 else 'are'} covered by that.")
        if kept:
            said.append(
                f"{plural(kept, 'failed run')} stayed: the job has a run that is not over, or is switched off."
            )
    elif did == "discarded":
        said.append(
            f"{plural(gone, 'failed run')} given up; the history stays." if gone else "Nothing was discarded."
        )
    elif did == "noted":
        said.append("The note is kept, for the next time too.")
    return " ".join(said)
