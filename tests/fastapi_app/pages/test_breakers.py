"""What cannot be reached, on the pages that show who waits for it."""

from datetime import timedelta

import pytest

from core.breakers import Breaker
from core.drafts import JobDraft
from tests.fastapi_app.pages.conftest import words


@pytest.fixture
def trip(world, clock):
    """Have something not be reached three times in a row."""

    def fail(name, message="No route to host."):
        breaker = Breaker()
        for run in range(3):
            breaker = breaker.failed(f"run-{run}", message, clock.now())
        world.house.service.manager.set_register(f"breaker/{name}", breaker.mapping())

    return fail


@pytest.fixture
def job(world):
    """A job that needs the remote nas-02."""
    options = {"argv": ["true"], "remotes": ["nas-02"]}
    return world.house.service.manager.create(JobDraft(name="mirror", kind="command", options=options))


def test_the_queue_tells_what_cannot_be_reached(reader, trip):
    trip("nas-02", message="<b>No route</b> to host.")

    panel = reader.open("/queue").select_one("#breakers")

    assert "nas-02" in words(panel)
    assert "Not reached 3 times in a row. Whoever needs it waits; then one run tries." in words(panel)
    assert "<b>No route</b> to host." in words(panel)


def test_whoever_waits_may_be_let_try_at_once(world, reader, trip):
    trip("nas-02")
    form = reader.open("/queue").select_one("#breakers form")

    answer = reader.send(form)
    again = reader.send(form)

    assert answer.headers["location"] == "/queue"
    assert world.house.service.manager.breakers() == {}
    assert reader.open("/queue").select_one("#breakers") is None
    assert again.status_code == 404


def test_a_job_that_waits_for_a_breaker_says_so(world, reader, trip, job):
    trip("nas-02")
    trip("elsewhere")
    world.house.service.manager.start(job.id)

    panel = reader.open(f"/jobs/{job.id}").select_one("#breakers")

    assert "nas-02" in words(panel)
    assert "elsewhere" not in words(panel)


def test_a_run_that_probes_is_not_told_to_wait(world, reader, trip, clock, job):
    trip("nas-02")
    run = world.house.service.manager.start(job.id)
    clock.pass_by(timedelta(seconds=61))
    half_open = words(reader.open("/queue").select_one("#breakers"))

    world.house.service.manager.claim(run.id, "slot-1")

    probed = reader.open("/queue").select_one("#breakers")
    assert "The next run that needs it tries." in half_open
    assert "One run is trying" in words(probed)
    assert probed.select_one(f'a[href="/runs/{run.id}"]') is not None
    assert reader.open(f"/jobs/{job.id}").select_one("#breakers") is None
