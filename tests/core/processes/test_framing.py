"""What is kept of a program's output, whatever pieces it comes in."""

from datetime import UTC, datetime

import pytest

from core.processes.framing import Output
from core.processes.orders import Exit
from core.processes.reading import CUT_WORDS, LOST_WORDS, UNREADABLE, OutputReader

NOW = datetime(2026, 11, 21, 7, 42, tzinfo=UTC)
MANY = [(b"out", b"x" * 99 + b"\n")] * 2_000


@pytest.fixture
def heard(tmp_path):
    """Take pieces in and read them back; returns the lines, and how many bytes are not kept."""

    def hear(pieces, *, quota=10_000_000, longest=65_536):
        output = Output(str(tmp_path / "output"), quota, longest)
        for stream, content in pieces:
            output.take(1, stream, content)
        output.finish(str(tmp_path / "tail"))
        reader = OutputReader(tmp_path)
        lines = []
        while new := reader.read():
            lines += new
        return lines + reader.rest(Exit(started_at=NOW, ended_at=NOW)), output.dropped

    return hear


def test_the_last_words_on_one_stream_outlast_a_flood_on_the_other(heard):
    lines, dropped = heard([*MANY, (b"err", b"fatal: the disk is gone\n")], quota=50_000)

    assert lines[-1].text == "fatal: the disk is gone"
    assert sum(len(line.text) + 1 for line in lines if not line.note) + dropped == 200_024


def test_a_line_that_the_quota_cuts_says_so_and_its_rest_is_counted(heard):
    lines, dropped = heard([(b"out", b"one\nbegun"), (b"out", b" and ended\n"), *MANY], quota=60)

    assert [line.text for line in lines[:2]] == ["one", f"begun{LOST_WORDS}"]
    assert all(line.text == "x" * 99 for line in lines[3:])
    assert len(b"one\nbegun") + 100 * len(lines[3:]) + dropped == 200_020


def test_a_line_at_the_quota_is_whole_where_all_of_it_is_kept(heard):
    lines, dropped = heard([(b"out", b"one\nbegun"), (b"out", b" and ended\n")], quota=60)

    assert ([line.text for line in lines], dropped) == (["one", "begun and ended"], 0)


def test_a_cut_line_within_the_gap_leaves_no_trace(heard):
    long = [(b"out", b"y" * 90)] * 800 + [(b"out", b"\nend\n")]

    lines, dropped = heard([(b"out", b"y" * 90), *long], quota=200, longest=100)

    assert [line.text for line in lines] == ["y" * 100 + CUT_WORDS, "end"]
    assert dropped == 801 * 90 - 100


def test_a_progress_bar_without_line_ends_is_followed_as_long_as_it_goes_on(heard):
    bar = [(b"out", b"\r%7d of 9000 files" % number + b" " * 50) for number in range(9_000)]

    lines, dropped = heard([*bar, (b"out", b"\rdone\n")])

    assert len([line for line in lines if line.passing]) == 9_000
    assert (lines[-1].text, lines[-1].passing, dropped) == ("done", False, 0)


def test_what_comes_after_a_flood_without_lines_is_read_too(heard):
    lines, dropped = heard([(b"out", b"\r" * 60_000)] * 50 + [(b"err", b"why\n"), (b"out", b"end\n")])

    assert ([line.text for line in lines], dropped) == (["why", "end"], 0)


def test_what_a_power_cut_leaves_of_the_output_is_read_and_the_rest_passed_over(tmp_path):
    output = Output(str(tmp_path / "output"), 10_000, 100)
    output.take(1, b"out", b"one\ntw")
    with (tmp_path / "output").open("ab") as file:
        file.write(bytes(300_000))

    reader = OutputReader(tmp_path)

    assert [line.text for line in reader.read()] == ["one", f"tw{LOST_WORDS}", UNREADABLE]
    assert (reader.read(), reader.rest(None)) == ([], [])
