"""How a job is carried through is set in its form, with and without scripts."""

import pytest

from core.drafts import JobPatch, draft_of
from core.models import AfterFailed, AfterWhen, Backoff, Expectation, Retry
from tests.fastapi_app.pages.conftest import words

TERMS = {
    "after_when": "all_ended",
    "after_failed": "run",
    "groups": "to nas-02, night",
    "retry.max_attempts": "4",
    "retry.backoff": "linear",
    "retry.wait": "1 min 30 s",
    "retry.longest_wait": "2h",
    "retry.jitter": "true",
    "timeout": "10 min",
    "run_timeout": "1,5 hours",
    "expect.every": "26 h",
    "expect.grace": "30 min",
    "expect.ping": "https://example.org/ping",
}


@pytest.fixture
def form(reader):
    return reader.open("/jobs/new").select_one("#job-form")


@pytest.fixture
def typed(world):
    """What somebody types into the form of a new job."""
    options = world.options()
    needed = {
        "name": "mail",
        "options.source": options["source"],
        "options.destination": options["destination"],
    }
    return lambda **more: needed | more


@pytest.fixture
def check(browser, reader):
    """Have what stands in the form checked while it is typed."""

    def asked(values):
        headers = {"Accept": "text/html", "HX-Request": "true"}
        return reader.read(browser.post("/jobs/check", data={"kind": "copy"} | values, headers=headers))

    return asked


def the_job(world, name):
    items = world.house.service.manager.list_jobs().items
    return next(item.job for item in items if item.job.name == name)


def test_everything_that_is_agreed_about_a_job_is_set_in_its_form(world, reader, form, typed):
    photos = world.a_job("photos")

    reader.send(form, form.select_one("button[value=wait]"), **typed(after="photos\n", **TERMS))

    job = the_job(world, "mail")
    assert (job.after, job.after_when, job.after_failed) == (
        (photos.id,),
        AfterWhen.ALL_ENDED,
        AfterFailed.RUN,
    )
    assert job.groups == ("to nas-02", "night")
    assert job.retry == Retry(
        max_attempts=4, backoff=Backoff.LINEAR, wait=90.0, longest_wait=7_200.0, jitter=True
    )
    assert (job.timeout, job.run_timeout) == (600.0, 5_400.0)
    assert job.expect == Expectation(every=93_600.0, grace=1_800.0, ping="https://example.org/ping")


def test_a_form_that_is_sent_as_it_was_opened_changes_no_terms(world, reader, form, typed):
    world.a_job("photos")
    reader.send(form, form.select_one("button[value=wait]"), **typed(after="photos", **TERMS))
    job = the_job(world, "mail")

    again = reader.open(f"/jobs/{job.id}/edit").select_one("#job-form")
    reader.send(again)

    assert again.select_one("#after").text.split() == ["photos"]
    assert again.select_one("#retry-wait")["value"] == "1 min 30 s"
    assert draft_of(the_job(world, "mail")) == draft_of(job)


def test_a_form_that_did_not_ask_leaves_the_terms_as_they_are(world, reader):
    job = world.a_job("photos")
    manager = world.house.service.manager
    manager.edit(job.id, JobPatch(timeout=60.0, groups=("night",)), version=1)
    form = reader.open(f"/jobs/{job.id}/edit").select_one("#job-form")
    for field in form.select("[name=after_when]"):
        field.decompose()

    reader.send(form, name="pictures", timeout="")

    kept = manager.job(job.id).job
    assert (kept.name, kept.timeout, kept.groups) == ("pictures", 60.0, ("night",))


def test_what_cannot_be_read_comes_back_as_it_was_typed(world, reader, form, typed):
    odd = {
        "retry.max_attempts": "many",
        "retry.wait": "a while",
        "timeout": "-5",
        "expect.ping": "https://example.org",
        "after": "nowhere",
    }

    page = reader.read(reader.send(form, **typed(**odd)))

    assert reader.status == 422
    for name, text in odd.items():
        field = page.select_one(f'[name="{name}"]')
        assert (field.get("value") or field.text).strip() == text
    assert "a whole number" in words(page.select_one("#truth-retry-max-attempts"))
    assert "such as 30 s" in words(page.select_one("#truth-retry-wait"))
    assert "how often" in words(page.select_one("#truth-expect-every"))
    assert words(page.select_one("#truth-after")) == "There is no job “nowhere”."
    panels = [page.select_one(f'[name="{name}"]').find_parent("details") for name in odd]
    assert all(panel.has_attr("open") for panel in panels)
    assert world.house.service.manager.list_jobs().total == 0


def test_what_is_agreed_is_told_in_sentences_while_it_is_typed(world, check, typed):
    world.a_job("photos")

    page = check(typed(**TERMS | {"after": "photos", "retry.jitter": "", "retry.wait": "30 s"}))

    plan = words(page.select_one("#plan"))
    assert "Begins after “photos”, when it is over, well or not." in plan
    assert "Tries again after 30 s, 1 min and 1 min 30 s." in plan
    assert "30 s, 1 min and 1 min 30 s" in words(page.select_one("#truth-retry-max-attempts"))
    assert "every 1 d 2 h" in words(page.select_one("#truth-expect-every"))


def test_jobs_that_fit_are_offered_while_a_name_is_typed(world, check, typed):
    world.a_job("photos of ada")
    world.a_job("photos of eve")
    world.a_job("accounts")

    page = check(typed(after="accounts\nphot"))

    offered = page.select("#offers-after button")
    assert {button["data-writes"] for button in offered} == {"photos of ada", "photos of eve"}
    assert {button["data-line"] for button in offered} == {"1"}


def test_of_jobs_with_the_same_name_the_id_is_asked_for(world, reader, form, typed, check):
    first, second = world.a_job("photos"), world.a_job("photos")

    page = check(typed(after="photos"))
    reader.send(form, form.select_one("button[value=wait]"), **typed(after=second.id))
    shown = reader.open(f"/jobs/{the_job(world, 'mail').id}/edit").select_one("#after")

    said = words(page.select_one("#truth-after"))
    assert first.id in said
    assert second.id in said
    assert {button["data-writes"] for button in page.select("#offers-after button")} == {first.id, second.id}
    assert the_job(world, "mail").after == (second.id,)
    assert shown.text.strip() == second.id


def test_a_circle_is_refused_in_the_form_at_its_field(world, reader):
    photos, mail = world.a_job("photos"), world.a_job("mail")
    manager = world.house.service.manager
    manager.edit(mail.id, JobPatch(after=(photos.id,)), version=1)
    form = reader.open(f"/jobs/{photos.id}/edit").select_one("#job-form")

    page = reader.read(reader.send(form, after="mail"))

    assert reader.status == 422
    assert "circle" in words(page.select_one("#truth-after"))
    assert manager.job(photos.id).job.after == ()


def test_a_hostile_name_of_a_job_to_come_after_harms_nothing(world, check, typed):
    hostile = "</textarea><script>alert(1)</script> \N{RIGHT-TO-LEFT OVERRIDE}x"
    world.a_job(hostile)

    page = check(typed(after="</textarea><script>"))

    assert page.select_one("script") is None
    assert "</textarea>" in words(page.select_one("#offers-after"))
