"""The page of the failed runs that wait for somebody."""

from urllib.parse import parse_qs, urlsplit

import pytest
from bs4 import BeautifulSoup

from core.models import Failure
from core.people import Role
from core.work import Outcome

PAGE = "/dead-letters"


@pytest.fixture
def fail(world):
    def fail(job, message="Permission denied: '/srv/a.jpg'"):
        run = world.a_running_run(job)
        return world.house.service.manager.fail(
            run.id, run.attempt, Failure(code="engine-failed", message=message)
        )

    return fail


@pytest.fixture
def page(browser):
    def page(address=PAGE):
        return BeautifulSoup(browser.get(address).text, "html.parser")

    return page


def words(part):
    return " ".join(part.get_text(" ").split())


def test_an_empty_page_says_that_all_is_well(page):
    shown = page()

    assert "All is well." in words(shown.main)
    assert shown.main.find("form") is None


def test_a_failed_run_is_shown_with_its_error_its_attempts_and_its_log(world, page, fail):
    run = fail(world.a_job())

    row = page().find(id=f"run-{run.id}")

    assert "photos" in words(row)
    assert "Permission denied: '/srv/a.jpg'" in words(row)
    assert row.select_one("td.num").text == "1"
    assert row.find("a", href=f"/runs/{run.id}") is not None


def test_the_navigation_counts_failed_runs_that_nobody_saw_to(world, page, fail):
    job = world.a_job()
    fail(job)
    fail(job)

    assert page("/jobs").nav.find(attrs={"data-c": "letters"}).text == "2"


def test_the_same_error_of_several_jobs_is_shown_once(world, page, fail):
    jobs = [world.a_job(name) for name in ("photos", "music", "films")]
    for number in range(14):
        fail(jobs[number % 3], f"Permission denied: '/srv/{number}.jpg'")

    [group] = page().select("li[id^=failure-]")

    assert "14 runs, 3 jobs" in words(group)
    assert "Requeue 14 runs of 3 jobs?" in words(group)


def test_a_group_is_requeued_from_its_page_and_the_filter_stays(world, browser, page, fail):
    photos, music = world.a_job("photos"), world.a_job("music")
    fail(photos)
    fail(photos)
    fail(music, "The disk is full.")
    shown = page(f"{PAGE}?q=denied")
    form = shown.select_one("li[id^=failure-] form[action*=requeue]")
    fields = {field["name"]: field["value"] for field in form.find_all("input")}

    answer = browser.post(form["action"], data=fields)

    question = parse_qs(urlsplit(answer.headers["location"]).query)
    assert answer.status_code == 303
    assert question["q"] == ["denied"]
    done = words(page(answer.headers["location"]).main)
    assert "1 run will do the work again. 1 more failure is covered by that." in done
    assert world.house.service.manager.runs_of(photos.id)[0].trigger == "requeue"
    assert len(world.house.service.manager.letters()) == 1


def test_what_failed_after_the_page_was_made_is_not_meant(world, browser, page, clock, fail):
    fail(world.a_job("photos"))
    form = page().select_one(".head form[action*=discard]")
    fields = {field["name"]: field.get("value", "") for field in form.find_all("input")}
    clock.pass_by(clock.now() - clock.now().replace(minute=0))
    later = fail(world.a_job("music"))

    browser.post(form["action"], data=fields)

    assert [letter.run_id for letter in world.house.service.manager.letters()] == [later.id]


@pytest.mark.parametrize("seen", ["", "yesterday", "9999", "2026-11-21"])
def test_a_form_that_does_not_say_when_it_was_made_means_nothing_newer(world, browser, fail, seen):
    fail(world.a_job())

    answer = browser.post(f"{PAGE}/discard", data={"seen": seen})

    assert answer.status_code == 303
    assert len(world.house.service.manager.letters()) == 1


def test_one_run_is_given_up_with_a_reason(world, browser, page, fail):
    run = fail(world.a_job())

    answer = browser.post(f"{PAGE}/discard", data={"run": run.id, "reason": "The disk was swapped."})

    assert "1 failed run given up" in words(page(answer.headers["location"]).main)
    assert world.house.service.manager.letters() == ()


def test_what_cannot_be_requeued_now_is_told(world, browser, page, fail):
    job = world.a_job()
    run = fail(job)
    world.house.service.manager.start(job.id)

    answer = browser.post(f"{PAGE}/requeue", data={"run": run.id})

    assert "1 failed run stayed" in words(page(answer.headers["location"]).main)
    assert len(world.house.service.manager.letters()) == 1


def test_a_note_is_shown_with_the_failure(world, browser, page, fail):
    fail(world.a_job())
    [group] = page().select("li[id^=failure-]")
    fingerprint = group["id"].removeprefix("failure-")

    browser.post(f"{PAGE}/note", data={"failure": fingerprint, "text": "<b>Renew</b> the key."})

    assert "<b>Renew</b> the key. (ada" in words(page().select_one(f"#failure-{fingerprint} .note"))


def test_failed_runs_whose_job_has_succeeded_since_can_be_picked_out(world, page, fail):
    job = world.a_job()
    fail(job)
    run = world.a_running_run(job)
    world.house.service.manager.complete(run.id, run.attempt, Outcome())

    assert len(page(f"{PAGE}?since=yes").select("tbody tr")) == 1
    assert page(f"{PAGE}?since=no").select("tbody tr") == []
    assert "No failed run matches." in words(page(f"{PAGE}?since=no").main)


def test_a_hostile_error_stays_text(world, page, fail):
    run = fail(world.a_job(), "<script>alert(1)</script>\u202e\x00")

    row = page().find(id=f"run-{run.id}")

    assert row.find("script") is None
    assert "<script>alert(1)</script>\ufffd\ufffd" in words(row)


@pytest.mark.parametrize("address", ["?job=../x", "?at=-1", "?at=99999999999999999999", f"?q={'x' * 300}"])
def test_an_address_that_makes_no_sense_is_refused_in_words(browser, address):
    answer = browser.get(f"{PAGE}{address}")

    assert answer.status_code in {404, 422}
    assert "Traceback" not in answer.text


def test_a_page_beyond_the_last_is_empty(world, page, fail):
    fail(world.a_job())

    assert page(f"{PAGE}?at=50").select("tbody tr") == []


def test_many_failed_runs_come_fifty_to_a_page(world, page, fail):
    job = world.a_job()
    for _ in range(53):
        fail(job)

    first = page()
    second = page(first.find("a", string="Next")["href"])

    assert len(first.select("tbody tr")) == 50
    assert "1 to 50 of 53" in words(first.main)
    assert len(second.select("tbody tr")) == 3
    assert second.find("a", string="Previous")["href"] == PAGE


def test_who_may_only_look_sees_no_buttons_that_act(world, people, fail):
    run = fail(world.a_job())

    refused = people[Role.VIEWER].post(f"{PAGE}/discard", data={"run": run.id})

    assert refused.status_code == 403
    assert "reads-only" in people[Role.VIEWER].get(PAGE).text
    assert people[Role.OPERATOR].post(f"{PAGE}/discard", data={"run": run.id}).status_code == 303


def test_how_many_failed_runs_wait_is_drawn_by_itself_as_in_the_page(world, page, fail):
    fail(world.a_job())
    (part,) = world.house.parts.of(["letters"])

    assert part.draw().strip().endswith(str(page().select_one("#letters-now")))
