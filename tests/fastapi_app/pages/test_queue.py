"""The page of the queue."""

from datetime import timedelta

import pytest
from bs4 import BeautifulSoup

from core.drafts import JobDraft
from core.people import Role
from core.queueing import Scope
from core.storage.memory import MemoryStore


@pytest.fixture
def manager(world):
    return world.house.service.manager


def page(browser):
    answer = browser.get("/queue")
    assert answer.status_code == 200
    return BeautifulSoup(answer.text, "html.parser")


def text(soup):
    return " ".join(soup.get_text(" ").split())


def a_waiting_run(world, name="photos", **fields):
    draft = JobDraft(name=name, kind="copy", options=world.options(), **fields)
    return world.house.service.manager.start(world.house.service.manager.create(draft).id)


def test_an_empty_queue_says_so(browser):
    shown = page(browser)

    assert shown.h1.get_text() == "Nothing waits."
    assert "Nobody is in line." in text(shown)


def test_who_waits_is_shown_in_order_with_the_reason(world, browser, manager):
    world.a_running_run(world.a_job("music"))
    first = a_waiting_run(world, "photos", groups=("nas-02",))
    second = a_waiting_run(world, "films")

    shown = page(browser)

    assert shown.h1.get_text() == "2 runs wait in line."
    assert [row["id"] for row in shown.select("#queue-line li")] == [
        f"waits-{first.id}",
        f"waits-{second.id}",
    ]
    assert "It waits for a free slot; 2nd in line." in text(shown.select_one(f"#waits-{second.id}"))
    assert "music" in text(shown.select_one("#queue-work"))
    assert "nas-02" in text(shown.select_one("#queue-groups"))


def test_a_blocked_run_is_shown_beside_the_line(world, browser, manager):
    parent = world.a_job("dump")
    draft = JobDraft(name="upload", kind="copy", options=world.options(), after=(parent.id,))
    manager.create(draft)
    manager.start(parent.id)

    shown = page(browser)

    assert "Waits for dump (queued)." in text(shown.select_one("#queue-others"))


def test_the_queue_is_paused_and_resumed_with_plain_forms(world, browser, manager):
    a_waiting_run(world)

    paused = browser.post("/queue/pause", data={"scope": "queue", "reason": "moving house", "hours": "4"})
    while_paused = page(browser)
    browser.post("/queue/resume", data={"scope": "queue"})

    assert (paused.status_code, paused.headers["location"]) == (303, "/queue")
    assert while_paused.h1.get_text() == "The queue is paused."
    assert "Paused by ada" in text(while_paused)
    assert "The queue is paused by ada since" in text(while_paused.select_one("#queue-line"))
    assert page(browser).h1.get_text() == "1 run waits in line."


def test_a_paused_queue_is_said_on_the_dashboard(world, browser, manager):
    world.a_job()  # the first visit has another page
    manager.pause_line(Scope.QUEUE)

    paused = browser.get("/").text
    manager.resume_line(Scope.QUEUE)

    assert "The queue is paused" in paused
    assert "The queue is paused" not in browser.get("/").text


def test_a_pause_ends_after_as_many_hours_as_were_chosen(world, browser, manager):
    browser.post("/queue/pause", data={"scope": "kind", "name": "copy", "hours": "1"})

    pause = manager.rules().pause(Scope.KIND, "copy")

    assert pause is not None
    assert pause.until == world.clock.now() + timedelta(hours=1)


def test_a_job_is_paused_from_its_page_and_comes_back_there(world, browser, manager):
    run = a_waiting_run(world)
    job_page = f"/jobs/{run.job_id}"

    answer = browser.post("/queue/pause", data={"scope": "job", "name": run.job_id, "back": job_page})

    assert answer.headers["location"] == job_page
    assert "This job is paused by ada since" in text(BeautifulSoup(browser.get(job_page).text, "html.parser"))
    assert "photos" in text(page(browser).select_one("#queue-jobs"))


