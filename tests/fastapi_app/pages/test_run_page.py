"""The page of a run: what a failure calls for, its stages, the runs beside it, its log without scripts."""

import asyncio
from datetime import timedelta

import pytest
from starlette.types import Message

from core.acting import Actor, acting_as
from core.drafts import JobPatch
from core.models import Priority, Progress
from core.people import Role
from core.states import RunState
from core.work import Outcome
from fastapi_app.kept import log_file
from tests.fastapi_app.pages.conftest import Reader, a_failed_run, a_verified_run, words


@pytest.fixture
def job(world):
    return world.a_job("photos")


def test_a_failure_says_what_is_unharmed_and_what_was_changed_since_it_went_well(world, reader, job, clock):
    good = a_verified_run(world, job)
    clock.pass_by(timedelta(hours=1))
    with acting_as(Actor(name="ben")):
        world.house.service.manager.edit(job.id, JobPatch(priority=Priority.HIGH), version=1)
    clock.pass_by(timedelta(hours=1))
    run = a_failed_run(world, job)

    page = reader.open(f"/runs/{run.id}")

    said = words(page.select_one("[aria-labelledby=outcome]"))
    assert "The disk is full. Free some space, then run it again." in said
    assert "Nothing at the destination was removed or left half-written." in said
    assert "The newest verified copy is that of run 1" in said
    assert "Changed since it last ended well Priority: Normal → High" in said
    assert "by ben" in said
    assert page.select_one(f"[aria-labelledby=outcome] a[href='/runs/{good.id}']")


def test_a_failure_without_any_change_says_so(world, reader, job):
    a_verified_run(world, job)
    run = a_failed_run(world, job)

    said = words(reader.open(f"/runs/{run.id}").select_one("[aria-labelledby=outcome]"))

    assert "Nothing of the job: it is set as it was for run 1" in said


def test_a_failed_run_is_tried_again_by_one_press_without_scripts(world, reader, job):
    run = a_failed_run(world, job)
    form = reader.open(f"/runs/{run.id}").select_one(f"form[action='/runs/{run.id}/again']")

    answer = reader.send(form)

    again = world.house.service.manager.job(job.id).latest_run
    assert answer.headers["location"] == f"/runs/{again.id}"
    assert (again.number, again.state, again.of) == (2, RunState.QUEUED, run.id)


def test_who_may_only_look_tries_nothing_again(world, people, job):
    run = a_failed_run(world, job)
    reader = Reader(people[Role.VIEWER])
    form = reader.open(f"/runs/{run.id}").select_one(f"form[action='/runs/{run.id}/again']")

    assert reader.send(form).status_code == 403


def test_a_run_leads_to_the_runs_beside_it(world, reader, job):
    first, second, third = (a_verified_run(world, job) for _ in range(3))

    page = reader.open(f"/runs/{second.id}")

    assert page.select_one("a[rel=prev]")["href"] == f"/runs/{first.id}"
    assert page.select_one("a[rel=next]")["href"] == f"/runs/{third.id}"
    assert not reader.open(f"/runs/{third.id}").select_one("a[rel=next]")


def test_the_stages_of_a_run_are_drawn_with_how_long_each_took(world, reader, job, clock):
    run = world.a_running_run(job)
    for stage, seconds in (("scan", 30), ("copy", 90), ("verify", 60)):
        progress = Progress(stage=stage, percent=10.0, rate=1e6)
        world.house.service.manager.report(run.id, run.attempt, progress)
        clock.pass_by(timedelta(seconds=seconds))

    bars = reader.open(f"/runs/{run.id}").select(".gantt li")

    assert [words(bar) for bar in bars] == ["Scan 30 s", "Copy 1 min 30 s", "Verify 1 min"]
    shares = [(float(bar.select_one(".f")["x"]), float(bar.select_one(".f")["width"])) for bar in bars]
    assert shares == [(0.0, 166.7), (166.7, 500.0), (666.7, 333.3)]


def test_what_a_run_took_stands_beside_what_is_usual(world, reader, job, clock):
    for _ in range(6):
        run = world.a_running_run(job)
        clock.pass_by(timedelta(seconds=240))
        world.house.service.manager.complete(run.id, run.attempt, a_verified_outcome(1_200_000_000))
    run = world.a_running_run(job)
    clock.pass_by(timedelta(seconds=300))
    world.house.service.manager.complete(run.id, run.attempt, a_verified_outcome(1_200_000_000))

    rows = [words(row) for row in reader.open(f"/runs/{run.id}").select(".besides tbody tr")]

    assert "At work 5 min more than usual 4 min" in rows
    assert "Size 1.2 GB 1.2 GB" in rows


