import errno
import os
import stat
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as some

from core.errors import NotFound
from core.events import EventBus, LogGrew
from core.log_files import LONGEST_MESSAGE, one_line
from core.logs import RunLogs
from tests.builders import WHEN

RUN = "3f2a1b4c-0000-4000-8000-000000000001"


def texts(page):
    return [line.text for line in page.lines]


def test_a_line_says_when_how_serious_and_what(logs, clock):
    logs.write(RUN, "info", "Attempt 1 began.")
    clock.pass_by(timedelta(milliseconds=123))
    logs.write(RUN, "warn", "a.txt vanished")

    page = logs.read(RUN)

    assert [(line.number, line.at, line.level, line.text) for line in page.lines] == [
        (1, WHEN, "info", "Attempt 1 began."),
        (2, WHEN + timedelta(milliseconds=123), "warn", "a.txt vanished"),
    ]
    assert logs.path(RUN).read_text() == (
        "2026-11-21T07:42:00.000Z info Attempt 1 began.\n2026-11-21T07:42:00.123Z warn a.txt vanished\n"
    )


@pytest.mark.parametrize(
    ("message", "shown"),
    [
        ("two\nlines\r\nhere", "two\\nlines\\r\\nhere"),
        ("\x1b[31mred\x1b[0m and \x1b[2Jcleared", "red and cleared"),
        ("\x1b]0;title\x07", "\\x1b]0;title\\x07"),
        ("\u202egnp.exe", "\\u202egnp.exe"),
        ("nul\0bell\a\x7f\x85", "nul\\x00bell\\x07\\x7f\\x85"),
        ("caf\udce9.txt", "caf\\xe9.txt"),
        ("half \ud83d", "half \\ud83d"),
        ("para\u2029graph\u2028line", "para\\u2029graph\\u2028line"),
        ("tab\tstays", "tab\tstays"),
        ("2026-11-21T07:42:00.000Z error forged", "2026-11-21T07:42:00.000Z error forged"),
        ("<script>alert(1)</script>", "<script>alert(1)</script>"),
        ("日本語 🎉", "日本語 🎉"),
        ("", ""),
    ],
)
def test_a_hostile_message_is_one_harmless_line(logs, message, shown):
    logs.write(RUN, "info", message)

    page = logs.read(RUN)

    assert texts(page) == [shown]
    assert page.lines[0].level == "info"
    assert logs.path(RUN).read_bytes().count(b"\n") == 1


@given(some.lists(some.text(), max_size=20))
def test_any_messages_are_as_many_lines(messages):
    lines = [one_line(WHEN, "info", message) for message in messages]

    for line in lines:
        assert line.count(b"\n") == 1
        assert len(line.decode().splitlines()) == 1
        assert not set(line) & (set(range(32)) - {9, 10})


def test_a_very_long_message_is_cut_and_says_so(logs):
    logs.write(RUN, "info", "x" * 1_000_000)

    (line,) = logs.read(RUN).lines

    assert line.text.startswith("x" * LONGEST_MESSAGE + " …")
    assert "992,000 more characters" in line.text
    assert len(line.text) < LONGEST_MESSAGE + 100


def test_an_unknown_level_is_taken_for_info(logs):
    logs.write(RUN, "fatal\nerror", "x")

    assert [line.level for line in logs.read(RUN).lines] == ["info"]


def test_a_log_of_an_earlier_process_is_continued_with_the_right_numbers(logs, make_logs):
    logs.write(RUN, "info", "before")
    logs.close_all()

    later = make_logs()
    later.write(RUN, "info", "after")

    assert [(line.number, line.text) for line in later.read(RUN).lines] == [(1, "before"), (2, "after")]


def test_beyond_its_quota_a_log_says_so_once_and_the_run_goes_on(make_logs):
    logs = make_logs(quota=5_000)

    for number in range(1_000):
        logs.write(RUN, "info", f"line {number}")
    page = logs.read(RUN)

    assert logs.path(RUN).stat().st_size < 5_200
    assert "The log is full" in page.lines[-1].text
    assert page.lines[-1].level == "warn"
    assert sum("full" in line.text for line in page.lines) == 1


def test_a_log_that_an_earlier_process_filled_stays_full(make_logs):
    first = make_logs(quota=2_000)
    for number in range(100):
        first.write(RUN, "info", f"line {number}")
    first.close_all()

    second = make_logs(quota=2_000)
    second.write(RUN, "info", "x")

    assert sum("full" in text for text in texts(second.read(RUN))) == 1
    assert texts(second.read(RUN))[-1] != "x"


def test_the_quota_of_one_run_leaves_the_others_alone(make_logs):
    logs = make_logs(quota=1_000)
    for number in range(100):
        logs.write(RUN, "info", f"line {number}")

    logs.write("aa-2", "info", "still here")

    assert texts(logs.read("aa-2")) == ["still here"]


def test_growth_is_told_in_batches(tmp_path, clock):
    events = EventBus()
    told = []
    everything = threading.Event()

    def hear(event):
        told.append(event)
        if event.lines == 5_000:
            everything.set()

    events.subscribe("heard", hear)
    logs = RunLogs(tmp_path / "logs", events, clock)

    for number in range(5_000):
        logs.write(RUN, "info", f"line {number}")

    assert everything.wait(10)
    logs.close_all()
    events.close()
    assert told[-1] == LogGrew(run_id=RUN, lines=5_000)
    assert [event.lines for event in told] == sorted({event.lines for event in told})
    assert len(told) < 100


