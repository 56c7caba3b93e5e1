"""Forms, menus, the log and the width of pages, in a real browser."""

import os
import re

import pytest
from axe_core_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from core.engines import ENGINES
from tests.e2e.conftest import NAME, PASSWORD
from tests.e2e.test_pages_live import folders, make_job

__all__ = ["folders"]

SIZES = ((1440, "light"), (390, "dark"))

KIND_FORMS = tuple(f"/jobs/new?kind={kind}" for kind in ENGINES)
"""The form of every kind."""

CLIPBOARD = """Promise.race([
  navigator.clipboard.readText(),
  new Promise((_, refuse) => setTimeout(refuse, 10000, new Error("the clipboard does not answer"))),
])"""


@pytest.fixture
def finished(page, folders):
    """The page of a job that ran well."""
    address = make_job(page, folders, f"finished {os.urandom(4).hex()} " + "long" * 30)
    expect(page.locator(".head .st")).to_have_text("Verified", timeout=20_000)
    return address


def test_a_draft_survives_a_reload(page):
    page.goto("/jobs/new")
    page.get_by_label("Name", exact=True).fill("half a thought")
    page.locator("#options-verify").select_option("sample")
    page.get_by_label("Confidence").fill("0.9")

    page.reload()

    expect(page.get_by_label("Name", exact=True)).to_have_value("half a thought")
    expect(page.get_by_label("Confidence")).to_have_value("0.9")
    expect(page.get_by_label("Confidence")).to_be_visible()
    expect(page.get_by_text("Your draft is as you left it.")).to_be_visible()

    page.get_by_role("link", name="Begin afresh").click()

    expect(page.get_by_label("Name", exact=True)).to_have_value("")
    expect(page.get_by_label("Confidence")).to_be_hidden()


def test_a_draft_is_gone_once_the_job_is_made(page, folders):
    make_job(page, folders, "made", start=False)

    page.goto("/jobs/new")

    expect(page.get_by_label("Name", exact=True)).to_have_value("")


def test_a_draft_does_not_outlive_signing_out(stranger):
    def sign_in(name):
        stranger.get_by_label("Name").fill(name)
        stranger.get_by_label("Password").fill(PASSWORD)
        stranger.get_by_role("button", name="Sign in").click()
        stranger.wait_for_url("**/jobs/new")

    stranger.goto("/jobs/new")
    sign_in(NAME)
    token = stranger.locator('meta[name="csrf-token"]').get_attribute("content")
    other = {"name": f"next-{os.urandom(4).hex()}", "password": PASSWORD, "role": "operator"}
    made = stranger.request.post(
        "/api/v1/users", data=other, headers={"X-CSRF-Token": token, "Origin": stranger.url[:-9]}
    )
    assert made.status == 201, made.text()
    with stranger.expect_response("**/jobs/check"):
        stranger.get_by_label("Name", exact=True).fill("my secret plan")
    stranger.get_by_label("Name", exact=True).blur()
    stranger.wait_for_load_state("networkidle")  # what is checked on leaving a field would come too late
    stranger.get_by_role("button", name=re.compile("sign out")).click()
    stranger.get_by_role("button", name="Sign out", exact=True).click()
    expect(stranger.get_by_label("Password")).to_be_visible()

    stranger.goto("/jobs/new")
    sign_in(other["name"])

    expect(stranger.get_by_label("Name", exact=True)).to_have_value("")


def test_the_command_that_checks_the_copy_can_be_taken_along(page, finished):
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.locator("[id^=run-] a.name").first.click()

    page.get_by_role("region", name="Manifest").get_by_role("button", name="Copy the command").click()

    expect(page.locator("#toasts")).to_contain_text("Copied.")
    page.bring_to_front()
    assert "b3sum --check" in page.evaluate(CLIPBOARD)


def test_sending_an_incomplete_form_leads_to_the_first_problem(page, watch):
    watch.expected.append("422")
    page.goto("/jobs/new")
    page.get_by_label("Name", exact=True).fill("nowhere")
    page.get_by_label("Source", exact=True).fill("/nowhere/at/all")

    page.get_by_role("button", name="Create and start").click()

    expect(page.get_by_label("Source", exact=True)).to_be_focused()
    expect(page.get_by_label("Source", exact=True)).to_have_value("/nowhere/at/all")
    expect(page.locator("#truth-options-source")).to_contain_text("There is no folder")


def test_the_server_corrects_a_field_while_it_is_typed(page, folders):
    source, _ = folders
    page.goto("/jobs/new")
    field = page.get_by_label("Source", exact=True)

    field.fill("/nowhere/at/all")
    expect(field).to_have_attribute("aria-invalid", "true")
    field.fill(str(source))

    expect(page.locator("#truth-options-source")).to_contain_text("6 files")
    expect(field).not_to_have_attribute("aria-invalid", "true")
    expect(field).to_be_focused()


def test_an_action_that_is_refused_says_why_on_the_page(new_page, watch, folders):
    watch.expected += ["409", "WebSocket"]
    first, behind = new_page(), new_page()
    behind.route_web_socket("**/ws", lambda line: line.connect_to_server().close())
    behind.route("**/live?*", lambda route: route.fulfill(status=304))
    address = make_job(first, folders, "contested", limit="1 MB/s", start=False)
    behind.goto(address)
    first.get_by_role("button", name="Start").click()
    expect(first.locator(".head .st")).to_have_text("Running")

    behind.get_by_role("button", name="Start").click()

    expect(behind.locator("#toasts")).to_contain_text("has a run that is")
    expect(behind.get_by_role("button", name="Start")).to_be_visible()


