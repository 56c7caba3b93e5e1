import sys
import threading

import psutil
import pytest

from core.errors import InvalidOptions, NotFound, Refused
from core.processes.orders import Order
from core.processes.program import Program, Standing
from core.rehearsals import FOLDER, MOST_WAITING, Rehearsals, mark_of
from core.work import Outcome
from tests.builders import a_draft, a_job
from tests.core.processes.conftest import until
from tests.doubles import ScriptedEngine


@pytest.fixture
def rehearsals(manager, surroundings, tmp_path, clock):
    made = Rehearsals(manager, surroundings, tmp_path / "work", clock)
    yield made
    made.stop()


@pytest.fixture
def script(monkeypatch):
    """Let the scripted engine be tried by a script, for this test alone."""

    def give(action):
        monkeypatch.setattr(ScriptedEngine, "can_rehearse", True)
        monkeypatch.setattr(ScriptedEngine, "rehearse", lambda _self, context: action(context))

    return give


def ended(rehearsals, begun):
    until(lambda: rehearsals.show(begun.id).over)
    return rehearsals.show(begun.id)


def test_a_trial_lists_what_a_run_would_do_and_changes_nothing(rehearsals, script, manager):
    script(lambda _: Outcome(result={"new": 1, "changes": [("new", "a.txt")]}, warnings=("Slow.",)))
    job = a_job(manager)

    found = ended(rehearsals, rehearsals.of_job(job.id, by="ana"))

    assert (found.state, found.by, found.warnings) == ("done", "ana", ("Slow.",))
    assert found.result["changes"] == (("new", "a.txt"),)
    assert manager.runs_of(job.id) == ()
    assert manager.job(job.id).job == job


def test_a_trial_of_a_draft_finds_out_before_the_job_is_kept(rehearsals, script, manager):
    script(lambda _: Outcome(result={"new": 2}))

    found = ended(rehearsals, rehearsals.of_draft(a_draft(name="photos")))

    assert (found.name, found.state, found.result["new"]) == ("photos", "done", 2)
    assert manager.list_jobs().total == 0


def test_a_trial_with_mistakes_in_it_is_refused(rehearsals, script):
    script(lambda _: Outcome())

    with pytest.raises(InvalidOptions) as refused:
        rehearsals.of_draft(a_draft(options={"word": "bad"}))

    assert refused.value.problems == {"options.word": "This word is a bad one."}


def test_a_trial_can_be_cancelled(rehearsals, script, manager):
    pids = []

    def sleep(context):
        shell = ("/bin/sh", "-c", "echo $$; sleep 600 & wait")
        context.execute(Order(argv=shell, grace=0.2), lambda _, line: pids.append(int(line)))
        return Outcome()

    script(sleep)
    begun = rehearsals.of_job(a_job(manager).id)
    until(lambda: pids)

    rehearsals.cancel(begun.id)

    assert ended(rehearsals, begun).state == "cancelled"
    assert not psutil.pid_exists(pids[0])


def test_what_a_killed_server_was_trying_is_ended_at_the_next_start(rehearsals, tmp_path):
    folder = tmp_path / "work" / FOLDER / "t1" / "attempt-1" / "program"
    program = Program(folder, mark_of("t1"))
    program.start(Order(argv=(sys.executable, "-c", "import time; time.sleep(600)")))
    until(lambda: program.standing() is Standing.AT_WORK)

    rehearsals.clear_up()

    assert not program.is_kept or program.standing() is not Standing.AT_WORK
    assert not (tmp_path / "work" / FOLDER).exists()


def test_a_kind_that_cannot_be_tried_says_so(rehearsals, manager):
    job = a_job(manager)

    with pytest.raises(Refused, match="cannot be tried"):
        rehearsals.of_job(job.id)


def test_trials_do_not_pile_up(rehearsals, script, manager):
    gate = threading.Event()
    script(lambda _: gate.wait() and Outcome())
    job = a_job(manager)
    begun = [rehearsals.of_job(job.id) for _ in range(MOST_WAITING)]

    with pytest.raises(Refused, match="Too many trials"):
        rehearsals.of_job(job.id)

    gate.set()
    assert {ended(rehearsals, one).state for one in begun} == {"done"}


def test_a_trial_that_is_not_known_is_not_found(rehearsals):
    with pytest.raises(NotFound, match="no trial"):
        rehearsals.show("nothing")
