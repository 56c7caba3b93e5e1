"""The page of suggestions: asked first, then shown, each a form that is filled in."""

import pytest

from core.listing import JobQuery
from core.people import Role
from core.suggestions.desk import Suggestions
from core.suggestions.machine import Machine
from tests.fastapi_app.pages.conftest import words

PLAIN = "0 3 * * * rsync -a --exclude '*.tmp' --exclude cache/ /srv/photos/ /mnt/disk/photos/\n"


class Crontab:
    """A crontab that counts how often it is read."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.read = 0

    def __call__(self) -> str:
        self.read += 1
        return self.text


@pytest.fixture
def crontab(world, tmp_path):
    """The crontab of a machine that has nothing else; its page looks at that."""
    crontab, service = Crontab(PLAIN), world.house.service
    machine = Machine(root=tmp_path / "machine", home=tmp_path / "home", crontab=crontab)
    service.suggestions = Suggestions(service.clock, service.imports, lambda: machine)
    return crontab


def look(reader):
    return reader.send(reader.open("/suggestions").select_one("form[action='/suggestions']"))


def test_the_page_asks_before_anything_is_looked_at(reader, crontab):
    page = reader.open("/suggestions")
    before = crontab.read
    look(reader)

    assert "May Holdfast look" in words(page)
    assert (before, crontab.read) == (0, 1)


def test_a_suggestion_opens_the_form_filled_in_and_makes_nothing(reader, crontab, world):
    look(reader)
    link = reader.open("/suggestions").select_one(".found a.btn")

    form = reader.open(link["href"])

    assert reader.status == 200
    assert form.select_one("[name='options.source']")["value"] == "/srv/photos"
    assert form.select_one("[name='options.exclude']").text.strip().splitlines() == ["*.tmp", "cache/"]
    assert form.select_one("[name='schedule.times']")["value"] == "03:00"
    assert world.house.service.manager.list_jobs(JobQuery()).total == 0


def test_markup_in_a_crontab_stays_text(reader, crontab):
    crontab.text = "0 3 * * * backup '<script>alert(1)</script>' \"><img src=x onerror=alert(2)>\n"

    look(reader)
    page = reader.open("/suggestions")

    assert page.select("main script, main img") == []
    assert "<script>alert(1)</script>" in words(page.select_one(".found .said"))


def test_a_line_that_needs_a_destination_is_shown_as_an_import(reader, crontab):
    crontab.text = "0 3 * * * rsync -a /srv/ ada@nas.lan:/backup/\n"
    look(reader)
    form = reader.open("/suggestions").select_one(".found form")

    answer = reader.send(form)
    page = reader.open(answer.headers["location"])

    assert answer.headers["location"].startswith("/import/")
    assert "ada@nas.lan:/backup/" in words(page)


def test_a_machine_where_nothing_is_found_leads_to_the_first_job(reader, crontab):
    crontab.text = ""

    look(reader)
    page = reader.open("/suggestions")

    assert page.select_one(".empty a.btn")["href"] == "/jobs/new"


def test_what_was_found_can_be_forgotten(reader, crontab, world):
    look(reader)

    reader.send(reader.open("/suggestions").select_one("form[action='/suggestions/forget']"))

    assert world.house.service.suggestions.last is None


@pytest.mark.parametrize("role", [Role.VIEWER, Role.OPERATOR])
def test_only_admins_have_a_machine_looked_at(people, crontab, role):
    browser = people[role]

    answers = [
        browser.get("/suggestions"),
        browser.post("/suggestions"),
        browser.get("/api/v1/suggestions"),
        browser.post("/api/v1/suggestions"),
    ]

    assert [answer.status_code for answer in answers] == [403] * 4
    assert crontab.read == 0


def test_the_api_tells_what_was_found_without_what_may_be_secret(browser, crontab):
    crontab.text = "0 3 * * * mysqldump --password=hunter22 shop\n" + PLAIN

    before = browser.get("/api/v1/suggestions").json()
    found = browser.post("/api/v1/suggestions").json()

    assert (before["at"], before["items"]) == (None, [])
    assert [one["kind"] for one in found["items"]] == ["", "rsync"]
    assert "hunter22" not in str(found)
    assert browser.get("/api/v1/suggestions").json() == found
