"""A new user on a phone: from nothing to a verified backup."""

import re

from playwright.sync_api import expect


def test_a_new_user_on_a_phone_gets_to_a_verified_backup(make_server, new_page, tmp_path):
    (tmp_path / "photos").mkdir()
    for number in range(20):
        (tmp_path / "photos" / f"{number}.jpg").write_bytes(b"x" * 5_000)
    page = new_page(at=make_server(), viewport={"width": 390, "height": 844})
    page.goto("/")

    page.get_by_label("Which folder?").fill(str(tmp_path / "photos"))
    page.get_by_label("Where to?").fill(str(tmp_path / "copy"))
    expect(page.locator("#truth-source[data-st=ok]")).to_be_visible()
    page.get_by_role("button", name="Back it up now").click()

    expect(page.locator("#first-copy p.st")).to_contain_text("20 files", timeout=30_000)
    expect(page.locator("#first-copy header .st")).to_have_text("Verified")
    expect(page.locator("#first-copy .steps .done")).to_have_count(4)
    expect(page.locator("#first-copy .steps [aria-current]")).to_have_count(0)
    expect(page).to_have_url(re.compile(r"/\?first=1$"))
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.get_by_role("link", name="Open the dashboard").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Everything has a fresh copy.")
    expect(page.locator("#board-copies .name")).to_have_text("photos")
