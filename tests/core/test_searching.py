from datetime import timedelta

import pytest

from core.drafts import JobPatch
from core.errors import InvalidOptions
from core.listing import JobQuery
from core.models import Failure
from core.queueing import Scope
from core.searching import KEYS, search_of
from core.work import Outcome, Question
from tests.builders import a_job, a_paused_run, a_queued_run, a_running_run

QUESTION = Question(id="q1", about="guard", sentence="The source shrank.", answers={"stop": "End."})


def found(manager, text, **fields):
    page = manager.list_jobs(JobQuery(text=text, sort="name", limit=None, **fields))
    return " ".join(item.job.name for item in page.items)


def a_good_run(manager, **fields):
    run = a_running_run(manager, **fields)
    return manager.complete(run.id, run.attempt, Outcome(warnings=fields.pop("warnings", ())))


def a_failed_run(manager, **fields):
    run = a_running_run(manager, **fields)
    return manager.fail(run.id, run.attempt, Failure(code="engine-failed", message="The disk is full."))


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("", "a b c d e"),
        ("photos", "a b"),
        ("-photos", "c d e"),
        ("PHOTOS nas", "a"),
        ("tag:photos", "a b"),
        ("tag:photos,mail", "a b c"),
        ("tag:photos tag:mail", "a b c"),
        ('tag:"two words"', "c"),
        ("-tag:photos,mail", "d e"),
        ("name:a", "a"),
        ("owner:ana -name:a", "b c d e"),
        ("owner:ben", ""),
        ("kind:scripted name:b,c", "b c"),
        ("-kind:scripted", ""),
        ("state:failed", "b"),
        ("state:never", "a e"),
        ("last:good", "d"),
        ("state:waiting,failed", "b c"),
        ("state:queued", "c"),
        ("is:off", "e"),
        ("is:on -state:never", "b c d"),
        ("is:scheduled", ""),
        ("after:a", "d"),
        ('after:"A"', "d"),
        ("after:nothing", ""),
    ],
)
def test_a_search_takes_words_keys_and_their_opposites(manager, text, names):
    first = a_job(manager, name="a", tags=("photos", "nas"))
    a_failed_run(manager, name="b", tags=("photos",))
    a_queued_run(manager, name="c", tags=("mail", "two words"))
    a_good_run(manager, name="d", after=(first.id,))
    manager.edit(a_job(manager, name="e").id, JobPatch(enabled=False), version=1)

    assert found(manager, text) == names


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("colour:red", "There is no “colour:”"),
        ("colour:red", ", ".join(f"{key}:" for key in KEYS)),
        ("kind:", "“kind:” wants a value"),
        ('tag:""', "“tag:” wants a value"),
        ("state:fine", "“state:” can be scheduled, blocked"),
        ("last:running", "“last:” can be good, warned, failed"),
        ("is:red,late", "not “red”"),
        ("-colour:red", "There is no “colour:”"),
        ("word " * 51, "50 words at most"),
    ],
)
def test_a_key_or_value_that_there_is_none_of_is_told_with_what_is_possible(manager, text, said):
    a_job(manager)

    with pytest.raises(InvalidOptions) as refused:
        manager.list_jobs(JobQuery(text=text))

    assert said in refused.value.problems["q"]


def test_places_and_words_in_quotes_are_no_keys(manager):
    a_job(manager, name="what is:new", options={"word": "nas:/srv/photos"})

    assert [found(manager, text) for text in ("nas:/srv", '"is:new"', '"what is:new"', "is:late")] == [
        "what is:new",
        "what is:new",
        "what is:new",
        "",
    ]


def test_what_is_late_and_what_somebody_paused_is_found_and_counted(manager, clock):
    late, held = a_job(manager, name="late"), a_job(manager, name="held")
    a_job(manager, name="other")

    manager.late_jobs = lambda: frozenset({late.id})
    manager.pause_line(Scope.JOB, held.id, until=clock.now() + timedelta(hours=1))
    before = manager.list_jobs()
    first = found(manager, "is:late"), found(manager, "is:paused"), found(manager, "-is:late,paused")
    manager.late_jobs = frozenset
    clock.pass_by(timedelta(hours=1))
    after = manager.list_jobs()

    assert first == ("late", "held", "other")
    assert (before.late, before.held, after.late, after.held) == (1, 1, 0, 0)
    assert found(manager, "is:late,paused") == ""


def test_every_job_that_needs_somebody_is_found_and_no_other(manager, clock):
    asking = a_running_run(manager, name="asks")
    manager.hold(asking.id, asking.attempt, QUESTION)
    a_paused_run(manager, name="paused")
    late, going = a_good_run(manager, name="late").job_id, a_failed_run(manager, name="going").job_id
    a_failed_run(manager, name="failed")
    a_good_run(manager, name="good")
    manager.late_jobs = lambda: frozenset({late})
    manager.let_go(going, "ana")

    assert found(manager, "is:needing") == "asks failed late"
    assert found(manager, "is:asking") == "asks"


def test_what_needs_somebody_comes_first(manager, clock):
    a_good_run(manager, name="good")
    late = a_good_run(manager, name="late").job_id
    a_queued_run(manager, name="waits")
    a_running_run(manager, name="works")
    a_failed_run(manager, name="failed")
    manager.list_jobs(JobQuery(sort="needs"))
    manager.late_jobs = lambda: frozenset({late})

    names, cursor = [], None
    while True:
        page = manager.list_jobs(JobQuery(sort="needs", limit=2, cursor=cursor))
        names += [item.job.name for item in page.items]
        if (cursor := page.next) is None:
            break

    assert names == ["failed", "late", "works", "waits", "good"]


@pytest.mark.parametrize("text", ['"', '""', "-", "--", ":", '-"', "a\0b", "-:-", '"a b', "é:x", "a,b"])
def test_what_is_no_key_is_words(text):
    terms = search_of(text)

    assert all(term.key == "" and term.values[0] for term in terms)
