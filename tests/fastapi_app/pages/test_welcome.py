"""From two answers to a first verified backup."""

from pathlib import Path

from core.people import Role
from core.schedules import in_words
from fastapi_app.presenters.welcome import defaults, draft_of
from tests.fastapi_app.conftest import PASSWORD
from tests.fastapi_app.pages.conftest import a_failed_run, a_verified_run, words


def answers(world):
    options = world.options()
    return {"source": options["source"], "destination": options["destination"]}


def test_two_answers_make_a_first_backup_and_start_it(world, reader):
    form = reader.open("/").select_one("#first-form")

    answer = reader.send(form, nightly="true", **answers(world))

    assert (answer.status_code, answer.headers["location"]) == (303, "/?first=1")
    [overview] = world.house.service.manager.list_jobs().items
    assert overview.job.name == "source"
    assert overview.job.options["verify"] == "full"
    assert in_words(overview.job.schedule).startswith("every day at 02:00")
    assert overview.latest_run is not None


def test_every_night_at_two_is_two_by_the_clock_of_who_asks_for_it(world, reader):
    told = {"Cookie": f"{reader.browser.headers['Cookie']}; zone=Europe%2FBerlin"}

    reader.browser.post("/jobs/first", data={"nightly": "true", **answers(world)}, headers=told)

    [overview] = world.house.service.manager.list_jobs().items
    assert overview.job.schedule.timezone == "Europe/Berlin"


def test_what_cannot_work_is_said_below_its_field_and_nothing_is_made(world, reader):
    form = reader.open("/").select_one("#first-form")

    page = reader.read(reader.send(form, source="/nowhere/at/all", destination=""))

    assert reader.status == 422
    assert page.select_one("#truth-source")["data-st"] == "failed"
    assert words(page.select_one("#truth-destination")).startswith(
        "Name a folder that does not lie in the first"
    )
    assert page.select_one("[name=source]")["value"] == "/nowhere/at/all"
    assert world.house.service.manager.list_jobs().total == 0


def test_the_truth_of_an_answer_is_told_while_it_is_typed(world, browser):
    given = answers(world)

    said = browser.post("/jobs/first/check", data={"source": given["source"], "destination": ""}).text
    both = browser.post("/jobs/first/check", data=given).text

    assert 'id="truth-source" class="st" data-st="ok"' in said
    assert "needed" not in said
    assert 'id="first-plan" hidden' in said
    assert "Then reads every file back" in both


def test_how_the_first_backup_goes_is_followed_on_the_same_page(world, reader):
    reader.send(reader.open("/").select_one("#first-form"), **answers(world))
    waiting = reader.open("/?first=1")
    manager = world.house.service.manager
    [overview] = manager.list_jobs().items
    run = manager.claim(overview.latest_run.id, "test-worker")
    world.report(run, 64)

    running = reader.open("/?first=1")

    assert "begins as soon as a slot is free" in words(waiting.select_one("#first-copy"))
    assert words(running.select_one("[aria-current=step]")) == "Copy"
    assert running.progress["value"] == "64"
    assert running.body["data-topics"] == "more first"
    [part] = world.house.parts.of(["first"])
    assert words(running.select_one("#first-copy")) in part.draw() or "64%" in part.draw()


def test_a_first_backup_that_fails_says_why_and_offers_another_try(world, reader):
    job = world.a_job("photos")
    a_failed_run(world, job)

    page = reader.open("/?first=1")

    said = words(page.select_one("#first-copy"))
    assert "The disk is full. Free some space, then run it again." in said
    assert page.select_one("#first-copy form")["action"] == f"/jobs/{job.id}/start"


def test_every_other_way_to_begin_leads_to_a_page_that_is_there(reader):
    ways = [link["href"] for link in reader.open("/").select(".others a")]

    answers = {way: reader.browser.get(way, headers={"Accept": "text/html"}).status_code for way in ways}

    assert answers == {"/suggestions": 200, "/import": 200, "/jobs/new": 200}


def test_steps_of_a_backup_that_is_verified_are_all_done_whatever_word_of_its_stages_is_still_to_come(
    world, reader
):
    a_verified_run(world, world.a_job("photos"))

    steps = reader.open("/?first=1").select_one("#first-copy .steps")

    assert [step.get("class") for step in steps.select("li")] == [["done"]] * 4
    assert not steps.has_attr("data-f")


def test_who_may_only_read_is_asked_nothing(world, reader):
    world.house.accounts.add_user("vic", PASSWORD, Role.VIEWER)
    reader.browser = world.signed_in("vic")

    page = reader.open("/")

    assert page.select_one("#first-form") is None
    assert "as soon as somebody who may make them has made one" in words(page.main)
    assert reader.browser.post("/jobs/first", data=answers(world)).status_code == 403


def test_what_is_proposed_is_there_and_can_do_no_harm(tmp_path):
    (tmp_path / "Pictures").mkdir()

    given = defaults(tmp_path)

    assert given["source"] == str(tmp_path / "Pictures")
    draft = draft_of(given)
    assert (draft.name, draft.kind) == ("Pictures", "copy")
    assert set(draft.options) == {"source", "destination", "verify"}


def test_nothing_is_proposed_that_is_not_there(tmp_path):
    assert defaults(tmp_path)["source"] == ""
    assert draft_of({"source": "/"}).name == "First backup"
    assert draft_of({"source": "/srv/" + "x" * 200}).name == "x" * 60
    assert Path(defaults(tmp_path)["destination"] or "/").is_absolute()


def test_a_job_that_somebody_else_makes_is_told_of_on_the_first_page(world, reader):
    page = reader.open("/")
    [part] = world.house.parts.of(["first"])
    before = part.draw()

    world.a_job("photos")

    assert page.body["data-topics"] == "more first"
    assert page.select_one("#first-copy").has_attr("hidden")
    assert "hidden" in before
    assert "photos" in part.draw()
    assert "Open the dashboard" in part.draw()
