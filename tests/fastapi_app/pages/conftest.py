"""Pages as a browser without scripts reads them."""

from typing import Any

import pytest
from bs4 import BeautifulSoup

from core.models import Failure, Job, Run
from core.work import Outcome
from tests.fastapi_app.conftest import Browser, World

VERIFIED = {
    "verified": True,
    "files": 60,
    "bytes": 1_200_000,
    "copied": 12,
    "copied_bytes": 240_000,
    "unchanged": 48,
    "verification": {"sentence": "All 60 files were read back and compared."},
}
FAILED = Failure(
    code="engine-failed", message="The disk is full.", hint="Free some space, then run it again."
)


class Reader:
    """Opens pages, follows links and sends forms the way a browser without scripts does."""

    def __init__(self, browser: Browser) -> None:
        self.browser = browser
        self.status = 0

    def open(self, path: str) -> BeautifulSoup:
        answer = self.browser.get(path, headers={"Accept": "text/html"})
        return self._read(answer)

    def send(self, form: Any, button: Any = None, **typed: str) -> Any:
        """Send a form with what stands in it and what is typed now; return the bare answer."""
        fields = {
            field["name"]: field.get("value", "") for field in form.select("input[name]") if _counts(field)
        }
        for area in form.select("textarea[name]"):
            fields[area["name"]] = area.text.removeprefix("\n")
        for choice in form.select("select[name]"):
            chosen = choice.select_one("option[selected]") or choice.select_one("option")
            fields[choice["name"]] = chosen["value"]
        if button is not None and button.get("name"):
            fields[button["name"]] = button["value"]
        headers = {"Accept": "text/html", "X-CSRF-Token": ""}
        return self.browser.post(form["action"], data=fields | typed, headers=headers)

    def read(self, answer: Any) -> BeautifulSoup:
        return self._read(answer)

    def _read(self, answer: Any) -> BeautifulSoup:
        self.status = answer.status_code
        return BeautifulSoup(answer.text, "html.parser")


def _counts(field: Any) -> bool:
    return field.get("type") != "checkbox" or field.has_attr("checked")


@pytest.fixture
def reader(browser) -> Reader:
    return Reader(browser)


def a_verified_run(world: World, job: Job, **result: Any) -> Run:
    """Return a run of the job that ended well."""
    run = world.a_running_run(job)
    return world.house.service.manager.complete(run.id, run.attempt, Outcome(result=VERIFIED | result))


def a_failed_run(world: World, job: Job, failure: Failure = FAILED) -> Run:
    """Return a run of the job that failed."""
    run = world.a_running_run(job)
    return world.house.service.manager.fail(run.id, run.attempt, failure)


def words(element: Any) -> str:
    """Return what stands there, with single spaces."""
    return " ".join(element.get_text(" ").split())
