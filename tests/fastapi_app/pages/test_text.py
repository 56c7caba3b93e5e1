"""Text from people cannot act, and no page carries code of its own."""

import re

from fastapi_app.templating import folder_of
from tests.fastapi_app.pages.conftest import a_failed_run, words

HOSTILE = "<img src=x onerror=alert(1)> \"'{{7*7}} <b hx-post=/logout hx-trigger=load>"
TEMPLATES = folder_of("templates")


def test_markup_in_a_name_stays_text(world, reader):
    job = world.a_job(HOSTILE)
    run = a_failed_run(world, job)

    for path in ("/", "/jobs", f"/jobs/{job.id}", f"/jobs/{job.id}/edit", f"/runs/{run.id}"):
        page = reader.open(path)

        assert HOSTILE in page.get_text() or page.select_one("#name")["value"] == HOSTILE
        assert not page.select("img, [onerror], b[hx-post]")
        assert "49" not in words(page.h1)


def test_characters_that_turn_the_writing_around_are_shown(world, reader):
    world.a_job("holiday\u202egpj.exe")

    page = reader.open("/jobs")

    name = page.select_one("#list tbody .name bdi")
    assert name.text == "holiday\ufffdgpj.exe"


def test_no_page_carries_inline_code():
    inline = re.compile(
        r"\sstyle\s*=|\son[a-z]+\s*=|<style|javascript:|hx-on|<script(?![^>]*\ssrc=)|hx-vals=.js:",
        re.IGNORECASE,
    )

    found = {
        f"{path.relative_to(TEMPLATES)}: {match.group()}"
        for path in TEMPLATES.rglob("*.html")
        for match in inline.finditer(path.read_text(encoding="utf-8"))
    }

    assert len(list(TEMPLATES.rglob("*.html"))) > 10
    assert not found


def test_a_page_that_is_not_there_says_so_and_leads_on(reader):
    page = reader.open("/nothing/here")

    assert reader.status == 404
    assert "There is nothing at this address." in words(page.select_one("[data-problem]"))
    assert page.select_one('a[href="/jobs"]')


def test_a_mistake_of_ours_is_a_page_without_details(world, reader):
    def broken() -> None:
        raise RuntimeError("/secret/path of the house")

    world.app.add_api_route("/broken", broken)

    page = reader.open("/broken")

    assert reader.status == 500
    assert words(page.select_one("[data-problem]")) == "Holdfast itself made a mistake."
    assert "secret" not in page.get_text()


def test_the_value_of_a_field_is_sent_back_as_it_was(world, reader):
    job = world.a_job("left\u200eright")

    page = reader.open(f"/jobs/{job.id}/edit")

    assert page.select_one("#name")["value"] == "left\u200eright"
