"""What steps did is undone when Holdfast, or a run of it, did not live to do so."""

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from core.drafts import JobDraft
from core.processes.descent import bearers
from core.states import RunState
from core.steps.journal import journals_in
from tests.core.steps.serving import fake_programs, service_on

ROOT = Path(__file__).parents[3]
PATIENCE = 30.0
UNIT = "web.service"
STOPS = {"steps": [f"stop-service {UNIT}"]}


def until(holds):
    """Wait until something holds."""
    end = time.monotonic() + PATIENCE
    pause = threading.Event()
    while not holds():
        assert time.monotonic() < end
        pause.wait(0.02)


class Place:
    """A data folder with a job on it, and a service of the system that its runs stop."""

    def __init__(self, folder):
        self.data = folder / "data"
        self.programs = fake_programs(folder / "programs")
        self.gate = folder / "gate"
        self.running = self.programs / f"running.{UNIT}"
        self.running.touch()

    def make_job(self, kind="stepped", **options):
        waits = f"until test -e {self.gate}; do sleep 0.05; done"
        draft = JobDraft(name="photos", kind=kind, options={**STOPS, "says": waits, **options})
        with service_on(self.data, self.programs).opened(at_work=True) as service:
            job = service.manager.create(draft, asked_by="ana")
            return service.manager.start(job.id, asked_by="ana").id

    @contextlib.contextmanager
    def server(self):
        """Have a server in a process of its own, and end it as a loss of power would."""
        argv = [sys.executable, "-m", "tests.core.steps.serving", str(self.data), str(self.programs)]
        process = subprocess.Popen(argv, cwd=ROOT, stdout=subprocess.PIPE)
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == b"ready\n"
            yield
        finally:
            process.kill()
            process.communicate()

    @contextlib.contextmanager
    def next_server(self):
        service = service_on(self.data, self.programs)
        service.start()
        try:
            yield service
        finally:
            service.stop()

    def at_work(self):
        """Tell whether the service stands still and the copy is being made."""
        return not self.running.exists() and any(
            (self.data / "work").glob("*/*/attempt-1/program/supervisor")
        )

    def end_all_programs(self, run_id):
        """End what the run started, and whoever keeps it, as if the machine had been switched off."""
        for supervisor in (self.data / "work").glob("*/*/attempt-1/program/supervisor"):
            pid = int(supervisor.read_text().split('"pid":')[1].split(",")[0])
            os.kill(pid, signal.SIGKILL)
        mark = f"HOLDFAST_RUN={run_id}:1".encode()
        for process in bearers(mark):
            with contextlib.suppress(ProcessLookupError):
                os.kill(process.pid, signal.SIGKILL)
        until(lambda: not bearers(mark))


@pytest.fixture
def place(tmp_path):
    place = Place(tmp_path)
    yield place
    place.gate.touch()  # whatever still waits comes to its end


def test_a_service_is_started_again_after_a_server_was_killed_while_its_program_lived_on(place):
    run_id = place.make_job()
    with place.server():
        until(place.at_work)
    stood_still = not place.running.exists()

    with place.next_server() as service:
        service.housekeeping.tend()
        left_alone = not place.running.exists()
        place.gate.touch()
        until(lambda: service.manager.run(run_id).state is RunState.COMPLETED)

    assert (stood_still, left_alone) == (True, True)
    assert place.running.exists()
    assert journals_in(place.data) == ()


def test_a_service_is_started_again_after_a_crash_that_leaves_its_run_paused(place):
    run_id = place.make_job(kind="stepped-once")
    with place.server():
        until(place.at_work)
    place.end_all_programs(run_id)

    with place.next_server() as service:
        until(lambda: service.manager.run(run_id).state is RunState.PAUSED)
        service.housekeeping.tend()

        assert place.running.exists()
    assert journals_in(place.data) == ()


def test_a_service_is_started_again_though_its_job_is_gone(place):
    run_id = place.make_job(kind="stepped-once")
    with place.server():
        until(place.at_work)
    place.end_all_programs(run_id)

    with place.next_server() as service:
        until(lambda: service.manager.run(run_id).state is RunState.PAUSED)
        service.manager.delete(service.manager.cancel(run_id).job_id)
        service.housekeeping.tend()

        assert place.running.exists()
    assert journals_in(place.data) == ()


@pytest.mark.parametrize("ask", ["cancel", "pause"])
def test_a_run_that_is_cancelled_or_paused_starts_its_service_again(place, ask):
    run_id = place.make_job()

    with place.next_server() as service:
        until(place.at_work)
        getattr(service.manager, ask)(run_id)
        until(lambda: service.manager.run(run_id).state in {RunState.CANCELLED, RunState.PAUSED})

        assert place.running.exists()


def test_a_run_whose_holdfast_is_stopped_starts_its_service_again(place):
    run_id = place.make_job()
    with place.next_server() as service:
        until(place.at_work)
        service.hurry()

    assert place.running.exists()
    with service_on(place.data, place.programs).opened(at_work=True) as service:
        assert service.manager.run(run_id).state is RunState.QUEUED


def test_a_service_stands_still_while_a_restart_leaves_the_program_at_work(place):
    run_id = place.make_job()
    with place.next_server() as service:
        until(place.at_work)
        service.programs_stay = True
    between = place.running.exists()

    with place.next_server() as service:
        service.housekeeping.tend()
        place.gate.touch()
        until(lambda: service.manager.run(run_id).state is RunState.COMPLETED)

    assert between is False
    assert place.running.exists()
    calls = (place.programs / "calls").read_text().splitlines()
    assert sum("stop" in call.split() for call in calls) == 1
