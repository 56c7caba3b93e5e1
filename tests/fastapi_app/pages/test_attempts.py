"""The attempts of a run on its page, and what is agreed about them on its job's."""

from datetime import timedelta

from core.drafts import JobPatch
from core.models import Failure, Retry
from tests.fastapi_app.pages.conftest import words

LOST = Failure(
    code="engine-failed",
    message="The <b>connection</b> was lost.",
    hint="Look at the network.",
    transient=True,
)


def test_attempts_are_shown_with_their_waits_and_errors(world, reader, clock):
    manager = world.house.service.manager
    job = world.a_job()
    manager.edit(job.id, JobPatch(retry=Retry(max_attempts=3, wait=90.0)), version=1)
    run = world.a_running_run(job)

    manager.fail(run.id, run.attempt, LOST)
    waiting = reader.open(f"/runs/{run.id}")
    clock.pass_by(timedelta(seconds=90))
    manager.ripen(run.id)
    manager.claim(run.id, "test-worker")
    again = reader.open(f"/runs/{run.id}")

    first = words(waiting.select_one("#attempt-1"))
    assert "The <b>connection</b> was lost. Look at the network." in first
    assert "failed" in first
    assert "due 21 Nov 2026 07:43 UTC" in words(waiting.select_one("#attempt-2"))
    assert "1 min 30 s were to pass before it" in words(again.select_one("#attempt-2"))
    assert again.select_one("#attempt-3") is None


def test_what_is_agreed_stands_among_the_settings(world, reader):
    first, job = world.a_job("photos"), world.a_job("mail")
    patch = JobPatch(
        after=(first.id,),
        retry=Retry(max_attempts=4),
        timeout=600.0,
        groups=("to nas-02",),
    )
    world.house.service.manager.edit(job.id, patch, version=1)

    settings = words(reader.open(f"/jobs/{job.id}").select_one("section[aria-labelledby=set]"))

    assert "Begins after “photos”, when it has succeeded; if it does not, it is skipped." in settings
    assert "Tries again after 30 s, 1 min and 2 min." in settings
    assert "An attempt is ended after 10 min." in settings
    assert "Takes a place in “to nas-02”." in settings
