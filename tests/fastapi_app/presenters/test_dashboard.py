"""What a person would say first, and nothing that is not known to be so."""

from datetime import timedelta
from types import MappingProxyType
from typing import Any

import pytest
from msgspec.structs import replace

from core.facts import Copy, Fact, Picture
from core.models import Failure, JobOverview
from core.rollups import Hour
from core.states import RunState
from fastapi_app.presenters import times
from fastapi_app.presenters.course import figures_of, flow_of, range_of
from fastapi_app.presenters.dashboard import copy_row, looked_in_words, need_of, sentence_of
from fastapi_app.presenters.throughput import alert_of
from tests.builders import WHEN, a_kept_job, a_kept_run

A_DAY = timedelta(days=1)


def a_picture(**counts):
    return Picture(
        counts=MappingProxyType(counts),
        needs=(),
        at_work=(),
        copies=(),
        oldest=None,
        newest=None,
        recent=(),
        names=MappingProxyType({}),
    )


def a_fact(name="photos", *, age=None, target=None, run=None, **fields):
    job = a_kept_job("job-1", name=name, options={"source": "/srv/photos", "destination": "/mnt/photos"})
    copy = Copy(run="run-1", number=1, at=WHEN - age, files=60, bytes=1_200_000) if age else None
    until = copy.at + target if copy and target else None
    given: dict[str, Any] = {
        "copy": copy,
        "until": until,
        "is_old": until is not None and until <= WHEN,
        "since": WHEN,
    }
    return Fact(overview=JobOverview(job=job, latest_run=run), copies=True, **given | fields)


@pytest.mark.parametrize(
    ("counts", "sentence"),
    [
        ({}, "Nothing is protected yet."),
        ({"jobs": 2, "never": 2}, "Nothing has run yet."),
        ({"jobs": 2, "never": 1}, "No job needs you."),
        ({"jobs": 1, "copying": 1, "pending": 1, "never": 1}, "Nothing is protected yet."),
        ({"jobs": 2, "copying": 2, "good": 2, "aimed": 2}, "Everything has a fresh copy."),
        ({"jobs": 2, "copying": 2, "good": 2}, "Everything that ran has a verified copy."),
        ({"jobs": 3, "copying": 2, "good": 2, "aimed": 2}, "Every copy is fresh."),
        (
            {"jobs": 4, "copying": 4, "good": 2, "aimed": 2, "needs": 2, "copying-needs": 2, "behind": 2},
            "Two datasets are behind. Everything else has a fresh copy.",
        ),
        (
            {"jobs": 3, "copying": 2, "good": 1, "needs": 2, "copying-needs": 1, "behind": 1},
            "One dataset is behind, one more job needs you. Every other copy is verified.",
        ),
        (
            {"jobs": 9, "copying": 9, "good": 1, "pending": 1, "needs": 1},
            "One job needs you. Everything else that ran has a verified copy.",
        ),
        ({"jobs": 2_041, "copying": 2_041, "needs": 2_041}, "2,041 jobs need you."),
        (
            {"jobs": 3, "copying": 3, "good": 1, "unproved": 1, "needs": 1},
            "One job needs you.",
        ),
        (
            {"jobs": 3, "copying": 3, "good": 1, "unproved": 2},
            "Two jobs have no verified copy from the latest run.",
        ),
        (
            {"jobs": 1, "copying": 1, "copies": 1, "unproved": 1},
            "One job has no verified copy from the latest run.",
        ),
        ({"jobs": 1, "copying": 1, "copies": 1, "pending": 1}, "Nothing needs you, and no copy is fresh."),
        (
            {"jobs": 3, "copying": 3, "good": 1, "seeking": 2},
            "Nothing needs you. Older copies are being looked through.",
        ),
    ],
)
def test_the_sentence_claims_what_was_proved_and_no_more(counts, sentence):
    assert sentence_of(a_picture(**counts)) == sentence


def test_a_late_job_is_told_by_the_age_of_its_copy_and_its_target():
    need = need_of(a_fact(age=3 * A_DAY, target=A_DAY, late=True), None)

    assert (need.cause, need.at, need.after) == ("No good copy for", WHEN - 3 * A_DAY, ", its target is 1 d.")
    assert [deed.word for deed in need.deeds] == ["Start", "Edit"]


def test_a_failed_job_offers_the_likeliest_way_out_first():
    failure = Failure(code="engine-failed", message="The disk is full.", hint="Free some space.")
    run = a_kept_run("run-9", "job-1", state=RunState.FAILED, ended_at=WHEN, error=failure)

    need = need_of(a_fact(run=run), None)

    assert (need.cause, need.hint) == ("The disk is full.", "Free some space.")
    assert [(deed.word, deed.posts) for deed in need.deeds] == [
        ("Try again", True),
        ("Log", False),
        ("Edit", False),
    ]


