"""What the form of a job says before it is kept, and how one begins like another."""

import pytest

from core.drafts import JobDraft
from core.models import Schedule
from core.notifications.values import Occasion, Rule
from tests.fastapi_app.pages.conftest import words

HOSTILE = "<b>tag</b>"


@pytest.fixture
def manager(world):
    return world.house.service.manager


@pytest.fixture
def form(reader):
    return reader.open("/jobs/new").select_one("#job-form")


@pytest.fixture
def filled(world):
    """What somebody typed who wants a copy each night."""
    options = world.options()
    return {
        "name": "photos",
        "options.source": options["source"],
        "options.destination": options["destination"],
        "schedule.when": "times",
        "schedule.times": "02:00",
        "schedule.timezone": "Europe/Berlin",
    }


def sentences(page):
    return [words(sentence) for sentence in page.select("#plan li")]


def checked(reader, form, typed):
    answer = reader.browser.post(
        form["hx-post"], data={"kind": "copy", **typed}, headers={"Accept": "text/html"}
    )
    return reader.read(answer)


def test_everything_that_is_wrong_with_a_job_is_told_at_once(world, reader, browser, form):
    wrong = {
        "name": "",
        "options.source": "",
        "options.destination": str(world.folder / "to"),
        "options.exclude": "# note",
        "schedule.when": "times",
        "schedule.times": "25:00",
    }
    draft = {"kind": "copy", "name": " ", "options": {"destination": "/to", "exclude": ["# note"]}}

    page = reader.read(reader.send(form, None, then="wait", **wrong))
    told = browser.post("/api/v1/jobs", json={**draft, "schedule": {"cron": "x"}}).json()

    ids = ("name", "options-source", "options-exclude", "schedule-times")
    assert all(page.select_one(f"#truth-{name}")["data-st"] == "failed" for name in ids)
    assert [link["href"] for link in page.select("#to-fix a")] == [f"#{name}" for name in ids]
    assert words(page.select_one("#to-fix")).startswith(
        "4 fields to fix first: Name , Source , Leave out , At"
    )
    assert {"name", "options.source", "options.exclude", "schedule.cron"} <= told["problems"].keys()


def test_what_a_job_will_do_is_said_in_sentences(world, reader, form, filled):
    nobody = sentences(checked(reader, form, filled))
    notifications = world.house.service.notifications
    channel = notifications.add_channel("Mail to Ana", "https://example.org/hook", "")
    notifications.add_rule(
        Rule(
            id="",
            on=(Occasion.FAILURE, Occasion.RECOVERY),
            channels=(channel.id,),
            created_at=world.clock.now(),
        )
    )

    said = sentences(checked(reader, form, filled))

    assert said[0].startswith("Copies what is new or changed")
    assert (
        "Is due every day at 02:00 (Europe/Berlin): "
        "next Sun 22 Nov 02:00, Mon 23 Nov 02:00 and Tue 24 Nov 02:00."
    ) in said
    assert "Is not tried again when it fails." in said
    assert said[-1] == "“Mail to Ana” is told when it fails and when it works again."
    assert nobody[-1].startswith("Nobody is told when it fails")


def test_a_job_without_a_schedule_says_that_it_waits_for_somebody(reader, form, filled):
    said = sentences(checked(reader, form, filled | {"schedule.when": ""}))

    assert "Runs when somebody starts it, and at no time by itself." in said


def test_a_job_is_tried_before_it_is_kept(world, reader, form, filled, manager):
    button = form.select_one('button[value="try"]')

    answer = reader.send(form, button, **filled)
    command = reader.open("/jobs/new?kind=command")

    assert words(button) == "Try without writing"
    assert answer.headers["location"].startswith("/trials/")
    assert world.house.service.rehearsals.show(answer.headers["location"].rpartition("/")[2]).name == "photos"
    assert manager.list_jobs().total == 0
    assert command.select_one('button[value="try"]') is None


def test_a_trial_of_what_is_wrong_shows_the_form_again(reader, form):
    page = reader.read(reader.send(form, form.select_one('button[value="try"]'), name="half"))

    assert reader.status == 422
    assert words(page.select_one("#truth-options-source")) == "This is needed."


def test_a_common_rhythm_fills_in_the_schedule_without_scripts_too(reader, form, filled, manager):
    button = form.select_one('button[value="when:night"]')
    typed = {name: value for name, value in filled.items() if not name.startswith("schedule.")}

    page = reader.read(reader.send(form, button, **typed))

    assert words(button) == "Every night"
    assert page.select_one("#name")["value"] == "photos"
    assert words(page.select_one("#truth-schedule-when")).startswith("Due every day at 02:00")
    assert len(page.select("#due li")) == 10
    assert manager.list_jobs().total == 0


def test_tags_that_other_jobs_have_are_offered(world, reader, manager):
    for name, tags in (("one", ("family",)), ("two", ("family", HOSTILE))):
        manager.create(JobDraft(name=name, kind="copy", options=world.options(), tags=tags))

    page = reader.open("/jobs/new")

    assert [offer["data-adds"] for offer in page.select("[data-adds]")] == ["family", HOSTILE]
    assert page.select("[data-adds] b") == []


def test_a_job_is_begun_like_another_one(reader, manager):
    options = {"argv": ["true"], "env": {"TOKEN": "hush-hush"}}
    schedule = Schedule(cron="0 2 * * *", timezone="Europe/Berlin")
    draft = JobDraft(name="first", kind="command", options=options, tags=("family",), schedule=schedule)
    model = manager.create(draft)

    page = reader.open(f"/jobs/new?from={model.id}")
    answer = reader.send(page.select_one("#job-form"), None, then="wait", name="second")

    made = manager.job(answer.headers["location"].rpartition("/")[2]).job
    assert page.select_one("#name")["value"] == "first (copy)"
    assert "hush-hush" not in str(page)
    assert (made.name, made.tags, made.schedule) == ("second", model.tags, model.schedule)
    assert made.options["env"]["TOKEN"] == "hush-hush"
    assert manager.job(model.id).job == model


def test_a_job_cannot_be_begun_like_one_that_is_gone(reader):
    reader.open("/jobs/new?from=00000000-0000-4000-8000-000000000000")

    assert reader.status == 404


def test_kinds_are_cards_with_shapes_of_their_own(reader):
    cards = reader.open("/jobs/new").select(".kinds a")

    icons = [card.select_one("use")["href"] for card in cards]
    assert len(set(icons)) == len(icons) > 1
    assert [card.has_attr("aria-current") for card in cards].count(True) == 1