def test_the_end_of_a_run_is_told_at_once(logs, events, heard):
    logs.write(RUN, "info", "the last words")

    logs.close(RUN)
    events.close()

    assert heard[-1] == LogGrew(run_id=RUN, lines=1)
    assert logs.path(RUN).read_bytes().endswith(b"the last words\n")


def test_a_disk_in_trouble_costs_lines_and_says_so_later(logs, monkeypatch):
    logs.write(RUN, "info", "before")
    logs.read(RUN)
    monkeypatch.setattr(os, "pwrite", refuse)

    for number in range(5):
        logs.write(RUN, "info", f"lost {number}")
    during = logs.read(RUN)
    monkeypatch.undo()
    logs.write(RUN, "info", "after")
    page = logs.read(RUN)

    assert texts(during) == ["before"]
    assert texts(page) == ["before", "5 lines could not be written here; the disk was in trouble.", "after"]
    assert [line.number for line in page.lines] == [1, 2, 3]


def refuse(descriptor, content, offset):
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_half_a_batch_that_found_room_is_taken_back(logs, monkeypatch):
    pwrite = os.pwrite
    calls = []

    def half(descriptor, content, offset):
        calls.append(offset)
        if len(calls) > 1:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return pwrite(descriptor, bytes(content[:10]), offset)

    logs.write(RUN, "info", "before")
    logs.read(RUN)
    whole = logs.path(RUN).read_bytes()
    monkeypatch.setattr(os, "pwrite", half)

    logs.write(RUN, "info", "half of this")
    logs.read(RUN)
    monkeypatch.undo()

    assert logs.path(RUN).read_bytes() == whole


def test_a_folder_that_is_gone_does_not_stop_a_run(tmp_path, clock, events):
    logs = RunLogs(tmp_path / "gone" / "logs", events, clock)

    logs.write(RUN, "info", "x")
    logs.close_all()

    assert not (tmp_path / "gone").exists()


def test_many_threads_write_whole_lines(logs):
    runs = [f"{number:02x}-run" for number in range(4)]

    def write(number):
        logs.write(runs[number % 4], "info", f"{number} " + "x" * 500)

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(write, range(2_000)))

    for index, run_id in enumerate(runs):
        page = logs.read(run_id)
        assert sorted(int(text.split()[0]) for text in texts(page)) == list(range(index, 2_000, 4))
        assert {len(text.split()[1]) for text in texts(page)} == {500}


def test_hundreds_of_runs_can_be_read_and_written_in_turn(logs):
    runs = [f"{number:03d}-run" for number in range(200)]

    for turn in range(3):
        for run_id in runs:
            logs.write(run_id, "info", f"turn {turn}")
            if turn == 1:
                logs.close(run_id)

    assert all(texts(logs.read(run_id)) == ["turn 0", "turn 1", "turn 2"] for run_id in runs)


def test_a_removed_log_is_gone_and_can_begin_again(logs):
    logs.write(RUN, "info", "old")
    logs.close(RUN)

    logs.remove(RUN)
    logs.remove(RUN)
    assert not logs.path(RUN).exists()
    logs.write(RUN, "info", "new")

    assert texts(logs.read(RUN)) == ["new"]


def test_only_the_owner_can_read_a_log(logs, tmp_path):
    before = os.umask(0)
    try:
        logs.write(RUN, "info", "x")
        logs.close(RUN)
    finally:
        os.umask(before)

    assert stat.S_IMODE(logs.path(RUN).stat().st_mode) == 0o600
    assert stat.S_IMODE(logs.path(RUN).parent.stat().st_mode) == 0o700


@pytest.mark.parametrize("evil", ["../../etc/passwd", "", "a/b", ".", "..", "a\0", "x" * 100])
def test_an_id_that_would_leave_the_logs_is_not_found(logs, evil):
    for ask in (logs.path, logs.read, logs.remove):
        with pytest.raises(NotFound):
            ask(evil)


def test_a_log_can_be_written_again_after_everything_was_closed(logs):
    logs.write(RUN, "info", "one")
    logs.close_all()

    logs.write(RUN, "info", "two")
    logs.close_all()

    assert logs.path(RUN).read_bytes().count(b"\n") == 2


def test_time_set_back_changes_no_order(logs, clock):
    logs.write(RUN, "info", "first")
    clock.set(WHEN - timedelta(days=1))
    logs.write(RUN, "info", "second")

    assert texts(logs.read(RUN)) == ["first", "second"]


def test_how_many_lines_a_run_said_is_known_without_reading_where_it_was_written_lately(tmp_path, clock):
    logs = RunLogs(tmp_path, EventBus(), clock)
    logs.write(RUN, "info", "one")
    logs.write(RUN, "info", "two")

    logs.close_all()

    assert logs.lines_at_hand(RUN) == 2
    assert RunLogs(tmp_path, EventBus(), clock).lines_at_hand(RUN) is None
