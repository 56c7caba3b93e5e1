"""The sections of a job's page, each read and used without scripts."""

import asyncio
import csv
import io
from datetime import timedelta

import pytest

from core.acting import Actor, acting_as
from core.drafts import JobDraft, JobPatch
from core.models import Expectation, Failure, OnInterrupt, Priority, Schedule
from core.people import Role
from fastapi_app.pages.job_sections import runs_as_table
from tests.fastapi_app.pages.conftest import Reader, a_failed_run, a_verified_run, words

SECTIONS = ("", "/runs", "/settings", "/versions", "/graph", "/safety")


@pytest.fixture
def job(world):
    return world.a_job("photos")


@pytest.mark.parametrize("section", SECTIONS)
def test_every_section_of_a_job_has_an_address_of_its_own(reader, job, section):
    page = reader.open(f"/jobs/{job.id}{section}")

    tabs = page.select("nav.tabs a")
    assert reader.status == 200
    assert [tab["href"] for tab in tabs] == [f"/jobs/{job.id}{name}" for name in SECTIONS]
    assert [tab["href"] for tab in tabs if tab.get("aria-current")] == [f"/jobs/{job.id}{section}"]
    assert words(page.select_one("h1")) == "photos"


def test_the_sections_of_no_job_are_not_there(reader):
    for section in SECTIONS[1:]:
        reader.open(f"/jobs/no-such-job{section}")

        assert reader.status == 404


def test_one_sentence_says_whether_there_is_a_good_copy(world, reader, job, clock):
    def told():
        return words(reader.open(f"/jobs/{job.id}").select_one(".trust"))

    assert told() == "It has never run."
    run = a_verified_run(world, job)
    started, ended = run.started_at, run.ended_at
    assert told() == f"Copied {started:%-d %b %Y %H:%M} UTC , verified {ended:%-d %b %Y %H:%M} UTC ."
    clock.pass_by(timedelta(hours=1))
    a_failed_run(world, job)
    assert told().endswith("; the run after that failed.")
    every_night = Schedule(cron="0 22 * * *", timezone="UTC")
    world.house.service.manager.edit(job.id, JobPatch(schedule=every_night), version=1)
    assert told().endswith("; the run after that failed, next 21 Nov 2026 22:00 UTC .")


def test_a_job_of_many_runs_shows_them_a_page_at_a_time(world, reader, job):
    runs = [a_verified_run(world, job) for _ in range(120)]

    first = reader.open(f"/jobs/{job.id}/runs")
    second = reader.open(first.select_one("a[rel=next]")["href"])
    third = reader.open(second.select_one("a[rel=next]")["href"])

    pages = [[row["id"] for row in page.select("tbody tr")] for page in (first, second, third)]
    assert [len(page) for page in pages] == [50, 50, 20]
    assert [row for page in pages for row in page] == [f"run-{run.id}" for run in reversed(runs)]
    assert not third.select_one("a[rel=next]")
    assert reader.open(third.select_one("a[rel=prev]")["href"]).select_one("tbody tr")["id"] == pages[1][0]
    assert reader.open(second.select_one("a[rel=prev]")["href"]).select_one("tbody tr")["id"] == pages[0][0]


def test_runs_are_looked_at_by_how_they_ended(world, reader, job):
    a_verified_run(world, job)
    failed = a_failed_run(world, job)
    a_verified_run(world, job)

    page = reader.open(f"/jobs/{job.id}/runs?group=failed")
    nothing = reader.open(f"/jobs/{job.id}/runs?group=off")

    assert [words(chip) for chip in page.select(".chips a")] == ["All 3", "Good 2", "Failed 1"]
    assert [row["id"] for row in page.select("tbody tr")] == [f"run-{failed.id}"]
    assert "No run is like that." in words(nothing.main)


def test_a_group_that_there_is_not_shows_all_runs_and_names_them_so(world, reader, job):
    for _ in range(60):
        a_verified_run(world, job)

    page = reader.open(f"/jobs/{job.id}/runs?group=nonsense")

    assert [words(chip) for chip in page.select(".chips a[aria-current]")] == ["All 60"]
    assert "nonsense" not in page.select_one("a[rel=next]")["href"]


