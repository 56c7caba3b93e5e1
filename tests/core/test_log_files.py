"""Reading a log: every line by its number, whatever the file holds."""

import threading
import tracemalloc
from pathlib import Path

import pytest

from core.log_files import one_line
from tests.builders import WHEN

RUN = "3f2a1b4c-0000-4000-8000-000000000001"


def texts(page):
    return [line.text for line in page.lines]


def test_lines_are_read_after_a_number(logs):
    for number in range(1, 26):
        logs.write(RUN, "info", f"line {number}")

    first = logs.read(RUN, limit=10)
    second = logs.read(RUN, after=first.next, limit=10)
    third = logs.read(RUN, after=second.next, limit=10)

    assert texts(first) == [f"line {number}" for number in range(1, 11)]
    assert (second.lines[0].number, second.lines[-1].number, second.next) == (11, 20, 20)
    assert (len(third.lines), third.next, third.total) == (5, 25, 25)


def test_reading_past_the_end_gives_nothing_and_harms_nothing(logs):
    logs.write(RUN, "info", "only")

    for after in (1, 2, 10**9, -5):
        page = logs.read(RUN, after=after)
        assert (len(page.lines), page.total) == ((1 if after < 0 else 0), 1)
    assert logs.read(RUN, limit=0).lines == ()
    assert logs.read("never-ran-1").total == 0


def test_the_last_lines_of_a_level_are_found_and_read_back_from(logs):
    for number in range(1, 3_001):
        logs.write(RUN, "warn" if number % 2 else "info", f"line {number}")

    last = logs.tail(RUN, 500, level="warn")
    before = logs.tail(RUN, 500, level="warn", before=last.lines[0].number)
    plain = logs.tail(RUN, 3, before=1_002)
    nothing = logs.tail(RUN, 3, before=1, level="warn")

    assert (last.lines[0].number, last.lines[-1].number, last.fitting) == (2_001, 2_999, 1_500)
    assert (before.lines[0].number, before.lines[-1].number, before.fitting) == (1_001, 1_999, 1_000)
    assert texts(plain) == ["line 999", "line 1000", "line 1001"]
    assert (nothing.lines, nothing.fitting, nothing.total) == ((), 0, 3_000)
    assert [line.number for line in logs.tail(RUN, 9, before=-5).lines] == []


def test_lines_are_found_by_level_and_text(logs):
    for number in range(3_000):
        logs.write(
            RUN,
            "error" if number == 2_500 else "warn" if number % 1_000 == 999 else "info",
            f"File {number}.txt",
        )

    assert texts(logs.read(RUN, level="error")) == ["File 2500.txt"]
    assert texts(logs.read(RUN, level="warn")) == [
        "File 999.txt",
        "File 1999.txt",
        "File 2500.txt",
        "File 2999.txt",
    ]
    assert texts(logs.read(RUN, query="FILE 77.")) == ["File 77.txt"]
    assert texts(logs.read(RUN, level="warn", query="99")) == [
        "File 999.txt",
        "File 1999.txt",
        "File 2999.txt",
    ]
    assert texts(logs.read(RUN, query="nowhere")) == []
    assert logs.read(RUN, query="nowhere").next == 3_000


def test_a_search_goes_on_where_its_page_ended(logs):
    for number in range(2_500):
        logs.write(RUN, "warn" if number % 100 == 0 else "info", f"line {number}")
    found, after = [], 0

    while (page := logs.read(RUN, after=after, limit=7, level="warn")).lines:
        found += texts(page)
        after = page.next

    assert found == [f"line {number}" for number in range(0, 2_500, 100)]


def test_the_tail_is_the_last_lines(logs):
    for number in range(1, 2_003):
        logs.write(RUN, "info", f"line {number}")

    page = logs.tail(RUN, 3)

    assert [line.number for line in page.lines] == [2_000, 2_001, 2_002]
    assert logs.tail(RUN, 10_000).lines[0].number == 1


def test_any_line_of_a_million_is_read_without_reading_the_others(logs):
    path = logs.path(RUN)
    path.parent.mkdir(parents=True)
    with path.open("wb") as file:
        for thousand in range(1_000):
            file.write(
                b"".join(one_line(WHEN, "info", f"line {thousand * 1_000 + n}") for n in range(1, 1_001))
            )
    logs.tail(RUN, 1)
    before = bytes_read_by_this_process()

    for number in (1, 999, 1_000, 1_001, 500_000, 999_999, 1_000_000):
        page = logs.read(RUN, after=number - 1, limit=1)

        assert texts(page) == [f"line {number}"]
        assert page.lines[0].number == number
        assert page.total == 1_000_000
    assert bytes_read_by_this_process() - before < path.stat().st_size / 20