def test_a_job_is_started_and_stopped_from_its_row(page, folders):
    make_job(page, folders, "from the list", limit="500 kB/s", start=False)
    page.goto("/jobs")
    row = page.get_by_role("row").filter(has_text="from the list")
    menu = page.locator("#row-menu")

    def act(word: str) -> None:
        row.get_by_role("button", name="Actions for").click()
        menu.get_by_role("button", name=word).click()

    act("Run now")
    # Runs of other tests may have the slots for a moment.
    expect(row.locator(".st")).to_have_text(re.compile(r"\d+%"), timeout=30_000)
    act("Pause")
    expect(row.locator(".st")).to_have_text("Paused")
    row.get_by_role("button", name="Actions for").press("Enter")
    menu.get_by_role("button", name="Cancel run").press("Enter")

    expect(row.locator(".st")).to_have_text("Cancelled")
    row.get_by_role("button", name="Actions for").click()
    expect(menu.get_by_role("button", name="Run now")).to_be_visible()


def test_a_job_is_deleted_after_asking(page, folders):
    make_job(page, folders, "unwanted", start=False)

    page.get_by_role("button", name="More actions").click()
    page.get_by_role("button", name="Delete job").click()

    page.wait_for_url("**/jobs")
    expect(page.get_by_role("row").filter(has_text="unwanted")).to_contain_text("Deleting")
    expect(page.locator("#toasts")).to_contain_text("unwanted is being deleted.")


def test_the_theme_changes_at_once_and_stays(page):
    page.goto("/")
    page.get_by_role("button", name=re.compile("theme and sign out")).click()

    with page.expect_response("**/preferences"):
        page.get_by_role("button", name="Dark").click()

    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    page.goto("/jobs")
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")


def test_the_log_follows_until_the_reader_scrolls_up(page, folders):
    source, _ = folders
    for number in range(60):
        (source / f"broken {number}").symlink_to("nowhere")
        os.mkfifo(source / f"pipe {number}")
    make_job(page, folders, "talkative", limit="1 MB/s")
    log = page.get_by_role("log")
    expect(log.locator("li[data-st=late]").nth(50)).to_be_attached()
    expect(page.locator("[data-log-said]")).to_contain_text("following")

    log.evaluate("box => { box.scrollTop = 0; }")
    expect(page.get_by_role("button", name="Follow", exact=True)).to_have_attribute("aria-pressed", "false")
    page.get_by_role("button", name="Follow", exact=True).click()
    expect(page.locator("[aria-labelledby=outcome]")).to_be_visible(timeout=20_000)

    expect(log).to_contain_text("Attempt 1 ended")
    assert from_end(log) < 24
    expect(page.get_by_role("button", name="Follow", exact=True)).to_be_hidden()
    expect(page.locator("[data-log-said]")).not_to_contain_text("following")


def from_end(log) -> float:
    return log.evaluate("box => box.scrollHeight - box.scrollTop - box.clientHeight")


def test_pages_fit_on_a_narrow_phone(new_page, finished, page, watch):
    watch.expected.append("404")
    run = page.locator("[id^=run-] a.name").first.get_attribute("href")
    phone = new_page(viewport={"width": 360, "height": 740})

    for path in ("/", "/jobs", *KIND_FORMS, "/destinations", finished, f"{finished}/edit", run, "/nowhere"):
        phone.goto(path)
        assert phone.evaluate("document.documentElement.scrollWidth") <= 360, path


@pytest.mark.parametrize(("width", "theme"), SIZES)
def test_every_page_can_be_used_by_everybody(new_page, finished, stranger, width, theme):
    page = new_page(viewport={"width": width, "height": 900}, color_scheme=theme, reduced_motion="reduce")
    page.goto(finished)
    run = page.locator("[id^=run-] a.name").first.get_attribute("href")
    stranger.goto("/login")

    violations = faults_of(stranger, "/login")
    for path in ("/", "/jobs", "/jobs?q=nothing+like+this", *KIND_FORMS, finished, f"{finished}/edit", run):
        page.goto(path)
        violations += faults_of(page, path)
    page.goto(finished)
    page.get_by_role("button", name="More actions").click()
    violations += faults_of(page, "with an open menu")

    assert not violations, "\n".join(violations)


def faults_of(page: Page, place: str) -> list[str]:
    """Return what axe finds, rules of the guidelines and good practice alike."""
    found = Axe().run(page)["violations"]
    return [f"{place}: {fault['help']}: {fault['nodes'][0]['html'][:200]}" for fault in found]


def test_a_reader_without_scripts_sees_the_same(new_page, finished):
    plain = new_page(java_script_enabled=False)

    plain.goto(finished)

    expect(plain.locator(".head .st")).to_have_text("Verified")
    plain.get_by_role("button", name="Run again").click()
    expect(plain).to_have_url(finished)
    plain.goto("/jobs")
    expect(plain.get_by_role("row").nth(1)).to_be_visible()


def test_every_section_is_reached_on_a_phone(new_page):
    page = new_page(viewport={"width": 390, "height": 844})
    page.goto("/")

    sections = page.get_by_role("navigation", name="Sections")
    for name in ("Schedules", "Destinations", "Events", "Notifications", "Store", "Settings", "Failed runs"):
        sections.get_by_role("button", name=re.compile("^More")).click()
        page.locator("#sections").get_by_role("link", name=name).click()
        sections.get_by_role("button", name=re.compile("^More")).click()
        expect(page.locator("#sections [aria-current=page]")).to_contain_text(name)
        page.keyboard.press("Escape")
    sections.get_by_role("link", name="Queue").click()

    expect(page).to_have_url(re.compile("/queue$"))
    sections.get_by_role("button", name=re.compile("^More")).click()
    assert Axe().run(page)["violations"] == []