def test_runs_are_taken_away_as_a_table_that_reckons_nothing(world, browser, job):
    a_verified_run(world, job)
    run = world.a_running_run(job)
    said = "=cmd|' /C calc'!A1, and a \"comma\""
    failure = Failure(code="engine-failed", message=said)
    world.house.service.manager.fail(run.id, run.attempt, failure)

    answer = browser.get(f"/jobs/{job.id}/runs.csv")

    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert answer.headers["content-type"].startswith("text/csv")
    assert [row["number"] for row in rows] == ["2", "1"]
    assert rows[0]["error"] == f"'{said}"
    assert (rows[1]["verified"], rows[1]["new_bytes"]) == ("yes", "240000")


def test_a_table_of_many_runs_is_sent_in_few_pieces(world, job):
    for _ in range(450):
        a_verified_run(world, job)
    answer = runs_as_table(job.id, world.house.service.manager)

    async def pieces() -> list[str]:
        return [str(piece) async for piece in answer.body_iterator]

    sent = asyncio.run(pieces())

    assert len(sent) == 3
    assert [row["number"] for row in csv.DictReader(io.StringIO("".join(sent)))] == [
        str(number) for number in range(450, 0, -1)
    ]


def test_how_a_job_is_set_can_be_taken_away_without_its_secrets(world, reader):
    options = {"argv": ["true"], "env": {"API_TOKEN": "hunter2"}}
    job = world.house.service.manager.create(JobDraft(name="told", kind="command", options=options))

    page = reader.open(f"/jobs/{job.id}/settings")

    assert "name: told" in page.select_one("#yaml").text
    assert '"name": "told"' in page.select_one("#json").text
    assert "hunter2" not in str(page)
    assert "values of secrets are dots" in words(page.main)


def test_versions_are_told_with_who_changed_what(world, reader, job):
    with acting_as(Actor(name="ben")):
        world.house.service.manager.edit(job.id, JobPatch(priority=Priority.HIGH), version=1)

    rows = [words(row) for row in reader.open(f"/jobs/{job.id}/versions").select("tbody tr")]

    assert "Priority: Normal → High" in rows[0]
    assert "by ben" in rows[0]
    assert "by ada" in rows[1]


def test_a_version_tells_of_times_and_limits_as_the_settings_do_and_names_no_field_or_seconds(
    world, reader, job
):
    world.house.service.manager.edit(
        job.id,
        JobPatch(
            expect=Expectation(every=86_400, grace=3_600),
            schedule=Schedule(cron="0 2 * * *", timezone="Europe/Berlin"),
            timeout=5_400,
            on_interrupt=OnInterrupt.FAIL,
            after=(world.a_job("the one before").id,),
        ),
        version=1,
    )

    row = words(reader.open(f"/jobs/{job.id}/versions").select_one("tbody tr"))

    assert "Expected: nothing → At least one good run every 1 d, with 1 h of grace" in row
    assert "Schedule: nothing → every day at 02:00 (Europe/Berlin)" in row
    assert "Time limit of an attempt: nothing → 1 h 30 min" in row
    assert "After: nothing → the one before" in row
    assert "When interrupted: Goes on by itself at the next start → Counts as failed" in row


def test_two_versions_stand_side_by_side_setting_by_setting(world, reader, job):
    manager = world.house.service.manager
    manager.edit(job.id, JobPatch(priority=Priority.HIGH, name="<b>pictures</b>"), version=1)
    manager.edit(job.id, JobPatch(tags=("home",)), version=2)

    page = reader.open(f"/jobs/{job.id}/versions?a=2&b=1")

    assert [words(row) for row in page.select("table.versions tbody tr")] == [
        "Name photos <b>pictures</b>",
        "Priority Normal High",
    ]


