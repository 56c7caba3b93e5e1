"""What is wrong with a schedule, in words."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.models import Schedule, Window
from core.schedules import due_after, in_words, notes_about, problems

WHEN = datetime(2026, 11, 21, tzinfo=UTC)
NEW_YEAR = datetime(2027, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("schedule", "field", "words"),
    [
        (Schedule(cron="61 * * * *"), "cron", "the minutes (0 to 59)"),
        (Schedule(cron="0 25 * * *"), "cron", "the hours"),
        (Schedule(cron="0 0 32 * *"), "cron", "the day of the month (1 to 31)"),
        (Schedule(cron="0 0 31 2 *"), "cron", "never comes"),
        (Schedule(cron="0 0 * * 8"), "cron", "the day of the week"),
        (Schedule(cron="0 0 * *"), "cron", "has 4"),
        (Schedule(cron="1" * 5_000), "cron", "at most 200"),
        (Schedule(cron="@fortnightly"), "cron", "@daily"),
        (Schedule(cron="@reboot"), "cron", "when Holdfast starts"),
        (Schedule(every=0.5), "every", "one second"),
        (Schedule(every=1e16), "every", "100 years"),
        (Schedule(), "cron", "Say when"),
        (Schedule(cron="@daily", every=60), "every", "either cron or every"),
        (Schedule(at=WHEN, every=60), "at", "either every or at"),
        (Schedule(at=datetime(9_999, 12, 31, 23, tzinfo=UTC), timezone="Asia/Tokyo"), "at", "1970 to 9900"),
        (Schedule(every=60, timezone="Mars/Base"), "timezone", "no time zone"),
        (Schedule(every=60, timezone="berlin"), "timezone", "Is it Europe/Berlin?"),
        (Schedule(every=60, timezone="../../etc/passwd"), "timezone", "no time zone"),
        (Schedule(every=60, timezone="a\0b"), "timezone", "no time zone"),
        (Schedule(every=60, jitter=60), "jitter", "not shorter than the interval"),
        (Schedule(cron="@daily", jitter=90_000), "jitter", "at most a day"),
        (Schedule(every=60, blackout=(Window(start="8", end="10:00"),)), "blackout", "'8'"),
        (Schedule(every=60, blackout=(Window(start="08:00", end="25:00"),)), "blackout", "'25:00'"),
        (Schedule(every=60, blackout=(Window(start="08:00", end="08:00"),)), "blackout", "is empty"),
        (Schedule(every=60, blackout=(Window(start="00:00", end="24:00"),)), "blackout", "leave no time"),
        (Schedule(every=60, blackout=(Window(start="06:00", end="05:00"), Window(start="04:00", end="07:00"))),
         "blackout", "leave no time"),
    ],
)  # fmt: skip
def test_a_schedule_that_makes_no_sense_is_refused_in_words_that_name_the_field(schedule, field, words):
    found = problems(schedule)

    assert list(found) == [field]
    assert words in found[field]


@pytest.mark.parametrize(
    "schedule",
    [
        Schedule(cron="0 2 * * *", timezone="Europe/Berlin"),
        Schedule(cron="0 0 29 2 *"),
        Schedule(cron="*/10 * * * * *"),
        Schedule(cron="0 9 * * MON-FRI"),
        Schedule(cron="@weekly", on_start=True),
        Schedule(every=1),
        Schedule(at=WHEN),
        Schedule(on_start=True),
        Schedule(every=60, blackout=(Window(start="00:00", end="24:00", days=(5, 6)),)),
    ],
)
def test_a_schedule_that_makes_sense_has_no_problems(schedule):
    assert problems(schedule) == {}


@given(
    cron=st.text(alphabet="0123456789*/,-#LW @dailyMONFEB²\0", max_size=40),
    zone=st.sampled_from(["", "Europe/Berlin", "Europe", "/", "."]),
)
def test_no_text_in_place_of_a_cron_does_harm(cron, zone):
    schedule = Schedule(cron=cron, timezone=zone)

    found = problems(schedule)

    assert all(found.values())
    due = due_after(schedule, WHEN, anchor=WHEN)
    assert due is None or due > WHEN
    assert in_words(schedule)
    assert isinstance(notes_about(schedule, WHEN, NEW_YEAR), tuple)