def test_a_limit_is_set_and_an_empty_one_takes_it_away(world, browser, manager):
    a_waiting_run(world, groups=("nas-02",))

    browser.post("/queue/limit", data={"scope": "group", "name": "nas-02", "most": "3"})
    limited = page(browser).select_one("#group-1 input[name=most]")["value"]
    browser.post("/queue/limit", data={"scope": "group", "name": "nas-02", "most": ""})

    assert limited == "3"
    assert page(browser).select_one("#group-1 input[name=most]")["value"] == "1"


@pytest.mark.parametrize("most", ["0", "-1", "many", "1.5", "99999", "²"])
def test_a_limit_that_is_no_number_is_refused(browser, most):
    answer = browser.post("/queue/limit", data={"scope": "kind", "name": "copy", "most": most})

    assert answer.status_code == 422
    assert "whole number" in answer.text


def test_a_priority_is_changed_and_a_run_cancelled_in_the_line(world, browser, manager):
    first, second = a_waiting_run(world, "first"), a_waiting_run(world, "second")

    browser.post("/queue/priority", data={"run_id": second.id, "priority": "critical"})
    browser.post("/queue/cancel", data={"run_id": first.id})

    shown = page(browser)
    assert [row["id"] for row in shown.select("#queue-line li")] == [f"waits-{second.id}"]
    assert shown.select_one("#queue-line option[selected]")["value"] == "critical"


@pytest.mark.parametrize(
    ("path", "form"),
    [
        ("priority", {"run_id": "x", "priority": "high"}),
        ("priority", {"run_id": "00000000-0000-4000-8000-000000000000", "priority": "highest"}),
        ("pause", {"scope": "world"}),
        ("pause", {"scope": "job", "name": "nobody"}),
        ("cancel", {"run_id": "../x"}),
        ("limit", {"scope": "group", "name": "", "most": "1"}),
    ],
)
def test_a_form_that_makes_no_sense_is_refused_in_words(browser, path, form):
    answer = browser.post(f"/queue/{path}", data=form)

    assert answer.status_code in {404, 422}
    assert "Traceback" not in answer.text


def test_names_cannot_bring_in_html(world, browser, manager):
    a_waiting_run(world, "<script>alert(1)</script>", groups=("<b>nas</b>",))
    manager.pause_line(Scope.QUEUE, reason="<img src=x onerror=alert(1)>")

    shown = browser.get("/queue").text

    assert "<script>alert" not in shown
    assert "<img" not in shown
    assert "<b>nas" not in shown


def test_somebody_who_only_looks_changes_nothing(people):
    viewer = people[Role.VIEWER]

    assert viewer.get("/queue").status_code == 200
    assert viewer.post("/queue/pause", data={"scope": "queue"}).status_code == 403


def test_a_waiting_run_says_on_its_pages_why_it_waits(world, browser, manager):
    run = a_waiting_run(world)

    for address in (f"/runs/{run.id}", f"/jobs/{run.job_id}"):
        shown = text(BeautifulSoup(browser.get(address).text, "html.parser"))
        assert "It waits for a free slot; next in line." in shown


def test_the_worker_is_shown_beside_the_queue(make_world):
    world = make_world(store=MemoryStore(), slots=3)

    panel = page(world.signed_in()).select_one("#queue-workers")

    assert "0 of 3 slots busy" in text(panel)
    assert "Ready" in text(panel)
    assert panel.time["datetime"] == "2026-11-21T07:42:00Z"
    assert len(panel.select(".pips i")) == 3


def test_every_part_of_the_queue_is_drawn_again_when_something_changes(world, browser):
    parts = {part.element_id: part for part in world.house.parts.of(["queue"])}
    before = page(browser)
    drawn = {name: part.html() for name, part in parts.items()}

    run = a_waiting_run(world)
    after = {name: BeautifulSoup(part.html(), "html.parser") for name, part in parts.items()}

    assert {name: text(BeautifulSoup(html, "html.parser")) for name, html in drawn.items()} == {
        name: text(before.select_one(f"#{name}")) for name in parts
    }
    assert "1 run waits in line." in text(after["queue-says"])
    assert after["queue-line"].select_one(f"#waits-{run.id}") is not None
    assert "In line 1" in text(after["queue-figures"])
