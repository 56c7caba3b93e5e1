"""Many at once: pages over real sockets, and programs that make, start, stop and read jobs together."""

import json
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from http import HTTPStatus

import pytest

from core.listing import JobQuery
from core.models import JobOverview
from core.people import Role
from tests.fastapi_app.conftest import PASSWORD
from tests.fastapi_app.test_live import heard, is_subscribed, opened, subscribe

PAGES = 24
READS = 1_000


@pytest.fixture
def ada(served):
    return served.signed_in()


def another(served):
    """Return the browser of somebody else: a person has so many pages and no more."""
    served.house.accounts.add_user("bob", PASSWORD, Role.VIEWER)
    return served.signed_in("bob")


def until_told(line, job_id, state):
    """Read until the line says that the job's row has changed to this state."""
    while True:
        said = heard(line)
        for row, html in said.get("h", ()):
            if job_id in row and state in html:
                return html


def test_two_dozen_pages_hear_the_same_of_a_change(served, ada):
    job = served.a_job()
    with ExitStack() as stack:
        bob = another(served)
        lines = [
            stack.enter_context(opened(served, served.headers(person)))
            for person in (ada, bob)
            for _ in range(PAGES // 2)
        ]
        for line in lines:
            subscribe(line, served, job.id)
        is_subscribed(served, *lines)
        for line in lines:
            subscribe(line, served, job.id)

        served.a_running_run(job)
        rows = [until_told(line, job.id, 'data-st="running"') for line in lines]

    assert len(set(rows)) == 1


def test_a_page_that_talks_nonsense_takes_no_other_page_with_it(served, ada):
    job = served.a_job()
    with opened(served, served.headers(ada)) as bad, opened(served, served.headers(ada)) as good:
        subscribe(good, served, job.id)
        bad.send("{" * 1_000)

        served.a_running_run(job)

        assert until_told(good, job.id, 'data-st="running"')


def test_programs_that_make_start_stop_and_read_at_once_lose_nothing(world, browser):
    with ThreadPoolExecutor(10) as several:
        made = list(several.map(lambda number: world.a_job(f"at once {number:02}"), range(50)))

        def start(job):
            return browser.post(f"/api/v1/jobs/{job.id}/runs").status_code

        def read(number):
            return browser.get(f"/api/v1/jobs/{made[number % 50].id}").status_code

        started = list(several.map(start, [job for job in made[:20] for _ in range(2)]))
        reads = several.map(read, range(200))
        runs = [
            overview.latest_run
            for overview in world.house.service.manager.list_jobs(JobQuery(limit=None)).items
        ]
        stopped = several.map(
            lambda run: world.house.service.manager.cancel(run.id).state, filter(None, runs)
        )

        assert set(reads) == {HTTPStatus.OK}
        assert Counter(stopped) == {"cancelled": 20}
    assert Counter(started) == {HTTPStatus.ACCEPTED: 20, HTTPStatus.CONFLICT: 20}
    assert browser.get("/api/v1/jobs?limit=1").json()["total"] == 50


def test_a_thousand_reads_while_a_run_goes_on_see_only_what_was_so(world):
    manager, job = world.house.service.manager, world.a_job()
    run = world.a_running_run(job)

    with ThreadPoolExecutor(4) as several:
        writing = several.submit(lambda: [world.report(run, percent) for percent in range(100)])
        seen = list(several.map(lambda _: manager.list_jobs().items[0].latest_run.progress, range(READS)))
        writing.result()

    assert all(progress.percent is None or progress.done == int(progress.percent) for progress in seen)


def test_what_a_list_hands_out_cannot_be_changed(world):
    world.a_job()
    page = world.house.service.manager.list_jobs()

    with pytest.raises((AttributeError, TypeError)):
        page.items[0].job.options["source"] = "/elsewhere"
    with pytest.raises((AttributeError, TypeError)):
        page.items[0] = JobOverview(job=page.items[0].job)

    assert (
        json.dumps(dict(world.house.service.manager.list_jobs().items[0].job.options), default=str).count(
            "elsewhere"
        )
        == 0
    )
