"""The timeline and the calendar, as a browser without scripts reads them."""

from datetime import UTC, datetime, timedelta

import pytest

from core.drafts import JobDraft
from core.models import Overlap, Schedule, Window
from core.storage.memory import MemoryStore
from tests.fastapi_app.pages.conftest import FAILED, Reader, a_verified_run, words

HOSTILE = '<img src=x onerror="alert(1)">\u202eevil'
AT_TWO = Schedule(cron="0 2 * * *", timezone="UTC")


@pytest.fixture
def world(make_world, clock):
    """With a store that goes by the same clock, so that what happened has its time."""
    return make_world(store=MemoryStore(clock=clock))


@pytest.fixture
def manager(world):
    return world.house.service.manager


@pytest.fixture
def due(world, manager):
    def make(name="photos", schedule=AT_TWO):
        return manager.create(JobDraft(name=name, kind="copy", options=world.options(), schedule=schedule))

    return make


@pytest.fixture
def left_out(world, due):
    """A job of which a due time was left out, as the run before it was not over."""
    job = due("busy", Schedule(every=3600, overlap=Overlap.SKIP))
    world.a_running_run(job)
    world.clock.pass_by(timedelta(hours=1, seconds=5))
    world.house.service.manager.fire(job.id, world.clock.now())
    world.house.service.clerk.follow()
    return job


def failed_run(world, job):
    run = world.a_running_run(job)
    return world.house.service.manager.fail(run.id, run.attempt, FAILED)


def lanes(page, panel):
    return {
        words(row.select_one(".name")): row.select_one("svg")
        for row in page.select(f'[aria-labelledby="{panel}"] .row')
        if row.select_one("svg")
    }


def test_jobs_that_meet_are_said_with_the_hour_and_the_slots(make_world):
    world = make_world(store=MemoryStore(), slots=2)
    for name in ("one", "two", "three"):
        draft = JobDraft(name=name, kind="copy", options=world.options(), schedule=AT_TWO)
        world.house.service.manager.create(draft)

    page = Reader(world.signed_in()).open("/schedules?view=timeline")

    assert words(page.select_one(".meets")) == "At 02:00 three jobs meet; two slots."
    assert "3 jobs at most; 2 slots" in lanes(page, "ahead")["All together"]["aria-label"]


def test_a_due_time_in_a_blackout_is_drawn_where_it_begins(reader, due):
    due(schedule=Schedule(cron="0 2 * * *", timezone="UTC", blackout=(Window(start="00:00", end="12:00"),)))

    drawn = lanes(reader.open("/schedules?view=timeline"), "ahead")["photos"]

    assert drawn.select_one(".off")["d"].startswith("M0 0h71.4v24")
    assert "M214.3 5" in drawn.select_one(".due")["d"]


def test_what_is_due_very_often_is_drawn_as_one_line(reader, due):
    due(schedule=Schedule(every=60))

    page = reader.open("/schedules?view=timeline")

    drawn = lanes(page, "ahead")["photos"]
    assert "due again and again" in drawn["aria-label"]
    assert drawn.select_one(".due") is None
    assert len(str(page)) < 40_000


def test_the_last_day_is_drawn_by_how_runs_ended(world, reader, left_out, manager):
    a_verified_run(world, world.a_job("good"))
    failed_run(world, world.a_job("bad"))

    page = reader.open("/schedules?view=timeline")

    drawn = lanes(page, "behind")
    assert drawn["good"]["aria-label"] == "good: 1 good"
    assert drawn["bad"]["aria-label"] == "bad: 1 failed"
    assert drawn["busy"]["aria-label"] == "busy: 1 did not run, 1 at work now"
    good, bad = drawn["good"].select_one(".good")["d"], drawn["bad"].select_one(".failed")["d"]
    assert (good.split()[1].split("h")[0], bad.split()[1].split("h")[0]) == ("3", "14")
    assert drawn["busy"].select_one(".missed") is not None


def test_what_is_drawn_in_lanes_stands_in_tables_too(world, reader, due, left_out):
    due("nightly")

    page = reader.open("/schedules?view=timeline")

    ahead, behind = page.select("table")
    assert "nightly 22 Nov 2026 02:00 UTC 6 times not known yet none" in words(ahead)
    assert "was left out: run 1 is running and not over yet." in words(behind)


