"""What becomes of runs whose server is gone, and of programs when a server stops; with real programs."""

import json
import os
import signal
import threading
import time
from functools import partial

import pytest

from core.clock import SystemClock
from core.drafts import JobDraft
from core.processes.descent import ZOMBIE, known
from core.service import Service
from core.settings import Settings
from core.states import RunState
from tests.core.processes.conftest import until
from tests.doubles import make_scripted_engine

TALKS = "echo began >> {0}/starts; echo one; until [ -e {0}/go ]; do sleep 0.01; done; echo two"
LASTS = "echo one; sleep 60"


@pytest.fixture
def make_house(tmp_path):
    """Make a Holdfast on this test's folder; whatever one leaves at work is ended with the test."""
    made = []

    def make(*, make_engine=make_scripted_engine, **settings):
        chosen = Settings(
            **{"data": tmp_path / "data", "slots": 4, "grace": 0, "own_backup": "off"} | settings
        )
        made.append(Service(chosen, clock=SystemClock(), make_engine=make_engine))
        return made[-1]

    yield make
    for house in made:
        house.hurry()
    for path in (tmp_path / "data" / "work").glob("??/*/attempt-*/*/supervisor"):
        pid = json.loads(path.read_bytes())["pid"]
        process = known(pid)
        if process is not None and process.state != ZOMBIE:
            os.kill(pid, signal.SIGTERM)
            os.waitpid(pid, 0)


def begun(house, *, says, kind="program"):
    """Start a job that runs a script, and wait until it has said its first word."""
    job = house.manager.create(JobDraft(name=f"job {time.monotonic_ns()}", kind=kind, options={"says": says}))
    run = house.manager.start(job.id)
    until(lambda: "one" in words_of(house, run.id))
    return run


def words_of(house, run_id):
    return [line.text for line in house.logs.read(run_id).lines]


def ended(house, run_id, state):
    return until(lambda: (run := house.manager.run(run_id)).state == state and run)


def gone_without_a_word(house):
    """Leave everything as a server does that is killed: its runs at work, and their programs too."""
    house.programs_stay = True
    house.stop()


def supervisor_of(house, run):
    (path,) = house.worker.workspace(run.id).glob("attempt-*/*/supervisor")
    return json.loads(path.read_bytes())["pid"]


def test_a_run_whose_program_lives_is_taken_up_in_its_attempt(make_house, tmp_path):
    house = make_house()
    house.start()
    run = begun(house, says=TALKS.format(tmp_path), kind="once-program")
    gone_without_a_word(house)

    again = make_house()
    again.start()
    (tmp_path / "go").touch()
    done = ended(again, run.id, RunState.COMPLETED)
    again.stop()

    assert (done.attempt, done.result["code"]) == (1, 0)
    assert [text for text in words_of(again, run.id) if text in {"one", "two"}] == ["one", "two"]
    assert (tmp_path / "starts").read_text() == "began\n"
    assert not list(again.worker.workspace(run.id).glob("attempt-*"))


def test_a_run_whose_program_never_began_is_queued_again_whatever_its_class(make_house, tmp_path):
    options = {"says": f"echo began >> {tmp_path}/starts"}
    with make_house().opened(at_work=True) as house:
        job = house.manager.create(JobDraft(name="photos", kind="once-program", options=options))
        run = house.manager.claim(house.manager.start(job.id).id, house.worker.name)

    with make_house().opened(at_work=True) as again:
        found = again.manager.run(run.id)
        again.worker.carry_out(run.id)
        done = again.manager.run(run.id)

    assert (found.state, found.attempts[0].ending) == (RunState.QUEUED, "interrupted")
    assert (done.state, (tmp_path / "starts").read_text()) == (RunState.COMPLETED, "began\n")


