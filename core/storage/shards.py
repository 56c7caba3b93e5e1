"""One of the 64 parts of a snapshot: a row for each job, with all that is at hand of it."""

from collections.abc import Iterable
from io import BytesIO
from typing import Final, NamedTuple
from zlib import crc32

import msgspec

from core.errors import InvalidYaml
from core.models import GOOD_ID, Job, Run, Value
from core.storage.checked import Bad, Line, bad_lines, lines_of
from core.storage.lines import BEFORE_SUM, BEGINNING, LENGTH_OF_SUM, json_text, sealed, seed_of
from core.storage.placed import Placed, numbers_of, signature_from
from core.storage.records import FORMAT, frozen_job, frozen_run

SHARDS: Final = tuple(f"{number:02x}" for number in range(64))
COMMENT: Final = b"# Holdfast's snapshot: one row a line, any YAML tool reads it. Not to be edited.\n"
AFTER_TEXT: Final = -len(BEFORE_SUM) - LENGTH_OF_SUM - len(b"\n")
A_ROW: Final = b'{"job":'
A_HEAD: Final = b'{"kind":"rows"'


class RowLine(Value, frozen=True, kw_only=True, omit_defaults=True):
    """A row as it is written."""

    job: Job
    runs: tuple[Run, ...] = ()
    older: tuple[str, ...] = ()
    file: str | None = None
    crc: int = 0
    signature: tuple[int, int, int, int] | None = None
    behind: bool = False

    @property
    def placed(self) -> Placed | None:
        """Return where the definition is; None before it was first written."""
        if self.file is None:
            return None
        signature = None if self.signature is None else signature_from(self.signature)
        return Placed(file=self.file, crc=self.crc, signature=signature, behind=self.behind)


class Row(NamedTuple):
    """A job, its runs at hand, the ids of the others, and where its definition is."""

    job: Job
    runs: tuple[Run, ...]
    older: tuple[str, ...]
    placed: Placed | None


class Head(Value, frozen=True, kw_only=True, tag="rows", tag_field="kind"):
    """The first document of a shard; it holds the state up to record `n`."""

    format: int
    shard: str
    generation: int
    n: int


class End(Value, frozen=True, kw_only=True, tag="end", tag_field="kind"):
    """The last document of a shard."""

    rows: int


head_of = msgspec.json.Decoder(Head).decode
end_of = msgspec.json.Decoder(End).decode
line_of = msgspec.json.Decoder(RowLine).decode


def row_of(text: bytes) -> Row:
    """Return the row that the JSON text describes, frozen: as they were read, many would fill the memory."""
    line = line_of(text)
    job = frozen_job(line.job)
    return Row(
        job, tuple([frozen_run(run, job, line.job.options) for run in line.runs]), line.older, line.placed
    )


class Shard(NamedTuple):
    """What was read of a shard; `whole` if nothing can be missing. `n` is None where its head is bad."""

    rows: list[Row]
    n: int | None
    whole: bool
    bad: list[Bad]


def shard_of(job_id: str) -> str:
    """Return which shard a job belongs to."""
    return SHARDS[crc32(job_id.encode()) % len(SHARDS)]


def row_from(job: Job, runs: Iterable[Run], older: Iterable[str], placed: Placed | None) -> RowLine:
    """Return the row of a job."""
    if placed is None:
        return RowLine(job=job, runs=tuple(runs), older=tuple(older))
    return RowLine(
        job=job,
        runs=tuple(runs),
        older=tuple(older),
        file=placed.file,
        crc=placed.crc,
        signature=None if placed.signature is None else numbers_of(placed.signature),
        behind=placed.behind,
    )


def scope_of(shard: str, generation: int) -> str:
    """Return what the checksums of a shard's file depend on, beside the store."""
    return f"rows-{shard}-{generation}"


def text_of_shard(rows: Iterable[RowLine], store_id: str, shard: str, generation: int, n: int) -> bytes:
    """Return what stands in the file of a shard."""
    seed = seed_of(store_id, scope_of(shard, generation))
    head = Head(format=FORMAT, shard=shard, generation=generation, n=n)
    lines = [COMMENT, sealed(json_text(head), seed)]
    lines += [sealed(json_text(row), seed) for row in rows]
    lines.append(sealed(json_text(End(rows=len(lines) - 2)), seed))
    return b"".join(lines)


def whole_shard(content: bytes) -> Shard:
    """Return what stands in a file that is known to be as it was written; raises what msgspec raises."""
    rows, n = [], None
    for line in BytesIO(content):  # one after the other: all of them at once would be as long as the file
        text = line[len(BEGINNING) : AFTER_TEXT]
        if text.startswith(A_ROW):
            rows.append(row_of(text))
        elif text.startswith(A_HEAD):
            n = head_of(text).n
    return Shard(rows, n, whole=True, bad=[])


def read_shard(content: bytes, store_id: str, scope: str) -> Shard:
    """Return what is good in a file, line by line."""
    head: Head | None = None
    end: End | None = None
    rows: list[Row] = []
    lines = list(lines_of(content, seed_of(store_id, scope)))
    for index, line in enumerate(lines):
        try:
            said = _document(line)
        except InvalidYaml as error:
            lines[index] = line._replace(why=str(error))
            continue
        if isinstance(said, Head):
            head = said
        elif isinstance(said, End):
            end = said
        elif said is not None:
            rows.append(said)
    bad = bad_lines(lines)
    whole = head is not None and end is not None and end.rows == len(rows) and not bad
    return Shard(rows, head.n if head else None, whole, bad)


def _document(line: Line) -> Row | Head | End | None:
    if line.why:
        return None
    try:
        if line.text.startswith(A_HEAD):
            return head_of(line.text)
        if line.text.startswith(b'{"kind":"end"'):
            return end_of(line.text)
        row = row_of(line.text)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise InvalidYaml(f"This is no row: {error}.") from None
    if not GOOD_ID.match(row.job.id):
        raise InvalidYaml("This row has an id that cannot be one.")
    return row
