"""A newcomer makes a destination and a nightly job for each kind in a real browser, and sees copies verified."""

import os
import re

import pytest
from axe_core_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from tests.e2e.test_pages_live import JOB_PAGE, SECONDS, folders
from tests.rclone_servers import PASSWORD, served
from tests.rclone_servers import USER as DAV_USER
from tests.servers import sshd

__all__ = ["folders", "sshd"]

SIZES = ((1440, "light"), (390, "dark"))


@pytest.fixture
def mark():
    """What makes names of this test unlike those of others."""
    return os.urandom(3).hex()


def begin_with(page: Page, kind: str, preset: str, source) -> None:
    page.goto(f"/jobs/new?kind={kind}")
    page.get_by_role("button", name=preset).click()
    page.get_by_label("Source", exact=True).fill(str(source))


def make_destination(page: Page, fields: dict[str, str]) -> None:
    """Go from the form of a job to that of a destination, and fill it in."""
    page.get_by_role("button", name="New destination").click()
    page.wait_for_url("**/destinations/new?*")
    for label, text in fields.items():
        page.get_by_label(label, exact=True).fill(text)


def save_and_go_back(page: Page) -> None:
    """Keep the destination, prepare it where that is needed, and come back to the form of the job."""
    page.get_by_role("button", name="Save destination").click()
    page.wait_for_url(re.compile("/jobs/new|/destinations/(?!new)"))
    if "/destinations/" in page.url:
        prepare = page.locator("section[aria-labelledby=prepare] button")
        if prepare.count():
            prepare.click()
        page.get_by_role("link", name="Back to the job").click()
    page.wait_for_url("**/jobs/new?*")


def run_nightly(page: Page, name: str) -> None:
    """Make the job with what stands in its form, run it now, and see it verified and due tonight."""
    page.get_by_label("Name", exact=True).fill(name)
    expect(page.get_by_label("It is due")).to_have_value("times")
    page.get_by_role("button", name="Create and start").click()
    page.wait_for_url(JOB_PAGE)
    expect(page.locator(".head .st")).to_have_text(re.compile("^Verified"), timeout=60 * SECONDS)
    expect(page.locator("section[aria-labelledby=safe]")).to_contain_text("6 files")
    expect(page.get_by_text("02:00").first).to_be_visible()


def test_a_newcomer_copies_to_another_machine_every_night(page, folders, sshd, tmp_path, mark):
    (tmp_path / "there").mkdir()
    begin_with(page, "rsync", "Photos to the NAS over SSH", folders[0])
    make_destination(
        page,
        {
            "Name": f"NAS {mark}",
            "Host": "127.0.0.1",
            "Port (optional)": str(sshd.port),
            "User (optional)": sshd.user,
            "Folder there": str(tmp_path / "there"),
            "Private key": sshd.key.read_text(),
        },
    )

    page.get_by_role("button", name="Test").click()
    expect(page.locator("#tested")).to_contain_text("SHA256:", timeout=30 * SECONDS)
    page.get_by_label("I compared the fingerprint").check()
    save_and_go_back(page)

    expect(page.get_by_label("Source", exact=True)).to_have_value(str(folders[0]))
    expect(page.get_by_label("Destination", exact=True)).to_have_value(f"nas-{mark}")
    run_nightly(page, f"Photos {mark}")


def test_a_newcomer_copies_to_a_cloud_every_night(page, folders, tmp_path, mark):
    with served("webdav", tmp_path / "cloud", tmp_path) as cloud:
        begin_with(page, "rclone", "Documents to the cloud", folders[0])
        page.get_by_role("button", name="New destination").click()
        page.get_by_role("link", name="WebDAV").click()
        page.get_by_label("Name", exact=True).fill(f"Cloud {mark}")
        page.get_by_label("Address", exact=True).fill(f"http://127.0.0.1:{cloud.port}")
        page.get_by_label("User (optional)", exact=True).fill(DAV_USER)
        page.get_by_label("Password (optional)", exact=True).fill(PASSWORD)
        page.get_by_label("Path there (optional)", exact=True).fill("backups")
        page.get_by_role("button", name="Test").click()
        expect(page.locator("#tested .st").first).to_be_visible(timeout=30 * SECONDS)
        save_and_go_back(page)

        run_nightly(page, f"Documents {mark}")


def test_a_newcomer_makes_encrypted_snapshots_every_night(page, folders, tmp_path, mark):
    begin_with(page, "restic", "Encrypted snapshots", folders[0])
    make_destination(page, {"Name": f"Vault {mark}", "Repository": str(tmp_path / "vault")})
    page.get_by_role("button", name="Save destination").click()
    page.get_by_role("button", name="Create the repository").click()

    expect(page.locator("#the-password")).to_have_text(re.compile(r"^\S{20,}$"), timeout=60 * SECONDS)
    page.get_by_role("link", name="Back to the job").click()
    run_nightly(page, f"Vault {mark}")
    expect(page.locator("section[aria-labelledby=proof]")).to_contain_text("Found at the destination")