def test_a_lost_program_of_a_kind_that_must_not_be_repeated_waits_for_a_person(make_house):
    house = make_house()
    house.start()
    once, often = begun(house, says=LASTS, kind="once-program"), begun(house, says=LASTS)
    supervisors = [supervisor_of(house, run) for run in (once, often)]
    gone_without_a_word(house)
    for pid in supervisors:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)

    again = make_house()
    again.start()
    paused = ended(again, once.id, RunState.PAUSED)
    second = until(lambda: (run := again.manager.run(often.id)).attempt == 2 and run)
    again.stop()

    assert (paused.attempt, paused.reason != "") == (1, True)
    assert second.attempts[0].ending == "interrupted"


def test_a_command_beside_a_dead_server_leaves_programs_at_work(make_house, tmp_path):
    house = make_house()
    house.start()
    run = begun(house, says=TALKS.format(tmp_path), kind="once-program")
    gone_without_a_word(house)

    with make_house().opened(at_work=False) as visitor:
        seen = visitor.manager.run(run.id)
    again = make_house()
    again.start()
    (tmp_path / "go").touch()
    done = ended(again, run.id, RunState.COMPLETED)
    again.stop()

    assert seen.state is RunState.RUNNING
    assert done.attempt == 1


def test_a_program_that_ends_within_the_grace_completes_its_run(make_house):
    house = make_house(grace=30)
    house.start()
    run = begun(house, says="echo one; sleep 0.5; echo two")

    house.stop()

    with make_house().opened(at_work=True) as again:
        assert again.manager.run(run.id).state is RunState.COMPLETED
        assert "two" in words_of(again, run.id)


def test_no_program_begins_under_a_server_that_stops(make_house, tmp_path):
    def make_engine(kind, options):
        leave()
        return make_scripted_engine(kind, options)

    leave = lambda: None  # noqa: E731 - it has another meaning once the job is there
    options = {"says": f"echo began >> {tmp_path}/starts"}
    with make_house(make_engine=make_engine).opened(at_work=True) as house:
        job = house.manager.create(JobDraft(name="photos", kind="once-program", options=options))
        run = house.manager.start(job.id)
        leave = partial(house.worker.leave, grace=60)
        house.worker.carry_out(run.id)
        left = house.manager.run(run.id)

    with make_house().opened(at_work=True) as again:
        found = again.manager.run(run.id)

    assert (left.state, found.state) == (RunState.RUNNING, RunState.QUEUED)
    assert not (tmp_path / "starts").exists()


def test_whoever_asks_twice_does_not_wait_for_the_grace(make_house):
    house = make_house(grace=3600)
    house.start()
    run = begun(house, says=LASTS)
    stopping = threading.Thread(target=house.stop)
    stopping.start()
    until(lambda: house.worker.leaving.begun)

    house.hurry()

    stopping.join(30)
    with make_house().opened(at_work=True) as again:
        assert again.manager.run(run.id).state is RunState.QUEUED


def test_a_stop_ends_programs_and_sets_their_runs_down_by_class(make_house):
    house = make_house(grace=0)
    house.start()
    often = begun(house, says="trap '' TERM; (setsid sleep 60 &); echo one; sleep 60")
    once = begun(house, says=LASTS, kind="once-program")
    supervisors = [supervisor_of(house, run) for run in (often, once)]

    house.stop()

    assert not [pid for pid in supervisors if known(pid)]
    with make_house().opened(at_work=True) as again:
        assert again.manager.run(often.id).state is RunState.QUEUED
        assert again.manager.run(once.id).state is RunState.PAUSED


def test_a_program_of_a_run_that_nobody_knows_is_ended_and_its_folder_goes(make_house, tmp_path):
    house = make_house()
    house.start()
    run = begun(house, says=LASTS)
    pid = supervisor_of(house, run)
    gone_without_a_word(house)
    workspaces = house.worker.workspaces
    (workspaces / run.id[:2] / run.id).rename(workspaces / run.id[:2] / "run-of-before")

    with make_house().opened(at_work=True) as again:
        ended_then = again.watchdog.clear_up()
        os.waitpid(pid, 0)
        ended_later = again.watchdog.clear_up()

    assert (ended_then, ended_later) == (1, 0)
    assert not list(workspaces.glob("*/run-of-before/attempt-*"))
