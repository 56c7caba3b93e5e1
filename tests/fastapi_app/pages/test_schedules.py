"""When every job is due, as pages show it, and the part of the form that asks for it."""

from datetime import UTC, datetime

import pytest
from bs4 import BeautifulSoup

from core.drafts import JobDraft, JobPatch
from core.models import Missed, Overlap, Schedule, Window
from core.queueing import Scope
from tests.fastapi_app.pages.conftest import words

WATCHED = {"place": "/srv/backups", "newest_within": "1 day"}
DUE = datetime(2026, 11, 22, 1, tzinfo=UTC)
NIGHTLY = Schedule(cron="0 2 * * *", timezone="Europe/Berlin")


@pytest.fixture
def manager(world):
    return world.house.service.manager


@pytest.fixture
def a_due_job(world, manager):
    def make(name="photos", schedule=NIGHTLY):
        return manager.create(JobDraft(name=name, kind="copy", options=world.options(), schedule=schedule))

    return make


@pytest.fixture
def filled(world, reader):
    """Fill the form of a new job; returns what makes it, or only looks at it."""
    form = reader.open("/jobs/new").select_one("#job-form")
    options = world.options()

    def send(then="wait", **typed):
        fields = {
            "name": "photos",
            "options.source": options["source"],
            "options.destination": options["destination"],
        }
        return reader.send(form, None, then=then, **fields | typed)

    return send


def made(manager):
    (overview,) = manager.list_jobs().items
    return overview.job.schedule


@pytest.mark.parametrize(
    ("typed", "schedule"),
    [
        ({"schedule.when": "times", "schedule.times": "7:30, 19:30", "schedule.days": "* * 1-5"},
         Schedule(cron="30 7,19 * * 1-5")),
        ({"schedule.when": "every", "schedule.every": "15 min"}, Schedule(every=900)),
        ({"schedule.when": "cron", "schedule.cron": "*/5 * * * *", "schedule.timezone": "Europe/Berlin",
          "schedule.missed": "all", "schedule.overlap": "cancel", "schedule.jitter": "1 min"},
         Schedule(cron="*/5 * * * *", timezone="Europe/Berlin", missed=Missed.ALL, overlap=Overlap.CANCEL,
                  jitter=60)),
        ({"schedule.when": "start"}, Schedule(on_start=True)),
        ({"schedule.when": "", "schedule.cron": "nonsense"}, None),
    ],
)  # fmt: skip
def test_the_form_makes_the_schedule_that_was_chosen(filled, manager, typed, schedule):
    answer = filled(**typed)

    assert answer.status_code == 303
    assert made(manager) == schedule


def test_a_day_and_a_time_are_those_of_the_time_zone(filled, manager):
    filled(
        **{"schedule.when": "once", "schedule.at": "2026-12-24 18:00", "schedule.timezone": "Europe/Berlin"}
    )

    assert made(manager).at.isoformat() == "2026-12-24T17:00:00+00:00"


@pytest.mark.parametrize(
    ("typed", "field", "said"),
    [
        ({"schedule.when": "times", "schedule.times": "25:00"}, "times", "Write times of the day"),
        ({"schedule.when": "times", "schedule.times": "06:00, 18:30"}, "times", "share their minutes"),
        ({"schedule.when": "every", "schedule.every": "soon"}, "every", "Write a span"),
        ({"schedule.when": "once", "schedule.at": "Christmas"}, "at", "Write a day and a time"),
        ({"schedule.when": "cron", "schedule.cron": "0 0 31 2 *"}, "cron", "never comes"),
        ({"schedule.when": "cron", "schedule.cron": ""}, "cron", "Write a cron"),
        ({"schedule.when": "start", "schedule.timezone": "Berlin"}, "timezone", "Is it Europe/Berlin?"),
        ({"schedule.when": "start", "schedule.blackout": "at night"}, "blackout", "one window a line"),
    ],
)
def test_a_mistake_in_the_schedule_stands_at_its_field_and_nothing_typed_is_lost(
    filled, reader, manager, typed, field, said
):
    page = reader.read(filled(**typed))

    assert reader.status == 422
    assert said in words(page.select_one(f"#truth-schedule-{field}"))
    assert page.select_one('[name="schedule.when"] option[selected]')["value"] == typed["schedule.when"]
    kept = page.select_one(f'[name="schedule.{field}"]')
    assert kept.get("value", kept.text.strip()) == typed[f"schedule.{field}"]
    assert manager.list_jobs().items == ()