def test_a_newcomer_copies_to_a_disk_every_night(page, folders, tmp_path, mark):
    begin_with(page, "copy", "Copy to a disk", folders[0])
    make_destination(page, {"Name": f"Disk {mark}", "Folder": str(tmp_path / "disk")})
    save_and_go_back(page)

    run_nightly(page, f"Disk {mark}")


@pytest.mark.parametrize(("width", "theme"), SIZES)
def test_the_pages_of_destinations_can_be_used_by_everybody(new_page, tmp_path, mark, width, theme):
    page = new_page(viewport={"width": width, "height": 900}, color_scheme=theme, reduced_motion="reduce")
    page.goto("/destinations/new?type=folder")
    page.get_by_label("Name", exact=True).fill(f"Shelf {mark}")
    page.get_by_label("Folder", exact=True).fill(str(tmp_path / "shelf"))
    page.get_by_role("button", name="Save destination").click()
    page.wait_for_url(re.compile(f"/destinations/shelf-{mark}"))
    here = page.url

    for path in (
        here,
        f"{here.partition('?')[0]}/edit",
        "/destinations",
        "/destinations/new",
        "/destinations/new?type=ssh",
    ):
        page.goto(path)
        assert [(each["id"], each["nodes"][0]["html"][:200]) for each in Axe().run(page)["violations"]] == []
        assert page.evaluate("document.documentElement.scrollWidth") <= width, path


def test_what_is_wrong_with_a_destination_is_told_beside_its_field(page, watch, mark):
    watch.expected.append("422")
    page.goto("/destinations/new?type=ssh")
    page.get_by_label("Name", exact=True).fill(f"Nowhere {mark}")
    page.get_by_label("Host", exact=True).fill("-oProxyCommand=true")
    page.get_by_label("Folder there").fill("/srv/backup")

    page.get_by_role("button", name="Save destination").click()

    expect(page.locator("#truth-field-host")).to_contain_text("cannot begin with -")
    expect(page.get_by_label("Host", exact=True)).to_have_value("-oProxyCommand=true")


def test_the_box_that_deletes_and_its_panel_are_one(page):
    page.goto("/jobs/new?kind=rsync")
    box, panel = page.get_by_label("Delete the source after a verified copy"), page.get_by_label("Keep aside")
    expect(box).not_to_be_checked()
    expect(panel).to_be_hidden()

    box.check()
    expect(panel).to_be_visible()
    page.locator("#options-verify").select_option("fast")
    page.get_by_label("Source", exact=True).fill("/usr/share/doc")
    page.get_by_label("Destination", exact=True).fill("/mnt/elsewhere")
    expect(page.locator("#truth-options-verify")).to_contain_text("full proof")
    box.uncheck()

    expect(panel).to_be_hidden()
    expect(page.locator("#truth-options-verify")).not_to_contain_text("full proof")


def test_without_scripts_the_panel_opens_with_its_box_too(new_page):
    page = new_page(java_script_enabled=False)
    page.goto("/jobs/new?kind=rsync")
    expect(page.get_by_label("Keep aside")).to_be_hidden()

    page.get_by_label("Delete the source after a verified copy").check()

    expect(page.get_by_label("Keep aside")).to_be_visible()


def test_a_question_is_answered_and_what_went_is_shown(page, folders, tmp_path, mark, watch):
    watch.expected.append("422")
    source, _ = folders
    (tmp_path / "kept").mkdir()
    page.goto("/jobs/new?kind=copy")
    page.get_by_label("Name", exact=True).fill(f"Move {mark}")
    page.get_by_label("Source", exact=True).fill(str(source))
    page.get_by_label("Destination", exact=True).fill(str(tmp_path / "kept"))
    page.get_by_label("Delete the source after a verified copy").check()
    expect(page.locator("#plan")).to_contain_text("kept aside for 7 days")
    page.get_by_role("button", name="Create and start").click()
    page.wait_for_url(JOB_PAGE)
    expect(page.locator("#question")).to_contain_text("6 files", timeout=60 * SECONDS)
    assert len(list(source.iterdir())) == 6

    page.get_by_role("button", name="Take 6 files away").click()
    expect(page.locator("#question")).to_contain_text("Type exactly: delete 6")
    page.get_by_label("To do that, type").fill("delete 6")
    page.get_by_role("button", name="Take 6 files away").click()

    expect(page.locator("section[aria-labelledby=deletion]")).to_contain_text(
        "6 files taken away", timeout=60 * SECONDS
    )
    assert not list(source.glob("*.bin"))
    assert len(list((tmp_path / "kept").glob("*.bin"))) == 6
