"""The dashboard says how things stand."""

from core.drafts import JobDraft
from core.engines.base import Engine
from core.engines.copy import CopyEngine
from core.work import Outcome
from tests.fastapi_app.pages.conftest import a_failed_run, a_verified_run, words


def test_a_first_visit_leads_to_a_first_backup(reader):
    page = reader.open("/")

    assert page.h1.text == "Nothing is protected yet."
    assert page.select_one('#first-form [name=source]')
    assert page.select_one('a[href="/suggestions"]')
    assert not page.select(".stats, table")


def test_everything_that_ran_is_verified(world, reader):
    for name in ("photos", "music"):
        a_verified_run(world, world.a_job(name))

    page = reader.open("/")

    assert page.h1.text == "Everything that ran has a verified copy."
    assert page.select_one("#needs") is None
    assert {words(name) for name in page.select("[aria-labelledby=copies] .name")} == {"photos", "music"}


def test_a_failure_names_its_cause_and_the_next_step(world, reader):
    job = world.a_job("media")
    a_failed_run(world, job)
    a_verified_run(world, world.a_job("photos"))

    page = reader.open("/")

    assert page.h1.text == "One job needs you. Everything else has a verified copy."
    need = page.select_one("[aria-labelledby=needs] .alert")
    said = words(need)
    assert "The disk is full." in said
    assert CopyEngine.harmless in said
    assert "Free some space, then run it again." in said
    assert need.form["action"] == f"/jobs/{job.id}/start"


def test_nothing_is_called_unharmed_that_its_kind_does_not_promise():
    assert (Engine.harmless, Engine.deletes) == ("", "")


def test_a_copy_that_was_not_compared_is_not_called_verified(world, reader):
    run = world.a_running_run(world.a_job("photos"))
    world.house.service.manager.complete(run.id, run.attempt, Outcome(result={"verified": False, "files": 3}))

    page = reader.open("/")

    assert page.h1.text == "Nothing is protected yet."
    assert "No verified copy" in words(page.select_one("[aria-labelledby=copies] tbody"))
    assert "Verified" not in words(page.select_one("[aria-labelledby=recent]"))


def test_a_run_at_work_shows_how_far_it_is(world, reader):
    job = world.a_job("photos")
    world.report(world.a_running_run(job), 64)

    page = reader.open("/")

    row = page.select_one(f"#job-{job.id}")
    assert row.progress["value"] == "64"
    assert words(row.select_one("b[data-f=p]")) == "64%"
    assert words(row.select_one("[data-f=e]")) == "12 min left"
    assert "1 running, 0 waiting." in words(page.select_one(".head p"))


def a_command(world, name="tidy up", **options):
    draft = JobDraft(name=name, kind="command", options={"argv": ["/bin/true"]} | options)
    return world.house.service.manager.create(draft, asked_by="ada")


def test_no_verified_copy_is_missed_of_a_job_that_makes_none(world, reader):
    a_verified_run(world, a_command(world))

    page = reader.open("/")
    alone = words(page.h1)
    a_verified_run(world, world.a_job("photos"))
    beside = reader.open("/")

    assert alone == "No job needs you."
    assert page.select_one("#board-copies *") is None
    assert "copy" not in words(page.select_one("#board-figures"))
    assert words(beside.h1) == "Every copy that was made is verified."
    assert [words(name) for name in beside.select("[aria-labelledby=copies] .name")] == ["photos"]
    assert "60 files, all matched" in words(beside.select_one("#board-figures"))
