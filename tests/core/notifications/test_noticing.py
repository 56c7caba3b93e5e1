"""What is listed in the application, and in which words."""

from datetime import timedelta

from core.events import RunMoved
from core.models import Failure, OnInterrupt, Retry
from core.notifications import texts
from core.notifications.office import Office
from core.notifications.values import Occasion
from core.notifications.wishes import Wishes
from core.states import RunState
from core.work import Question
from tests.builders import a_job, a_running_run
from tests.core.notifications.conftest import a_failure, a_success


def test_a_failure_is_listed_without_any_rule(office, manager):
    run = a_failure(manager, name="photos")

    office.hear()

    (number, notice), *rest = office.book.notices()
    assert (number, rest) == (1, [])
    assert notice.subject == "photos failed: The disk is full."
    assert notice.run_id == run.id
    assert notice.text == (
        "Run 1 of job “photos” failed, at 21 Nov 2026 07:42 UTC.\n"
        "Why: The disk is full.\n"
        "What to do: Free some space, then run it again.\n"
        "Next: nothing by itself; start it when you are ready."
    )
    assert set(notice.occasions) == {Occasion.FAILURE, Occasion.DEAD_LETTER, Occasion.FIRST_RUN}


def test_a_plain_success_is_not_listed(office, manager):
    job = a_job(manager, name="photos")
    a_success(manager, job)
    a_success(manager, job)

    office.hear()

    assert office.subjects == ["photos succeeded, its first run"]


def test_a_recovery_is_listed_once(office, manager):
    job = a_job(manager, name="photos")
    a_failure(manager, job)
    a_success(manager, job)
    a_success(manager, job)

    office.hear()

    assert office.subjects == ["photos works again", "photos failed: The disk is full."]


def test_a_recovery_is_known_from_history_too(office, make_office, manager):
    job = a_job(manager, name="photos")
    a_failure(manager, job)
    office.hear()
    again = make_office()

    a_success(manager, job)
    again.hear()

    assert again.subjects[0] == "photos works again"


def test_warnings_are_neither_a_failure_nor_a_plain_success(office, manager):
    job = a_job(manager, name="photos")
    a_success(manager, job)
    a_success(manager, job, warnings=("12 files were skipped.", "One file vanished."))

    office.hear()

    assert office.subjects[0] == "photos succeeded with 2 warnings"
    assert "Warning: 12 files were skipped." in office.book.notices()[0][1].text


def test_a_run_that_was_interrupted_and_waits_for_somebody_is_listed(office, manager, clock):
    run = a_running_run(manager, name="photos", on_interrupt=OnInterrupt.PAUSE)
    manager.stopped(run.id, run.attempt)

    office.hear()

    assert office.subjects == ["photos was interrupted and waits for you"]
    assert office.book.notices()[0][1].occasions == (Occasion.INTERRUPTED,)


def test_a_failed_attempt_that_is_followed_by_another_is_not_told(office, manager):
    run = a_running_run(manager, retry=Retry(max_attempts=3))

    manager.fail(
        run.id, run.attempt, Failure(code="engine-failed", message="Connection lost.", transient=True)
    )
    office.hear()

    assert office.subjects == []


def test_what_cannot_be_reached_is_listed(office, manager, clock):
    opened = clock.now()
    value = {
        "failures": 3,
        "opened": 1,
        "opened_at": opened.isoformat(),
        "until": (opened + timedelta(seconds=60)).isoformat(),
        "message": "nas-02 does not answer.",
    }
    manager.set_register("breaker/nas-02", value)
    manager.set_register("breaker/nas-02", {**value, "message": "Still nothing."})

    office.hear()

    assert office.subjects == ["nas-02 cannot be reached"]


def test_names_cannot_act_in_what_is_told(office, manager):
    said = "photos\u202egnp.exe\u2066\u200b"
    run = a_running_run(manager, name=said)
    manager.fail(
        run.id, run.attempt, Failure(code="x", message="lost\r\nBcc: eve@example.org\n\n<b>\x1b[31m")
    )

    office.hear()

    subject = office.book.notices()[0][1].subject
    assert not any(letter in subject for letter in "\n\r\x1b\u202e\u2066\u200b")
    assert subject.startswith("photos�gnp.exe�� failed: lost Bcc: eve@example.org <b>�[31m")


def test_long_words_are_cut():
    assert len(texts.harmless("x" * 100_000)) == texts.LONGEST_WORDS


def test_missed_events_are_made_up_for(office, manager):
    a_failure(manager, name="photos")
    office.hear()
    office.office._taken.clear()
    a_failure(manager, name="mail")
    office.office._taken.clear()

    office.look()

    assert sorted(office.subjects) == ["mail failed: The disk is full.", "photos failed: The disk is full."]


def test_what_happened_long_ago_is_not_listed_any_more(office, manager, clock):
    a_failure(manager, name="photos")
    office.hear()
    clock.pass_by(timedelta(days=89))
    a_failure(manager, name="mail")
    office.hear()

    clock.pass_by(timedelta(days=1))

    assert office.subjects == ["mail failed: The disk is full."]
    assert office.unread("ana") == 1


def test_what_cannot_be_told_of_one_run_keeps_no_other_from_being_told(
    manager, events, clock, tmp_path, caplog
):
    odd = a_job(manager, name="odd")

    def unusual(run):
        if run.job_id == odd.id:
            raise ZeroDivisionError
        return ()

    office = Office(manager, events, clock, tmp_path / "told", Wishes(), unusual=unusual)
    office.open()
    a_success(manager, odd)
    a_success(manager, odd)
    failed = a_failure(manager, name="plain")
    for run in (*manager.runs_of(odd.id), failed):
        office.take(RunMoved(run=run, was=RunState.RUNNING))

    office.work()
    office.stop()

    assert "plain failed: The disk is full." in [notice.subject for _, notice in office.book.notices()]
    assert "could not be told" in caplog.text


def test_what_a_run_asks_is_told_with_the_way_to_answer(office, manager):
    run = a_running_run(manager, name="photos")
    question = Question(
        id="q1", about="guard", sentence="The source shrank.", answers={"stop": "Stop.", "go": "Go on."}
    )
    manager.hold(run.id, run.attempt, question)

    office.hear()

    (_, notice), *rest = office.book.notices()
    assert rest == []
    assert notice.occasions == (Occasion.QUESTION,)
    assert notice.subject == "photos asks: The source shrank."
    assert f"holdfast run answer {run.id}" in notice.text
