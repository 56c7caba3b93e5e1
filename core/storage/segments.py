"""The journal, read: every record there is, in the order of acknowledgement, and what is wrong with it."""

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

import msgspec

from core.errors import InvalidYaml
from core.storage.base import Problem
from core.storage.checked import MOST_NAMED, Bad, Line, bad_lines
from core.storage.lines import is_blank, opened, seed_of
from core.storage.records import Closed, Head, Record, closed_of, head_of, record_from, record_of


class Entry(NamedTuple):
    """A record, and the number of its line."""

    record: Record
    line: int


class Segment(NamedTuple):
    """A segment as it was read.

    `length` is how much of it is good, to the end of a line: what comes after is `tail`. `closed` says that whoever
    appended last left in peace, after record `reach`. `last` is the last record that it has or follows.
    """

    number: int
    head: Head | None
    entries: list[Entry]
    bad: list[Bad]
    length: int
    tail: bytes
    closed: bool
    reach: int
    last: int
    content: bytes

    @property
    def name(self) -> str:
        """Return where the segment is in the store's folder."""
        return f"state/journal-{self.number}.yaml"

    @property
    def first(self) -> int | None:
        """Return the number from which on the segments before it are void; None if it does not say."""
        if self.head is not None:
            return self.head.first
        return min((entry.record.n for entry in self.entries), default=None)

    def raw(self, line: int) -> bytes:
        """Return a line as it stands there."""
        return self.content.split(b"\n")[line - 1]

    @property
    def torn(self) -> bool:
        """Tell whether it ends as a write does that was cut short: it was never acknowledged."""
        return bool(self.tail) and (b"\n" not in self.tail or not self.tail.strip(b"\x00"))


class Wound(NamedTuple):
    """What is wrong, and the bytes that could not be read, which are to be kept."""

    problem: Problem
    raw: bytes = b""


class Journaled(NamedTuple):
    """The records that count, in order, and what is wrong with the others; `reach` is the highest number told."""

    entries: list[tuple[Segment, Entry]]
    wounds: list[Wound]
    reach: int


def read_segment(content: bytes, store_id: str, number: int) -> Segment:
    """Return what is in a segment."""
    seed = seed_of(store_id, f"journal-{number}")
    head: Head | None = None
    entries: list[Entry] = []
    bad: list[Line] = []
    end, length, closed, reach = 0, 0, False, 0
    for line, raw in enumerate(content.split(b"\n"), start=1):
        end += len(raw) + 1
        if is_blank(raw):
            continue
        try:
            said = _document(opened(raw, seed))
        except InvalidYaml as error:
            bad.append(Line(line, end, raw, b"", str(error)))
            continue
        closed = isinstance(said, Closed) and end <= len(content)
        length = end if end <= len(content) else length  # nothing is appended to a line without its end
        if isinstance(said, Record):
            entries.append(Entry(said, line))
        elif isinstance(said, Closed):
            reach = max(reach, said.n)
        elif said.segment == number:
            head = said
    tail = content[length:]
    last = max((entry.record.n for entry in entries), default=0)
    return Segment(
        number=number,
        head=head,
        entries=entries,
        bad=bad_lines(bad),
        length=length,
        tail=tail,
        closed=closed and not tail,
        reach=reach,
        last=max(last, head.first - 1 if head else 0),
        content=content,
    )


def _document(text: bytes) -> Record | Head | Closed:
    """Return what a line says; raises InvalidYaml."""
    try:
        if text.startswith(b'{"n":'):
            record = record_of(text)
            # What moved is looked up by its id and never makes a file; there are most of these.
            return record_from(text) if record.jobs or record.runs else record
        if text.startswith(b'{"kind":"segment"'):
            return head_of(text)
        return closed_of(text)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise InvalidYaml(f"This is no record: {error}.") from None


def in_order(segments: Sequence[Segment], after: int, reach: int = 0) -> Journaled:
    """Return the records with a number above `after`, in order, and what is wrong with the journal.

    `reach` is how far it went, as far as is known from elsewhere.
    """
    known = [pair for pair in _not_void(segments) if pair[1].record.n > after]
    wounds: list[Wound] = []
    if any(two[1].record.n <= one[1].record.n for one, two in pairwise(known)):
        known = _sorted_out(known, wounds)
    reach = max(reach, *(max(segment.reach, segment.last) for segment in segments), 0)
    gaps = _gaps(known, after, reach)
    before = 0
    for index, segment in enumerate(segments):
        ahead = segments[index + 1] if index + 1 < len(segments) else None
        for bad in segment.bad:
            last = max((entry.record.n for entry in segment.entries if entry.line < bad.line), default=before)
            if _never_counted(segment, ahead, bad):
                continue
            gap = gaps.pop(max(last, after) + 1, None)
            at_the_end = ahead is None and last >= reach
            wounds.append(_wound(segment, bad, gap, at_the_end=at_the_end))
        before = max(before, segment.last)
    wounds += _missing(list(gaps.values()))
    return Journaled(known, wounds, reach)


