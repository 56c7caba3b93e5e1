"""Open pages follow what happens, and disturb nobody."""

import os
import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.conftest import NAME, PASSWORD, set_up

PERCENT = re.compile(r"^\d+%$")
LEFT = re.compile(r"\d+ (s|min|h).* left$")
RATE = re.compile(r"^\d.* [kMG]?B/s$")
JOB_PAGE = re.compile(r"/jobs/[0-9a-f-]{36}$")
SECONDS = 1_000


@pytest.fixture
def folders(tmp_path):
    """A source of 6 MB, and where its copy goes."""
    source = tmp_path / "source"
    source.mkdir()
    for number in range(6):
        (source / f"{number}.bin").write_bytes(os.urandom(1_000_000))
    return source, tmp_path / "destination"


def make_job(
    page: Page, folders: tuple[Path, Path], name: str, *, limit: str = "", start: bool = True
) -> str:
    """Make a job through the form; return the path of its page."""
    source, destination = folders
    page.goto("/jobs/new")
    page.get_by_label("Name", exact=True).fill(name)
    page.get_by_label("Source", exact=True).fill(str(source))
    page.get_by_label("Destination", exact=True).fill(str(destination))
    if limit:
        page.get_by_text("What is left out, and how fast").click()
        page.get_by_label("Limit", exact=True).fill(limit)
    expect(page.locator("#truth-options-source")).to_contain_text("6 files")
    page.get_by_role("button", name="Create and start" if start else "Create", exact=True).click()
    page.wait_for_url(JOB_PAGE)
    return page.url


def part(page: Page, name: str):
    return page.locator(f"[aria-labelledby=live] [data-f={name}]").first


def test_a_backup_is_made_and_watched_in_the_browser(page, folders):
    make_job(page, folders, "watched", limit="1 MB/s")
    page.evaluate("window.notReloaded = true")

    expect(part(page, "p")).to_have_text(PERCENT, timeout=10 * SECONDS)
    expect(part(page, "r")).to_have_text(RATE)
    expect(part(page, "e")).to_have_text(LEFT)
    seen = part(page, "p").inner_text()
    expect(part(page, "p")).not_to_have_text(seen)
    expect(page.get_by_role("log")).to_contain_text("Attempt 1 began")

    page.get_by_role("button", name="Pause").click()
    expect(page.locator(".head .st")).to_have_text("Paused")
    expect(page.get_by_role("log")).to_contain_text("Attempt 1 ended")

    page.get_by_role("button", name="Resume").click()
    expect(page.locator(".head .st")).to_have_text("Running")
    expect(page.get_by_role("log")).to_contain_text("Attempt 2 began")
    expect(page.locator(".head .st")).to_have_text("Verified", timeout=20 * SECONDS)
    expect(page.locator("[aria-labelledby=safe]")).to_contain_text("6 files")
    assert page.evaluate("window.notReloaded")


def test_two_browsers_show_the_same(new_page, folders):
    first, second = new_page(), new_page()
    address = make_job(first, folders, "shared", limit="3 MB/s", start=False)
    second.goto(address)
    expect(second.locator("#conn")).to_have_text("Live")

    first.get_by_role("button", name="Start").click()

    for page in (first, second):
        expect(part(page, "p")).to_have_text(PERCENT)
    for page in (first, second):
        expect(page.locator(".head .st")).to_have_text("Verified", timeout=20 * SECONDS)


def test_nothing_that_a_person_does_is_lost_by_an_update(new_page, folders):
    acting = new_page()
    address = make_job(acting, folders, "steady", limit="500 kB/s")
    page = new_page(viewport={"width": 1440, "height": 320})
    with page.expect_websocket() as line:
        page.goto("/jobs")
    row = page.get_by_role("row").filter(has_text="steady")
    page.evaluate("scrollTo(0, 60)")
    search = page.get_by_label("Search jobs")
    search.press_sequentially("half-typed")
    search.evaluate("field => field.setSelectionRange(2, 6)")
    page.evaluate("document.getElementById('person').showPopover()")
    search.evaluate("field => field.focus()")
    before = page.evaluate("scrollY")

    for _ in range(20):
        line.value.wait_for_event("framereceived")
    acting.goto(address)
    acting.get_by_role("button", name="Pause").click()
    expect(row).to_contain_text("Paused")

    assert search.input_value() == "half-typed"
    assert search.evaluate("field => document.activeElement === field")
    assert search.evaluate("field => [field.selectionStart, field.selectionEnd]") == [2, 6]
    assert page.evaluate("document.getElementById('person').matches(':popover-open')")
    assert page.evaluate("scrollY") == before
    acting.get_by_role("button", name="Cancel run").click()
    expect(row).to_contain_text("Cancelled")


