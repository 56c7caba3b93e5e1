"""Fifty updates a second, lost sockets, hidden tabs, a killed server: nothing that a person does is lost."""

import re
from random import Random

import pytest
from playwright.sync_api import expect

from core.clock import SystemClock
from core.models import Progress, Trigger
from core.work import Outcome
from tests.e2e.scenes import Scene, looking
from tests.e2e.test_pages_live import SECONDS, folders, make_job
from tests.e2e.theatre import Theatre

__all__ = ["folders"]

JOBS = 20
EVERY = 0.4
"""Seconds between two reports of a job: fifty a second of all of them."""

ENOUGH = 200
STATES = """() => Object.fromEntries([...document.querySelectorAll("#list [data-job]")]
  .map((row) => [row.dataset.job, row.querySelector(".st")?.innerText.trim()]))"""


def reports(theatre, context):
    """Go on and on, a little further each time."""
    percent = 0.0
    while True:
        percent = (percent + 0.1) % 100
        context.report(
            Progress(
                stage="copy",
                percent=percent,
                done=int(percent * 10**7),
                total=10**9,
                rate=38.2e6,
                eta_seconds=100 - percent,
            )
        )
        context.wait(EVERY)


def at_once(theatre, context):
    """Be done at once."""
    return Outcome(result={"verified": True})


@pytest.fixture(scope="module")
def busy(tmp_path_factory):
    """A Holdfast at which twenty jobs report all the time, and twenty others wait to be started."""
    theatre = Theatre(tmp_path_factory.mktemp("busy"), slots=JOBS + 4, clock=SystemClock())
    with theatre.open():
        theatre.set_up()
        for number in range(JOBS):
            theatre.start(theatre.a_job(f"busy {number:02}"), reports, trigger=Trigger.MANUAL)
        idle = {f"idle{number}": theatre.a_job(f"idle {number:02}").id for number in range(JOBS)}
        yield Scene("busy", theatre, idle)


@pytest.fixture
def look(browser, busy, watch):
    """Opens pages of the busy house, whose clocks go."""
    opened = []

    def open_page(**options):
        context = looking(browser, busy, watch, **options)
        page = context.__enter__()
        opened.append(context)
        page.clock.resume()
        return page

    yield open_page
    for context in opened:
        context.__exit__(None, None, None)


def updates(page, many: int) -> None:
    """Let so many values change in a page."""
    page.evaluate(
        """many => new Promise((seen) => {
          let left = many;
          new MutationObserver((changes) => { left -= changes.length; if (left <= 0) seen(); })
            .observe(document.querySelector("#list"), { subtree: true, childList: true, characterData: true, attributes: true });
        })""",
        many,
    )


def test_nothing_is_lost_while_twenty_jobs_run(look):
    page = look(viewport={"width": 1440, "height": 500})
    page.goto("/jobs?q=busy&sort=name")
    expect(page.locator("#conn")).to_have_text("Live")
    page.evaluate("window.notReloaded = true")
    rows = page.locator("#list tbody[data-job]")
    rows.nth(1).locator("input[type=checkbox]").check()
    rows.nth(3).locator("input[type=checkbox]").check()
    opener = rows.nth(2).locator("button[aria-expanded]").first
    opener.click()
    expect(page.locator("#list .more:visible")).to_have_count(1)
    search = page.locator("main input[type=search], main input[name=q]").first
    search.fill("half-typed")
    page.evaluate("document.getElementById('person').showPopover()")
    search.evaluate("field => { field.focus({ preventScroll: true }); field.setSelectionRange(2, 6); }")
    page.evaluate("scrollTo(0, 120)")
    where = page.evaluate("scrollY")
    order = rows.evaluate_all("rows => rows.map((row) => row.dataset.job)")

    updates(page, ENOUGH)

    assert search.input_value() == "half-typed"
    assert search.evaluate("field => document.activeElement === field")
    assert search.evaluate("field => [field.selectionStart, field.selectionEnd]") == [2, 6]
    assert page.evaluate("document.getElementById('person').matches(':popover-open')")
    assert page.evaluate("scrollY") == where
    assert rows.nth(1).locator("input[type=checkbox]").is_checked()
    assert rows.nth(3).locator("input[type=checkbox]").is_checked()
    assert opener.get_attribute("aria-expanded") == "true"
    expect(page.locator("#list .more:visible")).to_have_count(1)
    assert rows.evaluate_all("rows => rows.map((row) => row.dataset.job)") == order
    assert page.evaluate("window.notReloaded")


def test_text_that_is_selected_stays_selected(look):
    page = look()
    page.goto("/jobs?q=busy&sort=name")
    name = page.locator("#list tbody[data-job] .name").first
    chosen = name.evaluate("one => { getSelection().selectAllChildren(one); return String(getSelection()); }")

    updates(page, ENOUGH)

    assert page.evaluate("String(getSelection())") == chosen


def test_a_page_that_missed_updates_shows_what_a_fresh_one_shows(look, busy, watch):
    watch.expect_an_outage()
    chance = Random(4)
    page = look()

    def loses(line):
        server = line.connect_to_server()
        left = chance.randint(3, 12)

        def pass_on(message):
            nonlocal left
            left -= 1
            line.send(message) if left else line.close()

        server.on_message(pass_on)

    page.route_web_socket("**/ws", loses)
    page.goto("/jobs?q=idle&sort=name")
    page.evaluate("window.notReloaded = true")
    theatre, ids = busy.theatre, list(busy.ids.values())

    for job_id in chance.choices(ids, k=30):
        theatre.plays[job_id].append(at_once if chance.random() < 0.5 else failing)
        run = theatre.manager.start(job_id)
        theatre.until_over(run)
    page.unroute_all()
    fresh = look()
    fresh.goto("/jobs?q=idle&sort=name")
    truth = fresh.evaluate(STATES)

    page.wait_for_function(
        f"truth => JSON.stringify(({STATES})()) === JSON.stringify(truth)", arg=truth, timeout=30 * SECONDS
    )
    assert page.evaluate("window.notReloaded")


