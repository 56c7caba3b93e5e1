"""Guards in a whole Holdfast: a run asks, a person answers, the run goes on."""

import threading
import time

import pytest

from core.drafts import JobDraft
from core.service import Service
from core.settings import Settings
from core.states import RunState

PATIENCE = 30.0


@pytest.fixture
def service(tmp_path):
    service = Service(Settings(data=tmp_path / "data", own_backup="off", grace=0))
    service.start()
    yield service
    service.stop()


def ended(service, run_id):
    """Wait until a run is over or set down, and return it."""
    pause, end = threading.Event(), time.monotonic() + PATIENCE
    while (run := service.manager.run(run_id)).state not in {
        RunState.COMPLETED,
        RunState.FAILED,
        RunState.PAUSED,
    }:
        assert time.monotonic() < end
        pause.wait(0.02)
    return run


@pytest.fixture(params=["copy", "rsync"])
def job(request, service, tmp_path):
    source = tmp_path / "source"
    source.mkdir()
    for number in range(40):
        (source / f"photo-{number}.jpg").write_bytes(b"x" * 1_000)
    options = {"source": str(source), "destination": str(tmp_path / "copy")}
    return service.manager.create(
        JobDraft(name="photos", kind=request.param, options=options), asked_by="ana"
    )


def start(service, job):
    return ended(service, service.manager.start(job.id, asked_by="ana").id)


@pytest.mark.parametrize(("answer", "state"), [("go", RunState.COMPLETED), ("stop", RunState.FAILED)])
def test_a_run_that_asks_waits_and_obeys_the_answer(service, job, tmp_path, answer, state):
    first = start(service, job)
    for number in range(4, 40):
        (tmp_path / "source" / f"photo-{number}.jpg").unlink()
    (tmp_path / "source" / "new.jpg").write_bytes(b"new")

    held = start(service, job)
    question = service.manager.question(held.id)
    before = (tmp_path / "copy" / "new.jpg").exists()
    service.manager.answer(held.id, question.id, answer, asked_by="ana")
    after = ended(service, held.id)

    assert (first.state, held.state, before) == (RunState.COMPLETED, RunState.PAUSED, False)
    assert question.sentence == "The source has 5 files; usually it has about 40."
    assert after.state is state
    assert (tmp_path / "copy" / "new.jpg").exists() is (answer == "go")
    if answer == "go":
        assert start(service, job).state is RunState.COMPLETED