def test_rows_stay_where_they_are_until_somebody_asks(new_page, folders):
    acting, page = new_page(), new_page()
    word = f"order{os.urandom(3).hex()}"
    first = make_job(acting, folders, f"{word} first", start=False)
    second = make_job(acting, folders, f"{word} second", start=False)
    for address in (first, second):
        acting.goto(address)
        acting.get_by_role("button", name="Start").click()
        expect(acting.locator(".head .st")).to_have_text("Verified", timeout=20 * SECONDS)
    page.goto(f"/jobs?q={word}")
    names = page.locator("#list tbody .name")
    expect(names).to_have_text([f"{word} second", f"{word} first"])

    acting.goto(first)
    acting.get_by_role("button", name="Run again").click()

    again = page.get_by_role("link", name="changed place, sort again")
    expect(again).to_be_visible()
    expect(names).to_have_text([f"{word} second", f"{word} first"])
    again.click()
    expect(names).to_have_text([f"{word} first", f"{word} second"])


def test_the_dashboard_follows_what_runs(new_page, folders):
    acting, page = new_page(), new_page()
    make_job(acting, folders, "seen before", start=False)
    page.goto("/")
    expect(page.locator("#conn")).to_have_text("Live")
    page.evaluate("window.notReloaded = true")

    make_job(acting, folders, "seen from afar", limit="2 MB/s")

    row = page.locator("[aria-labelledby=running] li").filter(has_text="seen from afar")
    expect(row.locator("[data-f=p]").first).to_have_text(PERCENT, timeout=10 * SECONDS)
    expect(row.locator("[data-f=r]")).to_have_text(RATE)
    expect(page.get_by_role("status").filter(has_text="seen from afar finished")).to_be_visible(
        timeout=20 * SECONDS
    )
    expect(row).to_have_count(0)
    ended = page.locator("[aria-labelledby=recent] li").filter(has_text="seen from afar")
    expect(ended).to_contain_text("Verified")
    assert page.evaluate("window.notReloaded")


def test_a_pointer_at_rest_holds_only_the_rows_that_would_move(new_page, folders):
    acting, page = new_page(), new_page()
    name = f"rested {os.urandom(3).hex()}"
    address = make_job(acting, folders, name, start=False)
    acting.get_by_role("button", name="Start").click()
    expect(acting.locator(".head .st")).to_have_text("Verified", timeout=20 * SECONDS)
    page.goto("/")
    page.evaluate("window.notReloaded = true")
    table = page.locator("[aria-labelledby=copies] table")
    table.hover()
    before = table.bounding_box()
    runs = page.locator("#board-says p").first.inner_text()

    acting.goto(address)
    acting.get_by_role("button", name="Run again").click()
    expect(acting.locator("[aria-labelledby=runs] tbody tr")).to_have_count(2, timeout=20 * SECONDS)

    expect(page.locator("#board-says p").first).not_to_have_text(runs)
    assert table.bounding_box() == before
    assert table.evaluate("table => table.matches(':hover')")
    assert page.evaluate("window.notReloaded")


def delete_at_once(page) -> None:
    """Delete the job whose page is open, as a program does."""
    script = """async () => {
      const headers = { "X-CSRF-Token": document.querySelector('meta[name="csrf-token"]').content };
      const address = `/api/v1${location.pathname}`;
      return (await fetch(address, { method: "DELETE", headers })).status;
    }"""
    assert page.evaluate(script) == 204


