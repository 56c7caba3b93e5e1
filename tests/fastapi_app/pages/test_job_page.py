"""The pages of a job and of its runs, and what can be done there."""

from datetime import timedelta

import pytest

from core.people import Role
from core.states import RunState
from core.work import Outcome
from tests.fastapi_app.pages.conftest import Reader, a_failed_run, a_verified_run, words


def form_for(page, verb):
    return next(form for form in page.select("main form") if form["action"].endswith(f"/{verb}"))


def test_an_action_leads_back_to_where_it_was_asked_for(world, reader):
    job = world.a_job()
    page = reader.open(f"/jobs/{job.id}")

    answer = reader.send(form_for(page, "start"))

    assert answer.status_code == 303
    assert answer.headers["location"] == f"/jobs/{job.id}"
    assert world.house.service.manager.job(job.id).latest_run.state == RunState.QUEUED


@pytest.mark.parametrize(
    "elsewhere", ["https://evil.example/", "//evil.example", "/\\evil.example", "javascript:alert(1)"]
)
def test_a_link_that_leads_elsewhere_is_not_followed(world, reader, elsewhere):
    job = world.a_job()
    page = reader.open(f"/jobs/{job.id}")

    answer = reader.send(form_for(page, "start"), back=elsewhere)

    assert answer.headers["location"] == "/"


def test_who_may_only_look_is_shown_no_buttons(world, people):
    job = world.a_job()
    reader = Reader(people[Role.VIEWER])

    page = reader.open(f"/jobs/{job.id}")
    answer = reader.send(form_for(page, "start"))

    assert page.select_one("body.reads-only")
    assert answer.status_code == 403
    assert world.house.service.manager.job(job.id).latest_run is None


def test_a_form_without_the_token_of_the_session_does_nothing(world, reader):
    job = world.a_job()
    page = reader.open(f"/jobs/{job.id}")

    answer = reader.send(form_for(page, "start"), csrf="another")

    assert answer.status_code == 403
    assert world.house.service.manager.job(job.id).latest_run is None


def test_a_row_that_asked_is_answered_with_that_row(world, browser):
    job = world.a_job("photos")

    answer = browser.post(
        f"/jobs/{job.id}/start",
        headers={"Accept": "text/html", "HX-Request": "true", "HX-Target": f"tr#row-{job.id}"},
    )

    row = Reader(browser).read(answer).select_one(f"tr#row-{job.id}")
    assert "Waiting" in words(row)


def test_a_verified_run_shows_what_was_proved(world, reader):
    job = world.a_job("photos")
    run = a_verified_run(world, job)

    page = reader.open(f"/jobs/{job.id}")

    assert "All 60 files were read back and compared." in words(page.select_one("[aria-labelledby=safe]"))
    assert "60 files, 1.2 MB" in words(page.select_one("[aria-labelledby=safe]"))
    assert page.select_one(".tide")["aria-label"] == "Last run: 1 good"
    assert page.select_one(f"#run-{run.id} .st")["data-st"] == "ok"


def test_a_run_that_ended_with_warnings_is_not_just_good(world, reader):
    job = world.a_job("photos")
    run = world.a_running_run(job)
    warned = Outcome(result={"verified": True}, warnings=("Vanished while it was being copied: a.tmp.",))
    world.house.service.manager.complete(run.id, run.attempt, warned)

    page = reader.open(f"/runs/{run.id}")

    assert "Verified, with 1 warning" in words(page.select_one(".head"))
    assert "Vanished while it was being copied: a.tmp." in words(page.select_one("details"))


@pytest.mark.parametrize("warnings", [(), ("Could not be read back: a.bin.",)])
def test_a_copy_that_was_not_compared_wears_no_green(world, reader, warnings):
    job = world.a_job("photos")
    run = world.a_running_run(job)
    said = {"verified": False, "verification": {"sentence": "Nothing was read back."}}
    world.house.service.manager.complete(run.id, run.attempt, Outcome(result=said, warnings=warnings))

    for path in (f"/runs/{run.id}", f"/jobs/{job.id}", "/jobs", "/"):
        page = reader.open(path)

        assert "Copied, not verified" in words(page.main)
        assert not page.select("main [data-st=ok]")
    page = reader.open(f"/runs/{run.id}")
    assert "Nothing was read back." in words(page.select_one("[aria-labelledby=outcome]"))
    assert page.select_one(".head .st")["data-st"] == ("late" if warnings else "unproved")


