import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from core.acting import Actor, acting_as
from core.decisions import ANSWER, QUESTION
from core.dispatch.local import LocalDispatcher
from core.errors import HoldfastError, InvalidOptions, Refused, WrongState
from core.goings import MEMORY
from core.states import RunState
from core.storage.yaml_files import YamlFilesStore
from core.work import Outcome, Question, RunHeld
from core.worker import Worker
from tests.builders import a_job, a_queued_run, a_running_run
from tests.doubles import ScriptedEngine

HARMLESS = Question(
    id="q1", about="guard", sentence="The source shrank.", answers={"stop": "End.", "go": "Go on."}
)
HARMFUL = Question(
    id="q2",
    about="delete",
    sentence="Delete 1,204 files?",
    answers={"keep": "Keep them.", "delete": "Delete them."},
    typed="delete 1,204 files",
)


@pytest.fixture
def worker(manager, logs, tmp_path, surroundings, clock):
    return Worker("nas-02", manager, logs, tmp_path / "work", surroundings, clock)


@pytest.fixture
def script(monkeypatch):
    """Give the scripted engine a script by name, for this test alone."""

    def give(name, action):
        monkeypatch.setitem(ScriptedEngine.scripts, name, action)
        return {"script": name}

    return give


def a_held_run(manager, question=HARMLESS, **fields):
    run = a_running_run(manager, **fields)
    return manager.hold(run.id, run.attempt, question)


def asks(question):
    def ask(context):
        raise RunHeld(question)

    return ask


def test_a_run_that_asks_is_paused_and_gives_its_slot_back(manager, worker, script, dispatcher):
    asking = a_queued_run(manager, options=script("asks", asks(HARMLESS)))
    other = a_queued_run(manager)

    worker.carry_out(asking.id)
    worker.carry_out(other.id)

    held = manager.run(asking.id)
    assert (held.state, held.reason, held.worker) == (RunState.PAUSED, HARMLESS.sentence, None)
    assert manager.question(asking.id) == HARMLESS
    assert manager.run(other.id).state is RunState.COMPLETED


def test_a_question_outlives_a_restart(a_manager, tmp_path, clock):
    manager = a_manager(YamlFilesStore(tmp_path / "data", clock=clock), LocalDispatcher(1))
    run = a_held_run(manager)
    manager.close()

    again = a_manager(YamlFilesStore(tmp_path / "data", clock=clock), LocalDispatcher(1))

    assert again.run(run.id).state is RunState.PAUSED
    assert again.question(run.id) == HARMLESS
    again.close()


def test_a_run_that_is_cancelled_while_it_asks_is_cancelled(manager):
    run = a_running_run(manager)
    manager.cancel(run.id)

    ended = manager.hold(run.id, run.attempt, HARMLESS)

    assert ended.state is RunState.CANCELLED
    assert manager.question(run.id) is None


def test_an_answer_lets_the_run_go_on_and_is_told_to_its_engine(manager, worker, script):
    told = []

    def ask_once(context):
        told.append(context.answer(HARMLESS.id))
        if told[-1] is None:
            raise RunHeld(HARMLESS)
        return Outcome()

    run = a_queued_run(manager, options=script("asks once", ask_once))
    worker.carry_out(run.id)

    assert manager.answer(run.id, HARMLESS.id, "go", asked_by="ben").state is RunState.QUEUED
    worker.carry_out(run.id)

    assert [(answer.answer, answer.by) if answer else None for answer in told] == [None, ("go", "ben")]
    assert manager.run(run.id).state is RunState.COMPLETED


def test_an_answer_to_something_else_is_refused(manager):
    run = a_held_run(manager)

    with pytest.raises(WrongState, match="something else by now"):
        manager.answer(run.id, "q0", "go")

    assert manager.run(run.id).state is RunState.PAUSED
    assert manager.question(run.id) == HARMLESS


def test_of_two_answers_at_once_one_counts(manager):
    run = a_held_run(manager)
    ready = threading.Barrier(20)

    def answer(number):
        ready.wait()
        try:
            return manager.answer(run.id, HARMLESS.id, "go", asked_by=f"person {number}")
        except HoldfastError as error:
            return error

    with ThreadPoolExecutor(20) as threads:
        results = list(threads.map(answer, range(20)))

    refused = [result for result in results if isinstance(result, WrongState)]
    assert len(refused) == 19
    assert all("asks nothing" in str(error) for error in refused)
    assert manager.answered(run.id).by.startswith("person ")


def test_a_run_that_is_over_leaves_no_question_behind(manager):
    run = a_held_run(manager)
    manager.answer(run.id, HARMLESS.id, "go")
    asked = a_held_run(manager)

    claimed = manager.claim(run.id, "nas-02")
    manager.complete(run.id, claimed.attempt, Outcome())
    manager.cancel(asked.id)

    assert manager.registers(QUESTION) == {}
    assert manager.registers(ANSWER) == {}


def test_a_run_that_goes_on_without_an_answer_asks_again(manager):
    run = a_held_run(manager)

    resumed = manager.resume(run.id)

    assert resumed.state is RunState.QUEUED
    assert manager.question(run.id) is None
    assert manager.answered(run.id) is None


def test_a_harmful_answer_needs_the_words_typed(manager):
    run = a_held_run(manager, HARMFUL)

    with pytest.raises(InvalidOptions) as refused:
        manager.answer(run.id, HARMFUL.id, "delete", typed="yes")

    assert "delete 1,204 files" in refused.value.problems["typed"]
    assert manager.question(run.id) == HARMFUL
    assert manager.answer(run.id, HARMFUL.id, "delete", typed="delete 1,204 files").state is RunState.QUEUED


def test_the_careful_answer_needs_nothing_typed(manager):
    run = a_held_run(manager, HARMFUL)

    assert manager.answer(run.id, HARMFUL.id, "keep").state is RunState.QUEUED
    assert manager.answered(run.id).answer == "keep"


def test_an_answer_that_nobody_offered_is_refused(manager):
    run = a_held_run(manager)

    with pytest.raises(InvalidOptions) as refused:
        manager.answer(run.id, HARMLESS.id, "perhaps")

    assert refused.value.problems == {"answer": "This must be one of: stop, go."}


def test_only_an_admin_gives_an_answer_that_is_an_admins(manager):
    question = Question(
        id="q3", about="delete", sentence="All?", answers={"keep": "", "delete": ""}, admin_only=True
    )
    run = a_held_run(manager, question)

    with acting_as(Actor(name="olga", admin=False)), pytest.raises(Refused, match="Only an admin"):
        manager.answer(run.id, question.id, "delete")

    assert manager.question(run.id) == question
    with acting_as(Actor(name="olga", admin=False)):
        assert manager.answer(run.id, question.id, "keep").state is RunState.QUEUED


def test_what_a_run_noted_is_there_for_the_next_one(a_manager, tmp_path, clock):
    manager = a_manager(YamlFilesStore(tmp_path / "data", clock=clock), LocalDispatcher(1))
    job = a_job(manager)
    manager.remember(job.id, "guards", {"files": 12})
    manager.remember(job.id, "round", {"subset": 3})
    manager.close()

    again = a_manager(YamlFilesStore(tmp_path / "data", clock=clock), LocalDispatcher(1))

    assert again.memory(job.id) == {"guards": {"files": 12}, "round": {"subset": 3}}
    again.close()


def test_a_deleted_job_leaves_no_notes(manager):
    job = a_job(manager)
    manager.remember(job.id, "guards", {"files": 12})

    manager.delete(job.id)

    assert manager.registers(MEMORY) == {}
