"""What happens to jobs between a look at what is done to many, its being done, and its being taken back."""

from datetime import timedelta

from core.bulk import Refusal
from core.drafts import JobPatch
from core.states import RunState
from core.work import Outcome
from fastapi_app.presenters.bulk import reasons_of
from tests.fastapi_app.pages.conftest import words
from tests.fastapi_app.pages.test_bulk import confirm, job_of, ticked, told, undo


def test_what_was_refused_in_the_preview_is_not_done_when_it_could_be_by_then(world, reader):
    manager = world.house.service.manager
    free, busy = world.a_job("free"), world.a_job("busy")
    run = world.a_running_run(busy)
    preview = ticked(reader, reader.open("/jobs"), free, busy, action="delete")
    manager.complete(run.id, run.attempt, Outcome())

    page = confirm(reader, preview, typed="1")

    assert manager.going(free.id) is not None
    assert manager.going(busy.id) is None
    assert "busy" in words(page.select_one("[aria-labelledby=refused]"))


def test_a_job_that_is_gone_by_then_is_told_of_and_keeps_no_other_from_it(world, reader):
    stays, goes = world.a_job("stays"), world.a_job("goes")
    preview = ticked(reader, reader.open("/jobs"), stays, goes, action="disable")
    world.house.service.manager.delete(goes.id)

    page = confirm(reader, preview)

    assert words(page.h1) == "Switched off 1 job."
    assert words(page.select_one("[aria-labelledby=refused]")) == (
        "Not done to these 1 The job is gone: it was deleted meanwhile."
    )
    assert not job_of(world, stays).enabled


def test_ticked_jobs_of_which_one_is_gone_are_previewed_all_the_same(world, reader):
    stays, goes = world.a_job("stays"), world.a_job("goes")
    page = reader.open("/jobs")
    world.house.service.manager.delete(goes.id)

    preview = ticked(reader, page, stays, goes, action="disable")

    assert words(preview.h1) == "Switch off: 1 job"
    assert "it was deleted meanwhile" in words(preview.select_one("[aria-labelledby=refused]"))


def test_a_preview_is_shown_again_although_a_job_of_it_is_gone(world, reader):
    job = world.a_job("goes")
    preview = ticked(reader, reader.open("/jobs"), job, action="delete")
    world.house.service.manager.delete(job.id)

    page = confirm(reader, preview, typed="7")

    assert "Type the number of jobs exactly" in words(page.select_one("[role=alert]"))


def test_taking_back_a_start_cancels_no_run_that_somebody_asked_for_since(world, reader):
    manager = world.house.service.manager
    job = world.a_job("photos")
    after = confirm(reader, ticked(reader, reader.open("/jobs"), job, action="start"))
    begun = manager.job(job.id).latest_run
    manager.cancel(begun.id)
    newer = manager.start(job.id, asked_by="ben")

    undo(reader, after)

    assert manager.run(newer.id).state == RunState.QUEUED


def test_taking_back_a_start_cancels_what_followed_it_and_nothing_else(world, reader):
    manager = world.house.service.manager
    first = world.a_job("first")
    follows = world.a_job("follows")
    manager.edit(follows.id, JobPatch(after=(first.id,)), version=1)
    after = confirm(reader, ticked(reader, reader.open("/jobs"), first, follows, action="start"))
    run = manager.claim(manager.job(first.id).latest_run.id, "test-worker")
    manager.complete(run.id, run.attempt, Outcome())
    followed = manager.job(follows.id).latest_run

    undo(reader, after)

    assert followed.state == RunState.QUEUED
    assert manager.run(followed.id).state == RunState.CANCELLED


def test_taking_back_a_deletion_keeps_no_job_that_somebody_else_had_deleted(world, reader):
    manager = world.house.service.manager
    theirs, mine = world.a_job("theirs"), world.a_job("mine")
    manager.let_go(theirs.id, "ben")

    preview = ticked(reader, reader.open("/jobs"), theirs, mine, action="delete")
    undo(reader, confirm(reader, preview, typed="1"))

    assert manager.going(theirs.id).by == "ben"
    assert manager.going(mine.id) is None


def test_taking_back_a_deletion_leaves_what_was_kept_and_deleted_again(world, reader):
    manager = world.house.service.manager
    job = world.a_job("photos")
    after = confirm(reader, ticked(reader, reader.open("/jobs"), job, action="delete"), typed="1")
    manager.keep_after_all(job.id)
    world.clock.pass_by(timedelta(seconds=1))
    manager.let_go(job.id, "ben")

    page = undo(reader, after)

    assert manager.going(job.id).by == "ben"
    assert words(page.h1) == "Taken back for 0 of 1 job."


def test_taking_back_an_edit_leaves_jobs_that_somebody_changed_since(world, reader):
    manager = world.house.service.manager
    changed, untouched = world.a_job("changed"), world.a_job("untouched")
    after = confirm(reader, ticked(reader, reader.open("/jobs"), changed, untouched, action="disable"))
    manager.edit(changed.id, JobPatch(enabled=True), version=None)
    manager.edit(changed.id, JobPatch(enabled=False), version=None)

    page = undo(reader, after)

    assert words(page.h1) == "Taken back for 1 of 2 jobs."
    assert "was changed since; that change stays." in words(page.select_one("[aria-labelledby=refused]"))
    assert not job_of(world, changed).enabled
    assert job_of(world, untouched).enabled


def test_what_is_told_of_two_works_is_told_of_each(world, reader):
    job, other = world.a_job("photos"), world.a_job("music")
    page = reader.open("/jobs")
    one = ticked(reader, page, job, action="tag", tag="a")
    both = ticked(reader, page, job, other, action="tag", tag="b")

    said = [told(confirm(reader, preview)) for preview in (one, both)]

    assert said == [["Tagged 1 job. Undo"], ["Tagged 2 jobs. Undo"]]
    assert set(job_of(world, job).tags) == {"a", "b"}


def test_thousands_of_reasons_are_told_as_the_most_frequent_and_the_rest():
    refused = (
        *(Refusal(job_id=f"a{number}", code="wrong-state", message="It runs.") for number in range(3)),
        *(Refusal(job_id=f"b{number}", code="odd", message=f"Reason {number}.") for number in range(9_000)),
    )

    reasons = reasons_of(refused, {f"a{number}": f"job {number}" for number in range(3)})

    assert (reasons[0].count, reasons[0].names, reasons[0].more) == ("3", ("job 0", "job 1", "job 2"), 0)
    assert (len(reasons), reasons[-1].count, reasons[-1].message) == (21, "8,981", "For other reasons.")


def test_jobs_that_never_ran_are_named_together_when_they_are_to_run_again(world, reader):
    jobs = [world.a_job(name) for name in ("photos", "music")]

    preview = ticked(reader, reader.open("/jobs"), *jobs, action="requeue")

    refused = words(preview.select_one("[aria-labelledby=refused]"))
    assert refused == "Not done to 2 2 It has never run. photos , music"
