"""The journal read by number, again and again, by whoever follows what is durable."""

import contextlib
from collections.abc import Iterator, Sequence
from io import BytesIO
from pathlib import Path
from typing import NamedTuple

from core.errors import InvalidYaml, StorageFailed
from core.storage.journal import segment_path, segments_in
from core.storage.lines import is_blank, opened, seed_of
from core.storage.old_segments import content_of_kept, kept_segments
from core.storage.records import Record, head_of, record_from


class _Place(NamedTuple):
    """Where reading goes on: after record `n`, in a segment, at an offset."""

    n: int
    segment: int
    offset: int


class Follower:
    """Reads on where it was, so that following costs what is new. One thread at a time."""

    def __init__(self, root: Path, store_id: str) -> None:
        self._state = root / "state"
        self._kept = root / "backups" / "segments"
        self._store_id = store_id
        self._place = _Place(-1, 0, 0)

    def records(self, after: int, reach: int) -> Iterator[Record]:
        """Give the records from `after` up to `reach` that the journal still has, in order.

        Those that are nowhere any more are left out, and so is what cannot be read. Raises StorageFailed.
        """
        live, kept = segments_in(self._state), kept_segments(self._kept)
        numbers = sorted({*live, *kept})
        firsts = {number: self._first_of(number) for number in self._from(after, numbers)}
        last = after
        for number, first in firsts.items():
            later = [other for it, other in firsts.items() if it > number and other is not None]
            limit = min((reach + 1, *later))
            if first is None or first > reach:
                continue
            for record in self._of_segment(number, last, limit):
                last = record.n
                yield record

    def _from(self, after: int, numbers: Sequence[int]) -> list[int]:
        """Return the segments that may have what comes next: the last that begins before it, and those behind."""
        if self._place.n == after and self._place.segment in numbers:
            return [number for number in numbers if number >= self._place.segment]
        wanted: list[int] = []
        for number in reversed(numbers):
            wanted.insert(0, number)
            first = self._first_of(number)
            if first is not None and first <= after + 1:
                break
        return wanted

    def _first_of(self, number: int) -> int | None:
        """Return the first record that a segment may hold; None where that cannot be told."""
        for line in self._lines(number, 0):
            if not is_blank(line):
                with contextlib.suppress(InvalidYaml, ValueError):
                    return head_of(opened(line, seed_of(self._store_id, f"journal-{number}"))).first
                return None
        return None

    def _of_segment(self, number: int, after: int, limit: int) -> Iterator[Record]:
        """Give what a segment has between two numbers, and remember how far it was read."""
        at = self._place.offset if (self._place.n, self._place.segment) == (after, number) else 0
        seed = seed_of(self._store_id, f"journal-{number}")
        for line in self._lines(number, at):
            if not line.endswith(b"\n"):
                return  # it is just being written
            record = _record(line, seed)
            if record is not None and record.n >= limit:
                return
            at += len(line)
            if record is not None and record.n > after:
                after = record.n
                self._place = _Place(after, number, at)
                yield record

    def _lines(self, number: int, at: int) -> Iterator[bytes]:
        """Give the lines of a segment from an offset on, wherever it is; nothing where it is gone."""
        try:
            with segment_path(self._state, number).open("rb") as file:
                file.seek(at)
                yield from file
        except FileNotFoundError:
            if paths := kept_segments(self._kept).get(number):
                yield from BytesIO(content_of_kept(paths[-1])[at:])
        except OSError as error:
            raise StorageFailed(f"journal-{number}.yaml cannot be read: {error}.") from error


def _record(line: bytes, seed: int) -> Record | None:
    with contextlib.suppress(InvalidYaml):
        text = opened(line, seed)
        if text.startswith(b'{"n":'):
            return record_from(text)
    return None
