"""People, settings, files and suggestions, as somebody uses them."""

import re
from pathlib import Path

from playwright.sync_api import expect

from tests.e2e.conftest import PASSWORD

BOS = "eight grey herons over still water"
BOS_NEXT = "nine white swans over Skye"


def test_somebody_is_let_in_makes_a_token_changes_the_password_and_is_removed(page, new_page):
    page.goto("/users")
    page.get_by_label("Name").fill("bo")
    page.get_by_label("What they may").select_option("operator")
    page.get_by_label("First password").fill(BOS)
    page.get_by_role("button", name="Let them in").click()
    expect(page.get_by_role("link", name="bo", exact=True)).to_be_visible()

    theirs = new_page(storage_state=None)
    theirs.goto("/login")
    theirs.fill("input[name=username]", "bo")
    theirs.fill("input[name=password]", BOS)
    theirs.click("button[type=submit]")
    theirs.goto("/settings")
    theirs.get_by_label("What it is for").fill("Home Assistant")
    theirs.get_by_role("button", name="Make a token").click()
    expect(theirs.locator("#the-token")).to_have_text(re.compile("^holdfast_"))
    theirs.get_by_label("Present password").fill(BOS)
    theirs.get_by_label("New password").fill(BOS_NEXT)
    theirs.get_by_role("button", name="Change password").click()
    expect(theirs.get_by_text("Your password is changed.")).to_be_visible()
    expect(theirs.get_by_text("No program acts for you.")).to_be_visible()

    page.goto("/users/bo")
    page.get_by_role("button", name="Remove", exact=True).click()
    page.get_by_role("button", name="Remove bo").click()
    expect(page.get_by_text("bo may not come in any more.")).to_be_visible()
    theirs.goto("/jobs")
    expect(theirs).to_have_url(re.compile("/login"))


def test_a_wrong_password_is_told_at_its_field_and_heard_with_it(page, watch):
    watch.expected.append("422")
    page.goto("/settings/you")

    page.get_by_label("Present password").fill(f"{PASSWORD}, not")
    page.get_by_label("New password").fill(BOS_NEXT)
    page.get_by_role("button", name="Change password").click()

    field = page.get_by_label("Present password")
    expect(field).to_have_attribute("aria-invalid", "true")
    expect(field).to_have_accessible_description(re.compile("This is not your password"))


def test_suggestions_ask_first_and_then_tell_what_was_looked_at(page):
    page.goto("/suggestions")
    expect(page.get_by_role("heading", name=re.compile("May Holdfast look"))).to_be_visible()

    page.get_by_role("button", name="Yes, look").click()

    expect(page.get_by_role("heading", name="Looked at")).to_be_visible()
    expect(page.get_by_text("your crontab", exact=True).first).to_be_visible()
    page.get_by_role("button", name="Forget this").click()
    expect(page.get_by_role("heading", name=re.compile("May Holdfast look"))).to_be_visible()


def test_what_a_command_left_is_saved_from_the_page_of_files(page):
    page.goto("/jobs/new?kind=command")
    job = page.evaluate(
        """async () => {
          const headers = {"Content-Type": "application/json",
            "X-CSRF-Token": document.querySelector("meta[name=csrf-token]").content};
          const body = JSON.stringify({name: "Left for you", kind: "command",
            options: {argv: ["sh", "-c", "echo kept > report.txt"], keep: ["*.txt"]}});
          const job = await (await fetch("/api/v1/jobs", {method: "POST", headers, body})).json();
          await fetch(`/api/v1/jobs/${job.id}/runs`, {method: "POST", headers});
          return job.id;
        }"""
    )
    page.goto(f"/jobs/{job}")
    expect(page.locator(".head .st")).to_have_text(re.compile("Good|Completed|Done"), timeout=20_000)
    row = page.get_by_role("row").filter(has_text="report.txt")

    for _ in range(12):  # one look at the folders serves for some seconds
        page.goto("/files?kind=result")
        if row.count():
            break
        page.wait_for_timeout(1_000)
    with page.expect_download() as waiting:
        row.first.get_by_role("link", name=re.compile("^Save report.txt")).click()

    saved = waiting.value
    assert saved.suggested_filename == "report.txt"
    assert Path(saved.path()).read_text() == "kept\n"
