"""The dashboard says how things stand."""

from datetime import timedelta

import pytest
from bs4 import BeautifulSoup

from core.drafts import JobDraft
from core.engines.base import Engine
from core.engines.copy import CopyEngine
from core.places.drafts import DestinationDraft
from core.work import Outcome
from fastapi_app.pages.dashboard import visits_in
from tests.builders import WHEN
from tests.fastapi_app.pages.conftest import a_failed_run, a_verified_run, words


def test_a_first_visit_leads_to_a_first_backup(reader):
    page = reader.open("/")

    assert page.h1.text == "Nothing is protected yet."
    assert page.select_one("#first-form [name=source]")
    assert page.select_one('a[href="/suggestions"]')
    assert not page.select(".stats, table")


def test_everything_that_ran_is_verified(world, reader):
    for name in ("photos", "music"):
        a_verified_run(world, world.a_job(name))

    page = reader.open("/")

    assert page.h1.text == "Everything that ran has a verified copy."
    assert page.select_one("#needs") is None
    assert {words(name) for name in page.select("[aria-labelledby=copies] .name")} == {"photos", "music"}


def test_a_failure_names_its_cause_and_the_next_step(world, reader):
    job = world.a_job("media")
    a_failed_run(world, job)
    a_verified_run(world, world.a_job("photos"))

    page = reader.open("/")

    assert page.h1.text == "One job needs you. Everything else has a verified copy."
    need = page.select_one("[aria-labelledby=needs] .alert")
    said = words(need)
    assert "The disk is full." in said
    assert CopyEngine.harmless in said
    assert "Free some space, then run it again." in said
    assert need.form["action"] == f"/jobs/{job.id}/start"


def test_nothing_is_called_unharmed_that_its_kind_does_not_promise():
    assert (Engine.harmless, Engine.deletes) == ("", "")


def test_a_copy_that_was_not_compared_is_not_called_verified(world, reader):
    run = world.a_running_run(world.a_job("photos"))
    world.house.service.manager.complete(run.id, run.attempt, Outcome(result={"verified": False, "files": 3}))

    page = reader.open("/")

    assert page.h1.text == "Nothing is protected yet."
    assert "No verified copy" in words(page.select_one("[aria-labelledby=copies] tbody"))
    assert "Verified" not in words(page.select_one("[aria-labelledby=recent]"))


def test_a_run_at_work_shows_how_far_it_is(world, reader):
    job = world.a_job("photos")
    world.report(world.a_running_run(job), 64)

    page = reader.open("/")

    row = page.select_one(f"#job-{job.id}")
    assert row.progress["value"] == "64"
    assert words(row.select_one("b[data-f=p]")) == "64%"
    assert words(row.select_one("[data-f=e]")) == "12 min left"
    assert "1 running, 0 waiting." in words(page.select_one(".head p"))


def a_command(world, name="tidy up", **options):
    draft = JobDraft(name=name, kind="command", options={"argv": ["/bin/true"]} | options)
    return world.house.service.manager.create(draft, asked_by="ada")


def test_no_verified_copy_is_missed_of_a_job_that_makes_none(world, reader):
    a_verified_run(world, a_command(world))

    page = reader.open("/")
    alone = words(page.h1)
    a_verified_run(world, world.a_job("photos"))
    beside = reader.open("/")

    assert alone == "No job needs you."
    assert page.select_one("#board-copies *") is None
    assert "copy" not in words(page.select_one("#board-figures"))
    assert words(beside.h1) == "Every copy that was made is verified."
    assert [words(name) for name in beside.select("[aria-labelledby=copies] .name")] == ["photos"]
    assert "60 files, all matched" in words(beside.select_one("#board-figures"))


def test_the_span_of_the_chart_stays_in_the_address(world, reader):
    a_verified_run(world, world.a_job("photos"))

    page = reader.open("/?range=7d")

    chosen = page.select_one("#board-flow-7d .chips [aria-current=true]")
    assert (words(chosen), chosen["href"]) == ("7 d", "/?range=7d")
    assert page.body["data-topics"] == "board flow-7d"
    assert page.select_one("#board-flow-7d svg")["aria-label"].startswith("Last 7 d: ")


