"""What was expected and did not run, read from the event log."""

from datetime import UTC, datetime, timedelta

import pytest

from core.absences import Absences
from core.event_log import EventLog
from core.happenings import Happening
from tests.doubles import SettableClock

NOW = datetime(2026, 11, 21, 7, 42, tzinfo=UTC)


@pytest.fixture
def log(tmp_path):
    log = EventLog(tmp_path)
    log.open()
    return log


@pytest.fixture
def absences(log):
    return Absences(log, SettableClock(NOW))


def said(words, *, ago=timedelta(hours=1), kind="schedule.said"):
    at = int((NOW - ago).timestamp() * 1000)
    return Happening(seq=0, t=at, kind=kind, job="j", name="photos", words=words)


def words(found):
    return [one.words for one in found]


def test_what_was_missed_or_left_out_did_not_run(absences, log):
    log.append([said("Monday was left out: run 3 is running and not over yet.")])
    log.append([said("5 due times were missed: one run makes up for all of them.")])

    found = absences.since(NOW - timedelta(days=1))

    assert [one.name for one in found] == ["photos", "photos"]
    assert [one.at for one in found] == [NOW - timedelta(hours=1)] * 2


@pytest.mark.parametrize(
    "harmless",
    [
        "Monday was left out, as it was asked for.",
        "Monday was missed: one run makes up for it.",
        "Monday was missed, and is made up for now.",
        "The clock was set back by 2 hours: due times are counted from now on.",
        "left out next time.",
    ],
)
def test_what_ran_later_or_was_asked_for_is_no_absence(absences, log, harmless):
    log.append([said(harmless), said("a run was missed", kind="run.failed")])

    assert absences.since(NOW - timedelta(days=1)) == ()


def test_what_is_new_is_read_on_and_nothing_twice(absences, log):
    log.append([said("one was left out: it waits.")])
    first = absences.since(NOW - timedelta(days=1))
    log.append([said("two were missed and left out", ago=timedelta(0))])

    again = absences.since(NOW - timedelta(days=1))

    assert words(first) == ["one was left out: it waits."]
    assert words(again) == ["one was left out: it waits.", "two were missed and left out"]
    assert words(absences.since(NOW)) == ["two were missed and left out"]