def failing(theatre, context):
    from core.errors import EngineFailed  # noqa: PLC0415

    raise EngineFailed("It could not be read.")


HIDDEN = "Object.defineProperty(document, 'hidden', { configurable: true, get: () => %s }); document.dispatchEvent(new Event('visibilitychange'))"


def test_a_hidden_tab_catches_up_when_it_is_shown(look, busy):
    page = look()
    page.goto("/jobs?q=idle&sort=name")
    expect(page.locator("#conn")).to_have_text("Live")
    row = page.locator("#list tbody[data-job]").last
    page.evaluate(HIDDEN % "true")
    job = busy.theatre.manager.job(row.get_attribute("data-job")).job

    busy.theatre.perform(job, at_once, trigger=Trigger.MANUAL)
    page.evaluate(HIDDEN % "false")

    expect(row.locator(".st")).to_have_text("Verified")


def test_a_hidden_tab_that_was_drawn_anew_is_hidden_still(look):
    page, said = look(), []

    def note(text):
        said.append(text)

    page.on("websocket", lambda line: line.on("framesent", note))
    page.goto("/jobs?q=idle&sort=name")
    expect(page.locator("#conn")).to_have_text("Live")
    page.evaluate(HIDDEN % "true")

    page.evaluate("holdfast.redraw()")

    page.wait_for_function("document.hidden")
    assert [word for text in said for word in ("sub", "hide") if f'"t":"{word}"' in text][-2:] == [
        "sub",
        "hide",
    ]


def test_an_answer_that_comes_after_newer_frames_does_not_stand_last(look, busy):
    page, held = look(), []
    page.goto("/jobs?q=idle&sort=name")
    expect(page.locator("#conn")).to_have_text("Live")
    row = page.locator("#list tbody[data-job]").nth(2)
    job = busy.theatre.manager.job(row.get_attribute("data-job")).job
    busy.theatre.start(job, reports, trigger=Trigger.MANUAL)
    expect(row.locator(".st")).to_contain_text("%")
    page.route("**/cancel", lambda route: held.append((route, route.fetch())))

    row.locator("[data-menu]").click()
    page.locator("#row-menu [data-verb=cancel]").click()
    expect(row.locator(".st")).to_have_text("Cancelled")
    (route, answer), *_ = held
    page.evaluate(
        """() => document.addEventListener("htmx:after:swap", ({ detail }) => { window.answered ||= detail.ctx.response; })"""
    )
    route.fulfill(response=answer)
    page.wait_for_function("window.answered")

    expect(row.locator(".st")).to_have_text("Cancelled")


def test_a_page_for_which_too_much_changed_fetches_it_once(look, busy):
    page, lines = look(), []

    def pass_on(line):
        line.connect_to_server()
        lines.append(line)

    page.route_web_socket("**/ws", pass_on)
    page.goto("/queue")
    expect(page.locator("#conn")).to_have_text("Live")
    epoch = page.locator("body").get_attribute("data-epoch")

    with page.expect_response("**/queue"):
        lines[0].send(f'{{"t":"reset","e":"{epoch}"}}')

    page.wait_for_function("holdfast.position.seq > 0")


def test_a_page_that_asks_goes_on_after_an_answer_that_ended_half_way(look, watch):
    watch.expect_an_outage()
    page = look()
    page.route_web_socket("**/ws", lambda line: line.close())
    page.route("**/live?*", lambda route: route.fulfill(body='{"t":', content_type="application/json"))
    page.clock.install()
    page.goto("/jobs?q=idle&sort=name")
    with page.expect_response("**/live?*"):
        page.clock.run_for(20 * SECONDS)

    page.unroute("**/live?*")
    with page.expect_response(lambda answer: "/live?" in answer.url and answer.ok):
        page.clock.run_for(20 * SECONDS)

    expect(page.locator("#conn")).to_have_text("Polling every 5 s")


def test_a_line_that_fell_silent_is_not_waited_for(look, watch):
    watch.expect_an_outage()
    page, lines = look(), []

    def falls_silent(line):
        lines.append(line)
        server = line.connect_to_server()
        if len(lines) == 1:
            line.on_close(lambda code, reason: None)
            server.on_message(lambda message: None)

    page.route_web_socket("**/ws", falls_silent)
    page.clock.install()
    page.goto("/jobs?q=idle&sort=name")
    expect(page.locator("#conn")).to_have_text("Live")

    page.clock.run_for(45 * SECONDS)

    expect(page.locator("#conn")).to_have_text("Live")
    assert len(lines) == 2


def test_a_page_finds_back_to_a_server_that_was_killed(make_server, new_page, watch, folders):
    watch.expect_an_outage()
    server = make_server()
    page = new_page(at=server)
    make_job(page, folders, "found again", start=False)
    address = page.url
    page.evaluate("window.notReloaded = true")
    expect(page.locator("#conn")).to_have_text("Live")

    server.kill()

    expect(page.locator("#conn")).not_to_have_text("Live", timeout=2 * SECONDS)
    server.start()
    acting = new_page(at=server)
    acting.goto(address)
    acting.get_by_role("button", name="Start").first.click()
    expect(page.locator(".head .st")).to_have_text(re.compile("Verified"), timeout=30 * SECONDS)
    expect(page.locator("#conn")).to_have_text("Live", timeout=10 * SECONDS)
    assert page.evaluate("window.notReloaded")
