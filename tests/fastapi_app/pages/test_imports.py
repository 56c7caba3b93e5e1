"""Imports in a browser."""

import pytest

from core.people import Role
from tests.fastapi_app.pages.conftest import words

SECRET = "hunter2-and-more"


@pytest.fixture
def lines(world):
    source = world.options()["source"]
    return (
        f"0 3 * * * RESTIC_PASSWORD={SECRET} restic -r '{world.folder}/<b>repository' backup {source}\r\n"
        "0 4 * * * rsync -a $HOME/ /mnt/x\r\n"
    )


def test_a_file_is_shown_as_what_it_would_become_and_made_so(world, reader, lines):
    asking = reader.open("/import").select_one('form[action="/import"]')
    shown = reader.send(asking, source="crontab", text=lines)
    page = reader.read(shown)
    made = reader.read(reader.send(page.select_one('form[action$="/apply"]')))

    assert "1 destination and 1 job can be made of it. Nothing was made yet." in words(page)
    assert "only a shell could resolve" in words(page)
    assert page.select("main b b") == []
    assert SECRET not in shown.text
    assert "Made 1 destination and 1 job." in words(made)
    (item,) = world.house.service.manager.list_jobs().items
    assert (item.job.kind, item.job.enabled) == ("restic", False)
    assert made.select_one(f'a[href="/jobs/{item.job.id}"]')


def test_what_was_shown_can_be_made_only_once(reader, lines):
    asking = reader.open("/import").select_one('form[action="/import"]')
    form = reader.read(reader.send(asking, source="crontab", text=lines)).select_one('form[action$="/apply"]')
    reader.send(form)

    again = reader.send(form)

    assert again.status_code == 409
    assert "Look at the file again" in again.text


def test_the_page_of_imports_is_for_admins(people):
    answers = {role: browser.get("/import").status_code for role, browser in people.items()}

    assert answers == {Role.VIEWER: 403, Role.OPERATOR: 403, Role.ADMIN: 200}


def test_destinations_lead_to_imports(reader):
    page = reader.open("/destinations")

    assert page.select_one('a[href="/import"]')
