"""Importing in a real browser: a file is shown as what it would become, and made so."""

import os

import pytest
from axe_core_python.sync_playwright import Axe
from playwright.sync_api import expect


@pytest.fixture
def lines(tmp_path):
    """Lines of a crontab: some that are understood, one that lacks a key and one that is not understood."""
    name = os.urandom(4).hex()
    source = tmp_path / f"photos {name}"
    source.mkdir()
    return (
        f"30 2 * * * rsync -aH --delete --exclude='*.tmp' '{source}/' {tmp_path}/copy-{name}\n"
        f"0 3 * * * RESTIC_PASSWORD=very-secret restic -r {tmp_path}/repository-{name} backup '{source}'\n"
        "0 4 * * * rsync -a $HOME/ /mnt/disk\n"
        f"0 5 * * * rsync -a '{source}/' ana@nas-{name}.example.org:/volume1/copies\n"
    )


@pytest.mark.parametrize(("width", "theme"), [(1440, "light"), (360, "dark")])
def test_an_import_is_looked_at_and_made_in_a_browser(new_page, lines, width, theme):
    page = new_page(viewport={"width": width, "height": 900}, color_scheme=theme)
    page.goto("/destinations")
    page.get_by_role("link", name="Import", exact=True).click()
    page.get_by_label("What it is").select_option("crontab")
    page.get_by_label("What stands in the file").fill(lines)
    page.get_by_role("button", name="Show what it would become").click()

    expect(page.get_by_text("1 destination and 2 jobs can be made of it.")).to_be_visible()
    violations = Axe().run(page)["violations"]
    assert [(each["id"], [node["target"] for node in each["nodes"]]) for each in violations] == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert "very-secret" not in page.content()

    page.get_by_role("button", name="Make this").click()
    expect(page.get_by_text("Made 1 destination and 2 jobs.")).to_be_visible()