def _not_void(segments: Sequence[Segment]) -> Iterator[tuple[Segment, Entry]]:
    """Give the records in the order they stand in, without those that a later segment says anew."""
    limits: list[int | None] = []
    limit: int | None = None
    for segment in reversed(segments):
        limits.append(limit)
        firsts = [first for first in (limit, segment.first) if first is not None]
        limit = min(firsts, default=None)
    for segment, limit in zip(segments, reversed(limits), strict=True):
        for entry in segment.entries:
            if limit is None or entry.record.n < limit:
                yield segment, entry


def _sorted_out(known: list[tuple[Segment, Entry]], wounds: list[Wound]) -> list[tuple[Segment, Entry]]:
    """Return the records by number, each once; what stood in the wrong place is named, once a segment."""
    seen: dict[int, tuple[Segment, Entry]] = {}
    highest = 0
    named: set[tuple[str, str]] = set()
    for segment, entry in known:
        n = entry.record.n
        if n in seen and seen[n][1].record != entry.record:
            what = f"Record {n} stands there a second time and says something else; the first counts."
        elif n in seen:
            what = "From here on records stand there a second time; each was taken once."
        elif n < highest:
            what = "Records stand in the wrong order; they were taken by their numbers."
        else:
            what = ""
        if what and (segment.name, what) not in named:
            named.add((segment.name, what))
            wounds.append(Wound(Problem(path=segment.name, line=entry.line, message=what)))
        seen.setdefault(n, (segment, entry))
        highest = max(highest, n)
    return [seen[n] for n in sorted(seen)]


class _Gap(NamedTuple):
    """Records that are missing, and where they should stand."""

    start: int
    end: int
    path: str
    line: int | None

    @property
    def words(self) -> str:
        if self.start == self.end:
            what = f"Record {self.start} is missing"
        else:
            what = f"Records {self.start} to {self.end} are missing"
        return f"{what}: what was changed then is lost. What follows was kept."


def _gaps(known: list[tuple[Segment, Entry]], after: int, reach: int) -> dict[int, _Gap]:
    """Return what is missing, by the first number of each gap."""
    gaps: dict[int, _Gap] = {}
    path = "state"
    for segment, entry in known:
        n = entry.record.n
        if n != after + 1:
            gaps[after + 1] = _Gap(after + 1, n - 1, segment.name, entry.line)
        after = n
        path = segment.name
    if reach > after:
        gaps[after + 1] = _Gap(after + 1, reach, path, None)
    return gaps


def _missing(gaps: list[_Gap]) -> Iterator[Wound]:
    """Give the gaps that no bad line explains; very many count as one."""
    if len(gaps) <= MOST_NAMED:
        yield from (Wound(Problem(path=gap.path, line=gap.line, message=gap.words)) for gap in gaps)
        return
    count = sum(gap.end + 1 - gap.start for gap in gaps)
    message = (
        f"{count} records between {gaps[0].start} and {gaps[-1].end} are missing: what was changed then "
        "is lost. All others were kept."
    )
    yield Wound(Problem(path=gaps[0].path, line=gaps[0].line, message=message))


def _never_counted(segment: Segment, ahead: Segment | None, bad: Bad) -> bool:
    """Tell whether bad lines are the end of a write that was cut short, or said anew in the next segment."""
    if any(entry.line > bad.line for entry in segment.entries):
        return False
    if ahead is None:
        return segment.torn
    return ahead.first is not None and ahead.first <= segment.last + 1


def _wound(segment: Segment, bad: Bad, gap: _Gap | None, *, at_the_end: bool) -> Wound:
    if gap is not None:
        loss = gap.words
    elif at_the_end:
        loss = (
            "It is the end of the journal: if it was acknowledged, it is lost. Look at what was changed last."
        )
    else:
        loss = "No record is missing."
    return Wound(Problem(path=segment.name, line=bad.line, message=f"{bad.words} {loss}"), bad.raw)