def test_days_begin_at_midnight_where_the_reader_is(world, browser, due):
    due()
    told = [
        ("zone=Pacific%2FKiritimati", "Sat 21"),
        ("zone=Mars%2FOlympus", "Sat 21"),
        ("zone=" + "x" * 999, "Sat 21"),
    ]
    world.clock.set(datetime(2026, 11, 21, 9, 0, tzinfo=UTC))

    pages = [
        Reader(browser).read(
            browser.get(
                "/schedules?view=timeline", headers={"Cookie": f"{browser.headers['Cookie']}; {cookie}"}
            )
        )
        for cookie, _ in told
    ]

    assert [words(page.select_one("#schedules .axis li")) for page in pages] == [day for _, day in told]
    assert "Pacific/Kiritimati, where you are" in words(pages[0])
    assert all("where Holdfast runs" in words(page) for page in pages[1:])
    assert lanes(pages[0], "ahead")["photos"].select_one(".due")["d"].startswith("M238.1 5")


def test_twenty_four_hours_are_drawn_when_they_are_asked_for(reader, due):
    due()

    page = reader.open("/schedules?view=timeline&span=day")

    assert words(page.select_one("#ahead")) == "The next 24 hours"
    assert [words(hour) for hour in page.select_one(".axis").select("li")][:2] == ["07:00", "10:00"]


def test_a_search_leaves_the_other_lanes_out(world, reader, due):
    due("needle")
    due("hay")
    a_verified_run(world, world.a_job("haystack"))

    page = reader.open("/schedules?view=timeline&q=needle")

    assert list(lanes(page, "ahead")) == ["All together", "needle"]
    assert lanes(page, "behind") == {}


def square(page, day):
    return next(link for link in page.select(".month a") if f"&day={day}#" in link["href"])


def test_a_day_counts_what_ended_and_what_did_not_run(world, reader, left_out):
    a_verified_run(world, world.a_job("good"))
    failed_run(world, world.a_job("bad"))
    world.house.service.events.close()

    today = square(reader.open("/schedules?view=calendar"), "2026-11-21")

    assert today["aria-label"] == "Saturday 21 November: 1 failed, 1 did not run, 1 good, 15 due"
    assert [count["data-st"] for count in today.select(".st")] == ["failed", "missed", "ok", "scheduled"]


def test_what_was_made_up_for_or_left_out_on_request_is_no_absence(world, reader, due, manager):
    late, asked = due("late", Schedule(every=3600)), due("asked", Schedule(every=3600))
    manager.skip_next(asked.id, asked.created_at + timedelta(hours=1))
    world.clock.pass_by(timedelta(hours=1, minutes=10))
    for job in (late, asked):
        manager.fire(job.id, world.clock.now())
    world.house.service.clerk.follow()

    today = square(reader.open("/schedules?view=calendar"), "2026-11-21")

    assert len(manager.runs_of(late.id)) == 1
    assert "did not run" not in today["aria-label"]


def test_a_day_leads_to_what_happened_and_what_is_due(world, reader, due):
    due("evening", Schedule(cron="0 20 * * *", timezone="UTC"))
    a_verified_run(world, world.a_job("good"))
    run = failed_run(world, world.a_job("bad"))
    world.house.service.clerk.follow()

    link = square(reader.open("/schedules?view=calendar"), "2026-11-21")
    rows = reader.open(link["href"].partition("#")[0]).select("#day li")

    assert [words(row.select_one(".name")) for row in rows] == ["bad", "good", "evening"]
    assert rows[0].select_one(".name")["href"] == f"/runs/{run.id}"
    assert rows[2].time["datetime"] == "2026-11-21T20:00:00Z"


@pytest.mark.parametrize(
    "asked",
    [
        "month=2026-13",
        "month=0000-01",
        "month=9999-12",
        "month=now",
        "day=2026-02-30",
        "day=99999999",
        "month=2026-11&day=x",
    ],
)
def test_a_month_or_a_day_that_is_none_shows_this_month(reader, due, asked):
    due()

    page = reader.open(f"/schedules?view=calendar&{asked}")

    assert (reader.status, words(page.select_one("#month"))) == (200, "November 2026")
    assert page.select_one("#day") is None


def test_months_lead_to_one_another_and_old_ones_are_told_by_days(reader, due):
    due()

    page = reader.open("/schedules?view=calendar&month=2026-01")
    before = reader.open(page.select_one('[aria-label="The month before"]')["href"])
    after = reader.open(page.select_one('[aria-label="The month after"]')["href"])

    assert [words(one.select_one("#month")) for one in (before, after)] == ["December 2025", "February 2026"]
    assert "Nothing ran, and nothing is due." in words(page)


def test_a_hostile_name_is_text_in_every_view_of_the_schedules(world, reader, due):
    failed_run(world, due(HOSTILE))
    world.house.service.clerk.follow()

    for address in (
        "view=list",
        "view=timeline",
        "view=calendar&day=2026-11-21",
        "view=calendar&day=2026-11-22",
    ):
        page = reader.open(f"/schedules?{address}")
        assert "evil" in words(page.main)
        assert page.select("img") == []
        assert "\u202e" not in str(page)