def test_an_open_page_is_told_that_its_job_was_deleted(new_page, folders):
    acting, page = new_page(), new_page()
    page.goto(make_job(acting, folders, "deleted elsewhere", start=False))
    expect(page.locator("#conn")).to_have_text("Live")

    delete_at_once(acting)

    expect(page.locator("#toasts")).to_contain_text("This has been deleted meanwhile.")


def test_signing_out_in_one_tab_ends_the_others(stranger):
    first, second = stranger, stranger.context.new_page()
    first.goto("/jobs")
    first.get_by_label("Name").fill(NAME)
    first.get_by_label("Password").fill(PASSWORD)
    first.get_by_role("button", name="Sign in").click()
    first.wait_for_url("**/jobs")
    expect(first.locator("#conn")).to_have_text("Live")

    second.goto("/")
    second.get_by_role("button", name=re.compile("sign out")).click()
    second.get_by_role("button", name="Sign out", exact=True).click()

    expect(second.get_by_label("Password")).to_be_visible()
    expect(first.get_by_label("Password")).to_be_visible()


def test_without_a_socket_the_page_asks_instead(new_page, watch, folders):
    watch.expected.append("WebSocket")
    page = new_page()
    page.route_web_socket("**/ws", lambda line: line.close())

    make_job(page, folders, "asked", limit="400 kB/s")

    expect(page.locator("#conn")).to_have_text("Polling every 5 s", timeout=30 * SECONDS)
    expect(part(page, "p")).to_have_text(PERCENT, timeout=15 * SECONDS)
    seen = part(page, "p").inner_text()
    expect(part(page, "p")).not_to_have_text(seen, timeout=15 * SECONDS)
    page.get_by_role("button", name="Cancel run").click()
    expect(page.locator(".head .st")).to_have_text("Cancelled", timeout=15 * SECONDS)


def test_the_mark_never_waits_long_while_nothing_answers(page, watch):
    watch.expect_an_outage()
    tries = []
    page.route_web_socket("**/ws", lambda line: (tries.append(line), line.close()))
    page.route("**/live?*", lambda route: route.abort())
    page.clock.install()
    page.goto("/jobs")

    said = []
    for _ in range(110):
        page.clock.run_for(SECONDS)
        said.append(page.locator("#conn").inner_text())

    waits = [int(found.group(1)) for text in said if (found := re.search(r"Reconnecting in (\d+) s", text))]
    assert waits
    assert max(waits) <= 30
    assert not [text for text in said if "Polling" in text]
    assert len(tries) >= 6


def test_a_killed_server_resumes_and_the_page_reconnects_by_itself(browser, make_server, folders):
    server = make_server()
    context = browser.new_context(base_url=server.url, storage_state=set_up(browser, server))
    page = context.new_page()
    make_job(page, folders, "survivor", limit="1 MB/s")
    page.evaluate("window.notReloaded = true")
    expect(part(page, "p")).to_have_text(re.compile(r"^[1-9]\d*%$"))
    run = page.get_by_role("link", name="Open the run").get_attribute("href")

    server.kill()
    expect(page.locator("#conn")).to_have_text(re.compile("Reconnecting|Connecting|Offline"))
    server.start()

    expect(page.locator("#conn")).to_have_text("Live", timeout=40 * SECONDS)
    expect(page.locator(".head .st")).to_have_text("Verified", timeout=30 * SECONDS)
    assert page.evaluate("window.notReloaded")
    page.goto(run)
    expect(page.locator("#attempt-1")).to_contain_text("interrupted")
    expect(page.locator("#attempt-2")).to_contain_text("good")
    context.close()


def test_a_page_says_that_its_job_was_deleted_elsewhere(new_page, watch, folders):
    watch.expected += ["404"]
    here, there = new_page(), new_page()
    address = make_job(here, folders, "soon gone", start=False)
    there.goto(address)
    expect(there.get_by_role("heading", name="soon gone")).to_be_visible()

    delete_at_once(here)

    expect(there.get_by_text("This has been deleted meanwhile.")).to_be_visible(timeout=10 * SECONDS)
