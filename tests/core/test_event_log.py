"""What happened, a line each: found again, paged, filtered, handed out, and kept for a while."""

import contextlib
import csv
import errno
import io
import json
import os
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from core.errors import InvalidOptions, StorageFull
from core.event_log import EventLog, EventQuery, as_csv, as_json, as_text
from core.happenings import Happening, Position
from tests.builders import WHEN

T = int(WHEN.timestamp() * 1000)


def some(n: int, **fields: Any) -> Happening:
    defaults: dict[str, Any] = {"n": n, "t": T + n, "kind": "run.queued", "words": f"Change {n}."}
    return Happening(**defaults | fields)


@pytest.fixture
def disk_is_full(monkeypatch):
    """Have no file flushed for a while."""

    @contextlib.contextmanager
    def full():
        def refuse(_descriptor):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        with monkeypatch.context() as patched:
            patched.setattr(os, "fdatasync", refuse)
            yield

    return full


@pytest.fixture
def log(tmp_path):
    made = EventLog(tmp_path / "events")
    assert made.open() == Position()
    return made


def numbers(log, **query):
    return [one.n for one in log.page(EventQuery(**query)).items]


def test_events_are_listed_newest_first_and_paged_to_the_end(log):
    log.append([some(n) for n in range(1, 8)])

    first = log.page(EventQuery(limit=3))
    second = log.page(EventQuery(limit=3, before=first.next))
    last = log.page(EventQuery(limit=3, before=second.next))

    assert [one.n for one in first.items] == [7, 6, 5]
    assert [one.n for one in second.items] == [4, 3, 2]
    assert ([one.n for one in last.items], last.next) == ([1], None)
    assert numbers(log, after=5) == [6, 7]


def test_events_are_found_by_job_state_person_kind_and_word(log):
    log.append(
        [
            some(1, job="j1", name="photos", state="queued", by="ana"),
            some(
                2, job="j2", name="Größe", state="failed", kind="run.failed", words="Run 2 failed: no ROOM."
            ),
            some(3, kind="job.created", job="j1", name="photos", by="ben"),
            some(4, kind="runs.forgotten", why="old"),
        ]
    )

    assert numbers(log, job="j1") == [3, 1]
    assert numbers(log, job="photos", person="ben") == [3]
    assert numbers(log, state="failed") == [2]
    assert numbers(log, kind="run") == [2, 1]
    assert numbers(log, kind="run.failed") == [2]
    assert numbers(log, q="no room") == [2]
    assert numbers(log, q="GRÖSSE") == numbers(log, q="größe") == [2]
    assert numbers(log, q='"kind"') == []
    assert numbers(log, since=WHEN + timedelta(milliseconds=3)) == [4, 3]
    assert numbers(log, until=WHEN + timedelta(milliseconds=3)) == [2, 1]


@pytest.mark.parametrize("query", [{"q": "x" * 201}, {"job": "\ud800"}, {"person": "x" * 1_000}])
def test_a_question_that_cannot_be_asked_is_refused_in_words(log, query):
    with pytest.raises(InvalidOptions):
        log.page(EventQuery(**query))


def test_a_log_goes_on_where_it_ended_with_its_torn_end_cut_off(log, tmp_path):
    log.append([some(1), some(2)])
    (path,) = (tmp_path / "events").iterdir()
    path.write_bytes(path.read_bytes() + b'{"seq":3,"n":3,"t":1,"ki')

    again = EventLog(tmp_path / "events")
    position = again.open()
    again.append([some(3)])

    assert position == Position(after=2)
    assert [(one.seq, one.n) for one in again.matching(EventQuery(after=0))] == [(1, 1), (2, 2), (3, 3)]


@pytest.mark.parametrize("end", [b"\0" * 400, b"\n\n", b"{}\n", b"}\n", b"\xff\xfe\n"])
def test_what_a_loss_of_power_leaves_at_the_end_costs_nothing_else(log, tmp_path, end):
    log.append([some(1), some(2)])
    (path,) = (tmp_path / "events").iterdir()
    path.write_bytes(path.read_bytes() + end)

    again = EventLog(tmp_path / "events")

    assert again.open() == Position(after=2)
    again.append([some(3)])
    assert numbers(again) == [3, 2, 1]


def test_a_record_that_was_half_told_is_gone_on_with(log, tmp_path):
    log.append([some(1), some(2, more=True), some(2, more=True)])

    assert EventLog(tmp_path / "events").open() == Position(after=1, lines=2)


def test_a_full_disk_leaves_no_half_event(log, disk_is_full):
    log.append([some(1)])

    with disk_is_full(), pytest.raises(StorageFull):
        log.append([some(2), some(3)])
    log.append([some(2)])

    assert [(one.seq, one.n) for one in log.matching(EventQuery(after=0))] == [(1, 1), (2, 2)]


