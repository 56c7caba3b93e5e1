"""A schedule as a person would say it, and what the changes of the clocks mean for it."""

from datetime import UTC, datetime

import pytest

from core.models import Schedule, Window
from core.schedules import conditions, in_words, notes_about

FORWARD = "because the clocks go from 02:00 to 03:00"
BACK = "because the clocks go back from 03:00 to 02:00"
YEAR = (datetime(2026, 1, 1, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC))


@pytest.mark.parametrize(
    ("cron", "words"),
    [
        ("0 2 * * *", "every day at 02:00"),
        ("@daily", "every day at 00:00"),
        ("30 7,19 * * 1-5", "on weekdays at 07:30 and 19:30"),
        ("0 10 * * 6,0", "at weekends at 10:00"),
        ("0 9 * * MON,thu", "on Mondays and Thursdays at 09:00"),
        ("0 9 * * 7", "on Sundays at 09:00"),
        ("*/15 * * * *", "every 15 minutes"),
        ("* * * * *", "every minute"),
        ("0 * * * *", "every hour"),
        ("5,35 * * * *", "every hour at 5 and 35 minutes past"),
        ("*/15 8-17 * * 1-5", "every 15 minutes from 08:00 to 17:45, on weekdays"),
        ("15 */6 * * *", "every 6 hours, first at 00:15"),
        ("*/10 * * * * *", "every 10 seconds"),
        ("15 30 2 * * *", "every day at 02:30:15"),
        ("0 4 1 * *", "on the 1st of every month at 04:00"),
        ("0 4 2,3,22 JAN-MAR *", "on the 2nd, 3rd and 22nd of January, February and March at 04:00"),
        ("0 4 L * *", "on the last day of every month at 04:00"),
        ("0 4 * 12 *", "every day in December at 04:00"),
        ("0 0 13 * FRI", "as the cron '0 0 13 * FRI' says"),
        ("*/7 * * * *", "as the cron '*/7 * * * *' says"),
        ("0 0 * * 5L", "as the cron '0 0 * * 5L' says"),
    ],
)
def test_a_cron_is_said_as_a_person_would_say_it(cron, words):
    assert in_words(Schedule(cron=cron, timezone="Europe/Berlin")) == f"{words} (Europe/Berlin)"


@pytest.mark.parametrize(
    ("schedule", "words"),
    [
        (Schedule(every=900), "every 15 minutes"),
        (Schedule(every=3600), "every hour"),
        (Schedule(every=86_400), "every day"),
        (Schedule(every=5400), "every 1 hour 30 minutes"),
        (Schedule(every=1.5), "every 1.5 seconds"),
        (Schedule(on_start=True), "when Holdfast starts"),
        (Schedule(every=7200, on_start=True), "every 2 hours and when Holdfast starts"),
        (
            Schedule(at=datetime(2026, 3, 28, 20, tzinfo=UTC), timezone="Europe/Berlin"),
            "once, on 28 March 2026 at 21:00 (Europe/Berlin)",
        ),
    ],
)
def test_intervals_and_times_are_said_in_words(schedule, words):
    assert in_words(schedule) == words


def test_jitter_and_windows_are_said_in_words():
    windows = (Window(start="08:00", end="18:00", days=(0, 1, 2, 3, 4)), Window(start="22:00", end="23:00"))
    schedule = Schedule(cron="@hourly", jitter=300, blackout=windows)

    said = conditions(schedule)

    assert said == (
        "Up to 5 minutes later, drawn anew each time.",
        "Not from 08:00 to 18:00 on weekdays and from 22:00 to 23:00.",
    )


@pytest.mark.parametrize(
    ("cron", "notes"),
    [
        (
            "30 2 * * *",
            (
                f"On 29 March 2026 02:30 does not exist, {FORWARD}: it is due at 03:00.",
                f"On 25 October 2026 02:30 comes twice, {BACK}: it is due the first time only.",
            ),
        ),
        (
            "*/15 2 * * *",
            (
                f"On 29 March 2026 02:00 to 02:45 do not exist, {FORWARD}: that is due at 03:00, once.",
                f"On 25 October 2026 02:00 to 02:45 come twice, {BACK}: they are due both times.",
            ),
        ),
        ("0 12 * * *", ()),
        ("*/5 * * * *", ()),
        ("30 2 * * MON", ()),
    ],
)
def test_what_the_changes_of_the_clocks_mean_is_said_beforehand(cron, notes):
    assert notes_about(Schedule(cron=cron, timezone="Europe/Berlin"), *YEAR) == notes


def test_an_interval_of_whole_days_is_told_to_leave_its_hour():
    said = notes_about(Schedule(every=86_400, timezone="Europe/Berlin"), *YEAR)

    assert said[0].startswith("From 29 March 2026 on the clock shows 60 minutes later when it is due")
    assert notes_about(Schedule(every=900, timezone="Europe/Berlin"), *YEAR) == ()
    assert notes_about(Schedule(every=86_400, timezone="UTC"), *YEAR) == ()
