"""What is around every page, in a real browser: palette, keys, menu, title and icon, notices, paper."""

import os
import re

import pytest
from axe_core_python.sync_playwright import Axe
from playwright.sync_api import expect

from tests.e2e.conftest import set_up
from tests.e2e.test_pages_live import folders, make_job

__all__ = ["folders"]

HOSTILE = "<img src=x onerror=alert(1)> \u202egnp.exe "
MOST_REQUESTS = 8
MOST_BYTES = 90_000


@pytest.fixture
def job(page, folders):
    """The name of a job that was never started; the page shows the list."""
    name = f"photos {os.urandom(4).hex()}"
    make_job(page, folders, name, start=False)
    page.goto("/jobs")
    return name


def option(page):
    return page.locator("[role=option][aria-selected=true]")


def look_up(page, text):
    page.keyboard.press("Control+k")
    page.get_by_role("combobox", name="Search or run a command").fill(text)


def accessible(page):
    found = Axe().run(page)
    return [(each["id"], [node["html"] for node in each["nodes"]][:3]) for each in found["violations"]]


def test_the_list_of_jobs_is_there_after_eight_requests(new_page):
    page = new_page()
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("websocket", lambda socket: asked.append(socket.url))

    page.goto("/jobs")
    expect(page.locator("#conn")).to_have_text("Live")

    taken = page.evaluate(
        "[...performance.getEntriesByType('navigation'), ...performance.getEntriesByType('resource')]"
        ".reduce((sum, entry) => sum + entry.transferSize, 0)"
    )
    assert len(asked) <= MOST_REQUESTS, asked
    assert 0 < taken < MOST_BYTES


def test_a_job_is_found_and_opened_with_the_keyboard_alone(page, job):
    look_up(page, job)
    expect(option(page).locator("bdi")).to_have_text(job)
    page.keyboard.press("Enter")
    page.wait_for_url("**/jobs/*-*")

    page.keyboard.press("Control+k")

    expect(option(page)).to_contain_text(job)
    expect(option(page)).to_contain_text("Recent")
    page.keyboard.press("ArrowUp")
    expect(page.locator("[role=option]").last).to_have_attribute("aria-selected", "true")
    assert accessible(page) == []
    page.keyboard.press("Escape")
    expect(page.locator("dialog")).to_be_hidden()


def test_a_command_is_run_from_the_palette(page, job):
    look_up(page, f"start {job}")
    expect(option(page)).to_contain_text(f"Start {job}")
    page.keyboard.press("Enter")

    page.wait_for_url("**/jobs")
    row = page.get_by_role("row").filter(has_text=job)
    expect(row.locator(".st")).to_have_text("Verified", timeout=20_000)


def test_names_in_the_palette_stay_text(page, folders):
    page.set_viewport_size({"width": 360, "height": 740})
    make_job(page, folders, HOSTILE + "long" * 30, start=False)

    look_up(page, "onerror")

    expect(option(page).locator("bdi")).to_contain_text("<img src=x onerror=alert(1)>")
    expect(page.locator("dialog img")).to_have_count(0)
    box, around = option(page).bounding_box(), page.locator("dialog").bounding_box()
    assert box["x"] + box["width"] <= around["x"] + around["width"] <= 360


def test_the_focus_is_back_where_it_was_when_the_palette_closes(page, job):
    page.goto("/queue")
    page.get_by_role("link", name="Notifications").first.focus()

    page.keyboard.press("Control+k")
    expect(page.get_by_role("combobox", name="Search or run a command")).to_be_focused()
    page.keyboard.press("Escape")

    expect(page.get_by_role("link", name="Notifications").first).to_be_focused()


def test_single_keys_lead_and_move_and_rest_while_somebody_types(page, job):
    page.keyboard.press("j")
    expect(page.locator("tbody > tr a:focus")).to_have_count(1)

    page.keyboard.press("/")
    search = page.locator("#q")
    expect(search).to_be_focused()
    page.keyboard.type("gjn?x")
    expect(search).to_have_value("gjn?x")
    expect(page.locator("dialog[open]")).to_have_count(0)

    page.locator("h1").click()
    page.keyboard.press("g")
    page.keyboard.press("q")
    page.wait_for_url("**/queue")


def test_the_sheet_lists_what_this_page_answers_to(page):
    page.goto("/queue")
    page.get_by_role("link", name="Skip to content").focus()

    page.keyboard.press("?")

    sheet = page.get_by_role("dialog", name="Keyboard shortcuts")
    expect(sheet).to_contain_text("Queue and workers")
    expect(sheet.get_by_role("button", name="Close")).to_be_focused()
    assert accessible(page) == []
    page.keyboard.press("Escape")
    expect(sheet).to_have_count(0)
    expect(page.get_by_role("link", name="Skip to content")).to_be_focused()