def a_verified_outcome(size):
    return Outcome(result={"verified": True, "files": 60, "bytes": size, "copied": 1, "copied_bytes": 10})


@pytest.fixture
def long_log(world, job):
    """A run that said 450 lines, every tenth of them a warning."""
    run = world.a_running_run(job)
    for number in range(1, 451):
        level = "warn" if number % 10 == 0 else "info"
        world.house.service.logs.write(run.id, level, f"said {number}")
    return run


def numbers(page):
    return [int(line["data-n"]) for line in page.select(".log li")]


def test_a_log_is_read_page_by_page_without_scripts(reader, long_log):
    page = reader.open(f"/runs/{long_log.id}")
    assert numbers(page)[-1] == 450

    older = reader.open(page.select_one("#log [data-plain] a")["href"])
    first = reader.open(f"/runs/{long_log.id}?from=1")
    newer = reader.open(next(a["href"] for a in first.select("#log [data-plain] a") if "Newer" in a.text))

    assert numbers(older) == list(range(251, 351))
    assert numbers(first) == list(range(1, 101))
    assert numbers(newer) == list(range(101, 201))
    assert first.select_one("#L7 > a")["href"] == "#L7"


def test_a_log_is_searched_and_filtered_without_scripts(reader, long_log):
    found = reader.open(f"/runs/{long_log.id}?q=SAID+44")
    serious = reader.open(f"/runs/{long_log.id}?level=warn&from=1")
    nothing = reader.open(f"/runs/{long_log.id}?q=never")

    assert numbers(found) == [44, *range(440, 450)]
    assert numbers(serious) == list(range(10, 451, 10))
    assert "No line holds that text." in words(nothing.select_one("#log"))
    assert [words(link) for link in found.select("#log .chips a")] == ["All 450", "Warnings 45", "Errors 0"]


def linked(page, text):
    return next(link["href"] for link in page.select("#log [data-plain] a") if link.text == text)


def test_warnings_before_the_latest_hundred_are_reached_without_scripts(world, reader, job):
    run = world.a_running_run(job)
    for number in range(1, 131):
        world.house.service.logs.write(run.id, "warn", f"said {number}")
    world.house.service.logs.write(run.id, "info", "enough")

    latest = reader.open(f"/runs/{run.id}?level=warn")
    oldest = reader.open(linked(latest, "Older lines"))
    newer = reader.open(linked(oldest, "Newer lines"))

    assert [numbers(page) for page in (latest, oldest, newer)] == [
        list(range(31, 131)),
        list(range(1, 101)),
        list(range(101, 131)),
    ]
    assert "Older lines" not in words(oldest.select_one("#log"))


def test_a_run_that_is_over_and_said_nothing_promises_no_lines(world, reader, job):
    run = a_verified_run(world, job)
    world.house.service.logs.remove(run.id)

    assert "It said nothing." in words(reader.open(f"/runs/{run.id}").select_one("#log"))


@pytest.mark.parametrize("colours", [True, False])
def test_a_log_is_taken_away_as_it_was_though_its_run_goes_on_talking(tmp_path, colours):
    path = tmp_path / "run.log"
    path.write_bytes(b"said\n" * 1_000)
    sent: list[Message] = []

    async def send(message: Message) -> None:
        if message["type"] == "http.response.start":
            with path.open("ab") as file:
                file.write(b"more\n" * 1_000)
        sent.append(message)

    async def receive() -> Message:
        return await asyncio.Future()

    scope = {"type": "http", "method": "GET", "headers": [], "extensions": {}}
    asyncio.run(log_file(path, "run.log", colours=colours)(scope, receive, send))

    announced = dict(sent[0]["headers"]).get(b"content-length")
    body = b"".join(message.get("body", b"") for message in sent)
    assert announced in {None, b"%d" % len(body)}
    assert body in {b"said\n" * 1_000, b"said\n" * 1_000 + b"more\n" * 1_000}


def test_where_a_text_stands_in_a_log_is_told_to_scripts(browser, long_log):
    answer = browser.get(f"/runs/{long_log.id}/log?q=said+45").json()

    assert answer == {"numbers": [45, 450], "hits": 2, "total": 450}
    assert browser.get("/runs/no-such-run/log?q=x").status_code == 404