def test_a_failed_run_shows_its_error_and_the_next_step(world, reader):
    job = world.a_job("photos")
    run = a_failed_run(world, job)

    page = reader.open(f"/runs/{run.id}")

    said = words(page.select_one("[aria-labelledby=outcome]"))
    assert "The disk is full." in said
    assert "Free some space, then run it again." in said
    assert page.select_one("[aria-labelledby=attempts] li").get_text(" ").split()[0] == "1"


def test_a_run_at_work_shows_its_stages(world, reader):
    job = world.a_job("photos")
    run = world.a_running_run(job)
    world.report(run, 64)

    page = reader.open(f"/runs/{run.id}")

    steps = page.select(".steps li")
    assert [words(step) for step in steps] == ["Scan", "Copy", "Verify", "Delete"]
    assert [step.get("class") for step in steps] == [["done"], None, None, None]
    assert steps[1]["aria-current"] == "step"
    assert [form["action"].rpartition("/")[2] for form in page.select(".head form")] == ["pause", "cancel"]


def test_lines_of_a_log_are_read_back_by_number_and_level(world, reader, browser):
    run = world.a_running_run(world.a_job())
    logs = world.house.service.logs
    for number in range(6):
        logs.write(run.id, "warn" if number == 4 else "info", f"<i>line {number}</i>")

    some = reader.read(browser.get(f"/runs/{run.id}/lines?after=1&limit=2"))
    warned = reader.read(browser.get(f"/runs/{run.id}/lines?level=warn"))

    assert [words(line.span) for line in some.select("li")] == ["<i>line 1</i>", "<i>line 2</i>"]
    assert [line["data-n"] for line in warned.select("li")] == ["5"]
    assert warned.li["data-st"] == "late"


def test_the_latest_warnings_come_first_and_their_number_is_told(world, browser, reader):
    run = world.a_running_run(world.a_job())
    for number in range(1, 1_201):
        world.house.service.logs.write(run.id, "warn" if number % 2 else "info", f"line {number}")

    answer = browser.get(f"/runs/{run.id}/lines?level=warn")
    earlier = browser.get(f"/runs/{run.id}/lines?level=warn&before=201")

    numbers = [int(line["data-n"]) for line in reader.read(answer).select("li")]
    assert (len(numbers), numbers[0], numbers[-1]) == (500, 201, 1_199)
    assert (answer.headers["log-fitting"], answer.headers["log-total"]) == ("600", "1200")
    assert [int(line["data-n"]) for line in reader.read(earlier).select("li")][-1] == 199


def test_a_job_with_a_run_at_work_offers_no_deletion(world, reader):
    job = world.a_job("photos")
    world.a_running_run(job)

    page = reader.open(f"/jobs/{job.id}")

    assert "A run is not over yet. Once it is, the job can be deleted here." in words(
        page.select_one("#more")
    )
    assert page.select_one("#more .danger") is None


def test_a_paused_run_says_since_when(world, reader):
    job = world.a_job("photos")
    run = world.a_running_run(job)
    manager = world.house.service.manager
    manager.pause(run.id)
    manager.stopped(run.id, run.attempt)

    page = reader.open(f"/runs/{run.id}")

    assert "Paused just now" in words(page.select_one("[aria-labelledby=live]"))


def test_who_started_a_run_is_told_apart_from_how_long_it_took(world, reader):
    run = a_verified_run(world, world.a_job("photos"))

    page = reader.open(f"/runs/{run.id}")

    assert words(page.select_one("[aria-labelledby=outcome] header .sub")).endswith(", by hand")


def test_the_log_is_handed_out_as_plain_text(world, browser):
    run = world.a_running_run(world.a_job())
    world.house.service.logs.write(run.id, "info", "hello")
    world.house.service.logs.close(run.id)

    answer = browser.get(f"/runs/{run.id}/log")

    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    assert answer.headers["content-disposition"].startswith("attachment")
    assert answer.text.endswith("info hello\n")


def test_a_job_is_deleted_only_with_its_word_and_its_version(world, reader):
    job = world.a_job("photos")
    a_verified_run(world, job)
    page = reader.open(f"/jobs/{job.id}")

    outdated = reader.send(form_for(page, "delete"), version="9")
    answer = reader.send(form_for(page, "delete"))

    assert "Its 1 run and their logs go with it." in words(page.select_one("#more"))
    assert outdated.status_code == 409
    assert (answer.status_code, answer.headers["location"]) == (303, "/jobs")
    world.clock.pass_by(timedelta(seconds=30))
    world.house.service.housekeeping.tend()
    assert world.house.service.manager.list_jobs().total == 0