def test_the_next_due_times_are_shown_before_anything_is_kept_without_scripts_too(filled, reader, manager):
    typed = {"schedule.when": "times", "schedule.times": "02:30", "schedule.timezone": "Europe/Berlin"}

    page = reader.read(filled(then="check", **typed))

    assert words(page.select_one("#truth-schedule-when")) == "Due every day at 02:30 (Europe/Berlin)."
    assert words(page.select_one("#due li")) == "Sun 22 Nov 2026, 02:30:00 CET"
    assert len(page.select("#due li")) == 10
    assert "On 28 March 2027 02:30 does not exist" in words(page.select_one("#due"))
    assert manager.list_jobs().items == ()


def test_the_form_of_a_job_shows_its_schedule_as_it_was_chosen(reader, a_due_job):
    simple = reader.open(f"/jobs/{a_due_job().id}/edit")
    other = reader.open(f"/jobs/{a_due_job('other', Schedule(cron='*/7 3 * * *')).id}/edit")

    assert simple.select_one('[name="schedule.when"] option[selected]')["value"] == "times"
    assert simple.select_one('[name="schedule.times"]')["value"] == "02:00"
    assert other.select_one('[name="schedule.when"] option[selected]')["value"] == "cron"
    assert other.select_one('[name="schedule.cron"]')["value"] == "*/7 3 * * *"


def test_saving_a_form_unchanged_leaves_a_schedule_as_it_is(reader, a_due_job, manager):
    schedule = Schedule(cron="30 7,19 * * 1-5", timezone="Europe/Berlin", jitter=90, on_start=True)
    job = a_due_job(schedule=schedule)
    form = reader.open(f"/jobs/{job.id}/edit").select_one("#job-form")

    answer = reader.send(form)

    assert answer.status_code == 303
    assert manager.job(job.id).job.schedule == schedule


def test_the_page_of_schedules_lists_what_is_due_next_in_words(reader, a_due_job):
    a_due_job("evening", Schedule(cron="0 20 * * *", timezone="UTC"))
    a_due_job("morning", Schedule(every=3600))

    page = reader.open("/schedules")

    rows = page.select('[id^="due-"]')
    assert [words(row.select_one(".name")) for row in rows] == ["morning", "evening"]
    assert "Every day at 20:00 (UTC)" in words(rows[1])
    assert "Next is morning" in words(page.select_one("#schedules-says"))


def test_jobs_that_fall_together_are_told(reader, a_due_job):
    a_due_job("one")
    alone = words(reader.open("/schedules?view=timeline"))
    a_due_job("two")
    together = words(reader.open("/schedules?view=timeline"))

    assert "No two jobs meet" in alone
    assert "At 01:00 two jobs meet; no slots." in together


def test_the_next_due_time_is_left_out_from_the_page(reader, a_due_job, manager):
    job = a_due_job()
    row = reader.open("/schedules").select_one(f"#due-{job.id}")

    reader.send(row.select_one('form[action$="/skip"]'))
    after = reader.open("/schedules").select_one(f"#due-{job.id}")
    reader.send(after.select_one('form[action$="/keep"]'))

    assert "Left out" in words(after)
    assert "Left out" not in words(reader.open("/schedules"))


def test_a_job_is_switched_off_and_on_from_the_page(reader, a_due_job, manager):
    job = a_due_job()
    off = reader.open("/schedules").select_one('form[action$="/off"]')

    reader.send(off)
    page = reader.open("/schedules")
    reader.send(page.select_one('form[action$="/on"]'))

    assert "Switched off" in words(page)
    assert manager.job(job.id).job.enabled


def test_the_list_of_schedules_is_searched_and_shown_fifty_at_a_time(reader, a_due_job, manager):
    for number in range(59):
        manager.create(JobDraft(name=f"job {number}", kind="watch", options=WATCHED, schedule=NIGHTLY))
    a_due_job("needle in a haystack")

    first = reader.open("/schedules?view=list")
    more = reader.open(first.select_one('nav[aria-label="More jobs"] a')["href"])
    found = reader.open("/schedules?view=list&q=NEEDLE hay")
    nothing = reader.open("/schedules?view=list&q=pin")

    assert (len(first.select('[id^="due-"]')), len(more.select('[id^="due-"]'))) == (50, 10)
    assert [words(row.select_one(".name")) for row in found.select('[id^="due-"]')] == [
        "needle in a haystack"
    ]
    assert "No job like that has a schedule." in words(nothing)
    assert len(reader.open("/schedules?view=list&from=9999").select('[id^="due-"]')) == 50