def test_nothing_else_is_compared_in_place_of_a_version_that_is_not_kept(world, reader, job):
    world.house.service.manager.edit(job.id, JobPatch(name="pictures"), version=1)

    page = reader.open(f"/jobs/{job.id}/versions?a=1&b=99")

    assert (reader.status, page.select("table.versions")) == (404, [])


def test_a_version_that_cannot_be_again_says_why_beside_the_others(world, reader, job):
    manager = world.house.service.manager
    parent = world.a_job("the one before")
    manager.edit(job.id, JobPatch(after=(parent.id,)), version=1)
    manager.delete(parent.id)

    answer = reader.send(reader.open(f"/jobs/{job.id}/versions").select_one("form#restore-2"))
    page = reader.open(answer.headers["location"])

    assert "Version 2 cannot be restored. There is no job" in words(page)
    assert page.select("form#restore-1")
    assert manager.job(job.id).job.version == 3


def test_a_version_is_restored_without_scripts_and_taken_back(world, reader, job):
    manager = world.house.service.manager
    manager.edit(job.id, JobPatch(name="pictures"), version=1)
    page = reader.open(f"/jobs/{job.id}/versions")

    answer = reader.send(page.select_one("form#restore-1"))
    assert manager.job(job.id).job.name == "photos"
    page = reader.open(answer.headers["location"])
    undo = next(form for form in page.select("form") if "versions/2/restore" in form["action"])
    reader.send(undo)

    assert (manager.job(job.id).job.name, manager.job(job.id).job.version) == ("pictures", 4)


def test_a_version_is_not_restored_over_a_change_that_nobody_saw(world, reader, job):
    manager = world.house.service.manager
    manager.edit(job.id, JobPatch(name="pictures"), version=1)
    page = reader.open(f"/jobs/{job.id}/versions")
    manager.edit(job.id, JobPatch(name="somebody else's"), version=2)

    answer = reader.send(page.select_one("form#restore-1"))

    assert answer.status_code == 409
    assert manager.job(job.id).job.name == "somebody else's"


def test_who_may_only_look_restores_nothing(world, people, job):
    world.house.service.manager.edit(job.id, JobPatch(name="pictures"), version=1)
    reader = Reader(people[Role.VIEWER])
    page = reader.open(f"/jobs/{job.id}/versions")

    answer = reader.send(page.select_one("form#restore-1"))

    assert answer.status_code == 403
    assert world.house.service.manager.job(job.id).job.name == "pictures"


def test_a_copy_that_nobody_restored_is_a_hole_among_the_proofs(world, reader, job):
    a_verified_run(world, job)

    page = reader.open(f"/jobs/{job.id}/safety")

    proofs = [words(row) for row in page.select("[aria-labelledby=proofs] li")]
    assert proofs[0].startswith("None yet Restore test")
    assert "All 60 files were read back and compared." in proofs[1]
    assert page.select_one("[aria-labelledby=age] svg")["aria-label"].startswith("Newest good copy:")


def test_growth_is_drawn_once_it_is_known_and_told_in_words(world, reader, job, clock):
    assert "After five verified runs" in words(reader.open(f"/jobs/{job.id}/safety").main)
    for day in range(8):
        a_verified_run(world, job, bytes=1_000_000_000 * (day + 10))
        clock.pass_by(timedelta(days=1))

    page = Reader(world.signed_in()).open(f"/jobs/{job.id}/safety")

    said = words(page.select_one("[aria-labelledby=growth]"))
    assert "Grows by about 7.0 GB a week; at that pace about 24.0 GB in 7 days." in said
    assert "17.0 GB" in page.select("[aria-labelledby=growth] svg")[0]["aria-label"]


def test_a_job_that_is_being_deleted_says_so_on_its_page_and_can_be_kept(world, reader, job):
    world.house.service.manager.let_go(job.id, by="ada")

    page = reader.open(f"/jobs/{job.id}")
    said = words(page.select_one("main > .stack > .bar"))
    reader.send(page.select_one(f"form[action='/jobs/{job.id}/keep']"))

    assert said.startswith("ada is deleting this job: it goes, with its 0 runs, at")
    assert world.house.service.manager.going(job.id) is None