def bytes_read_by_this_process() -> int:
    return int(Path("/proc/self/io").read_text().split()[1])


@pytest.mark.parametrize(
    "torn", [b"2026-11-21T07:42:00.0", b"x", b"\xff\xfe", b"2026-11-21T07:42:00.000Z info half a mess"]
)
def test_a_torn_last_line_is_left_out(logs, make_logs, torn):
    logs.write(RUN, "info", "whole")
    logs.close_all()
    with logs.path(RUN).open("ab") as file:
        file.write(torn)

    later = make_logs()
    assert texts(later.read(RUN)) == ["whole"]
    later.write(RUN, "info", "next")

    assert texts(later.read(RUN)) == ["whole", "next"]


def test_lines_that_are_not_ours_are_shown_as_they_are(logs):
    path = logs.path(RUN)
    path.parent.mkdir(parents=True)
    path.write_bytes(
        b"a stranger's line\n\x00\xff\x1b[31m\n\n2026-11-21 info no zone\n2026-11-21T07:42:00.000Z info ours\n"
    )

    page = logs.read(RUN)

    assert len(page.lines) == 5
    assert page.lines[0].text == "a stranger's line"
    assert "\x1b" not in page.lines[1].text
    assert page.lines[4].text == "ours"


def test_one_writer_and_one_reader_agree_on_the_numbers(logs):
    done = threading.Event()
    seen: list[int] = []

    def follow():
        after = 0
        while not (done.is_set() and after == 3_000):
            page = logs.read(RUN, after=after)
            seen.extend(line.number for line in page.lines)
            after = page.next

    reader = threading.Thread(target=follow)
    reader.start()
    for number in range(3_000):
        logs.write(RUN, "info", f"line {number}")
    done.set()
    reader.join()

    assert seen == list(range(1, 3_001))


def test_warnings_and_errors_are_counted_by_their_level_alone(logs):
    for number in range(30):
        level = ("info", "warn", "error")[number % 3]
        logs.write(RUN, level, "2026-11-21T07:41:18.123Z warn this is text, Z error too")

    page = logs.tail(RUN, 3)

    assert (page.total, page.warnings, page.errors) == (30, 10, 10)
    logs.write(RUN, "error", "one more")
    assert logs.tail(RUN, 1).errors == 11


def test_a_text_is_found_in_the_whole_log_and_every_hit_is_counted(logs):
    path = logs.path(RUN)
    path.parent.mkdir(parents=True)
    lines = (
        one_line(WHEN, "warn", f"Part {n} stored") if n % 50 == 0 else one_line(WHEN, "info", f"line {n}")
        for n in range(1, 60_001)
    )
    path.write_bytes(b"".join(lines))

    found = logs.find(RUN, "pART", most=100)
    few = logs.find(RUN, "part 59950 ")
    none = logs.find(RUN, "line", level="warn")

    assert (found.hits, len(found.numbers), found.total) == (1_200, 100, 60_000)
    assert found.numbers[:3] == (50, 100, 150)
    assert (few.hits, few.numbers) == (1, (59_950,))
    assert none.hits == 0
    assert logs.find("never-ran-1", "anything").total == 0


def test_a_line_of_fifty_megabytes_is_read_by_its_beginning(logs):
    path = logs.path(RUN)
    path.parent.mkdir(parents=True)
    with path.open("wb") as file:
        file.write(b"2026-11-21T07:41:18.123Z info ")
        for _ in range(50):
            file.write(b"x" * 1_000_000)
        file.write(b"\n" + one_line(WHEN, "warn", "the end"))

    page = logs.tail(RUN, 10)

    assert [line.number for line in page.lines] == [1, 2]
    assert len(page.lines[0].text) < 40_000
    assert page.lines[0].text.endswith("more bytes)")
    assert page.warnings == 1


def test_a_line_of_twenty_megabytes_is_searched_by_its_beginning(logs):
    path = logs.path(RUN)
    path.parent.mkdir(parents=True)
    large = 20_000_000
    path.write_bytes(
        one_line(WHEN, "info", "x")[:-1] + b"x" * large + b"\n" + one_line(WHEN, "warn", "the end")
    )
    logs.tail(RUN, 1)

    tracemalloc.start()
    found = logs.find(RUN, "THE END")
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert found.numbers == (2,)
    assert most < 4 * large