def test_a_late_job_whose_failed_run_is_to_be_tried_again_is_told_as_late():
    failure = Failure(code="engine-failed", message="The disk is full.")
    run = a_kept_run("run-9", "job-1", state=RunState.SCHEDULED, error=failure)

    need = need_of(a_fact(run=run, age=3 * A_DAY, target=A_DAY, late=True), None)

    assert (need.mark.word, need.when, need.cause) == ("Late", "", "No good copy for")
    assert [deed.word for deed in need.deeds] == ["Last run", "Edit"]


def test_a_copy_nobody_set_a_target_for_is_neither_good_nor_late():
    row = copy_row(a_fact(age=40 * A_DAY), WHEN)

    assert row.bar.st == "unknown"
    assert row.bar.label == "photos: nobody said how old its copy may become"


def test_a_copy_beyond_its_target_says_so_in_words():
    row = copy_row(a_fact(age=3 * A_DAY, target=A_DAY), WHEN)

    assert (row.bar.st, row.is_old) == ("late", True)
    assert row.bar.label == "photos: past its target of 1 d"


@pytest.mark.parametrize(
    ("failed", "still", "words"),
    [
        (0, 0, ""),
        (1, 1, "1 run failed since you last looked."),
        (3, 0, "3 runs failed since you last looked; all of it has worked since."),
    ],
)
def test_what_failed_since_somebody_looked_is_told(failed, still, words):
    assert looked_in_words(failed, still) == words


def hours(many, **fields):
    return [Hour(at=WHEN + timedelta(hours=number), **fields) for number in range(many)]


def test_a_chart_says_in_words_what_it_shows():
    day = hours(24, bytes=2_000_000_000, ended=2, completed=1, failed=1)

    flow = flow_of(day, "24h")

    assert flow.chart is not None
    said = "Last 24 h: at most 2.0 GB moved an hour; 24 runs ended well or were called off, 24 failed"
    assert flow.chart.label == said
    assert flow.chart.unit == "GB an hour"
    assert [(chip.address, chip.current) for chip in flow.chips] == [
        ("/?range=6h", False),
        ("/", True),
        ("/?range=7d", False),
    ]


def test_a_week_is_drawn_in_steps_of_six_hours_with_its_days_below():
    flow = flow_of(hours(168, bytes=10, ended=1, completed=1), "7d")

    assert flow.chart is not None
    assert flow.chart.good.count("M") == 28
    assert [moment.day for moment in flow.chart.begins] == [21, 22, 23, 24, 25, 26, 27]


def test_hours_in_which_nothing_ended_have_no_chart():
    assert flow_of(hours(6), "6h").chart is None


@pytest.mark.parametrize("text", ["", "24h", "1y", "<b>"])
def test_a_span_that_there_is_none_of_is_a_day(text):
    assert range_of(text) == "24h"


@pytest.mark.parametrize(
    ("mode", "said"),
    [
        ("full", "60 files, all matched"),
        ("sample", "60 files, a sample matched"),
        ("fast", "60 files, names and sizes matched"),
    ],
)
def test_a_proof_by_a_sample_does_not_say_that_all_matched(mode, said):
    fact = a_fact(copy=Copy(run="run-1", number=1, at=WHEN, files=60, mode=mode))
    picture = replace(a_picture(copying=1), newest=fact)

    assert figures_of(picture, hours(24))[-1].aside == said


@pytest.mark.parametrize(
    ("after", "said"),
    [
        (timedelta(0), f"{WHEN:%H:%M} UTC"),
        (timedelta(days=1), f"{WHEN + timedelta(days=1):%a %H:%M} UTC"),
        (timedelta(days=7), f"{WHEN + timedelta(days=7):%-d %b %Y %H:%M} UTC"),
    ],
)
def test_what_is_due_another_day_says_which(after, said):
    assert times.due(WHEN + after, WHEN) == said


def test_figures_of_copies_are_told_only_where_any_are_made():
    names = [figure.name for figure in figures_of(a_picture(jobs=1), hours(24))]
    of_copies = [figure.name for figure in figures_of(a_picture(jobs=1, copying=1), hours(24))]

    assert names == ["Runs, 24 h", "Wait before start, p95", "Failed, 24 h", "Data moved, 24 h"]
    assert of_copies == ["Data moved, 24 h", "Wait before start, p95", "Oldest good copy", "Last proof"]


@pytest.mark.parametrize(
    ("good", "bad", "alert_at", "told"),
    [
        (1, 4, 50, "80 % of the runs of the last 24 hours failed; 50 % is worth a look."),
        (3, 3, 50, "50 % of the runs of the last 24 hours failed; 50 % is worth a look."),
        (4, 3, 50, ""),
        (1, 9, 0, ""),
        (0, 4, 50, ""),
        (4, 1, 50, ""),
    ],
)
def test_too_many_failures_of_a_day_are_told_once_there_are_enough_runs(good, bad, alert_at, told):
    day = [Hour(at=WHEN, ended=good + bad, completed=good, failed=bad)]

    assert alert_of(day, alert_at) == told