def test_each_month_has_a_file_and_old_ones_go(log, tmp_path):
    for month in (9, 10, 11):
        at = datetime(2026, month, 5, tzinfo=UTC)
        log.append([some(month, t=int(at.timestamp() * 1000))])
        newest = max((tmp_path / "events").iterdir())
        os.utime(newest, (at.timestamp(), at.timestamp()))

    names = sorted(path.name for path in (tmp_path / "events").iterdir())
    gone = log.forget_before(datetime(2026, 10, 20, tzinfo=UTC))

    assert names == ["2026-09-000000000001.jsonl", "2026-10-000000000002.jsonl", "2026-11-000000000003.jsonl"]
    assert gone == 2
    assert numbers(log) == [11]
    assert log.forget_before(datetime(2030, 1, 1, tzinfo=UTC)) == 0
    assert EventLog(tmp_path / "events").open() == Position(after=11)


def test_a_clock_that_was_set_back_begins_no_other_file(log, tmp_path):
    log.append([some(1)])
    log.append([some(2, t=T - 40 * 86_400_000)])

    assert len(list((tmp_path / "events").iterdir())) == 1
    assert numbers(log, after=0) == [1, 2]


HOSTILE = "=cmd|' /C calc'!A0\r\n\u202egpj.exe\x1b[31m\x00"


def test_no_cell_of_a_handed_out_table_is_a_formula(log):
    formulas = ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", " =1"]
    log.append([some(n, name=formula, words=HOSTILE) for n, formula in enumerate(formulas, start=1)])

    text = "".join(as_csv(log.matching(EventQuery(after=0))))

    rows = list(csv.reader(io.StringIO(text, newline="")))
    assert len(rows) == 1 + len(formulas)
    cells = [cell for row in rows[1:] for cell in row]
    assert not [cell for cell in cells if cell.lstrip().startswith(("=", "+", "-", "@", "\t", "\r"))]
    assert all(cell.isprintable() for cell in cells)


def test_what_is_handed_out_as_text_has_a_line_for_each_and_hides_nothing(log):
    log.append([some(1, name="a\nb", words=HOSTILE, by="ana"), some(2)])

    lines = list(as_text(log.matching(EventQuery(after=0))))

    assert len(lines) == 2
    assert all(line.endswith("\n") and line[:-1].isprintable() for line in lines)
    assert lines[0].startswith("2026-11-21 07:42:00Z run.queued a\\nb: =cmd")


def test_what_is_handed_out_as_json_is_as_it_was(log):
    log.append([some(1, name=HOSTILE), some(2)])

    found = json.loads("".join(as_json(log.matching(EventQuery(after=0)))))

    assert found[0]["name"] == HOSTILE
    assert found[1]["at"] == "2026-11-21T07:42:00.002Z"
    assert json.loads("".join(as_json(()))) == []


def test_a_page_reads_no_more_than_it_needs_from_a_hundred_thousand_events(log, tmp_path, monkeypatch):
    for start in range(0, 100_000, 20_000):
        log.append([some(n, job=f"j{n % 500}", words="x" * 100) for n in range(start + 1, start + 20_001)])
    (path,) = (tmp_path / "events").iterdir()
    read = []
    fresh = EventLog(tmp_path / "events")
    opened = type(path).open

    def counted(self, *arguments, **named):
        file = opened(self, *arguments, **named)
        return _Counted(file, file.read, read)

    monkeypatch.setattr(type(path), "open", counted)
    page = fresh.page(EventQuery(limit=50))

    assert [one.n for one in page.items] == list(range(100_000, 99_950, -1))
    assert sum(read) < 1_000_000 < path.stat().st_size


class _Counted:
    """A file that tells how much was read of it."""

    def __init__(self, file, read, sizes):
        self._file, self._read, self._sizes = file, read, sizes

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._file.close()

    def seek(self, *arguments):
        return self._file.seek(*arguments)

    def read(self, size=-1):
        content = self._read(size)
        self._sizes.append(len(content))
        return content


def test_every_page_of_a_long_log_is_found_from_either_side(log):
    log.append([some(n, words="x" * (n % 700)) for n in range(1, 6_001)])

    back, before = [], None
    while True:
        page = log.page(EventQuery(limit=500, before=before))
        back += [one.n for one in page.items]
        if page.next is None:
            break
        before = page.next

    assert back == list(range(6_000, 0, -1))
    for n in (0, 1, 299, 2_999, 3_000, 3_001, 5_998, 5_999, 6_000):
        assert numbers(log, after=n, limit=3) == [*range(n + 1, min(n + 4, 6_001))]
        assert numbers(log, before=n + 1, limit=3) == [*range(n, max(n - 3, 0), -1)]


def test_a_hole_in_a_long_log_hides_nothing_but_itself(log, tmp_path):
    log.append([some(n, words="x" * 300) for n in range(1, 6_001)])
    (path,) = (tmp_path / "events").iterdir()
    content = path.read_bytes()
    middle = len(content) // 2
    path.write_bytes(content[:middle] + bytes(40_000) + content[middle + 40_000 :])

    there = numbers(log, limit=500, before=2_000) + numbers(log, limit=500, after=4_000)

    assert there == [*range(1_999, 1_499, -1), *range(4_001, 4_501)]
