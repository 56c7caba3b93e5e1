"""One thing is done to many jobs of the list: looked at, then done, then taken back."""

from datetime import timedelta

import pytest

from core.drafts import JobPatch
from tests.fastapi_app.pages.conftest import a_failed_run, a_verified_run, words


def bar(page):
    return page.select_one("#bulk")


def ticked(reader, page, *jobs, action, **fields):
    """Send the bar as a browser does in which these jobs are ticked."""
    form = bar(page)
    data = {field["name"]: field.get("value", "") for field in form.select("input[type=hidden]")}
    data |= {"ids": [job.id for job in jobs], "action": action} | fields
    headers = {"Accept": "text/html", "X-CSRF-Token": ""}
    return reader.read(reader.browser.post(form["action"], data=data, headers=headers))


def confirm(reader, preview, **typed):
    form = preview.select_one('form[action="/jobs/bulk/do"]')
    answer = reader.send(form, **typed)
    return followed(reader, answer) if answer.status_code == 303 else reader.read(answer)


def followed(reader, answer):
    """Go where the answer leads; on the way, wait until what is done to many is over."""
    while answer.status_code == 303:
        answer = reader.browser.get(answer.headers["location"], headers={"Accept": "text/html"})
        while "It goes on, also when you leave this page." in answer.text:
            answer = reader.browser.get(answer.request.url.path, headers={"Accept": "text/html"})
    return reader.read(answer)


def told(page):
    return [words(toast) for toast in page.select("#toasts > [data-told]")]


def undo(reader, page):
    return followed(reader, reader.send(page.select_one("#toasts form")))


def job_of(world, job):
    return world.house.service.manager.job(job.id).job


def test_a_preview_counts_and_names_what_would_be_done_and_does_nothing(world, reader):
    good = [world.a_job(f"photos {number}") for number in range(12)]
    off, busy = world.a_job("off"), world.a_job("busy")
    world.house.service.manager.edit(off.id, JobPatch(enabled=False), version=1)
    world.a_running_run(busy)

    preview = ticked(reader, reader.open("/jobs"), *good, off, busy, action="start")

    assert words(preview.h1) == "Start: 12 jobs"
    assert "photos 0" in words(preview.select_one("[aria-labelledby=will]"))
    assert "and 2 more" in words(preview.select_one("[aria-labelledby=will]"))
    refused = words(preview.select_one("[aria-labelledby=refused]"))
    assert "It is switched off. off" in refused
    assert "It has a run that is running. busy" in refused
    assert world.house.service.manager.counts()["never"] == 13


def test_deleting_many_asks_for_their_number_and_can_be_taken_back(world, reader):
    jobs = [world.a_job(f"photos {number}") for number in range(3)]
    preview = ticked(reader, reader.open("/jobs"), *jobs, action="delete")

    wrong = confirm(reader, preview, typed="4")
    after = confirm(reader, wrong, typed="3")
    going = [world.house.service.manager.going(job.id) for job in jobs]
    back = undo(reader, after)
    world.clock.pass_by(timedelta(seconds=31))
    world.house.service.housekeeping.tend()

    assert "Type the number of jobs exactly" in words(wrong.select_one("[role=alert]"))
    assert told(after) == ["Deleting 3 jobs. Until that is done they can be kept. Undo"]
    assert {one.by for one in going} == {"ada"}
    assert told(back) == ["Taken back for 3 of 3 jobs."]
    assert world.house.service.manager.list_jobs().total == 3


def test_all_that_match_are_previewed_again_when_others_match_by_then(world, reader):
    for number in range(60):
        world.a_job(f"photos {number}")
    page = reader.open("/jobs?q=photos")
    preview = ticked(reader, page, action="disable", all="1")
    late = world.a_job("photos of today")

    anew = confirm(reader, preview)
    still_on = job_of(world, late).enabled
    after = confirm(reader, anew)

    assert words(preview.h1) == "Switch off: 60 jobs"
    assert "all that match “photos”" in words(preview)
    assert words(anew.h1) == "Switch off: 61 jobs"
    assert "Other jobs match by now" in words(anew.select_one("[role=alert]"))
    assert still_on
    assert told(after) == ["Switched off 61 jobs. Undo"]
    assert not job_of(world, late).enabled