def test_every_panel_is_pushed_as_the_page_draws_it(world, reader):
    a_failed_run(world, world.a_job("media"))
    a_verified_run(world, world.a_job("photos"))
    world.a_running_run(world.a_job("music"))

    page = reader.open("/")
    pushed = [
        BeautifulSoup(part.draw(), "html.parser") for part in world.house.parts.of(("board", "flow-24h"))
    ]

    assert len(pushed) == 11
    for piece in pushed:
        panel = piece.select("[id]")[0]
        (shown,) = page.select(f"#{panel['id']}")
        for token in shown.select("[name=csrf]"):
            token.decompose()
        assert words(shown) == words(panel)
        assert [link["href"] for link in shown.select("[href]")] == [
            link["href"] for link in panel.select("[href]")
        ]


def test_what_failed_since_the_last_visit_is_told_once_there_was_one(world, reader):
    a_verified_run(world, world.a_job("photos"))
    first = reader.browser.get("/")
    looked = {"Cookie": f"{reader.browser.headers['Cookie']}; looked={first.cookies['looked']}"}
    world.clock.pass_by(timedelta(hours=7))
    a_failed_run(world, world.a_job("media"))

    page = reader.read(reader.browser.get("/", headers=looked))
    again = reader.read(reader.browser.get("/", headers=looked))

    assert "since you last looked" not in words(reader.read(first).main)
    assert "1 run failed since you last looked." in words(page.main)
    assert "1 run failed since you last looked." in words(again.main)


@pytest.mark.parametrize(
    "cookie", ["", "x", "1.2", "9" * 40 + ".1", "99999999999.99999999999", "-1.5", "1e5.3"]
)
def test_a_visit_that_nobody_can_have_made_is_none(cookie):
    assert visits_in(cookie, WHEN) == (None, WHEN)


def test_a_look_soon_after_the_last_is_the_same_visit():
    before, last = WHEN - timedelta(days=1), WHEN - timedelta(minutes=5)

    said = visits_in(f"{before.timestamp():.0f}.{last.timestamp():.0f}", WHEN)
    later = visits_in(f"{before.timestamp():.0f}.{last.timestamp():.0f}", WHEN + timedelta(hours=1))

    assert said == (before, WHEN)
    assert later == (last, WHEN + timedelta(hours=1))


def test_a_destination_that_cannot_be_reached_is_said_to_be_so(world, reader):
    world.a_job("photos")
    draft = DestinationDraft(
        name="USB disk", type="folder", settings={"path": str(world.folder / "not-there")}
    )
    made = world.house.service.destinations.create(draft)
    unknown = reader.open("/").select_one(f"#service-{made.id}")
    world.house.service.probes.test(made.id)

    panel = reader.open("/").select_one("#board-services")

    assert words(unknown.select_one(".st")) == "Unknown"
    assert words(panel.select_one(".st")) == "Unreachable"
    assert "1 of 1 need a look" in words(panel)


def test_everything_can_be_paused_and_resumed_from_the_dashboard(world, reader):
    world.a_job("photos")
    pause = reader.open("/").select_one("#board-says form")

    reader.send(pause)
    held = reader.open("/").select_one("#board-says")
    reader.send(held.form)

    assert "Resume all" in words(held)
    assert "The queue is paused" in words(held)
    assert "The queue is paused" not in words(reader.open("/").select_one("#board-says"))


def test_hostile_names_stay_text_on_the_dashboard(world, reader):
    name = '<img src=x onerror="alert(1)">' + "\u202e" + "W" * 150
    a_verified_run(world, world.a_job(name))
    a_failed_run(world, world.a_job(name + "2"))
    world.a_running_run(world.a_job(name + "3"))

    page = reader.open("/")

    assert page.main.img is None
    assert "\u202e" not in page.main.get_text()
    assert name[:20] in words(page.select_one("#board-needs"))