def test_shortcuts_that_were_switched_off_do_nothing(new_page):
    page = new_page()
    page.goto("/queue")
    page.get_by_role("button", name=re.compile("theme and sign out")).click()
    with page.expect_response("**/preferences"):
        page.get_by_role("button", name="Off", exact=True).click()
    page.keyboard.press("Escape")

    for key in ("n", "?", "g", "j", "/"):
        page.keyboard.press(key)
    page.reload()
    page.keyboard.press("n")
    page.keyboard.press("Control+k")

    expect(page.get_by_role("combobox", name="Search or run a command")).to_be_visible()
    assert page.url.endswith("/queue")
    page.keyboard.press("Escape")
    page.get_by_role("button", name=re.compile("theme and sign out")).click()
    with page.expect_response("**/preferences"):
        page.get_by_role("button", name="On", exact=True).click()


def test_compact_rows_are_seen_at_once(page, job):
    def height():
        return page.locator("tbody > tr").first.bounding_box()["height"]

    before = height()
    page.get_by_role("button", name=re.compile("theme and sign out")).click()
    with page.expect_response("**/preferences"):
        page.get_by_role("button", name="Compact").click()
    at_once = height()
    page.reload()
    afterwards = height()
    page.get_by_role("button", name=re.compile("theme and sign out")).click()
    assert accessible(page) == []
    with page.expect_response("**/preferences"):
        page.get_by_role("button", name="Comfortable").click()

    assert at_once == afterwards < before


def test_the_title_and_the_icon_tell_of_a_failure(make_server, browser):
    server = make_server()
    context = browser.new_context(base_url=server.url, storage_state=set_up(browser, server))
    page, other = context.new_page(), context.new_page()
    for each in (page, other):
        each.goto("/queue")
        expect(each.locator("#conn")).to_have_text("Live")
    token = page.get_attribute("meta[name=csrf-token]", "content")
    headers = {"X-CSRF-Token": token, "Origin": server.url}
    draft = {"name": "fails", "kind": "command", "options": {"argv": ["false"]}}
    made = page.request.post("/api/v1/jobs", headers=headers, data=draft)
    assert made.status == 201, made.text()

    page.request.post(f"/api/v1/jobs/{made.json()['id']}/runs", headers=headers)

    for each in (page, other):
        expect(each).to_have_title(re.compile(r"^\(1 failed\) Queue"), timeout=20_000)
        expect(each.locator("link[rel=icon]")).to_have_attribute("href", re.compile("icon-failed"))
    other.goto("/jobs")
    expect(other).to_have_title("(1 failed) Jobs · Holdfast")
    context.close()


def test_a_notice_with_something_to_press_waits_for_it(page):
    page.goto("/queue")

    page.evaluate(
        "holdfast.say('ok', 'photos is being deleted.', {action: {word: 'Undo', address: '/queue/resume'}})"
    )

    notice = page.locator("#toasts > div")
    expect(notice).to_contain_text("photos is being deleted.")
    assert accessible(page) == []
    with page.expect_request("**/queue/resume") as asked:
        notice.get_by_role("button", name="Undo").press("Enter")
    assert "csrf=" in (asked.value.post_data or "")
    page.wait_for_url("**/queue")
    page.evaluate("holdfast.say('ok', 'Copied.', {stays: true})")
    page.get_by_role("button", name="Dismiss").press("Enter")
    expect(page.locator("#toasts > div")).to_have_count(0)


def test_on_paper_there_is_what_was_read_and_nothing_to_press(page, job):
    page.emulate_media(media="print")

    expect(page.get_by_text(job).first).to_be_visible()
    for gone in (".side", ".top", ".tabbar", ".toasts", "main .btn"):
        for element in page.locator(gone).all():
            expect(element).to_be_hidden()
    page.emulate_media(media="screen")


def test_what_is_told_after_a_press_is_told_without_a_reload(page):
    page.goto("/queue")

    page.evaluate("""async () => {
      const target = document.querySelector("h1");
      const told = '<div id="toasts"><div data-told data-st="ok"><span class="grow">It was kept.</span></div></div>';
      const text = `<h1>As it is now</h1>${told}`;
      await htmx.swap({sourceElement: target, target, text, select: "h1", swap: "outerHTML", request: {}});
    }""")

    notice = page.locator("#toasts > div")
    expect(notice).to_have_text("It was kept.")
    expect(notice.get_by_role("button", name="Dismiss")).to_be_visible()