def test_jobs_that_are_not_due_and_those_with_times_left_out_have_chips_with_counts(
    reader, a_due_job, manager
):
    off, skipped = a_due_job("off"), a_due_job("skipped")
    a_due_job("third")
    manager.edit(off.id, JobPatch(enabled=False), version=None)
    manager.skip_next(skipped.id, DUE)

    chips = reader.open("/schedules?view=list").select('nav[aria-label="Which jobs"] a')
    shown = [reader.open(chip["href"]).select('[id^="due-"] .name') for chip in chips]

    assert [words(chip) for chip in chips] == ["All 3", "Not due 1", "With due times left out 1"]
    assert [[words(name) for name in names] for names in shown[1:]] == [["off"], ["skipped"]]


def test_the_view_that_was_looked_at_last_is_shown_again(browser, reader, a_due_job):
    a_due_job()

    plain = reader.open("/schedules")
    looked = browser.get("/schedules?view=timeline")
    kept = f"{browser.headers['Cookie']}; {looked.headers['set-cookie'].partition(';')[0]}"
    again = [
        reader.read(browser.get(address, headers={"Cookie": kept}))
        for address in ("/schedules", "/schedules?view=nonsense", "/schedules?view=list")
    ]

    chosen = [words(page.select_one('nav[aria-label="View"] [aria-current]')) for page in (plain, *again)]
    assert chosen == ["List", "Timeline", "Timeline", "List"]
    assert "HttpOnly" in looked.headers["set-cookie"]


def test_a_paused_job_and_a_blackout_are_said_in_the_list(reader, a_due_job, manager):
    job = a_due_job(
        schedule=Schedule(cron="0 2 * * *", timezone="UTC", blackout=(Window(start="01:00", end="06:00"),))
    )
    manager.pause_line(Scope.JOB, job.id)

    row = reader.open("/schedules").select_one(f"#due-{job.id}")

    assert "Paused" in words(row)
    assert "waits for 22 Nov 2026 06:00 UTC , after the blackout" in words(row)


def test_the_first_rows_of_the_schedules_change_by_themselves(world, reader, a_due_job):
    job = a_due_job("photos")
    page = reader.open("/schedules")
    parts = {part.element_id: part for part in world.house.parts.of(["schedules"])}
    before = {name: part.html() for name, part in parts.items()}

    world.house.service.manager.edit(job.id, JobPatch(enabled=False), version=None)
    after = {name: part.html() for name, part in parts.items()}

    assert set(parts) == {"schedules-says", "schedules-rows"}
    assert all(page.select_one(f"#{name}") is not None for name in parts)
    assert all(
        words(BeautifulSoup(before[name], "html.parser")) == words(page.select_one(f"#{name}"))
        for name in parts
    )
    assert "Switched off" in after["schedules-rows"]
    assert "1 of them is not due" in after["schedules-says"]


def test_without_schedules_the_page_says_how_to_have_one(reader):
    assert "Work that starts when it is due" in words(reader.open("/schedules"))


def test_the_page_of_a_job_says_when_it_runs(reader, a_due_job, world):
    with_one = words(reader.open(f"/jobs/{a_due_job().id}").select_one('[aria-labelledby="when"]'))
    without = reader.open(f"/jobs/{world.a_job('other').id}").select_one('[aria-labelledby="when"]')

    assert "Every day at 02:00 (Europe/Berlin)." in with_one
    assert "Sun 22 Nov 2026 01:00 UTC" in with_one
    assert without is None


def test_the_page_of_a_job_tells_all_its_times_in_the_zone_of_who_reads_not_some_in_another(
    reader, a_due_job
):
    job = a_due_job()

    coming = reader.open(f"/jobs/{job.id}").select('[aria-labelledby="when"] li time')

    assert [time["data-as"] for time in coming[:2]] == ["weekday", "when"]
    assert {time["datetime"] for time in coming[:2]} == {"2026-11-22T01:00:00Z"}


def test_the_dashboard_says_what_is_next_up(reader, a_due_job, world):
    job = a_due_job()
    world.house.service.scheduler.begin()

    row = reader.open("/").select_one(f"#next-{job.id}")

    assert "every day at 02:00 (Europe/Berlin)" in words(row)
    assert row.select_one("time")["datetime"] == "2026-11-22T01:00:00Z"
