"""Sizes, times and the tide line in words."""

from datetime import UTC, datetime, timedelta

import pytest

from core.bulk import Refusal
from core.doctor import Finding, Verdict
from core.happenings import Happening
from core.models import Progress
from core.states import RunState
from fastapi_app.presenters import sizes, times
from fastapi_app.presenters.bulk import reasons_of
from fastapi_app.presenters.events import row
from fastapi_app.presenters.progress import progress_fields
from fastapi_app.presenters.settings import found_rows
from fastapi_app.presenters.texts import visible
from fastapi_app.presenters.tide import tide_of
from tests.builders import WHEN, a_kept_run


@pytest.mark.parametrize(
    ("amount", "said"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1_000, "1.0 kB"),
        (38_200_000, "38.2 MB"),
        (99_960_000, "100 MB"),
        (999_600_000, "1.0 GB"),
        (1.84e12, "1.8 TB"),
        (-5, "0 B"),
    ],
)
def test_sizes_have_at_most_three_digits(amount, said):
    assert sizes.size(amount) == said


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0.2, "under 1 s"),
        (12, "12 s"),
        (59.7, "1 min"),
        (151, "2 min 31 s"),
        (725, "12 min"),
        (6_480, "1 h 48 min"),
        (7_200, "2 h"),
        (273_600, "3 d 4 h"),
        (41 * 86_400 + 5_000, "41 d"),
    ],
)
def test_spans_have_at_most_two_units(seconds, said):
    assert times.span(seconds) == said


def test_a_clock_that_was_set_back_makes_no_negative_age():
    assert times.ago(WHEN + timedelta(hours=1), WHEN) == "just now"
    assert times.age(-3_600) == "under a minute"


def test_a_moment_is_told_in_utc_whatever_its_zone():
    moment = datetime.fromisoformat("2026-11-21T08:42:00+01:00")

    assert times.machine(moment) == "2026-11-21T07:42:00Z"
    assert times.stamp(moment) == "21 Nov 2026 07:42 UTC"
    assert times.clock(moment.astimezone(UTC)) == "07:42:00"


def test_progress_without_a_total_has_no_percentage():
    fields = progress_fields(Progress(stage="scan", done=1_204, unit="files"))

    assert fields == {"p": "", "s": "Scan, 1,204 files", "d": "1,204 files", "r": "", "e": "", "g": "scan"}


def test_progress_in_percent_alone_says_no_amount():
    fields = progress_fields(Progress(stage="run", percent=6.0, unit=""))

    assert (fields["p"], fields["s"], fields["d"]) == (6, "Run", "")


def test_a_run_that_says_nothing_of_its_progress_is_at_work_and_not_starting():
    assert progress_fields(Progress())["s"] == "At work"


def test_progress_never_says_done_before_it_is():
    fields = progress_fields(Progress(stage="copy", percent=99.99, done=1, total=2, rate=38_200_000.0))

    assert fields["p"] == 99
    assert fields["r"] == "38.2 MB/s"


@pytest.mark.parametrize("letter", ["\u202e", "\u2066", "\u200f", "\x1b", "\x00", "\ud800", "\u2028"])
def test_what_hides_or_reorders_is_shown(letter):
    assert visible(f"a{letter}b") == "a\ufffdb"


@pytest.mark.parametrize("state", [RunState.CANCELLED, RunState.SKIPPED])
def test_a_run_that_was_called_off_does_not_hang_with_the_failures(state):
    line = tide_of([a_kept_run("r", "j", state=state, started_at=WHEN, ended_at=WHEN)])

    assert (line.bad, line.good, line.now) == ("", "", "")
    assert line.off == "M176.5 15.5h3v3h-3z"


def test_the_tide_line_counts_in_words():
    states = [RunState.RUNNING, RunState.FAILED, RunState.COMPLETED, RunState.COMPLETED]
    runs = [
        a_kept_run(
            f"r{number}",
            "j",
            state=state,
            started_at=WHEN,
            ended_at=WHEN + timedelta(seconds=number * 60),
            result={"verified": True},
        )
        for number, state in enumerate(states)
    ]

    line = tide_of(runs)

    assert line.label == "Last 4 runs: 2 good, 1 failed, 1 running"
    assert line.good.count("M") == 2
    assert line.bad == "M171 17V24"
    assert line.now == "M177 15V5"
    assert len(line.good + line.bad + line.now) < 450


def happened(kind, words="", why=""):
    return Happening(n=1, t=0, kind=kind, words=words, why=why)


@pytest.mark.parametrize(
    ("kind", "said"),
    [("queue.changed", "Queue changed"), ("jobs.bulk", "Done to many"), ("thing.new_here", "Thing new here")],
)
def test_what_happened_is_told_in_words_and_never_as_its_raw_kind(kind, said):
    assert row(happened(kind)).mark.word == said


def test_a_queue_that_was_paused_is_not_told_twice_the_second_time_as_programs_write_it():
    told = row(happened("queue.changed", "Kind watch paused: The router is replaced.", "paused kind/watch"))

    assert told.cause == ""


def test_a_program_with_a_weakness_is_worth_a_look_and_not_bad():
    weak, disk = found_rows(
        (
            Finding(name="rclone", verdict=Verdict.BAD, found="1.60.1", cost="It has known holes."),
            Finding(name="data folder", verdict=Verdict.BAD, found="cannot be written"),
        )
    )

    assert (weak.name, weak.mark.st, weak.mark.word) == ("rclone", "late", "Look at it")
    assert (disk.name, disk.mark.st, disk.mark.word) == ("Data folder", "failed", "Wrong")


def test_a_reason_that_holds_for_several_jobs_does_not_name_one_of_them_as_programs_write_names():
    names = {"a": "Ada's <b>", "b": "other"}
    refused = tuple(
        Refusal(job_id=one, code="wrong-state", message=f"{name!r} has no run at present.")
        for one, name in names.items()
    )

    (reason,) = reasons_of(refused, names)

    assert (reason.count, reason.message) == ("2", "It has no run at present.")
    assert reason.names == ("Ada's <b>", "other")
