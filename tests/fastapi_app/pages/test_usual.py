"""What is usual for a job, and what of a run is not, on pages and in live frames."""

from datetime import timedelta

import pytest
from bs4 import BeautifulSoup

from core.models import Progress
from core.work import Outcome
from fastapi_app.monitor import Gathered


@pytest.fixture
def finish(world, clock):
    def finish(job, *, seconds=240, written=250_000_000_000):
        run = world.a_running_run(job)
        clock.pass_by(timedelta(seconds=seconds))
        result = {"copied_bytes": written, "verified": True}
        return world.house.service.manager.complete(run.id, run.attempt, Outcome(result=result))

    return finish


@pytest.fixture
def steady(world, finish):
    """A job whose runs hardly differ."""
    job = world.a_job()
    for seconds in (220, 230, 240, 250, 260, 240, 235, 245):
        finish(job, seconds=seconds)
    return job


@pytest.fixture
def page(browser):
    def page(address):
        [found] = BeautifulSoup(browser.get(address).text, "html.parser").select("main")
        return " ".join(found.get_text(" ").split())

    return page


def test_a_job_says_how_long_it_usually_takes_before_it_starts(steady, page):
    said = page(f"/jobs/{steady.id}")

    assert "Usually takes 3 min 50 s to 4 min 10 s; forecasts were off by 4 % (median of 7)." in said


def test_a_run_says_beside_its_own_time_what_is_usual(steady, finish, page):
    run = finish(steady, seconds=241)

    said = page(f"/runs/{run.id}")

    assert "took 4 min 1 s, usually 3 min 50 s to 4 min 10 s" in said
    assert "Unusual" not in said


def test_an_unusual_run_is_told_on_its_page_and_its_jobs(steady, finish, page):
    run = finish(steady, written=7_500_000_000)

    for address in (f"/runs/{run.id}", f"/jobs/{steady.id}"):
        assert "Unusual Wrote 3 % of its usual size 7.5 GB, usually 250 GB" in page(address)


def test_nothing_is_said_of_what_is_usual_after_a_few_runs(world, finish, page):
    job = world.a_job()
    run = finish(job)
    finish(job, seconds=9_000)

    assert "sually" not in page(f"/jobs/{job.id}") + page(f"/runs/{run.id}")


def test_a_run_at_work_for_too_long_says_so(world, steady, clock, page):
    run = world.a_running_run(steady)
    clock.pass_by(timedelta(hours=1))

    said = page(f"/runs/{run.id}")

    assert "Unusual Has been at work 15 times as long as usual 1 h, usually 3 min 50 s to 4 min 10 s" in said


def test_the_time_that_is_left_comes_from_history_while_the_engine_does_not_say(world, steady, clock, page):
    run = world.a_running_run(steady)
    clock.pass_by(timedelta(seconds=60))
    world.house.service.manager.report(run.id, 1, Progress(stage="scan", message="counting"))

    row = world.house.scribe.job(steady.id, whole=False).row

    assert "3 min left" in page(f"/runs/{run.id}")
    assert row.fields["e"] == "3 min left"


def test_what_the_engine_says_of_the_time_left_has_the_last_word(world, steady, clock, page):
    run = world.a_running_run(steady)
    world.house.service.manager.report(run.id, 1, Progress(stage="copy", eta_seconds=12.0))

    assert "12 s left" in page(f"/runs/{run.id}")


def test_a_run_that_says_nothing_gets_no_time_that_nobody_would_correct(world, steady, page):
    run = world.a_running_run(steady)

    said = page(f"/runs/{run.id}")

    assert "left" not in said
    assert "Usually takes 3 min 50 s to 4 min 10 s." in said


def test_pages_that_are_open_are_told_of_an_unusual_run(steady, finish, world):
    gathered = Gathered()
    world.house.service.events.subscribe("test", gathered.take)
    subscriptions = {one.name: one for one in world.house.service.events._subscriptions}
    run = finish(steady, written=7_500_000_000)
    subscriptions["histories"].close()
    subscriptions["test"].close()

    [notice] = [
        world.house.scribe.unusual(job_id, findings) for job_id, findings in gathered.flush().unusual.items()
    ]

    assert notice == {
        "st": "late",
        "id": run.job_id,
        "text": "photos was unusual: wrote 3 % of its usual size",
    }