@pytest.mark.parametrize(
    ("action", "fields", "shows"),
    [
        ("enable", {}, lambda job: job.enabled),
        ("tag", {"tag": "nas"}, lambda job: "nas" in job.tags),
        ("untag", {"tag": "old"}, lambda job: "old" not in job.tags),
    ],
)
def test_what_has_an_opposite_is_taken_back_from_those_it_changed(world, reader, action, fields, shows):
    manager = world.house.service.manager
    so_already, changed = world.a_job("so already"), world.a_job("changed")
    manager.edit(so_already.id, JobPatch(tags=("nas",)), version=1)
    manager.edit(changed.id, JobPatch(tags=("old",), enabled=False), version=1)

    preview = ticked(reader, reader.open("/jobs"), so_already, changed, action=action, **fields)
    after = confirm(reader, preview)
    done = [shows(job_of(world, job)) for job in (so_already, changed)]
    undo(reader, after)

    assert "1 is so already and stays as it is." in words(preview)
    assert done == [True, True]
    assert [shows(job_of(world, job)) for job in (so_already, changed)] == [True, False]


def test_runs_that_were_started_together_are_cancelled_together(world, reader):
    jobs = [world.a_job(f"photos {number}") for number in range(3)]

    after = confirm(reader, ticked(reader, reader.open("/jobs"), *jobs, action="start"))
    started = dict(world.house.service.manager.counts())
    undo(reader, after)

    assert started == {"queued": 3}
    assert dict(world.house.service.manager.counts()) == {"cancelled": 3}


def test_what_cannot_be_taken_back_says_so_before(world, reader):
    job = world.a_job("photos")
    world.a_running_run(job)

    preview = ticked(reader, reader.open("/jobs"), job, action="cancel")
    after = confirm(reader, preview)

    assert "This cannot be taken back." in words(preview)
    assert told(after) == ["Cancelled the runs of 1 job."]


def test_nothing_is_taken_back_after_its_time(world, reader):
    job = world.a_job("photos")
    after = confirm(reader, ticked(reader, reader.open("/jobs"), job, action="disable"))
    world.clock.pass_by(timedelta(seconds=31))

    answer = reader.send(after.select_one("#toasts form"))

    assert answer.status_code == 409
    assert "cannot be taken back any more" in words(reader.read(answer).select_one("[data-problem]"))


def test_what_was_refused_meanwhile_is_told_with_its_reason(world, reader):
    first, second = world.a_job("first"), world.a_job("second")
    a_verified_run(world, first)
    a_failed_run(world, second)
    preview = ticked(reader, reader.open("/jobs"), first, second, action="requeue")
    world.a_running_run(second)

    page = confirm(reader, preview)

    assert words(page.h1) == "Asked again for 1 job."
    assert "A run that is running cannot be run again yet." in words(
        page.select_one("[aria-labelledby=refused]")
    )
    assert page.select_one('form[action$="/undo"]')


def test_an_audit_line_names_how_many_and_which(world, reader):
    world.a_job("photos")
    world.a_job("music")

    confirm(reader, ticked(reader, reader.open("/jobs"), action="disable", all="1", q="photos"))

    entries = world.house.service.audit.entries()
    line = next(entry for entry in entries if entry.kind == "jobs.bulk")
    assert (line.by, line.words) == ("ada", "Disable: 1 job, all that match “photos”.")


def test_a_bar_without_a_selection_is_refused_in_words(reader):
    answer = reader.browser.post("/jobs/bulk", data={"action": "delete"}, headers={"Accept": "text/html"})

    assert answer.status_code == 409
    assert "No job is selected." in answer.text
